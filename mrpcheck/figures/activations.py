"""The patches that carry a prediction, on samples whose truth is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mrpcheck.figures.drawing import BLUE, INK, SMALL, VERMILLION, axes, cells, key, say
from mrpcheck.figures.holding import arms, clean
from mrpcheck.figures.pictures import Picture, Table, rounded
from mrpcheck.traces import Arm, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mrpcheck.figures.drawing import Paper

__all__ = ["PICTURE", "Prediction", "predictions"]

Array = np.ndarray
PATCHES = 28  # cells of a row; patches beyond that add least, and are added up
SHADES = 10
ROOM = 0.24  # inches that a word takes
BLOCK = 0.74  # inches a sample
COLUMNS = ["sample", "arm", "patches", "count", "share of margin", "adds to margin"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """How an arm classifies a sample.

    label, said  the true class, and the one with the largest score
    rival        the class with the largest score but for the true one
    margin       score of the true class - score of the rival; negative where it is wrong
    patches      (patch,) what each patch adds to the margin
    """

    label: int
    said: int
    rival: int
    margin: float
    patches: Array

    @property
    def words(self) -> str:
        """Right or wrong."""
        if not np.isfinite(self.margin):
            return "diverged"
        verdict = "right" if self.said == self.label else f"wrong: class {self.said}"
        return f"{verdict}, margin {self.margin:+.2f}"


def predictions(trace: Trace, arm: Arm) -> list[Prediction]:
    """How an arm classifies each of the shown samples."""
    found = []
    for sample, label in enumerate(np.asarray(trace.label).astype(int)):
        scores = np.asarray(arm.scores[sample], dtype=np.float64)
        said = int(np.nan_to_num(scores, nan=-np.inf).argmax())
        others = np.where(np.isnan(scores), -np.inf, scores)
        others[label] = -np.inf
        rival = int(others.argmax())
        parts = np.asarray(arm.contributions[sample], dtype=np.float64)  # (patch, class)
        margin = float(scores[label]) - float(scores[rival])
        with np.errstate(invalid="ignore"):  # of what diverged
            patches = parts[:, label] - parts[:, rival]
        found.append(Prediction(int(label), said, rival, margin, patches))
    return found


def _there(trace: Trace) -> bool:
    return bool(len(trace.label)) and any(arm.contributions.size for _, arm in arms(trace))


def _height(trace: Trace) -> float:
    return BLOCK * len(trace.label) + 0.2


def _draw(trace: Trace, into: Paper) -> None:
    said = {name: predictions(trace, arm) for name, arm in arms(trace)}
    for sample, label in enumerate(np.asarray(trace.label).astype(int)):
        top = 0.04 + BLOCK * sample
        kind = "single-view" if trace.single_view[sample] else "multi-view"
        say(into, 0.06, top, f"sample {sample}: {kind}, class {label}", fontsize=SMALL)
        order = _order(trace, sample, said)
        wide = min(0.27 * len(order), 3.55)
        ax = axes(into, 0.42, top + 0.27, wide, 0.2 * len(said))
        _rows(ax, [predicted[sample] for predicted in said.values()], order)
        _brackets(ax, trace, sample, order, wide / max(len(order), 1))
        for row, (name, predicted) in enumerate(said.items()):
            y = top + 0.31 + 0.2 * row
            say(into, 0.08, y, name, fontsize=SMALL)
            say(into, 0.46 + wide, y, predicted[sample].words, fontsize=SMALL)
    _key(into)


def _order(trace: Trace, sample: int, said: dict[str, list[Prediction]]) -> Array:
    """Patches with the class' views first, then other classes' features, then noise alone."""
    groups = _groups(trace, sample)
    weight = np.sum([np.abs(clean(p[sample].patches)) for p in said.values()], axis=0)
    order = np.lexsort((-weight, groups))
    return order[:PATCHES]


def _groups(trace: Trace, sample: int) -> Array:
    """(patch,): the view of the class that a patch holds; V for another class'; V + 1 for none."""
    feature, views = np.asarray(trace.feature[sample]).astype(int), max(trace.views, 1)
    own = feature // views == int(trace.label[sample])
    return np.where(feature < 0, views + 1, np.where(own, feature % views, views))


