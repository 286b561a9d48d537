"""MRP against SL: accuracy by kind of sample, paired by trial, and the features captured."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mrpcheck.figures.drawing import BLUE, INK, VERMILLION, axes, inches, key
from mrpcheck.figures.pictures import Picture, Table, rounded
from mrpcheck.stats import mean_interval
from mrpcheck.traces import Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mrpcheck.figures.drawing import Paper

__all__ = ["PICTURE", "Mean", "accuracies", "mean_of"]

Array = np.ndarray
LEVEL = 0.05  # of an interval that misses its mean, each on its own
KINDS = ("multi_view", "single_view")
COLUMNS = ["quantity", "arm", "mean", "lower (95 %)", "upper (95 %)", "trials"]


class Mean(NamedTuple):
    """A mean over trials with its 95 % interval."""

    mean: float
    lower: float
    upper: float
    trials: int


def mean_of(values: Array, bounds: tuple[float, float]) -> Mean | None:
    """The mean of values within `bounds`, one a trial, looked at once; None without any.

    A trial that diverged counts as the worst value. The interval holds for every distribution
    within the bounds (see `stats.mean_interval`).
    """
    low, high = bounds
    known = np.clip(np.nan_to_num(np.asarray(values, dtype=np.float64), nan=low), low, high)
    if not known.size:
        return None
    return Mean(float(known.mean()), *mean_interval(known, bounds, LEVEL), known.size)


def accuracies(trace: Trace, kind: str) -> tuple[Array, Array]:
    """Accuracy of both arms on "multi_view" or "single_view" samples, (trial,) each."""
    if trace.mrp is None or trace.sl is None:
        return np.empty(0), np.empty(0)
    mine, other = (_within(getattr(arm, kind), 1.0) for arm in (trace.mrp, trace.sl))
    count = min(len(mine), len(other))
    return mine[:count], other[:count]


def _within(values: Array, high: float) -> Array:
    """What is there between 0 and `high`; what diverged is 0."""
    return np.clip(np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0), 0.0, high)


def _there(trace: Trace) -> bool:
    return any(len(accuracies(trace, kind)[0]) for kind in KINDS)


def _height(trace: Trace) -> float:
    return 1.85


def _draw(trace: Trace, into: Paper) -> None:
    tall = inches(into)[1] - 0.72
    _accuracy(axes(into, 0.45, 0.2, 1.7, tall, "accuracy on new samples"), trace)
    _gain(axes(into, 2.65, 0.2, 0.95, tall, "MRP − SL, paired"), trace)
    title = f"views captured, of {trace.views}"
    _captured(axes(into, 4.0, 0.2, 1.4, tall, title, "class"), trace)
    _key(into)


def _accuracy(ax: Axes, trace: Trace) -> None:
    from matplotlib.collections import LineCollection

    for place, kind in enumerate(KINDS):
        pairs = accuracies(trace, kind)
        ends = [[(place - 0.2, a), (place + 0.2, b)] for a, b in zip(*pairs, strict=True)]
        ax.add_collection(LineCollection(ends, color=INK, lw=0.5, alpha=0.25))
        for values, offset, style in zip(pairs, (-0.2, 0.2), _styles(), strict=True):
            if found := mean_of(values, (0.0, 1.0)):
                _error(ax, place + offset, found, style)
    ax.set_xticks([0, 1], ["multi-view", "single-view"])
    ax.set_xlim(-0.5, 1.5)
    ax.set_ylim(top=1.02)


def _styles() -> tuple[dict[str, str], dict[str, str]]:
    return {"color": BLUE, "marker": "o"}, {"color": VERMILLION, "marker": "s", "mfc": "none"}


def _error(ax: Axes, x: float, found: Mean, style: dict[str, str]) -> None:
    ax.plot([x, x], [found.lower, found.upper], color=style["color"], lw=1.2)
    ax.plot([x], [found.mean], ls="", **style)  # type: ignore[arg-type]


def _gain(ax: Axes, trace: Trace) -> None:
    ax.axhline(0, color=INK, lw=0.6, ls=(0, (2, 2)))
    for place, kind in enumerate(KINDS):
        mine, other = accuracies(trace, kind)
        if found := mean_of(mine - other, (-1.0, 1.0)):
            _error(ax, place, found, {"color": INK, "marker": "D"})
    ax.set_xticks([0, 1], ["multi", "single"])
    ax.set_xlim(-0.5, 1.5)


def _captured(ax: Axes, trace: Trace) -> None:
    for arm, offset, style in zip((trace.mrp, trace.sl), (-0.12, 0.12), _styles(), strict=True):
        if arm is not None and arm.captured.size:
            means = _within(arm.captured, trace.views).mean(0)  # (class,)
            ax.plot(np.arange(len(means)) + offset, means, ls="", **style)  # type: ignore[arg-type]
            ax.set_xticks(range(0, len(means), 1 + len(means) // 9))
    ax.axhline(trace.views, color=INK, lw=0.6, ls=(0, (2, 2)))
    ax.set_ylim(-0.05 * trace.views, 1.1 * trace.views)
    ax.set_yticks(range(trace.views + 1) if trace.views <= 6 else (0, trace.views))


def _key(into: Paper) -> None:
    from matplotlib.lines import Line2D

    mine, other = _styles()
    handles = [
        Line2D([], [], ls="", **mine, label="MRP, fine-tuned"),  # type: ignore[arg-type]
        Line2D([], [], ls="", **other, label="SL"),  # type: ignore[arg-type]
        Line2D([], [], color=INK, lw=1.2, label="95 % interval of the mean"),
        Line2D([], [], color=INK, lw=0.5, alpha=0.4, label="one trial, both arms"),
    ]
    key(into, handles)


def _numbers(trace: Trace) -> Table:
    found: list[list[object]] = []
    for kind in KINDS:
        pair, words = accuracies(trace, kind), f"accuracy, {kind.replace('_', '-')}"
        for name, values in zip(("MRP", "SL"), pair, strict=True):
            found += _row(words, name, mean_of(values, (0.0, 1.0)))
        found += _row(words, "MRP − SL", mean_of(pair[0] - pair[1], (-1.0, 1.0)))
    for name, arm in (("MRP", trace.mrp), ("SL", trace.sl)):
        if arm is not None and arm.captured.size:
            each = _within(arm.captured, trace.views).mean(1)  # (trial,)
            words = f"views captured a class, of {trace.views}"
            found += _row(words, name, mean_of(each, (0.0, float(max(trace.views, 1)))))
    return COLUMNS, found


def _row(words: str, name: str, found: Mean | None) -> list[list[object]]:
    if found is None:
        return []
    numbers = [rounded(number) for number in found[:3]]
    return [[words, name, *numbers, found.trials]]


def _about(trace: Trace) -> str:
    """How many trials there are, and what follows from it."""
    count = max(len(accuracies(trace, kind)[0]) for kind in KINDS)
    return (
        f"Here n = {count} trials. Verdicts rest on the claims' own trials: an interval that holds "
        "0 here denies none of them."
    )


PICTURE = Picture(
    "MRP against SL",
    "Accuracy on new samples of either kind, after fine-tuning and of supervised learning from "
    "scratch, on the same data in each trial (thin lines); their difference, paired by trial; and "
    "how many views of each class the kernels of either have captured, on average. Means have 95 % "
    "intervals, each on its own, valid for n independent trials of any distribution on [0, 1], and "
    "on [−1, 1] for differences. A trial that diverged counts as wrong throughout.",
    _there,
    _height,
    _draw,
    _numbers,
    _about,
)
