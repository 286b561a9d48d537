"""Losses over training, each in units of its own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mrpcheck.figures.drawing import BLUE, INK, SMALL, VERMILLION, axes, inches, say
from mrpcheck.figures.holding import arms, captured_at
from mrpcheck.figures.pictures import Picture, Table, rounded
from mrpcheck.figures.thinning import thin
from mrpcheck.traces import Arm, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mrpcheck.figures.drawing import Paper

__all__ = ["PICTURE"]

LINES = {"MRP": (BLUE, "-", "o"), "SL": (VERMILLION, (0, (4, 1.5)), "s")}
WHAT = {"MRP": "the objective's loss", "SL": "cross entropy"}
COLUMNS = ["arm", "steps", "loss"]
POINTS = 9  # of a curve that its table has


def _there(trace: Trace) -> bool:
    return any(len(arm.steps) > 1 for _, arm in arms(trace))


def _height(trace: Trace) -> float:
    return 1.6


def _draw(trace: Trace, into: Paper) -> None:
    tall = inches(into)[1] - 0.72
    for place, (name, arm) in enumerate(arms(trace)):
        ax = axes(
            into, 0.45 + 2.6 * place, 0.2, 2.2, tall, f"{name}: {WHAT[name]}", "steps of training",
            "" if place else "mean over samples",
        )  # fmt: skip
        if len(arm.steps) > 1:
            _curve(ax, arm, name)
        _captures(ax, captured_at(arm, trace.threshold))
    words = "ticks at the lower edge: a feature is captured"
    say(into, inches(into)[0] / 2, inches(into)[1] - 0.13, words, ha="center", fontsize=SMALL - 1)


def _curve(ax: Axes, arm: Arm, name: str) -> None:
    color, dashes, mark = LINES[name]
    loss = np.clip(np.asarray(arm.loss, dtype=np.float64), -1e12, 1e12)  # NaN stays
    finite = loss[np.isfinite(loss)]
    if finite.size and finite.min() > 0 and finite.max() > 3 * finite.min():
        span = np.log(finite.max() / finite.min())
        x, y = thin(arm.steps, np.log(np.where(loss > 0, loss, np.nan)), 0.002 * span)
        ticks = _decades(finite.min(), finite.max())
        ax.set_yticks(np.log(ticks), [_short(tick) for tick in ticks])
    else:
        ax.locator_params(axis="y", nbins=4)
        x, y = thin(arm.steps, loss, 0.002 * np.ptp(finite) if finite.size else 0.0)
    ax.plot(x, y, color=color, ls=dashes, marker=mark, ms=2)


def _decades(low: float, high: float) -> list[float]:
    """A few round numbers between, for a scale of logarithms."""
    places = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [10.0**p for p in places[:: 1 + len(places) // 7]]
    between = [tick for tick in ticks if low * 0.9 <= tick <= high * 1.1]
    return between if len(between) > 1 else [float(f"{low:.1g}"), float(f"{high:.1g}")]


def _short(tick: float) -> str:
    plain = f"{tick:g}"
    return plain if len(plain) < 5 else f"{tick:.0e}".replace("e-0", "e-").replace("e+0", "e")


def _captures(ax: Axes, steps: list[float | None]) -> None:
    times = [step for step in steps if step is not None]
    if times:
        ax.vlines(times, 0, 0.06, color=INK, lw=0.7, transform=ax.get_xaxis_transform())


def _numbers(trace: Trace) -> Table:
    found = []
    for name, arm in arms(trace):
        for point in sorted({*np.linspace(0, len(arm.steps) - 1, POINTS).round().astype(int)}):
            if 0 <= point < len(arm.loss):
                found.append([name, rounded(arm.steps[point]), rounded(arm.loss[point])])
    return COLUMNS, found


PICTURE = Picture(
    "Losses over training",
    "The mean loss on the training samples: of the objective while pretraining, and of supervised "
    "learning from scratch. The two are in units of their own. Ticks at the lower edge are the "
    "moments at which a feature is captured.",
    _there,
    _height,
    _draw,
    _numbers,
)
