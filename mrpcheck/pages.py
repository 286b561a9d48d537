"""A page of text that takes what pytest's terminal reporter takes, colours included."""

from __future__ import annotations

import os
import shutil
import sys

__all__ = ["Page", "plain"]

CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Page:
    """Collects lines; `str(page)` is all of them."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._colored = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def __str__(self) -> str:
        return "".join(self._text)

    def write(self, text: str, **markup: bool) -> None:
        """Add text; a record that somebody else made must not steer the terminal it is shown on."""
        text = plain(text)
        codes = ";".join(CODES[name] for name, on in markup.items() if on)
        self._text.append(f"\x1b[{codes}m{text}\x1b[0m" if codes and self._colored else text)

    def write_line(self, text: str, **markup: bool) -> None:
        """Add a line."""
        self.write(text, **markup)
        self.write("\n")

    def write_sep(self, sep: str, title: str, **markup: bool) -> None:
        """Add a line across, with a title in its middle."""
        width = max(60, shutil.get_terminal_size((100, 24)).columns) - 1
        self.write_line(f" {title} ".center(width, sep), **markup)


def plain(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
