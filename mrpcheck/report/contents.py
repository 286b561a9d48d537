"""All that a page is made of, read from a run's folder once; what cannot be read is counted."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mrpcheck.jsonfiles import fits, plain
from mrpcheck.merging import evidence, trials
from mrpcheck.records import STAGES, Evidence, Verdict
from mrpcheck.showing import read_run
from mrpcheck.traces import Trace, read_all

__all__ = ["Contents", "Course", "Row", "gather"]

Row = dict[str, Any]
Place = tuple[str, str, int]  # claim, stage, index


@dataclass
class Course:
    """The counted trials of one setup in seed order, and the margins of those that have one.

    `fused` is what the claim noted under that name of those that missed: kernels with two features.
    """

    outcomes: list[float] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    fused: list[float] = field(default_factory=list)

    @property
    def margin(self) -> float | None:
        """The mean margin, None where the event has none."""
        return sum(self.margins) / len(self.margins) if self.margins else None

    @property
    def unfused(self) -> bool:
        """Whether trials missed, and none of those has a kernel with two features."""
        return 0 < self.outcomes.count(0.0) == self.fused.count(0.0)


@dataclass(frozen=True)
class Contents:
    """A run: its manifest, a row a claim, lines of evidence by claim, trials and traces.

    `unread` says what was passed over because it could not be read, in sentences.
    """

    manifest: Row
    rows: list[Row]
    lines: dict[str, list[Row]]
    courses: dict[Place, Course]
    traces: list[Trace]
    unread: list[str]


def gather(folder: Path) -> Contents:
    """Read the run in `folder`; one that was killed is merged first, as `mrpcheck show` does."""
    run = read_run(folder)
    unread: list[str] = []
    return Contents(
        plain(run.manifest),
        [_whole(row) for row in run.rows],
        _lines(folder, unread),
        _courses(folder, unread),
        _traces(folder, unread),
        unread,
    )


def _whole(row: Row) -> Row:
    """A row with every field, as this version has them; NaN, which no number is, becomes null."""
    blank = {
        f.name: None if f.default is dataclasses.MISSING else f.default
        for f in dataclasses.fields(Verdict)
    }
    found: Row = {**blank, **plain(row)}
    for name in ("statement", "origin", "text"):
        found[name] = str(found[name] or "")
    return found


def _lines(folder: Path, unread: list[str]) -> dict[str, list[Row]]:
    """Lines of evidence by claim, in the order of stages; where one recurs, the last."""
    latest: dict[Place, Row] = {}
    strange = 0
    for line in evidence(folder):
        if fits(line, Evidence):
            latest[line["claim"], line["stage"], line["index"]] = line
        else:
            strange += 1
    if strange:
        unread.append(f"{strange} lines of evidence could not be read, and are not shown.")
    found: dict[str, list[Row]] = {}
    for place in sorted(latest, key=lambda place: (place[0], _rank(place[1]), *place[1:])):
        found.setdefault(place[0], []).append(latest[place])
    return found


def _rank(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def _courses(folder: Path, unread: list[str]) -> dict[Place, Course]:
    """The counted trials of every setup; none of them where the table is not one of trials."""
    found: dict[Place, Course] = {}
    try:
        for place, outcome, margin, fused in _counted(folder):
            course = found.setdefault(place, Course())
            course.outcomes.append(outcome)
            if margin:
                course.margins.append(float(margin))
            if fused and outcome == 0:
                course.fused.append(float(fused))
    except (OSError, LookupError, ValueError, TypeError, csv.Error) as error:
        unread.append(f"Trials could be read only up to a row that is none: {error!r}.")
    return found


def _counted(folder: Path) -> Iterator[tuple[Place, float, str, str]]:
    for cells in trials(folder):
        if cells["counted"] == "1":
            place = cells["claim"], cells["stage"], int(cells["index"])
            yield place, float(cells["outcome"]), cells["margin"], cells.get("fused") or ""


def _traces(folder: Path, unread: list[str]) -> list[Trace]:
    found = read_all(folder)
    missing = len(list((folder / "traces").glob("*.npz"))) - len(found)
    if missing:
        unread.append(f"{missing} traces could not be read: their pictures are missing.")
    return found
