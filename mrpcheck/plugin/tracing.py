"""Traces that a run leaves beside its records: of counterexamples, and of the regimes' hearts.

They are for pictures alone: whatever ails one, verdicts and exit codes stand.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrpcheck.asking import outcomes_of
from mrpcheck.draws import Draw, draw_of
from mrpcheck.hearing import Hearing
from mrpcheck.jsonfiles import own_file
from mrpcheck.limits import within
from mrpcheck.parts import lines
from mrpcheck.seeds import Facts, Trials

if TYPE_CHECKING:
    from mrpcheck.events import Until
    from mrpcheck.setups import Setup

__all__ = ["Traces"]

LIMIT = 120.0  # seconds that the traces of a claim may take
STREAM = "search"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Wanted:
    """A trace to make: of which setup and trial, and what is said of it."""

    setup: Setup
    trials: Trials
    what: str
    claim: str = ""
    regime: str = ""
    words: str = ""
    paired: int = 0
    until: Until | None = None


class Traces:
    """Makes what is missing of a run's traces, each by the process that comes to it first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hearts: set[str] = set()

    def leave(self, hearing: Hearing, row: Row) -> None:
        """Trace the claim's counterexample, and the hearts of its regimes."""
        if "mrpcheck.setups" not in sys.modules or (self.folder / "traces").is_symlink():
            return  # it is not of networks; or somebody laid it to lead elsewhere
        for find in (self._counterexample, self._heart):
            try:
                with within(min(hearing.run.limit or LIMIT, LIMIT)):
                    for wanted in find(hearing, row):
                        self._leave(wanted)
            except KeyboardInterrupt:
                raise
            except BaseException:  # a user's own objective may leave by whatever way
                continue

    def _counterexample(self, hearing: Hearing, row: Row) -> Iterator[_Wanted]:
        """The setup that the claim was refuted at, in the first counted trial without the event."""
        from mrpcheck.setups import Setup

        if row["counterexample"] is None:
            self._file("counterexample", hearing.name).unlink(
                missing_ok=True
            )  # of a former version
            return
        draw = draw_of(hearing.claim, hearing.regimes, row["counterexample"])
        setups = {name: value for name, value in draw.items() if isinstance(value, Setup)}
        if len(setups) == 1:
            ((name, setup),) = setups.items()
            if not setup.data.views:  # no features are known, so there is nothing to look at
                return
            trials = self._missed(hearing, row)
            trained, until = _trained(hearing, draw, setup, trials)
            yield _Wanted(
                trained,
                trials,
                "counterexample",
                claim=hearing.name,
                regime=str(getattr(hearing.regimes.get(name), "name", "")),
                words=f"{row['counterexample_text']}{_derived(setup, trained)}",
                until=until,
            )

    def _missed(self, hearing: Hearing, row: Row) -> Trials:
        """The first counted trial of the deciding stage that speaks against the claim."""
        goal = 1.0 if row["bounds"] is None else row["at_least"]
        blocks = [
            line
            for line in lines(self.folder, "block")
            if (line["claim"], line["stage"]) == (hearing.name, row["stage"])
        ]
        blocks.sort(key=lambda line: line["first"])
        against = (
            line["first"] + i
            for line in blocks
            for i, outcome in enumerate(line["outcomes"][: line["counted"]])
            if outcome is None or outcome < goal
        )
        first, line = next(against, 0), blocks[0]
        run = hearing.run
        return Trials(
            1, first, seed=run.seed, stream=line["stream"], device=run.device, dtype=line["dtype"]
        )

    def _heart(self, hearing: Hearing, row: Row) -> Iterator[_Wanted]:
        """The heart of each regime, where it is a setup, once in a process."""
        from mrpcheck.setups import Setup

        run = hearing.run
        for regime in hearing.regimes.values():
            heart, name = getattr(regime, "heart", None), getattr(regime, "name", None)
            if isinstance(heart, Setup) and isinstance(name, str) and name not in self._hearts:
                self._hearts.add(name)
                paired = run.profile.paired // (1 if heart.recipe.flow is None else 2)
                trials = Trials(paired, seed=run.seed, stream=STREAM, device=run.device)
                words = regime.describe(heart)
                yield _Wanted(heart, trials, "heart", regime=name, words=words, paired=paired)

    def _file(self, what: str, whose: str) -> Path:
        from mrpcheck.traces import FOLDER, name_of

        return self.folder / FOLDER / name_of(what, whose)

    def _leave(self, wanted: _Wanted) -> None:
        """Make one trace, unless it is there or another process makes it."""
        from mrpcheck.traces import write
        from mrpcheck.tracing import trace

        file = self._file(wanted.what, wanted.claim or wanted.regime)
        file.parent.mkdir(parents=True, exist_ok=True)
        with _alone(file) as ours:
            if ours and not _is_there(file, wanted):
                file.unlink(missing_ok=True)  # of another setup: better none than that
                content = dict(vars(wanted))
                setup, trials = content.pop("setup"), content.pop("trials")
                write(self.folder, trace(setup, trials, **content))


def _trained(
    hearing: Hearing, draw: Draw, setup: Setup, trials: Trials
) -> tuple[Setup, Until | None]:
    """The setup that the event trains, the drawn one or the first made of it; and until when.

    None where it pretrains, perhaps among others, to the recipe's end.
    """
    from mrpcheck.setups import Setup

    asked = replace(trials, facts=Facts())
    outcomes_of(hearing.claim, {**hearing.fixed, **draw}, asked, None)
    seen = [found for found in asked.facts.setups if isinstance(found, Setup)]
    trained = setup if setup in seen or not seen else seen[0]
    stops: list[Any] = [until for found, until in asked.facts.stops if found == trained]
    return trained, None if None in stops or not stops else stops[0]


def _derived(setup: Setup, trained: Setup) -> str:
    """What the event changes of the drawn setup, in words."""
    from mrpcheck.regimes import values

    drawn, found = values(setup), values(trained)
    changed = [f"{name} = {v}" for name, v in found.items() if v != drawn.get(name)]
    return f"; trained with {', '.join(changed)}" if changed else ""


def _is_there(file: Path, wanted: _Wanted) -> bool:
    """Whether the file holds this very trace: a resumed run may have come to another one."""
    from mrpcheck.traces import read
    from mrpcheck.watched import said

    if not file.exists():
        return False
    try:
        found = read(file)
    except ValueError:
        return False
    first = (found.trials.get("stream"), found.trials.get("first"), found.trials.get("seed"))
    trials = wanted.trials
    return (found.setup, first, found.until) == (
        wanted.setup.to_json(),
        (trials.stream, trials.first, trials.seed),
        said(wanted.until),
    )


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[bool]:
    """Whether nobody else makes this file now; a process that is killed lets go of it."""
    import fcntl

    path = file.with_name(f".{file.name}.lock")
    with io.FileIO(path, "a", opener=own_file) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)
