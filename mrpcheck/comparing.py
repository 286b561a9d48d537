"""Runs side by side: what became of each claim of the first run in every later one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mrpcheck.showing import Reading
from mrpcheck.sourcing import edited

__all__ = ["Comparison", "Line", "compare_runs"]

Row = dict[str, Any]

TERMS = ("seed", "profile", "levels")  # under others, verdicts are not compared like for like


@dataclass(frozen=True)
class Line:
    """One claim: its row in each run, None where a run does not have it."""

    claim: str
    rows: tuple[Row | None, ...]

    @property
    def worsened(self) -> bool:
        """Whether some later run says worse of it than the first, or nothing at all."""
        first, *later = self.rows
        return first is not None and any(_rank(row) > _rank(first) for row in later)

    def remark(self, place: int) -> str | None:
        """What is to be said of the run at `place`, compared with the first."""
        first, row = self.rows[0], self.rows[place]
        if row is None:
            return "missing" if first is not None else None
        if first is None:
            return "new"
        said = [
            _rank(row) > _rank(first) and "WORSENED",
            _rank(row) < _rank(first) and "better",
            _are_apart(first, row) and "intervals apart",
            _other_cells(first, row),
            edited(first["source"], row["source"]) and "edited",
        ]
        return ", ".join(word for word in said if word) or None


@dataclass(frozen=True)
class Comparison:
    """All claims of all runs, by name, and why verdicts may not be comparable."""

    runs: tuple[Reading, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def worsened(self) -> tuple[Line, ...]:
        """The claims that some later run says worse of."""
        return tuple(line for line in self.lines if line.worsened)


def compare_runs(runs: Sequence[Reading]) -> Comparison:
    """Compare later runs with the first; one sentence where they are none to compare."""
    tables = [{row["claim"]: row for row in run.rows} for run in runs]
    seen: set[Path] = set()
    for run, table in zip(runs, tables, strict=True):
        if run.folder.resolve() in seen:
            raise ValueError(f"RUN = {run.folder}, but should be named once")
        seen.add(run.folder.resolve())
        if not table:
            raise ValueError(f"RUN = {run.folder}, but should hold a claim at least")
        if not table.keys() & tables[0].keys():
            wanted = f"but should hold some claim of {runs[0].folder}"
            raise ValueError(f"RUN = {run.folder}, {wanted}")
    claims = sorted({claim for table in tables for claim in table})
    lines = tuple(Line(claim, tuple(table.get(claim) for table in tables)) for claim in claims)
    return Comparison(tuple(runs), lines, tuple(_notes(runs)))


def _rank(row: Row | None) -> int:
    """0: as expected, 1: nothing was decided, 2: not as expected, or in error, 3: not there."""
    if row is None:
        return 3
    if row["error"] or not row["expected"]:
        return 2
    return int(row["verdict"] not in ("SUPPORTED", "REFUTED", "MAPPED"))


def _are_apart(first: Row, row: Row) -> bool:
    """Whether the two intervals have no value in common."""
    ends = (first["lower"], first["upper"], row["lower"], row["upper"])
    if any(end is None for end in ends):
        return False
    return bool(first["upper"] < row["lower"] or row["upper"] < first["lower"])


def _other_cells(first: Row, row: Row) -> str | None:
    """How many cells of a phase diagram have another verdict, where both are over one grid."""
    then, now = first.get("diagram"), row.get("diagram")
    if not isinstance(then, dict) or not isinstance(now, dict):
        return None
    if any(then.get(axis) != now.get(axis) for axis in ("x", "y")):
        return "another grid"
    verdicts = (found.get("verdicts") or [] for found in (then, now))
    differ = sum(a != b for a, b in zip_longest(*verdicts))
    return f"{differ} cell{'' if differ == 1 else 's'} differ" if differ else None


def _notes(runs: Sequence[Reading]) -> Iterable[str]:
    for name in TERMS:
        values = [_term(run.manifest, name) for run in runs]
        if len(set(values)) > 1:
            yield f"{name}: {' / '.join(values)}; verdicts are not compared like for like"
    for run in runs:
        if run.manifest["ended"] != "completed":
            yield f"{run.folder} was not completed: {run.manifest['ended']}"


def _term(manifest: Mapping[str, Any], name: str) -> str:
    if name == "profile":
        profile = dict(manifest["profile"])
        sizes = ", ".join(f"{key} {value}" for key, value in profile.items() if key != "name")
        return f"{profile['name']} ({sizes})"
    if name == "levels":
        return ", ".join(f"{rate:.3g}" for rate in manifest["levels"].values())
    return str(manifest[name])
