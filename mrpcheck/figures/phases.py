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
    LABEL,
    ORANGE,
    WIDTH,
    axes,
    drawing,
    figure,
    key,
    say,
)
from mrpcheck.figures.labels import axis_label
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
LETTER, LINE = 0.055, 0.12  # inches of a letter of a tick, and of a line of them
HATCHED: dict[str, Any] = {
    "facecolor": "none",
    "edgecolor": INK,
    "lw": 0,
    "hatch": "////",
    "alpha": 0.4,
}
TICK = 24  # letters of a tick that are shown
UNFUSED = "misses, with no kernel fused"
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)))


def phase_diagram(diagram: Diagram) -> Figure:
    """A heatmap of the estimates, a mark for each verdict, and the derived lines over it.

    `diagram`: "x" and "y" {"name", "values"}; "cells", each {"x", "y", "estimate", "lower",
    "upper", "verdict", "trials"}, x and y values of the grid, and perhaps "unfused": no trial that
    missed has a kernel of two features; "lines", each {"label", "x", "y"}; "quantity", "title",
    and "doc", the claim's docstring, which may name the axes' units. Grid values are as far apart
    as their number tells; lines are drawn at their place between them.
    """
    xs, ys = (_values(diagram, name) for name in ("x", "y"))
    tall = min(max(0.36 * len(ys), 0.9), 4.0)
    label = textwrap.fill(_names(diagram)[1], int(tall / (1.2 * LETTER)))
    beside = 0.08 + LINE * (1 + label.count("\n"))
    left = 0.2 + beside + LETTER * max((len(_word(value)) for value in ys), default=0)
    wide = min(0.62 * len(xs), WIDTH - left - 0.2)
    ticks = [_wrapped(value, wide / len(xs)) for value in xs]
    ticks_tall = LINE * max((tick.count("\n") for tick in ticks), default=0)
    with drawing():
        below = KEY * (1 + _unfused(diagram) + (len(_lines(diagram)) + 1) // 2) + ticks_tall
        into = figure(tall + 0.75 + below, WIDTH)
        title = textwrap.shorten(str(diagram.get("title") or ""), 90)
        say(into, 0.1, 0.08, title, fontsize=LABEL)
        ax = axes(into, left, 0.3, wide, tall, x=_names(diagram)[0], y=label)
        _heat(ax, diagram, xs, ys, min(wide / max(len(xs), 1), tall / max(len(ys), 1)))
        for line, dashes in zip(_lines(diagram), DASHES * 9, strict=False):
            x, y = _place(line["x"], _numbers(xs)), _place(line["y"], _numbers(ys))
            ax.plot(x, y, color=ORANGE, ls=dashes, lw=1.8)
        _frame(ax, ticks, ys)
        ax.xaxis.set_label_coords(0.5, -(0.2 + ticks_tall) / tall)
        ax.yaxis.set_label_coords((beside - left) / wide, 0.5)
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
    """The stronger, the larger; the figure is left out of a cell that has no room for it."""
    from matplotlib.patches import Rectangle

    corner, opacity = (x - 0.48, y - 0.47), 0.06 + 0.94 * share
    ax.add_patch(Rectangle(corner, 0.96, 0.94, lw=0, facecolor=BLUE, alpha=opacity))
    if one.get("unfused"):
        ax.add_patch(Rectangle(corner, 0.96, 0.94, **HATCHED))
    ink = "white" if share > 0.6 else INK
    style = MARKS.get(str(one.get("verdict")), {"marker": "."})
    ax.plot([x], [y - 0.22], ls="", color=ink, ms=3.5 if cell > 0.2 else 2, mew=0.8, **style)
    if cell > 0.2:
        text = f"{float(one['estimate']):.2f}"
        size = 6 if cell > 0.3 else 4.5
        ax.text(x, y + 0.2, text, ha="center", va="center", fontsize=size, color=ink)


def _unfused(diagram: Diagram) -> bool:
    return any(cell.get("unfused") for cell in diagram["cells"])


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


def _frame(ax: Axes, ticks: Sequence[str], ys: list[Any]) -> None:
    ax.set_xlim(-0.5, len(ticks) - 0.5)
    ax.set_ylim(-0.5, len(ys) - 0.5)
    ax.set_xticks(range(len(ticks)), ticks)
    ax.set_yticks(range(len(ys)), [_word(value) for value in ys])
    ax.tick_params(length=0)
    ax.spines[["left", "bottom"]].set_visible(False)


def _names(diagram: Diagram) -> tuple[str, str]:
    """What the two axes are called."""
    doc = str(diagram.get("doc") or "")
    x, y = (axis_label(str(diagram[name]["name"]), doc) for name in ("x", "y"))
    return x, y


def _word(value: Any) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value:g}" if number else textwrap.shorten(str(value), TICK, placeholder="…")


def _wrapped(value: Any, wide: float) -> str:
    """A tick below a cell `wide` inches wide."""
    return textwrap.fill(_word(value), max(int(wide / LETTER), 4))


def _key(into: Figure, diagram: Diagram) -> None:
    """The marks that are there; below them the lines, two in a row."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

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
    hatched = [Patch(**{**HATCHED, "lw": 0.5}, label=UNFUSED)] if _unfused(diagram) else []
    rows: list[list[Any]] = [
        marks,
        hatched,
        *(lines[start : start + 2] for start in range(0, len(lines), 2)),
    ]
    for place, handles in enumerate(reversed([row for row in rows if row])):
        key(into, handles, KEY * place)


def _lines(diagram: Diagram) -> Sequence[Mapping[str, Any]]:
    return diagram.get("lines") or ()


def diagram_numbers(diagram: Diagram) -> Table:
    """A row a cell; then each derived line at the values of the first axis."""
    quantity = str(diagram.get("quantity", "P"))
    found = []
    for cell in diagram["cells"]:
        figures = [cell.get(name) for name in ("estimate", "lower", "upper")]
        numbers = [None if number is None else rounded(number) for number in figures]
        said = f"{cell.get('verdict')}{f' ({UNFUSED})' if cell.get('unfused') else ''}"
        found.append([cell.get("x"), cell.get("y"), *numbers, said, cell.get("trials")])
    for line in _lines(diagram):
        found += _on_line(line, _values(diagram, "x"))
    return [*_names(diagram), quantity, "lower", "upper", "verdict", "trials"], found


def _on_line(line: Mapping[str, Any], xs: list[Any]) -> list[list[Any]]:
    """The points of a line at those of `xs` that it passes."""
    x, y = (np.array(line[name], dtype=np.float64) for name in ("x", "y"))  # None: NaN
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    known = [at for at in xs if isinstance(at, (int, float))] if len(x) else []
    passed = [at for at in known if x.min() - 1e-9 <= at <= x.max() + 1e-9]
    heights = np.interp(passed, x, y).tolist() if passed else []
    label = f"derived line: {line['label']}"
    return [
        [at, rounded(height), None, None, None, label, None]
        for at, height in zip(passed, heights, strict=True)
    ]
