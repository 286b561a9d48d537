"""The pictures of a trace by name; a new one is a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mrpcheck.figures import activations, alignment, comparison, correlations, losses
from mrpcheck.figures.drawing import drawing, figure
from mrpcheck.figures.pictures import Picture, Table
from mrpcheck.traces import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PICTURES", "draw", "names", "numbers"]

PICTURES: Mapping[str, Picture] = {
    "correlations": correlations.PICTURE,
    "alignment": alignment.PICTURE,
    "losses": losses.PICTURE,
    "activations": activations.PICTURE,
    "comparison": comparison.PICTURE,
}


def names(trace: Trace) -> list[str]:
    """The pictures that the trace has what it takes for."""
    return [name for name, picture in PICTURES.items() if picture.there(trace)]


def draw(trace: Trace, name: str) -> Figure:
    """One picture, at the width of a paper's text."""
    picture = PICTURES[name]
    with drawing():
        into = figure(picture.height(trace))
        picture.draw(trace, into)
    return into


def numbers(trace: Trace, name: str) -> Table:
    """The numbers of a picture: columns, and rows of text, numbers and None."""
    return PICTURES[name].numbers(trace)
