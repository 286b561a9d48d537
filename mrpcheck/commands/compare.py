"""`mrpcheck compare`: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mrpcheck.commands.parsers import add_command

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """Say what it takes."""
    parser = add_command(
        commands, "compare", run, "verdicts, estimates and costs of runs, side by side",
        "mrpcheck compare reports/before reports/latest --markdown compared.md",
        "0 where no verdict worsened, 1 where one did",
    )  # fmt: skip
    parser.add_argument("first", metavar="RUN", type=Path, help="the run to compare with")
    parser.add_argument("later", metavar="RUN", type=Path, nargs="+", help="the others")
    parser.add_argument(
        "--markdown", metavar="FILE", type=Path, help="write the table there as Markdown too"
    )


def run(arguments: Any) -> tuple[str, int]:
    """A line a claim."""
    from mrpcheck.compared import compare

    return compare([arguments.first, *arguments.later], arguments.markdown)
