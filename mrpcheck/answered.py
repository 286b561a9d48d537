"""What a claim's records answer: sentences, and the figures that they rest on.

Nothing is left out of a sentence because it is not nice: what is UNDECIDED is said, and so are
trainings that diverged, and what a refutation contradicts.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrpcheck.areas import areas, spoken
from mrpcheck.grids import Axis
from mrpcheck.tables.cells import estimate, hits

__all__ = [
    "ORDER",
    "Judged",
    "against",
    "capital",
    "figures",
    "interval",
    "refutation",
    "sentences",
    "statement",
]

Row = Mapping[str, Any]
ORDER = ("SUPPORTED", "REFUTED", "UNDECIDED", "NOT JUDGED")
OPEN = {"UNDECIDED": "not decided", "NOT JUDGED": "not judged"}
AGAINST = re.compile(r" \(against (.*)\)$", re.DOTALL)
WHERE = re.compile(r'(?:, where| and) (\w+) = ("(?:[^"\\]|\\.)*"|[-+.\de]+)')
JUDGED = ("panel", "named", "control", "cell")


@dataclass(frozen=True)
class Judged:
    """A claim's row, and its lines of evidence by stage, in the order of their setups."""

    row: Row
    lines: Mapping[str, Sequence[Row]]

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Both axes of a map, the first one to the right."""
        x, y = (self.row["diagram"][name] for name in ("x", "y"))
        return Axis(x["name"], tuple(x["values"])), Axis(y["name"], tuple(y["values"]))

    @property
    def verdicts(self) -> list[str]:
        """Of a map those of its cells, of any other claim those of the setups it was judged at."""
        if self.row["verdict"] == "MAPPED":
            return [str(word) for word in self.row["diagram"]["verdicts"]]
        return [str(line["verdict"]) for stage in JUDGED for line in self.lines.get(stage, ())]

    @property
    def cells(self) -> dict[int, Row]:
        """The lines of a map's cells, by number."""
        return {int(line["index"]): line for line in self.lines.get("cell", ())}

    @property
    def refuted(self) -> bool:
        """Whether something speaks against it, as it should of a control alone."""
        mapped = self.row["verdict"] == "MAPPED" and "REFUTED" in self.verdicts
        return self.row["kind"] != "control" and (mapped or self.row["verdict"] == "REFUTED")

    @property
    def contradicting(self) -> list[int]:
        """The REFUTED cells of a map that contradict what it is against: all, or those named."""
        x, y = self.axes
        named = {n: json.loads(value) for n, value in WHERE.findall(against(self.row))}
        return [
            i
            for i, word in enumerate(self.verdicts)
            for iy, ix in [divmod(i, len(x.values))]
            if word == "REFUTED"
            and named.get(x.name, x.values[ix]) == x.values[ix]
            and named.get(y.name, y.values[iy]) == y.values[iy]
        ]

    @property
    def contradicts(self) -> bool:
        """Whether what was found contradicts what the claim says a refutation is against."""
        mapped = self.row["verdict"] == "MAPPED"
        told = self.refuted and bool(against(self.row))
        return told and (not mapped or bool(self.contradicting))


def sentences(judged: Judged, short: bool = False) -> list[str]:
    """What the verdict answers; what came out otherwise at twice the steps, where training
    diverged, and what is contradicted.

    In short, what a map's REFUTED cells mean is said only where it has no SUPPORTED ones.
    """
    told = [*_told(judged, short).values(), *_later(judged), *_diverged(judged)]
    if judged.contradicts:
        told.append(f"this contradicts {against(judged.row)}")
    return [f"{capital(text)}." for text in told]


def refutation(judged: Judged) -> str:
    """The sentence of what was refuted; of a map with the cells where it was."""
    return f"{capital(_told(judged).get('REFUTED', ''))}."


def against(row: Row) -> str:
    """What a refutation contradicts, as `@answers(against=...)` has it; "" where nothing is named.

    The cells of a map that do may be named: `, where system = "MAE" and context = "patch"`.

    >>> against({"answer": "kernels hold two features (against T1b as stated)"})
    'T1b as stated'
    """
    found = AGAINST.search(str(row.get("answer") or ""))
    return found[1] if found else ""


def statement(row: Row) -> str:
    """What is claimed, without a full stop; the claim's name where it has no docstring."""
    return str(row["statement"]).rstrip(".") or str(row["claim"]).rpartition("::")[2]


def capital(text: str) -> str:
    """The text with a capital in front."""
    return f"{text[:1].upper()}{text[1:]}"


