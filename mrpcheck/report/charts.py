"""Charts of a claim's setups, as plotly draws them in the reader's browser.

A chart names the columns that it draws (`meta.columns`, by the place they go to) in place of
holding them: the page holds each column of a claim once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

import plotly.graph_objects as go

from mrpcheck.report.growth import Growth
from mrpcheck.symbols import label

__all__ = ["THEMES", "Shade", "evidence", "growth", "pairs", "regime"]

Axis = tuple[str, bool]  # a hyperparameter, and whether its axis is logarithmic
Chart = dict[str, Any]

CELL, CELL_OF_PAIRS = 165, 260  # pixels a small chart takes at least; as many stand in a row as fit
INK = {"light": ("#1d2229", "#5b6470", "#e3e6ea"), "dark": ("#e8eaed", "#a3acb8", "#333a44")}
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C")
MARKED = {
    "marker.color": "color", "marker.symbol": "symbol", "text": "words", "customdata": "anchor",
}  # fmt: skip
SIDES = {"for": "support", "against": "refute"}
WORDS = ("SUPPORTED", "REFUTED")
AGAINST, BETWEEN, FOR = "#D55E00", "#A0A0A0", "#0072B2"  # as verdicts; seen on any paper
MANY = 8  # setups; more, and not each has its number at the axis
BESIDE = 88  # pixels at the right of a chart for the words of its lines
HOVER = "%{text}<extra></extra>"


@dataclass(frozen=True)
class Shade:
    """What the colours of points are of: against the claim below `middle`, for it above.

    `ends` are those of the scale; where there are none, it reaches as far from `middle` on either
    side as the points do.
    """

    title: str
    middle: float
    ends: tuple[float, float] | None = None

    @property
    def axis(self) -> Chart:
        """As plotly has it."""
        low, high = self.ends or (self.middle - 1, self.middle + 1)
        scale = [[0, AGAINST], [(self.middle - low) / (high - low), BETWEEN], [1, FOR]]
        bar = {"title": {"text": escape(self.title), "side": "right"}, "thickness": 10,
               "outlinewidth": 0}  # fmt: skip
        ends = {"cmin": low, "cmax": high} if self.ends else {"cmid": self.middle}
        return {"colorscale": scale, "colorbar": bar, **ends}


@lru_cache(maxsize=256)
def evidence(quantity: str, at_least: float, tolerance: float, setups: int) -> Chart:
    """Estimate and interval of every setup, from the lowest up, against what is claimed."""
    columns = {"x": "rank", "y": "estimate", "error_y.array": "above",
               "error_y.arrayminus": "below", **MARKED}  # fmt: skip
    points = go.Scatter(
        mode="markers", meta={"columns": columns}, hovertemplate=HOVER, marker_size=8,
        error_y={"type": "data", "symmetric": False, "thickness": 1.2, "width": 0,
                 "color": "#8C8C8C"},
    )  # fmt: skip
    figure = go.Figure(points)
    figure.update_layout(
        height=300, shapes=_bounds(at_least, tolerance), annotations=_said(at_least, tolerance),
        margin=_margin(right=BESIDE),
    )  # fmt: skip
    words = "setups, from the lowest estimate up" if setups > 1 else "the setup that was judged"
    figure.update_xaxes(title=words, showgrid=False, dtick=1 if setups <= MANY else None)
    figure.update_yaxes(title=escape(quantity))
    return _json(figure)


@lru_cache(maxsize=256)
def regime(axes: tuple[Axis, ...], quantity: str, at_least: float, tolerance: float) -> Chart:
    """The estimate at every setup against each hyperparameter that varies, in small charts."""
    figure, shapes = go.Figure(), []
    for i, (name, _) in enumerate(axes, 1):
        end = "" if i == 1 else str(i)
        columns = {"x": f"h {name}", "y": "estimate", **MARKED}
        figure.add_scatter(
            mode="markers", meta={"columns": columns}, xaxis=f"x{end}", yaxis=f"y{end}",
            hovertemplate=HOVER, marker_size=7,
        )  # fmt: skip
        shapes += _bounds(at_least, tolerance, end)
    figure.update_layout(shapes=shapes)
    return _gridded(figure, [(axis, (quantity, False)) for axis in axes], 150, CELL, matched=True)


@lru_cache(maxsize=256)
def pairs(axes: tuple[tuple[Axis, Axis], ...], shade: Shade | None) -> Chart:
    """Two hyperparameters at a time: signs are verdicts, colours what `shade` says, or verdicts."""
    figure, shaded = go.Figure(), {"coloraxis": "coloraxis"} if shade else {}
    for i, ((x, _), (y, _)) in enumerate(axes, 1):
        end = "" if i == 1 else str(i)
        columns = {**MARKED, "x": f"h {x}", "y": f"h {y}"}
        columns |= {"marker.color": "shade"} if shade else {}
        figure.add_scatter(
            mode="markers", meta={"columns": columns}, xaxis=f"x{end}", yaxis=f"y{end}",
            hovertemplate=HOVER, marker={"size": 9, **shaded},
        )  # fmt: skip
    if shade:
        figure.update_layout(coloraxis=shade.axis)
    return _gridded(figure, list(axes), 230, CELL_OF_PAIRS, matched=False)


def growth(grown: Sequence[Growth], ends: tuple[float, float], names: Sequence[str]) -> Chart:
    """Log e-values at every look: solid for the claim, dotted against it; dashed what decides."""
    frame = _growth_frame(tuple(each.deciding for each in grown), ends)
    pairs = [(name, each, side) for name, each in zip(names, grown, strict=True) for side in SIDES]
    traces = [
        {**empty, "name": f"{escape(name)}, {side}", "x": [0, *each.trials],
         "y": [0.0, *(_within(y, 3 * ends[1]) for y in getattr(each, SIDES[side]))]}
        for empty, (name, each, side) in zip(frame["data"], pairs, strict=True)
    ]  # fmt: skip
    low = max(min((min(trace["y"]) for trace in traces), default=0.0), -ends[1])
    high = max((max(trace["y"]) for trace in traces), default=0.0)
    upright = {**frame["layout"]["yaxis"], "range": [low - 1, max(1.25 * max(ends), high + 1)]}
    return {"data": traces, "layout": {**frame["layout"], "yaxis": upright}}


@lru_cache(maxsize=64)
def _growth_frame(deciding: tuple[bool, ...], ends: tuple[float, float]) -> Chart:
    figure = go.Figure()
    for i, decides in enumerate(deciding):
        for side, dash, symbol in (("for", "solid", "circle"), ("against", "dot", "circle-open")):
            figure.add_scatter(
                mode="lines+markers", marker={"size": 5, "symbol": symbol}, name=side,
                line={"color": OKABE_ITO[i], "dash": dash, "width": 2.6 if decides else 1.4},
            )  # fmt: skip
    figure.update_layout(
        height=340, hovermode="closest", showlegend=True, margin=_margin(right=BESIDE),
        legend={"orientation": "h", "y": -0.2, "yanchor": "top"},
        shapes=[_line(y, "dash") for y in ends],
        annotations=[_note(y, word) for y, word in zip(ends, WORDS, strict=True)],
        xaxis={"title": "trials", "rangemode": "tozero"}, yaxis={"title": "log e-value"},
    )  # fmt: skip
    return _json(figure)


def _gridded(
    figure: go.Figure, axes: Sequence[tuple[Axis, Axis]], height: int, cell: int, matched: bool
) -> Chart:
    """The small charts side by side; the page itself says how many columns its width has."""
    figure.update_layout(
        height=height, margin=_margin(), meta={"cells": len(axes), "cell": cell, "height": height},
        grid={"rows": 1, "columns": len(axes), "pattern": "independent",
              "xgap": 0.28, "ygap": 0.42},
    )  # fmt: skip
    for i, sides in enumerate(axes, 1):
        end = "" if i == 1 else str(i)
        for letter, (name, logarithmic) in zip("xy", sides, strict=True):
            axis = {
                "title": {"text": escape(label(name)), "standoff": 4},
                **({"type": "log", "dtick": 1} if logarithmic else {"nticks": 4}),
            }
            figure.layout[f"{letter}axis{end}"] = {**axis, "tickangle": 0}
        if matched and i > 1:
            figure.layout[f"yaxis{end}"].matches = "y"
    return _json(figure)


def _bounds(at_least: float, tolerance: float, end: str = "") -> list[Chart]:
    return [_line(at_least, "solid", end), _line(at_least - tolerance, "dash", end)]


def _line(y: float, dash: str, end: str = "") -> Chart:
    """A line across one chart at a height."""
    return {"type": "line", "xref": f"x{end} domain", "yref": f"y{end}", "x0": 0, "x1": 1,
            "y0": y, "y1": y, "line": {"width": 1, "dash": dash, "color": "#8C8C8C"},
            "layer": "below"}  # fmt: skip


def _said(at_least: float, tolerance: float) -> list[Chart]:
    weak = at_least - tolerance
    return [_note(at_least, f"claimed {at_least:.3g}", "bottom"),
            _note(weak, f"to be shown:<br>> {weak:.3g}", "top")]  # fmt: skip


def _note(y: float, text: str, side: str = "middle") -> Chart:
    """Words beside a line: above it, below it or level with it."""
    return {"x": 1, "xref": "paper", "xanchor": "left", "y": y, "yref": "y", "yanchor": side,
            "text": text, "align": "left", "showarrow": False, "xshift": 4,
            "font": {"size": 11}}  # fmt: skip


def _margin(right: int = 16) -> Chart:
    return {"l": 58, "r": right, "t": 14, "b": 46}


def _within(value: float, most: float) -> float:
    """Log e-values may be infinite, and far below what a chart need show."""
    return round(max(min(value, most), -most), 4)


def _json(figure: go.Figure) -> Chart:
    """The figure without plotly's own template: the page gives it one that fits its theme."""
    chart = figure.to_plotly_json()
    chart["layout"].pop("template", None)
    return {"data": chart["data"], "layout": chart["layout"]}


def _theme(ink: Sequence[str]) -> Mapping[str, Any]:
    text, soft, grid = ink
    axis = {"gridcolor": grid, "zeroline": False, "linecolor": soft, "tickcolor": soft,
            "ticks": "outside", "ticklen": 3, "showline": True, "automargin": True,
            "title": {"font": {"size": 12}}}  # fmt: skip
    layout = go.Layout(
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", colorway=OKABE_ITO,
        font={"color": text, "size": 12, "family": "system-ui, sans-serif"}, showlegend=False,
        xaxis=axis, yaxis=axis, hoverlabel={"align": "left", "font": {"size": 12}},
        coloraxis={"colorbar": {"tickcolor": soft}},
    )  # fmt: skip
    return {"layout": layout.to_plotly_json()}


THEMES = {name: _theme(ink) for name, ink in INK.items()}