def _rows(ax: Axes, predicted: list[Prediction], order: Array) -> None:
    for row, one in enumerate(predicted):
        values = clean(np.nan_to_num(one.patches[order], nan=0.0))
        shares = np.abs(values) / (np.abs(values).max(initial=0.0) or 1.0)
        shades = np.where(shares >= 0.02, np.ceil(shares * SHADES), 0)
        places = np.column_stack([np.full(len(order), row), np.arange(len(order))]) + 0.5
        for shade in np.unique(shades[shades > 0]):
            for color, sign in ((BLUE, values >= 0), (VERMILLION, values < 0)):
                mine = places[(shades == shade) & sign]
                cells(ax, mine, tall=0.92, facecolor=color, alpha=0.1 + 0.9 * shade / SHADES)
        cells(ax, places, tall=0.92, facecolor="none", edgecolor=INK, lw=0.3, alpha=0.5)
        for place in np.flatnonzero(shares >= (0.1 if len(order) <= 16 else 0.2)):
            white = "white" if shares[place] > 0.55 else INK
            words = f"{values[place]:+.2g}" if len(order) <= 16 else "−" * bool(values[place] < 0)
            style: Any = {"ha": "center", "va": "center", "fontsize": 5.2, "color": white}
            ax.text(place + 0.5, row + 0.52, words, **style)
    ax.set_xlim(0, max(len(order), 1))
    ax.set_ylim(len(predicted), 0)
    ax.set_axis_off()


def _brackets(ax: Axes, trace: Trace, sample: int, order: Array, cell: float) -> None:
    """What the patches truly hold, above them; in words where there is room."""
    groups, views = _groups(trace, sample)[order], max(trace.views, 1)
    strength = np.asarray(trace.strength[sample], dtype=np.float64)[order]
    for group in np.unique(groups):
        places = np.flatnonzero(groups == group)
        first, last = places[0] + 0.12, places[-1] + 0.88
        thick = 1.4 if group < views else 0.5
        ax.plot([first, last], [-0.12, -0.12], color=INK, lw=thick, clip_on=False)
        if len(places) * cell < ROOM:
            continue
        words = "other classes" if group == views else "noise alone"
        if group < views:
            words = f"view {group}\n({strength[places].sum():.2g})"
        elif len(places) * cell < 3 * ROOM:
            words = words.replace(" ", "\n", 1)
        middle = (first + last) / 2
        ax.text(middle, -0.2, words, ha="center", va="bottom", fontsize=5.2, linespacing=0.9)
    if cell < ROOM and (own := groups < views).any() and (groups[own] == groups[own][0]).sum() == 1:
        held = ", ".join(f"{strength[groups == g].sum():.2g}" for g in np.unique(groups[own]))
        ax.text(0, -0.2, f"views ({held})", va="bottom", fontsize=5.2)


def _key(into: Paper) -> None:
    from matplotlib.patches import Patch

    words = "adds to the margin, true class over runner-up", "takes from it (negative)"
    colors = BLUE, VERMILLION
    key(into, [Patch(facecolor=c, lw=0, label=w) for c, w in zip(colors, words, strict=True)])


def _numbers(trace: Trace) -> Table:
    found: list[list[Any]] = []
    for sample, single in enumerate(np.asarray(trace.single_view)):
        kind = "single-view" if single else "multi-view"
        groups, views = _groups(trace, sample), max(trace.views, 1)
        for name, arm in arms(trace):
            one = predictions(trace, arm)[sample]
            title = f"{sample}: {kind}, class {one.label}"
            known = bool(np.isfinite(one.patches).all())
            for group in np.unique(groups):
                mine = groups == group
                words = f"view {group} of its class" if group < views else (
                    "other classes' features" if group == views else "noise alone"
                )  # fmt: skip
                part = math.fsum(one.patches[mine]) if known else math.nan
                share = rounded(part / one.margin) if one.margin > 0 else None
                found.append([title, name, words, int(mine.sum()), share, rounded(part)])
            found.append([title, name, f"all: {one.words}", len(groups), None, rounded(one.margin)])
    return COLUMNS, found


PICTURE = Picture(
    "The patches that carry a prediction",
    "Each cell is a patch of one sample: how much it adds to the score of the true class over the "
    "runner-up's (blue), or takes from it (orange, negative); the numbers add up to the margin. "
    "The line above says what the patches truly hold, and with what strength in all. Of more than "
    f"{PATCHES} patches, the noise that adds least is left out.",
    _there,
    _height,
    _draw,
    _numbers,
)
