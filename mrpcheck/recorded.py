"""Lines of evidence of a run, each with its recorded trials: by claim, by stage, or by trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mrpcheck.merging import evidence, trials
from mrpcheck.records import STAGES
from mrpcheck.showing import Reading, readable

__all__ = ["Choice", "Found", "Recorded", "find", "named"]

Row = dict[str, Any]
Place = tuple[str, str, int]  # claim, stage, index

NEEDED = ("setup", "seed", "stream", "dtype", "horizon", "verdict", "trials")
FIGURES = ("stage", "trials", "hits", "estimate", "lower", "upper")


@dataclass(frozen=True)
class Choice:
    """What to look at: every claim of a run or one, its deciding line or others, all trials or one.

    claim  a node id, or the end of one that no other claim shares
    stage  lines of this stage; None: the line that the verdict rests on
    every  every line
    """

    claim: str | None = None
    stage: str | None = None
    index: int | None = None
    trial: int | None = None
    every: bool = False


@dataclass(frozen=True)
class Recorded:
    """One line of evidence, and the cells of its trials by their numbers."""

    line: Row
    trials: Mapping[int, Mapping[str, str]]

    @property
    def place(self) -> str:
        """The setup within the claim."""
        return f"{self.line['stage']} {self.line['index']}"


@dataclass
class Found:
    """The lines that were chosen, and why some claim has none (`wrong`: it should have one)."""

    lines: list[Recorded] = field(default_factory=list)
    without: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)


def find(run: Reading, choice: Choice) -> Found:
    """The lines that `choice` asks for; one sentence where the run has none."""
    rows = run.rows if choice.claim is None else [named(run.rows, choice.claim)]
    found = Found()
    with readable(run.folder):
        lines = _lines(run, {row["claim"] for row in rows})
        places = [place for row in rows for place in _places(row, lines, choice, found)]
        recorded = _trials(run, set(places))
    if not places and not found.wrong:
        raise ValueError(_nothing(choice, lines, found))
    for place in places:
        _check_trials(place, lines[place], recorded[place], choice.trial)
        wanted = recorded[place]
        if choice.trial is not None:
            wanted = {choice.trial: wanted[choice.trial]}
        found.lines.append(Recorded(lines[place], wanted))
    return found


def named(rows: Sequence[Row], wanted: str) -> Row:
    """The row of the claim with this node id, or with the only one that ends so or has it in it."""
    same = [row for row in rows if row["claim"] == wanted]
    same = same or [row for row in rows if row["claim"].endswith(("::" + wanted, "/" + wanted))]
    same = same or [row for row in rows if wanted and wanted in row["claim"]]
    if len(same) == 1:
        return same[0]
    names = ", ".join(str(row["claim"]) for row in (same or rows)[:4])
    tail = ", ..." if len(same or rows) > 4 else ""
    ending = "name one claim of" if same else "be (part of) one of"
    raise ValueError(f"CLAIM = {wanted}, but should {ending} {names or 'no claims'}{tail}")


def _lines(run: Reading, claims: set[str]) -> dict[Place, Row]:
    """Lines of evidence by their place; where one recurs, the last."""
    lines = {
        (line["claim"], str(line["stage"]), int(line["index"])): line
        for line in evidence(run.folder)
        if line["claim"] in claims
    }
    for line in lines.values():
        if missing := [name for name in NEEDED if name not in line]:
            raise KeyError(*missing)
    return dict(sorted(lines.items(), key=lambda item: (_order(item[0]), item[0][2])))


def _order(place: Place) -> int:
    return STAGES.index(place[1]) if place[1] in STAGES else len(STAGES)


def _places(row: Row, lines: Iterable[Place], choice: Choice, found: Found) -> list[Place]:
    mine = [place for place in lines if place[0] == row["claim"]]
    if row["kind"] == "diagram" and choice.stage is None and choice.index is None:
        return mine  # a map rests on all of its cells
    if choice.stage is None and choice.index is None and not choice.every:
        return _deciding(row, [p for p in mine if p[1] == row["stage"]], lines, found)
    stage = choice.stage if choice.stage or choice.every else row["stage"]
    return [
        place
        for place in mine
        if stage in (None, place[1]) and choice.index in (None, place[2])
    ]  # fmt: skip


def _deciding(row: Row, mine: Sequence[Place], lines: Any, found: Found) -> list[Place]:
    """The line whose figures the verdict shows."""
    if row["stage"] is None:
        found.without[row["claim"]] = str(row["error"] or row["reason"] or "nothing was judged")
        return []
    for place in mine:
        if all(lines[place].get(name) == row[name] for name in FIGURES):
            return [place]
    found.wrong[row["claim"]] = "the verdict's figures are those of no line of evidence"
    return []


def _trials(run: Reading, places: set[Place]) -> dict[Place, dict[int, dict[str, str]]]:
    found: dict[Place, dict[int, dict[str, str]]] = {place: {} for place in places}
    for cells in trials(run.folder):
        place = cells["claim"], cells["stage"], int(cells["index"])
        if place in found:
            found[place][int(cells["trial"])] = cells
    return found


def _check_trials(
    place: Place, line: Row, rows: Mapping[int, Mapping[str, str]], trial: int | None
) -> None:
    where = f"[{place[0]}, {place[1]} {place[2]}]"
    if not rows and line["trials"]:
        raise ValueError(f"trials = none, but should be in trials.csv or parts/ {where}")
    if trial is not None and trial not in rows:
        raise ValueError(f"--trial = {trial}, but should be one of {_ends(rows)} {where}")


def _nothing(choice: Choice, lines: Iterable[Place], found: Found) -> str:
    asked = [f"{name} = {value}" for name in ("stage", "index")
             if (value := getattr(choice, name)) is not None]  # fmt: skip
    if not asked:
        why = next(iter(found.without.values()), "nothing was judged")
        return f"evidence = none, but should be there to be replayed: {why}"
    stages: dict[str, list[int]] = {}
    for _, stage, index in lines:
        stages.setdefault(stage, []).append(index)
    there = ", ".join(f"{stage} {_ends(indices)}" for stage, indices in stages.items())
    return f"--{', --'.join(asked)}, but should be among those recorded: {there or 'none'}"


def _ends(numbers: Iterable[int]) -> str:
    first, last = min(numbers), max(numbers)
    return str(first) if first == last else f"{first} to {last}"
