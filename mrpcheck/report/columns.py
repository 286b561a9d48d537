"""The setups of a claim as columns, shared by its table and by all its charts."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import Any

from mrpcheck.report.contents import Contents, Row
from mrpcheck.report.dependence import Dependence, dependences
from mrpcheck.report.hyperparameters import Table, Value, table_of
from mrpcheck.report.words import MARKS, OTHER, Mark

__all__ = ["SIGNS", "Setups", "setups_of"]

AGAIN = ("float64", "doubled")  # stages that judge a setup again, otherwise
DRAWN = ("panel", "search")  # setups not chosen by their outcome, unless the search aims
WORDS = (*MARKS, "another verdict")  # what the page's script knows a setup's verdict by
SIGNS: list[tuple[str, Mark]] = [(word, MARKS.get(word, OTHER)) for word in WORDS]
SPREAD = 30.0  # from here on, largest over smallest, an axis is logarithmic


@dataclass(frozen=True)
class Setups:
    """The setups at which a claim was judged or screened, in the order of their stages.

    anchor   the beginning of the names of their places in the page
    lines    a line of evidence each
    margins  the mean margin of each; None where the event has none
    varying  the hyperparameters that vary, a column each; `fixed` those that do not
    leading  those whose ranks go with the outcome, the strongest first
    """

    anchor: str
    lines: list[Row]
    margins: list[float | None]
    varying: Table
    fixed: dict[str, Value]
    leading: list[Dependence]
    by_margin: bool

    def axes(self) -> tuple[tuple[str, bool], ...]:
        """Each varying hyperparameter, and whether its axis is logarithmic."""
        return tuple((name, _logarithmic(column)) for name, column in self.varying.items())

    def pairs(self) -> tuple[tuple[tuple[str, bool], tuple[str, bool]], ...]:
        """Of the three hyperparameters that matter most, each two."""
        axes = dict(self.axes())
        names = [each.name for each in self.leading[:3]]
        names += [name for name in axes if name not in names][: 3 - len(names)]
        picked = [(name, axes[name]) for name in names]
        return tuple((picked[i], picked[j]) for i, j in ((0, 1), (0, 2), (1, 2)) if j < len(picked))

    def columns(self) -> dict[str, list[Any]]:
        """What the charts draw, by name; hyperparameters with "h " before their names."""
        found: dict[str, list[Any]] = {
            "name": [_short(f"{line['stage']} {line['index']}") for line in self.lines],
            "rank": _ranks(self.lines),
            "verdict": [WORDS.index(_known(line["verdict"])) for line in self.lines],
            "trials": [line["trials"] for line in self.lines],
            "shade": [_short(shade) for shade in self.shades()],
        }
        for name in ("estimate", "lower", "upper"):
            found[name] = [_short(line[name]) for line in self.lines]
        for name, column in self.varying.items():
            found[f"h {name}"] = [_short(value) for value in column]
        return found

    def shades(self) -> list[float | None]:
        """The mean margin of each setup; the estimate where the event has none."""
        return self.margins if self.by_margin else [line["estimate"] for line in self.lines]


def setups_of(contents: Contents, row: Row, anchor: str) -> Setups:
    """The setups of one claim."""
    lines = [line for line in contents.lines.get(row["claim"], ()) if line["stage"] not in AGAIN]
    margins = [_margin(contents, line) for line in lines]
    varying, fixed = table_of([line["setup"] for line in lines])
    by_margin = any(margin is not None for margin in margins)
    outcome = margins if by_margin else [line["estimate"] for line in lines]
    blind = DRAWN[:1] if contents.manifest["profile"].get("steer") else DRAWN
    drawn = [i for i, line in enumerate(lines) if line["stage"] in blind]
    leading = dependences(
        {name: [column[i] for i in drawn] for name, column in varying.items()},
        [outcome[i] for i in drawn],
    )
    return Setups(anchor, lines, margins, varying, fixed, leading, by_margin)


def _margin(contents: Contents, line: Row) -> float | None:
    course = contents.courses.get((line["claim"], line["stage"], line["index"]))
    margin = None if course is None else course.margin
    return margin if margin is not None and math.isfinite(margin) else None


def _ranks(lines: list[Row]) -> list[int]:
    """The place of each setup from the lowest estimate up."""

    def height(i: int) -> tuple[float, float, int]:
        ends = lines[i]["estimate"], lines[i]["upper"]
        return *(math.inf if end is None else end for end in ends), i  # type: ignore[return-value]

    order = sorted(range(len(lines)), key=height)
    ranks = [0] * len(lines)
    for rank, i in enumerate(order, 1):
        ranks[i] = rank
    return ranks


def _logarithmic(column: list[Value]) -> bool:
    numbers = [x for x in column if isinstance(x, (int, float)) and not isinstance(x, bool)]
    if len(numbers) < len(column) or min(numbers, default=0) <= 0:
        return False
    return max(numbers) / min(numbers) >= SPREAD


def _short(value: Any) -> Any:
    """Five digits are more than a chart can show; text that a chart would take for markup."""
    if isinstance(value, str):
        return html.escape(value)[:200]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _known(word: str) -> str:
    return word if word in MARKS else WORDS[-1]
