"""A phase diagram: what each cell of a grid of two hyperparameters came to."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mrpcheck.figures.drawing import (
    BLUE,
    INK,
    ORANGE,
    WIDTH,
    axes,
    drawing,
    figure,
    key,
)
from mrpcheck.figures.pictures import Table, rounded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["diagram_numbers", "phase_diagram"]

Diagram = Mapping[str, Any]
MARKS: Mapping[str, dict[str, Any]] = {
    "SUPPORTED": {"marker": "o"},
    "REFUTED": {"marker": "X"},
    "UNDECIDED": {"marker": "o", "mfc": "none"},
}
KEY = 0.15  # inches of a line of the key
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)))


def phase_diagram(diagram: Diagram) -> Figure:
    """A heatmap of the estimates, a mark for each verdict, and the derived lines over it.

    `diagram`: "x" and "y" {"name", "values"}; "cells", each {"x", "y", "estimate", "lower",
    "upper", "verdict", "trials"}, x and y values of the grid; "lines", each {"label", "x", "y"};
    "quantity" and "title". Grid values are as far apart as their number tells; lines are drawn
    at their place between them.
    """
    xs, ys = (_values(diagram, name) for name in ("x", "y"))
    wide, tall = min(0.62 * len(xs), WIDTH - 1.0), min(max(0.36 * len(ys), 0.9), 4.0)
    with drawing():
        below = KEY * (1 + (len(_lines(diagram)) + 1) // 2)
        into = figure(tall + 0.75 + below, WIDTH)
        title = textwrap.shorten(str(diagram.get("title") or ""), 90)
        ax = axes(into, 0.8, 0.3, wide, tall, title)
        _heat(ax, diagram, xs, ys, min(wide / max(len(xs), 1), tall / max(len(ys), 1)))
        for line, dashes in zip(_lines(diagram), DASHES * 9, strict=False):
            x, y = _place(line["x"], _numbers(xs)), _place(line["y"], _numbers(ys))
            ax.plot(x, y, color=ORANGE, ls=dashes, lw=1.8)
        _frame(ax, diagram, xs, ys)
        _key(into, diagram)
    return into


def _values(diagram: Diagram, name: str) -> list[Any]:
    return list(diagram[name]["values"])


def _numbers(values: Sequence[Any]) -> list[float]:
    """An axis of numbers; of words, their places."""
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return [float(value) for value in values]
    return [float(place) for place in range(len(values))]


def _heat(ax: Axes, diagram: Diagram, xs: list[Any], ys: list[Any], cell: float) -> None:
    low, high = _ends(diagram)
    for one in diagram["cells"]:
        if one.get("estimate") is not None:
            share = min(max((float(one["estimate"]) - low) / (high - low), 0.0), 1.0)
            _cell(ax, one, xs.index(one["x"]), ys.index(one["y"]), share, cell)


def _cell(ax: Axes, one: Mapping[str, Any], x: int, y: int, share: float, cell: float) -> None:
    """The darker, the larger; the figure is left out of a cell that has no room for it."""
    from matplotlib.patches import Rectangle

    corner, opacity = (x - 0.48, y - 0.47), 0.06 + 0.94 * share
    ax.add_patch(Rectangle(corner, 0.96, 0.94, lw=0, facecolor=BLUE, alpha=opacity))
    ink = "white" if share > 0.6 else INK
    style = MARKS.get(str(one.get("verdict")), {"marker": "."})
    ax.plot([x], [y - 0.22], ls="", color=ink, ms=3.5 if cell > 0.2 else 2, mew=0.8, **style)
    if cell > 0.2:
        text = f"{float(one['estimate']):.2f}"
        size = 6 if cell > 0.3 else 4.5
        ax.text(x, y + 0.2, text, ha="center", va="center", fontsize=size, color=ink)


def _ends(diagram: Diagram) -> tuple[float, float]:
    """Where the shade begins and ends: all of [0, 1] for a probability."""
    known = [float(c["estimate"]) for c in diagram["cells"] if c.get("estimate") is not None]
    if str(diagram.get("quantity", "P")) == "P" or not known:
        return 0.0, 1.0
    return min(known), max(known) if max(known) > min(known) else min(known) + 1


def _place(points: Sequence[float], values: Sequence[float]) -> np.ndarray:
    """Where numbers lie on an axis whose ticks stand at the grid's values; half a cell beyond."""
    at, grid = np.array(points, dtype=np.float64), np.array(values, dtype=np.float64)  # None: NaN
    if len(grid) < 2:
        return np.zeros(len(at))
    rising = np.argsort(grid)
    grid, places = grid[rising], rising.astype(np.float64)
    first, last = grid[1] - grid[0], grid[-1] - grid[-2]
    ends = grid[0] - first / 2, grid[-1] + last / 2
    grid = np.concatenate([[ends[0]], grid, [ends[1]]])
    half = math.copysign(0.5, places[-1] - places[0])
    places = np.concatenate([[places[0] - half], places, [places[-1] + half]])
    inside = (at >= ends[0]) & (at <= ends[1])
    return np.where(inside, np.interp(at, grid, places), np.nan)


def _frame(ax: Axes, diagram: Diagram, xs: list[Any], ys: list[Any]) -> None:
    ax.set_xlim(-0.5, len(xs) - 0.5)
    ax.set_ylim(-0.5, len(ys) - 0.5)
    ax.set_xticks(range(len(xs)), [_word(value) for value in xs])
    ax.set_yticks(range(len(ys)), [_word(value) for value in ys])
    ax.tick_params(length=0)
    ax.set_xlabel(str(diagram["x"]["name"]))
    ax.set_ylabel(str(diagram["y"]["name"]))
    ax.spines[["left", "bottom"]].set_visible(False)


def _word(value: Any) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value:g}" if number else str(value)[:12]


def _key(into: Figure, diagram: Diagram) -> None:
    """The marks that are there; below them the lines, two in a row."""
    from matplotlib.lines import Line2D

    there = {str(cell.get("verdict")) for cell in diagram["cells"]}
    marks = [
        Line2D([], [], ls="", color=INK, ms=3.5, mew=0.8, **style, label=verdict)
        for verdict, style in MARKS.items()
        if verdict in there
    ]
    lines = [
        Line2D([], [], color=ORANGE, ls=dashes, lw=1.8, label=str(line["label"])[:60])
        for line, dashes in zip(_lines(diagram), DASHES * 9, strict=False)
    ]
    rows = [marks, *(lines[start : start + 2] for start in range(0, len(lines), 2))]
    for place, handles in enumerate(reversed(rows)):
        if handles:
            key(into, handles, KEY * place)


def _lines(diagram: Diagram) -> Sequence[Mapping[str, Any]]:
    return diagram.get("lines") or ()


def diagram_numbers(diagram: Diagram) -> Table:
    """A row a cell."""
    names = [str(diagram[name]["name"]) for name in ("x", "y")]
    quantity = str(diagram.get("quantity", "P"))
    found = []
    for cell in diagram["cells"]:
        figures = [cell.get(name) for name in ("estimate", "lower", "upper")]
        numbers = [None if number is None else rounded(number) for number in figures]
        found.append(
            [cell.get("x"), cell.get("y"), *numbers, cell.get("verdict"), cell.get("trials")]
        )
    return [*names, quantity, "lower", "upper", "verdict", "trials"], found
