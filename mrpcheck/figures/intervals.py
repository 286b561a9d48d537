"""A row's interval against the bound it claims: small enough to stand in a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mrpcheck.figures.drawing import BLUE, INK, VERMILLION, drawing, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["interval", "interval_words"]

Row = Mapping[str, Any]
COLORS = {"SUPPORTED": BLUE, "REFUTED": VERMILLION}


def interval(row: Row) -> Figure:
    """Estimate and interval of a claim's row, or of a line of evidence with the claim's bounds.

    The tall line is what is claimed, `at_least`; the short one at_least - tolerance; below it the
    claim is false by more than it tolerates. Drawn over [0, 1] for a probability; for a mean,
    over the interval and the bounds.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    with drawing():
        into = figure(0.24, 1.5)
        at_least, weak = row["at_least"], row["at_least"] - row["tolerance"]
        low, high = _ends(row)

        def at(value: float) -> float:
            return 0.03 + 0.94 * min(max((value - low) / (high - low), 0.0), 1.0)

        def line(x: list[float], y: list[float], **style: Any) -> None:
            into.add_artist(Line2D([at(v) for v in x], y, **style))

        line([low, high], [0.5, 0.5], color=INK, lw=0.4, alpha=0.5)
        into.add_artist(
            Rectangle(
                (at(weak), 0.25), at(at_least) - at(weak), 0.5, lw=0, facecolor=INK, alpha=0.15
            )
        )
        line([weak, weak], [0.2, 0.8], color=INK, lw=0.7)
        line([at_least, at_least], [0.02, 0.98], color=INK, lw=1.0)
        if row.get("estimate") is not None:
            color = COLORS.get(str(row.get("verdict")), INK)
            line([row["lower"], row["upper"]], [0.5, 0.5], color=color, lw=2.0)
            line([row["estimate"]], [0.5], color=color, ls="", marker="o", ms=4)
    return into


def interval_words(row: Row) -> str:
    """The same for those who cannot see it: figures as tables print them, rounded outward."""
    from mrpcheck.tables.cells import estimate  # late: most figures need no tables

    claimed = f"at least {row['at_least']:g} claimed, tolerance {row['tolerance']:g}"
    if row.get("estimate") is None:
        return f"no estimate; {claimed}"
    figure, _, ends = estimate(dict(row)).partition(" ")
    return f"{figure} in {ends}; {claimed}"


def _ends(row: Row) -> tuple[float, float]:
    if row.get("bounds") is None:
        return 0.0, 1.0
    names = ("lower", "upper", "estimate")
    known = [float(row[name]) for name in names if row.get(name) is not None]
    known += [row["at_least"], row["at_least"] - row["tolerance"]]
    room = 0.1 * (max(known) - min(known)) or 1.0
    return min(known) - room, max(known) + room
