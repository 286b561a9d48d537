"""How commands read their words: what is wrong in one sentence, an example in every help."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from mrpcheck.pages import plain

__all__ = ["LATEST", "Parser", "add_command", "add_run", "check_out", "complain"]

LATEST = Path("reports/latest")

Run = Callable[[argparse.Namespace], tuple[str, int]]


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, where argparse would repeat its usage first."""

    def error(self, message: str) -> NoReturn:
        """End with the sentence, and with 2."""
        self.exit(complain(f"{message} [{self.prog} --help]"))


def complain(what: object) -> int:
    """Print one sentence; the exit status of what could not be done."""
    print(f"mrpcheck: {plain(str(what))}", file=sys.stderr)
    return 2


def add_command(add: Any, name: str, run: Run, help: str, examples: str, status: str) -> Any:
    """A command's parser; `status` says when it exits with 0 and with 1."""
    more = "\n".join(f"  {line}" for line in examples.splitlines())
    title = "example" if "\n" not in examples else "examples"
    status = f"exit status: {status}; 2 where it cannot be done, and why."
    epilog = f"{title}:\n{more}\n\n{textwrap.fill(status, 78)}"
    parser = add(
        name, help=help, description=f"{help[0].upper()}{help[1:]}.", epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(command=run)
    return parser


def check_out(path: Path | None) -> None:
    """Raise ValueError, a sentence, where a file cannot lie: no folder is made for it."""
    if path is not None and not path.parent.is_dir():
        wanted = "but should be a file to write in a folder that is there"
        raise ValueError(f"--out = {path}, {wanted}")


def add_run(parser: argparse.ArgumentParser, latest: bool = True) -> None:
    """The folder of a run; the latest one where none is named, if `latest`."""
    if latest:
        text = f"the folder of a run, finished or killed (default {LATEST})"
        parser.add_argument("run", metavar="RUN", type=Path, nargs="?", default=LATEST, help=text)
    else:
        parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
