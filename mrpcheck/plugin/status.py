"""A live picture at the end of a terminal: a bar for the run, and one for each claim under way."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.live import Live

__all__ = ["Bar", "StatusLine", "fresh_line", "status_line", "uncaptured"]

QUIET = 1.0  # seconds without a word from pytest, after which the picture comes (back)
WIDTH = 16  # of a bar


@dataclass(frozen=True)
class Bar:
    """One line: what is under way, how much of it is done (0 to 1), and what is to be said."""

    name: str
    done: float
    text: str


class StatusLine:
    """Redraws in place; gone, without a trace, before pytest prints again.

    The line that pytest has left open is drawn with it, and put back when it goes.

    picture  what to draw, asked anew several times a second
    """

    def __init__(
        self, config: pytest.Config, console: Console, picture: Callable[[], Sequence[Bar]]
    ) -> None:
        self.config = config
        self.console = console
        self.picture = picture
        self.live: Live | None = None
        self._line = ""  # what pytest wrote since its last newline
        self._wrote = time.monotonic()
        self._lock = threading.RLock()
        self._writer: Any = config.get_terminal_writer()
        self._write = self._writer.write
        vars(self._writer)["write"] = self._make_way

    def draw(self) -> None:
        """Draw, if pytest is quiet."""
        from rich.live import Live

        with self._lock:
            if self.live is not None or time.monotonic() - self._wrote < QUIET:
                return
            self._settle()
            self.console.file.write("\r")
            self.live = Live(
                get_renderable=self._drawn, console=self.console, transient=True,
                redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            self.live.start(refresh=True)

    def stop(self) -> None:
        """Take the picture away."""
        with self._lock:
            if self.live is not None:
                self.live.stop()
                self.live = None
                self.console.file.write(self._line)
                self.console.file.flush()

    def close(self) -> None:
        """Take it away for good."""
        with self._lock:
            self.stop()
            vars(self._writer).pop("write", None)
            self.console.file.close()

    def _settle(self) -> None:
        """Let out what pytest wrote; a line that is wider than the terminal cannot be put back."""
        with uncaptured(self.config):
            if self._writer.width_of_current_line >= self.console.width:
                self._writer.line()
            self._writer.flush()

    def _make_way(self, text: str, *rest: Any, **markup: Any) -> None:
        """In the place of the writer's own `write`."""
        with self._lock:
            self.stop()
            self._write(text, *rest, **markup)
            self._wrote = time.monotonic()
            markup.pop("flush", None)
            _, newline, last = text.rpartition("\n")
            shown = self._writer.markup(last, **markup) if last else ""
            self._line = shown if newline else self._line + shown
            self._line = self._line.rpartition("\r")[2]

    def _drawn(self) -> Group:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1), expand=False)
        table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(width=WIDTH)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for bar in self.picture():
            drawn = ProgressBar(
                total=1.0, completed=min(bar.done, 1.0), width=WIDTH,
                complete_style="cyan", finished_style="cyan",
            )  # fmt: skip
            table.add_row(Text(bar.name), drawn, Text(bar.text))
        line = self._line
        return Group(Text.from_ansi(line), table) if line else Group(table)


def status_line(config: pytest.Config, picture: Callable[[], Sequence[Bar]]) -> StatusLine | None:
    """A status line where pytest prints to a terminal that nothing else prints to; None elsewhere.

    It writes to its own copy of the terminal, since pytest captures what tests print.
    """
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or not terminal.isatty or config.getoption("capture") != "fd":
        return None
    try:
        copy = os.dup(sys.__stdout__.fileno() if sys.__stdout__ else 1)
    except (OSError, ValueError):
        return None
    from rich.console import Console

    console = Console(
        file=os.fdopen(copy, "w", encoding="utf-8"), force_terminal=True,
        no_color=not config.get_terminal_writer().hasmarkup,
    )  # fmt: skip
    if not console.is_dumb_terminal:
        return StatusLine(config, console, picture)
    console.file.close()
    return None


def fresh_line(config: pytest.Config) -> None:
    """End a line that pytest has left open, also one that only xdist knows of."""
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    terminal.ensure_newline()
    if config.get_terminal_writer().width_of_current_line:
        terminal.line("")


@contextmanager
def uncaptured(config: pytest.Config) -> Iterator[None]:
    """pytest's own way to print in the middle of a test."""
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    if capture is None:
        yield
        return
    with capture.global_and_fixture_disabled():
        yield
