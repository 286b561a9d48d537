"""The colour of pytest's last line: green where everything came out as it should."""

from __future__ import annotations

from typing import Any

from mrpcheck.plugin.wording import MARKUP

__all__ = ["color_last_line"]

GOOD = {
    word.lower(): markup for word, markup in MARKUP.items() if markup.keys() & {"green", "cyan"}
}  # the categories that pytest does not know, and so would colour yellow


def color_last_line(terminal: Any) -> None:
    """Let this one reporter know that a claim SUPPORTED, or refuted as expected, is good news.

    pytest asks plugins for the colour of a test, but not for that of its last line.
    """
    build = getattr(terminal, "build_summary_stats_line", None)
    if build is None:
        return

    def colored() -> Any:
        parts, color = build()
        unknown = {name for name in terminal.stats if name} - {"passed", "deselected", *GOOD}
        if color == "yellow" and not unknown and GOOD.keys() & terminal.stats.keys():
            color = "green"
        return [(text, _markup(text, color) or markup) for text, markup in parts], color

    terminal.build_summary_stats_line = colored


def _markup(text: str, color: str) -> dict[str, bool] | None:
    good = GOOD.get(text.partition(" ")[2])
    return good and {**good, "bold": color in good}