def figures(judged: Judged) -> list[str]:
    """Verdicts with trials and intervals: of a map for each verdict, else of the deciding setup."""
    row = judged.row
    if row["verdict"] != "MAPPED":
        return [f"{row['verdict']}: {counted(judged)}" if counted(judged) else row["verdict"]]
    verdicts, cells = judged.verdicts, judged.cells
    told = [
        f"{verdicts.count(word)} {word}"
        + _hull(row, [cells[i] for i, found in enumerate(verdicts) if found == word and i in cells])
        for word in ORDER
        if word in verdicts
    ]
    return [f"Of {len(verdicts)} cells, {told[0]}", *told[1:]]


def counted(judged: Judged) -> str:
    """The trials and the interval of the setup that decides a claim; "" where there is none."""
    row = dict(judged.row)
    if row["estimate"] is None:
        return ""
    n = f"n = {row['trials']}" if row["hits"] is None else f"{hits(row)} trials"
    setups = len(judged.verdicts) or row["setups"]
    worst = f", the worst of {setups} setups" if setups > 1 and row["verdict"] != "REFUTED" else ""
    return f"{n}, {row['quantity']} = {estimate(row)}{worst}"


def interval(lower: float, upper: float, digits: int = 2) -> str:
    """An interval rounded outward.

    >>> interval(0.829, 1.0)
    '[0.82, 1.00]'
    """
    unit = 10**digits
    low, high = math.floor(lower * unit) / unit, math.ceil(upper * unit) / unit
    return f"[{low:.{digits}f}, {high:.{digits}f}]"


def _told(judged: Judged, short: bool = False) -> dict[str, str]:
    """What each verdict means that there is: of a map of some cells, which are named."""
    row = judged.row
    said = AGAINST.sub("", str(row.get("answer") or ""))
    if row["verdict"] != "MAPPED":
        return {row["verdict"]: said if said and not row["error"] else _open(row)}
    told = areas(*judged.axes, judged.verdicts, ORDER)
    yes, _, no = said.removeprefix("SUPPORTED: ").partition("; REFUTED: ")
    means = {"SUPPORTED": yes or "SUPPORTED", "REFUTED": no or "REFUTED", **OPEN}
    if short and "SUPPORTED" in told:
        means["REFUTED"] = "REFUTED"
    found = {word: f"{means[word]}: {where}" for word, where in told.items()}
    if not said:  # no sentence was made: what is claimed comes first
        first = next(iter(found))
        found[first] = f"{statement(row)}: {found[first]}"
    return found


def _open(row: Row) -> str:
    """The verdict and what was claimed, where no sentence was made for that."""
    word = "not judged, for an error" if row["error"] else OPEN.get(row["verdict"], row["verdict"])
    return f"{word}: {statement(row)}"


def _later(judged: Judged) -> list[str]:
    """The verdict at twice the steps where it is another one, or none: no end was reached then."""
    lines = [] if judged.row["stable"] else judged.lines.get("doubled", ())
    words = dict.fromkeys(str(line["verdict"]) for line in lines)
    return [f"at twice the steps: {' and '.join(words)}"] if words else []


def _diverged(judged: Judged) -> list[str]:
    """Where trainings diverged that a verdict rests on, as misses of its event."""
    if judged.row["verdict"] != "MAPPED":
        lines = judged.lines.get(str(judged.row["stage"]), ())
        worst = max(lines, key=lambda line: line["failed"], default=None)
        if worst is None or not worst["failed"]:
            return []
        where = " at one setup" if len(lines) > 1 else ""
        return [f"training diverged in {worst['failed']} of {worst['trials']} trials{where}"]
    cells = {index: line for index, line in judged.cells.items() if line["failed"]}
    if not cells:
        return []
    failed, trials = ([line[name] for line in cells.values()] for name in ("failed", "trials"))
    counts = " of ".join(" to ".join(map(str, sorted({min(n), max(n)}))) for n in (failed, trials))
    return [f"training diverged in {counts} trials: {spoken(*judged.axes, cells)}"]


def _hull(row: Row, cells: Sequence[Row]) -> str:
    """The fewest trials of some cells, and the interval that holds all of theirs."""
    cells = [cell for cell in cells if cell["lower"] is not None]
    if not cells:
        return ""
    span = interval(min(c["lower"] for c in cells), max(c["upper"] for c in cells))
    return f": n >= {min(c['trials'] for c in cells)}, {row['quantity']} in {span}"
