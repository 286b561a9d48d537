"""`Picture`: one way to look at a trace, as a drawing and as a table of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mrpcheck.traces import Trace

if TYPE_CHECKING:
    from mrpcheck.figures.drawing import Paper

__all__ = ["Picture", "Table", "rounded"]

Table = tuple[list[str], list[list[Any]]]  # columns; rows of text, numbers and None


@dataclass(frozen=True)
class Picture:
    """One way to look at a trace.

    title    what it shows, in a few words
    caption  how to read it
    there    whether the trace has what it takes
    height   in inches, at the width of a paper's text
    draw     draws it into an empty figure of that size, or into a part of a sheet
    numbers  its numbers, few enough for a page
    about    what the caption adds about this very trace
    """

    title: str
    caption: str
    there: Callable[[Trace], bool]
    height: Callable[[Trace], float]
    draw: Callable[[Trace, Paper], None]
    numbers: Callable[[Trace], Table]
    about: Callable[[Trace], str] | None = None

    def legend(self, trace: Trace) -> str:
        """The caption, with what is to be said of this trace."""
        return self.caption if self.about is None else f"{self.caption} {self.about(trace)}"


def rounded(value: Any) -> float | None:
    """Four significant digits; None for what is no number."""
    number = float(value)
    return float(f"{number:.4g}") if math.isfinite(number) else None
