"""A status line that stays at the bottom of a terminal while a claim is being judged."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

__all__ = ["StatusLine", "status_line"]


class StatusLine:
    """Redraws one line in place; gone, without a trace, before pytest prints again."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live: Live | None = None

    def show(self, text: str, newline: Callable[[], None]) -> None:
        """Show `text`; `newline` ends the line that pytest left open."""
        from rich.live import Live
        from rich.text import Text

        line = Text(f"[{text}]", style="cyan", no_wrap=True, overflow="ellipsis")
        if self.live is None:
            newline()
            self.live = Live(
                line, console=self.console, transient=True,
                redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            self.live.start()
        else:
            self.live.update(line)

    def stop(self) -> None:
        """Take the line away."""
        if self.live is not None:
            self.live.stop()
            self.live = None


def status_line(config: pytest.Config) -> StatusLine | None:
    """A status line where pytest prints to a terminal; None elsewhere.

    It writes to its own copy of the terminal, since pytest captures what tests print.
    """
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or not terminal.isatty:
        return None
    try:
        copy = os.dup(sys.__stdout__.fileno() if sys.__stdout__ else 1)
    except (OSError, ValueError):
        return None
    from rich.console import Console

    console = Console(file=os.fdopen(copy, "w", encoding="utf-8"), force_terminal=True)
    return StatusLine(console)
