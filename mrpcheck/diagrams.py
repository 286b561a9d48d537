"""Phase diagrams: a claim judged at every cell of a grid over two hyperparameters.

A map says nothing of a regime, and no cell of it can fail a run: each is judged to a verdict of its
own. The error levels are those of one claim, and each cell's own, not the map's: of n cells of
which none truly is, n times the level are expected to be falsely SUPPORTED.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mrpcheck.grids import MOST, Axis, Line, Value, axes_of, draws_over, line_over

__all__ = ["STAGE", "Diagram", "cells", "phase_diagram", "picture", "tally"]

STAGE = "cell"
WORDS = ("SUPPORTED", "REFUTED", "UNDECIDED", "NOT JUDGED")
Json = Any
Row = Mapping[str, Any]
Function = Callable[..., Any]


@dataclass(frozen=True)
class Diagram:
    """A grid of cells, numbered row by row: cell iy * len(x) + ix lies at x[ix] and y[iy].

    around  what both vary around, in words; "" where there is no setup
    """

    x: Axis
    y: Axis
    lines: tuple[Line, ...] = ()
    around: str = ""

    def words(self, index: int) -> str:
        """One cell in words."""
        iy, ix = divmod(index, len(self.x.values))
        return f"{self.x.name} = {self.x.values[ix]}, {self.y.name} = {self.y.values[iy]}"

    def row(self, title: str, verdicts: Mapping[int, str]) -> dict[str, Json]:
        """What a verdict's row holds of it; `verdicts` by the numbers of the cells judged."""
        number = len(self.x.values) * len(self.y.values)
        return {
            "title": title,
            "x": {"name": self.x.name, "values": list(self.x.values)},
            "y": {"name": self.y.name, "values": list(self.y.values)},
            "lines": [{"label": n.label, "x": list(n.x), "y": list(n.y)} for n in self.lines],
            "around": self.around,
            "verdicts": [verdicts.get(index, "NOT JUDGED") for index in range(number)],
        }


def phase_diagram(
    *, lines: Mapping[str, Callable[[float], float]] | None = None, **named: Any
) -> Callable[[Function], Function]:
    """Judge the claim below at every cell of a grid, in the place of `@given`: a map, x first.

    The two lists among `named` are the axes. One that the function takes as an argument is handed
    to it; any other is a hyperparameter in which the cells' `setup` differs from the one named
    here (`setup.derive`), so all cells share its random numbers: trial t starts from the same
    kernels and the same draws of the data wherever it can. That makes neighbours comparable, and
    their errors dependent. The recipe stays; the function may take `setup.standard()`.

    Each cell is judged with at most a third of the trials of a setup. Its verdict, SUPPORTED,
    REFUTED or UNDECIDED, is recorded and shown; the claim itself is MAPPED. `lines` are drawn over
    the map: the second axis as functions of the first.

    >>> from mrpcheck.claims import with_probability
    >>> @phase_diagram(side=[0.5, 0.95], tosses=[1, 2], lines={"even": lambda side: 1 / side})
    ... @with_probability(at_least=0.9, tolerance=0.1)
    ... def test_no_tails(side, tosses, trials):
    ...     coins = [trials.generator("coin", t, "toss") for t in trials.numbers]
    ...     return [(coin.random(tosses) < side).all() for coin in coins]
    """

    def mark(test: Function) -> Function:
        from mrpcheck.claims import claim_of, name_setups  # late: a reader of maps needs none

        claim = claim_of(test)
        where = f"[@phase_diagram, {claim.name if claim else getattr(test, '__name__', test)}]"
        x, y = axes_of(named, where)
        rest = {n: v for n, v in named.items() if n not in (x.name, y.name)}
        draws = draws_over(x, y, rest, claim.names(), where) if claim else []
        found = tuple(line_over(x, y, *line, where) for line in (lines or {}).items())
        around = str(rest["setup"]) if "setup" in rest else ""
        diagram = Diagram(x, y, found, around)
        return name_setups(test, "phase_diagram", draws, kind="diagram", diagram=diagram)

    return mark


def cells(row: Row, evidence: Iterable[Row]) -> list[dict[str, Json]]:
    """The cells of a claim's row in their order, from a run's lines of evidence; [] if no map.

    Each has x, y, estimate, lower, upper, verdict and trials. One that was not judged has None for
    the three figures, 0 trials, and the verdict NOT JUDGED.
    """
    axes = _values(row)
    if axes is None:
        return []
    judged = {
        line.get("index"): line
        for line in evidence
        if line.get("claim") == row.get("claim") and line.get("stage") == STAGE
    }
    places = [(x, y) for y in axes[1] for x in axes[0]]
    found = [_cell(x, y, judged.get(index)) for index, (x, y) in enumerate(places)]
    if row.get("verdict") == "NOT JUDGED":
        return [{**cell, "verdict": "NOT JUDGED"} for cell in found]
    return found


def picture(row: Row) -> list[str]:
    """A row's map in letters, with the first axis to the right and the second upward.

    S SUPPORTED, R REFUTED, . UNDECIDED, a blank where nothing was judged; [] if nothing was at all.
    """
    axes = _values(row)
    verdicts = [] if axes is None else row["diagram"].get("verdicts")
    if axes is None or not isinstance(verdicts, list) or set(map(str, verdicts)) <= {"NOT JUDGED"}:
        return []
    xs, ys = ([_text(value) for value in values] for values in axes)
    wide, left = max(map(len, xs)), max(map(len, ys))
    rows = []
    for place in reversed(range(len(ys))):
        words = verdicts[place * len(xs) : (place + 1) * len(xs)]
        letters = " ".join(f"{_letter(word):>{wide}}" for word in words)
        rows.append(f"{ys[place]:>{left}} | {letters}".rstrip())
    x, y = row["diagram"]["x"]["name"], row["diagram"]["y"]["name"]
    rule = "-" * ((wide + 1) * len(xs))
    below = " ".join(f"{x:>{wide}}" for x in xs)
    return [y, *rows, f"{'':>{left}} +{rule}", f"{'':>{left}}   {below}  {x}"]


def tally(verdicts: Iterable[str]) -> str:
    """`36 cells: 20 SUPPORTED, 12 REFUTED, 4 UNDECIDED`."""
    found = list(verdicts)
    counts = ", ".join(f"{found.count(word)} {word}" for word in WORDS if word in found)
    return f"{len(found)} cells: {counts}"


def _values(row: Row) -> tuple[list[Value], list[Value]] | None:
    """The values of both axes, where a row holds a map that can be read."""
    diagram = row.get("diagram")
    if not isinstance(diagram, Mapping):
        return None
    x, y = (_axis_values(diagram.get(name)) for name in ("x", "y"))
    return (x, y) if 0 < len(x) * len(y) <= MOST else None


def _axis_values(axis: Json) -> list[Value]:
    """The values of a recorded axis; [] where there is none."""
    if not isinstance(axis, Mapping) or not isinstance(axis.get("name"), str):
        return []
    values = axis.get("values")
    return values if isinstance(values, list) else []


def _cell(x: Value, y: Value, line: Row | None) -> dict[str, Json]:
    if line is None:
        line = {"verdict": "NOT JUDGED", "trials": 0}
    figures = {name: line.get(name) for name in ("estimate", "lower", "upper")}
    return {"x": x, "y": y, **figures, "verdict": line.get("verdict"), "trials": line.get("trials")}


def _letter(word: object) -> str:
    return {"SUPPORTED": "S", "REFUTED": "R", "UNDECIDED": "."}.get(str(word), "")


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
