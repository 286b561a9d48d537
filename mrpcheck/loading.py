"""`load`: a run read back into Python, as pandas frames, with its setups as objects.

Nothing is trained, and torch is not imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrpcheck import frames, merging
from mrpcheck.records import STAGES
from mrpcheck.showing import read_run, readable
from mrpcheck.tables.outcome import outcome
from mrpcheck.traces import Trace, read_all

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Loaded", "Setups", "evidence_by_place", "load"]

Row = dict[str, Any]
Place = tuple[str, str, int]


def load(run: str | PathLike[str]) -> Loaded:
    """The run in the folder `run`, whether it ended, was killed, or is still under way.

    Raises ValueError, a sentence, where there is no run that this version can read.

    >>> load("nowhere")
    Traceback (most recent call last):
    ...
    ValueError: RUN = nowhere, but should hold a run's manifest.json of schema 1
    """
    if not isinstance(run, (str, PathLike)):
        raise ValueError(f"RUN = {run!r}, but should be the folder of a run [load]")
    reading = read_run(Path(run).expanduser())
    return Loaded(reading.folder, reading.manifest, reading.rows)


def evidence_by_place(folder: Path) -> dict[Place, Row]:
    """Lines of evidence by (claim, stage, index), in that order; where one recurs, the last."""
    found = {
        (str(line["claim"]), str(line["stage"]), int(line["index"])): line
        for line in merging.evidence(folder)
        if "setup" in line
    }
    return dict(sorted(found.items(), key=lambda item: _rank(item[0])))


def _rank(place: Place) -> tuple[str, int, int]:
    claim, stage, index = place
    return claim, STAGES.index(stage) if stage in STAGES else len(STAGES), index


@dataclass(frozen=True, eq=False, repr=False)
class Loaded:
    """A run: `verdicts`, `evidence` and `trials` as frames, `setups` as objects, `traces`.

    Frames are read when first asked for, and kept; of a run that is still under way they are what
    was there then.

    folder    where the run lies
    manifest  versions, device, seed, profile, budgets, command line, as `manifest.json` has them
    rows      what `verdicts.json` has of each claim, or would have
    """

    folder: Path
    manifest: Row
    rows: list[Row] = field(default_factory=list)

    @cached_property
    @frames.documented(
        frames.VERDICTS,
        "`measure.NAME` (float64) is the mean of a measure at that setup, `measure_panel.NAME` its "
        "mean over the panel.",
    )
    def verdicts(self) -> pd.DataFrame:
        """A row a claim, in the order of their names; trials to upper are those of one setup."""
        with readable(self.folder):
            return frames.verdicts(self.rows)

    @cached_property
    @frames.documented(
        frames.EVIDENCE,
        "`setup.NAME` is a hyperparameter of the setup, of its own kind (int64, float64, boolean "
        "or string); `setups` has the setup itself.",
    )
    def evidence(self) -> pd.DataFrame:
        """A row a setup judged or screened, in the order of claims and stages."""
        with readable(self.folder):
            return frames.evidence(self._lines.values())

    @cached_property
    @frames.documented(
        frames.TRIALS,
        "Every other column (float64) is a measure that some claim noted, NaN where it was not "
        "noted.",
    )
    def trials(self) -> pd.DataFrame:
        """A row a trial; the row of evidence is the one with its claim, stage and index."""
        with readable(self.folder):
            return frames.trials(merging.trials(self.folder))

    @cached_property
    def setups(self) -> Setups:
        """The setups by (claim, stage, index), each made when it is asked for."""
        return Setups({place: line["setup"] for place, line in self._lines.items()})

    @cached_property
    def traces(self) -> list[Trace]:
        """What happened at each counterexample, and at the heart of each regime."""
        return read_all(self.folder)

    @cached_property
    def _lines(self) -> dict[Place, Row]:
        with readable(self.folder):
            return evidence_by_place(self.folder)

    def __str__(self) -> str:
        return (
            f"{self.folder}: {outcome(self.rows)} "
            f"Seed {self.manifest['seed']}, {self.manifest['ended']}."
        )

    def __repr__(self) -> str:
        return f"<run {self}>"

    def _repr_html_(self) -> str:
        from mrpcheck.displays import run_html

        return run_html(self)


class Setups(Mapping[Place, Any]):
    """Setups by (claim, stage, index): a `Setup`, or the arguments by name where others were drawn.

    Asking for one raises ValueError, a sentence, where its objective is a function of the user's
    own, which records only name: `Setup.from_json(run.setups.json(place), function)` reads it.
    """

    def __init__(self, contents: Mapping[Place, Any]) -> None:
        self._contents = contents

    def __getitem__(self, place: Place) -> Any:
        return _object(self._contents[place])

    def __iter__(self) -> Iterator[Place]:
        return iter(self._contents)

    def __len__(self) -> int:
        return len(self._contents)

    def __repr__(self) -> str:
        claims = len({claim for claim, _, _ in self._contents})
        return f"<{len(self)} setups of {claims} claims, by (claim, stage, index)>"

    def json(self, place: Place) -> Any:
        """What was recorded, as plain values."""
        return self._contents[place]


def _object(content: Any) -> Any:
    if not isinstance(content, dict):
        return content
    if not str(content.get("schema")).startswith("mrpcheck/setup/"):
        return {name: _object(value) for name, value in content.items()}
    from mrpcheck.setups import Setup

    return Setup.from_json(content)
