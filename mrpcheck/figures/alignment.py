"""The final map of kernels by features, ordered so that fusion is visible at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mrpcheck.figures.drawing import BLUE, INK, VERMILLION, axes, cells, inches, key, say
from mrpcheck.figures.holding import feature_name, held, maps, rows
from mrpcheck.figures.pictures import Picture, Table, rounded
from mrpcheck.traces import Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mrpcheck.figures.drawing import Paper

__all__ = ["PICTURE"]

Array = np.ndarray
STEPS = ((0.25, 0.14), (0.5, 0.34), (1.0, 0.7), (2.0, 1.0))  # from this many r on: how opaque
MOST, LISTED = 200, 60  # rows of a map, and of a table
CELLS = 300  # without the palest shades where they are more
COLUMNS = ["map", "kernel", "holds", "largest", "second largest"]


def _there(trace: Trace) -> bool:
    return any(values.size for _, values in maps(trace))


def _height(trace: Trace) -> float:
    longest = max((_shown(trace, values) for _, values in maps(trace)), default=1)
    return 0.85 + min(max(0.085 * longest, 0.9), 3.4)


def _shown(trace: Trace, values: Array) -> int:
    return min(max(len(rows(values, trace.threshold).kernels), 1), MOST)


def _draw(trace: Trace, into: Paper) -> None:
    tall = inches(into)[1] - 0.85
    found = [(name, values) for name, values in maps(trace) if values.size]
    most = max(_shown(trace, values) for _, values in found)
    for place, (name, values) in enumerate(found):
        ax = axes(into, 0.3 + 1.8 * place, 0.2, 1.45, tall, name, "features by class")
        _map(ax, values, trace)
        ax.set_ylim(most - 0.4, -0.6)
    say(into, 0.12, 0.2 + tall / 2, "kernels", rotation=90, va="center")
    _key(into)


def _map(ax: Axes, values: Array, trace: Trace) -> None:
    order = rows(values, trace.threshold)
    kernels = order.kernels[:MOST]
    shares = values[kernels] / trace.threshold if trace.threshold > 0 else values[kernels]
    few = [step for step in STEPS if (shares >= step[0]).sum() <= CELLS] or STEPS[2:]
    for place, (start, opacity) in enumerate(few):
        end = few[place + 1][0] if place + 1 < len(few) else np.inf
        at = np.argwhere((shares >= start) & (shares < end))  # (cell, [row, feature])
        for color, mine in ((VERMILLION, at[:, 0] < order.fused), (BLUE, at[:, 0] >= order.fused)):
            cells(ax, at[mine], color=color, alpha=opacity)
    count = values.shape[1]
    views = max(trace.views, 1)
    for border in range(views, count, views):
        ax.axvline(border - 0.5, color=INK, lw=0.4, alpha=0.5)
    if 0 < order.fused < len(kernels):
        ax.axhline(order.fused - 0.5, color=INK, lw=0.5, ls=(0, (2, 2)))
    for row, kernel in enumerate(kernels[: order.fused]):
        size = f"×{int(held(values[kernel], trace.threshold).sum())}"
        ax.text(count - 0.35, row, size, va="center", fontsize=5.5)
    owners = range(0, count // views, 1 + count // views // 9)
    ax.set_xticks([o * views + (views - 1) / 2 for o in owners], [str(o) for o in owners])
    ax.set_yticks([])
    ax.tick_params(length=0)
    ax.set_xlim(-0.5, count - 0.5)
    counts = f"{order.fused} of {len(order.kernels)} fused, {order.empty} empty"
    ax.text(0.5, -0.34 / _tall(ax), counts, transform=ax.transAxes, ha="center", va="top")
    ax.spines[["top", "right"]].set_visible(True)


def _tall(ax: Axes) -> float:
    """The height of the axes in inches."""
    return ax.get_position().height * inches(ax.figure)[1]


def _key(into: Paper) -> None:
    from matplotlib.patches import Patch

    words = [f"{start:g} r" for start, _ in STEPS]
    handles = [
        Patch(facecolor=BLUE, alpha=opacity, label=f"from {word}")
        for word, (_, opacity) in zip(words, STEPS, strict=True)
    ]
    handles.append(Patch(facecolor=VERMILLION, label="×2: kernel holds two features"))
    key(into, handles)


def _numbers(trace: Trace) -> Table:
    found: list[list[Any]] = []
    for name, values in maps(trace):
        order = rows(values, trace.threshold)
        for kernel in order.kernels[:LISTED]:
            top = np.sort(values[kernel])[::-1]
            names = [
                feature_name(int(f), trace.views)
                for f in np.flatnonzero(held(values[kernel], trace.threshold))
            ]  # fmt: skip
            second = rounded(top[1]) if len(top) > 1 else None
            found.append([name, f"kernel {kernel}", "; ".join(names), rounded(top[0]), second])
        more = len(order.kernels) - LISTED
        if more > 0:
            found.append([name, f"{more} more", "see the picture", None, None])
        if order.empty:
            found.append([name, f"{order.empty} others", "nothing", None, None])
    return COLUMNS, found


PICTURE = Picture(
    "Which kernel holds which feature",
    "Each row is a kernel, each column a feature; the stronger the colour, the larger their "
    "correlation, in units of r. Kernels that hold two features or more come first, orange and "
    "marked with their number; the others follow by the feature that they hold. Kernels that hold "
    "nothing are left out and counted below; so is the palest shade where it would be everywhere.",
    _there,
    _height,
    _draw,
    _numbers,
)
