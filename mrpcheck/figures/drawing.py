"""Paper, ink and boxes: what all figures here are drawn with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    Paper = Figure | SubFigure  # a figure, or the part of a sheet that takes its place

__all__ = [
    "BLUE",
    "CLASSES",
    "GREEN",
    "INK",
    "LABEL",
    "ORANGE",
    "SMALL",
    "VERMILLION",
    "VIEWS",
    "WIDTH",
    "axes",
    "box",
    "cells",
    "drawing",
    "figure",
    "inches",
    "key",
    "say",
]

Array = np.ndarray

WIDTH = 5.5  # inches: the text of a paper
INK = "#010203"  # of text and axes; an inline SVG has the colour of the page's text instead
# Okabe and Ito's colours, which colour-blind readers tell apart
BLUE, VERMILLION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
ORANGE, SKY, YELLOW = "#e69f00", "#56b4e9", "#d0c020"
CLASSES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
VIEWS: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
LABEL, SMALL = 7.5, 6.5  # points

STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": LABEL,
    "axes.titlesize": LABEL,
    "axes.labelsize": LABEL,
    "axes.titlepad": 4.0,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.dpi": 200,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "ytick.minor.size": 1.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "hatch.linewidth": 0.5,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK
    ),
}


@contextmanager
def drawing() -> Iterator[None]:
    """While figures are drawn and written: matplotlib as it comes, whatever its user's file says.

    The salt makes the names within an SVG the same in every process.
    """
    import matplotlib as mpl

    skipped = ("backend", "toolbar", "interactive", "timezone", "webagg", "datapath", "tk.", "date")
    with mpl.rc_context():
        usual: Any = mpl.rcParamsDefault
        settings: Any = mpl.rcParams  # typed by the names of all settings
        settings.update({k: v for k, v in usual.items() if not k.startswith(skipped)})
        settings.update({**STYLE, "svg.hashsalt": "mrpcheck"})
        yield


def figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of this size in inches, that belongs to no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def inches(into: Paper) -> tuple[float, float]:
    """Width and height of a figure, or of the part of a sheet that takes its place."""
    return into.bbox.width / into.dpi, into.bbox.height / into.dpi


def axes(
    into: Paper,
    left: float,
    top: float,
    width: float,
    height: float,
    title: str = "",
    x: str = "",
    y: str = "",
) -> Axes:
    """Axes in a box whose left upper corner is `left` from the left and `top` from the top.

    Their title and labels stand at fixed places: to find free ones takes half of the time.
    """
    ax = into.add_axes(box(into, left, top, width, height))
    ax.set_title(title, y=1.0)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.xaxis.set_label_coords(0.5, -0.2 / height)
    ax.yaxis.set_label_coords(-0.3 / width, 0.5)
    return ax


def box(
    into: Paper, left: float, top: float, width: float, height: float
) -> tuple[float, float, float, float]:
    """The box, given in inches from the left upper corner, in shares from the left lower one."""
    wide, high = inches(into)
    return left / wide, 1 - (top + height) / high, width / wide, height / high


def cells(ax: Axes, at: Array, wide: float = 1.0, tall: float = 0.88, **style: Any) -> None:
    """Cells around the places `at`, (cell, [row, column]): one shape, so that many stay small."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if len(at):
        x, y = wide / 2, tall / 2
        corners = np.array([(-x, -y), (x, -y), (x, y), (-x, y), (-x, -y)])
        points = (np.asarray(at)[:, None, ::-1] + corners).reshape(-1, 2)
        codes = np.tile([Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY], len(at))
        ax.add_patch(PathPatch(Path(points, codes), **{"lw": 0, **style}))


def say(into: Paper, left: float, top: float, text: str, **style: Any) -> None:
    """Text whose left upper corner is there, in inches."""
    wide, high = inches(into)
    into.text(left / wide, 1 - top / high, text, **{"va": "top", **style})


def key(into: Paper, handles: Sequence[Any], above: float = 0.0) -> None:
    """The key to the marks in one line, so many inches above the lower edge."""
    into.legend(
        handles=handles, loc="lower center", ncols=len(handles), borderpad=0.2, handlelength=2.2,
        columnspacing=1.2, handletextpad=0.5, borderaxespad=0.1,
        bbox_to_anchor=(0.5, above / inches(into)[1]),
    )  # fmt: skip
