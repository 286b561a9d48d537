"""A status on a terminal while a command is at work; nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mrpcheck.pages import plain

__all__ = ["waiting"]


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """Show `what` is being done, on standard error; takes what is to be shown next."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console
    from rich.text import Text

    with Console(file=sys.stderr).status(Text(plain(what))) as status:
        yield lambda text: status.update(Text(plain(text)))
