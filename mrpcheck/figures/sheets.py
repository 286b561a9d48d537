"""A sheet: all pictures of one setup under each other, for a paper's appendix."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from mrpcheck.figures.drawing import LABEL, SMALL, WIDTH, drawing, figure, say
from mrpcheck.figures.gallery import PICTURES, names
from mrpcheck.traces import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["heading", "sheet"]

LINE, TITLE, GAP = 0.125, 0.2, 0.06  # inches


def sheet(trace: Trace) -> Figure:
    """Every picture that the trace has, with its title, under the setup in words."""
    lines = [part for text in heading(trace) for part in textwrap.wrap(text, 118)[:6]]
    top = 0.1 + LINE * len(lines)
    chosen = [PICTURES[name] for name in names(trace)]
    heights = [TITLE + picture.height(trace) + GAP for picture in chosen]
    with drawing():
        whole = figure(top + sum(heights) or 1.0, WIDTH)
        say(whole, 0.06, 0.06, "\n".join(lines), fontsize=SMALL, linespacing=1.35)
        grid = whole.add_gridspec(
            1 + 2 * len(chosen), 1, left=0, right=1, top=1, bottom=0, hspace=0,
            height_ratios=[top, *(h for height in heights for h in (TITLE, height - TITLE))],
        )  # fmt: skip
        for place, picture in enumerate(chosen):
            title = whole.add_subfigure(grid[1 + 2 * place])
            say(title, 0.06, 0.06, picture.title, fontsize=LABEL, fontweight="bold")
            picture.draw(trace, whole.add_subfigure(grid[2 + 2 * place]))
    return whole


def heading(trace: Trace) -> list[str]:
    """What the sheet is of."""
    whose = trace.claim or (f"the heart of {trace.regime}" if trace.what == "heart" else "")
    what = "counterexample of " if trace.what == "counterexample" else ""
    first = trace.trials.get("first", 0)
    source = f"trial {first} of stream {trace.trials.get('stream', '?')}, " + (
        f"seed {trace.trials.get('seed', '?')}; r = {trace.threshold:g}"
    )
    until = f"pretrained to {trace.until}" if trace.until else ""
    texts = (what + whose, trace.words, source, until, trace.note)
    return list(dict.fromkeys(text for text in texts if text))
