"""A map in Markdown: a table of its cells with what was counted there, and a cell that refutes.

Where lines were derived for a map they stand below its cells, as heights at each column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from mrpcheck.answered import Judged, interval
from mrpcheck.areas import heading, place, values_of
from mrpcheck.grids import Axis
from mrpcheck.symbols import symbol
from mrpcheck.tables.markdown import literal, table

__all__ = ["map_of", "nearest"]

Row = Mapping[str, Any]


def map_of(judged: Judged) -> str:
    """The map under its title, line by line, and the lines that were derived for it."""
    x, y = judged.axes
    wide, cells = len(x.values), judged.cells
    head = [f"{heading(y)}, by {heading(x)}", *_columns(x)]
    texts = [_cell(word, cells.get(i)) for i, word in enumerate(judged.verdicts)]
    rows = [[at, *texts[i * wide : (i + 1) * wide]] for i, at in enumerate(values_of(y))]
    derived = [[f"derived: {n['label']}", *_heights(n, x)] for n in judged.row["diagram"]["lines"]]
    return f"{literal(str(judged.row['diagram']['title']))}\n\n{table([head, *rows, *derived])}"


def nearest(judged: Judged) -> str:
    """The refuted cell nearest to the setup that the map varies, in words; "" where there is none.

    Steps along the axes are counted; where that setup has no value on an axis, from its first. Of
    cells that contradict what the map is against it is the nearest of those.
    """
    x, y = judged.axes
    around = str(judged.row["diagram"]["around"])
    home = (_home(y, around), _home(x, around))
    refuted = [i for i, word in enumerate(judged.verdicts) if word == "REFUTED"]
    refuted = judged.contradicting or refuted
    if not refuted:
        return ""

    def steps(index: int) -> int:
        found = divmod(index, len(x.values))
        return sum(_steps(*each) for each in zip((y, x), home, found, strict=True))

    cell = min(refuted, key=steps)
    words = f"{place(x, y, cell)}{_counted(judged, cell)}"
    return f"{words}. The map varies {around}" if around else words


def _columns(x: Axis) -> list[str]:
    name = symbol(x.name) or x.name.replace("_", " ")
    return [f"{name} = {text}" if x.numbers else text for text in values_of(x)]


def _cell(word: str, line: Row | None) -> str:
    """`SUPPORTED`, and below it what was counted."""
    if line is None or line["lower"] is None:
        return word
    span = interval(line["lower"], line["upper"])
    if line["hits"] is None:
        counted = f"{line['estimate']:.2f} {span}, n = {line['trials']}"
    else:
        counted = f"{line['hits']}/{line['trials']} {span}"
    lost = [f"{line['failed']} diverged"] if line["failed"] else []
    return "\n".join([word, counted, *lost])


def _counted(judged: Judged, cell: int) -> str:
    line = judged.cells.get(cell)
    if line is None or line["lower"] is None:
        return ""
    span, quantity = interval(line["lower"], line["upper"]), judged.row["quantity"]
    if line["hits"] is None:
        return f": {quantity} in {span} from {line['trials']} trials"
    return f": {line['hits']} of {line['trials']} trials, {quantity} in {span}"


def _home(axis: Axis, around: str) -> int:
    """The place on an axis of the setup that a map varies, as far as its words tell; else 0."""
    names = "|".join(re.escape(name) for name in (axis.name, symbol(axis.name)) if name)
    found = re.search(rf"\b(?:{names})='?([^\s,;')]+)", around)
    if found is None:
        return 0
    if axis.numbers is None:
        return axis.values.index(found[1]) if found[1] in axis.values else 0
    numbers = axis.numbers
    try:
        value = float(found[1])
    except ValueError:
        return 0
    return min(range(len(numbers)), key=lambda i: abs(numbers[i] - value))


def _steps(axis: Axis, start: int, end: int) -> int:
    """How far apart two places of an axis are; words are all alike far."""
    return abs(start - end) if axis.numbers else int(start != end)


def _heights(line: Row, x: Axis) -> list[str]:
    """A derived line's height at each column, between its points; "-" where it has left the map."""
    points = list(zip(line["x"], line["y"], strict=True))
    return [_height(points, float(at)) for at in x.numbers or ()]


def _height(points: list[tuple[float, float]], at: float) -> str:
    for (left, low), (right, high) in pairwise(points):
        if left <= at <= right:
            return f"{low + (high - low) * (at - left) / (right - left):.3g}"
    return "-"
