"""Correlations of kernels with features over training: who wins each feature, and who loses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mrpcheck.figures.drawing import CLASSES, INK, VIEWS, axes, inches, key
from mrpcheck.figures.holding import arms, captured_at, clean, feature_name, look, winners
from mrpcheck.figures.pictures import Picture, Table, rounded
from mrpcheck.figures.thinning import thin
from mrpcheck.traces import Arm, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mrpcheck.figures.drawing import Paper

__all__ = ["PICTURE"]

LOSERS = 24  # curves beside the winners' that are drawn, in each of the two axes
FAR = 12.0  # times r: what grows beyond leaves the axes
IN_LINE, KEY = 7, 0.15  # classes in a line of the key; its height in inches
TITLES = {"MRP": "MRP, pretraining", "SL": "SL, from scratch"}
HOLDS: dict[str, Any] = {"color": INK, "lw": 0.9, "alpha": 0.7}
LOSES: dict[str, Any] = {"color": INK, "lw": 0.5, "alpha": 0.35}
COLUMNS = ["arm", "feature", "winner", "rank at start", "first", "last", "captured at step",
           "other kernels that hold it"]  # fmt: skip


def _there(trace: Trace) -> bool:
    return any(len(arm.steps) > 1 and arm.correlations.size for _, arm in arms(trace))


def _height(trace: Trace) -> float:
    return 2.0 + KEY * _lines(trace)


def _draw(trace: Trace, into: Paper) -> None:
    wide, tall = 2.35, inches(into)[1] - 0.72 - KEY * _lines(trace)
    low, high = _range(trace)
    for place, (name, arm) in enumerate(arms(trace)):
        ax = axes(
            into, 0.45 + 2.5 * place, 0.2, wide, tall, TITLES[name], "steps of training",
            "" if place else "correlation ⟨w, v⟩",
        )  # fmt: skip
        if len(arm.steps):
            _curves(ax, arm, trace, high - low)
        ax.set_ylim(low, high)
        ax.locator_params(nbins=5)
        ax.axhline(trace.threshold, color=INK, lw=0.7, ls=(0, (2, 2)))
        ax.text(1, trace.threshold, " r", transform=ax.get_yaxis_transform(), va="center")
        if place:
            ax.tick_params(labelleft=False)
    _key(into, trace)


def _range(trace: Trace) -> tuple[float, float]:
    """From the smallest to the largest, but for what runs away."""
    values = [arm.correlations[np.isfinite(arm.correlations)] for _, arm in arms(trace)]
    every = np.concatenate([*values, [0.0, trace.threshold]])
    far = FAR * trace.threshold or 1e6
    every = np.clip(every, -far, far)
    room = 0.04 * (every.max() - every.min())
    return float(every.min() - room), float(every.max() + room)


def _curves(ax: Axes, arm: Arm, trace: Trace, span: float) -> None:
    from matplotlib.collections import LineCollection

    end = look(arm, trace.threshold)
    paths = clean(arm.correlations)[: end + 1]  # (point, kernel, feature)
    won = winners(paths[-1])
    lost = np.ones(paths.shape[1:], dtype=bool)
    lost[won, np.arange(len(won))] = False
    pairs = np.argwhere(lost)
    order = np.argsort(-paths[:, pairs[:, 0], pairs[:, 1]].max(0), kind="stable")
    for holds, style in ((True, HOLDS), (False, LOSES)):
        chosen = [
            np.column_stack(thin(arm.steps, arm.correlations[:, kernel, feature], span * 0.004))
            for kernel, feature in pairs[order[:LOSERS]]
            if (paths[-1, kernel, feature] >= trace.threshold) == holds
        ]
        ax.add_collection(LineCollection(chosen, **style), autolim=False)
    for feature, kernel in enumerate(won):
        x, y = thin(arm.steps, arm.correlations[:, kernel, feature], span * 0.002)
        ax.plot(x, y, **_style(feature, trace.views))
    notes = [f"{LOSERS} largest of {len(pairs)} others"] if len(pairs) > LOSERS else []
    if end < len(arm.steps) - 1:
        notes.append(f"winners as of step {arm.steps[end]:g}: it diverges")
    below = -0.33 / (ax.get_position().height * inches(ax.figure)[1])
    ax.text(
        0.5, below, "; ".join(notes), transform=ax.transAxes, ha="center", va="top", fontsize=5.5
    )


def _style(feature: int, views: int) -> dict[str, Any]:
    """Colour by class, dashes by view; marks where the colours come round again."""
    owner, view = divmod(feature, max(views, 1))
    mark = ("", "o", "s", "^")[owner // len(CLASSES) % 4]
    return {
        "color": CLASSES[owner % len(CLASSES)], "ls": VIEWS[view % len(VIEWS)], "marker": mark,
        "markevery": 3, "ms": 2.5,
    }  # fmt: skip


def _lines(trace: Trace) -> int:
    return 1 + -(-_classes(trace) // IN_LINE)


def _classes(trace: Trace) -> int:
    return max(int(arm.tuned.shape[1]) for _, arm in arms(trace)) // max(trace.views, 1)


def _key(into: Paper, trace: Trace) -> None:
    """Colours are classes; below them what the lines are."""
    from matplotlib.lines import Line2D

    views = range(trace.views)
    handles = [
        Line2D([], [], color=INK, ls=VIEWS[v % len(VIEWS)], label=f"view {v}") for v in views
    ]
    handles.append(Line2D([], [], **HOLDS, label="also holds it"))
    handles.append(Line2D([], [], **LOSES, label="loses it"))
    key(into, handles)
    colors = [
        Line2D([], [], **{**_style(c * trace.views, trace.views), "ls": "-"}, label=f"class {c}")
        for c in range(_classes(trace))
    ]
    for line, start in enumerate(range(0, len(colors), IN_LINE)):
        key(into, colors[start : start + IN_LINE], KEY * (_lines(trace) - 1 - line))


def _numbers(trace: Trace) -> Table:
    found = []
    for name, arm in arms(trace):
        if not len(arm.steps):
            continue
        end = look(arm, trace.threshold)
        first, last = clean(arm.correlations[0]), clean(arm.correlations[end])
        steps = captured_at(arm, trace.threshold)
        for feature, kernel in enumerate(winners(last)):
            start = arm.correlations[0, kernel, feature]
            others = int((last[:, feature] >= trace.threshold).sum())
            others -= int(last[kernel, feature] >= trace.threshold)
            rank = 1 + int((first[:, feature] > first[kernel, feature]).sum())
            found.append([
                name, feature_name(feature, trace.views), f"kernel {kernel}", rank,
                rounded(start), rounded(last[kernel, feature]),
                steps[feature] if steps[feature] is None else rounded(steps[feature]), others,
            ])  # fmt: skip
    return COLUMNS, found


PICTURE = Picture(
    "Correlations over training",
    "For each feature the kernel that ends with the largest correlation (strong), and the largest "
    "of the others (faint, stronger where they hold the feature too). A feature is captured where "
    "a curve reaches r, the dashed line. Both axes have the same scale; what runs away leaves "
    "them.",
    _there,
    _height,
    _draw,
    _numbers,
)
