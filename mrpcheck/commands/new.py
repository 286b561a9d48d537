"""`mrpcheck new`: a file with a claim and its control, to start from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from mrpcheck.commands.parsers import add_command

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """Say what it takes."""
    parser = add_command(
        commands, "new", run, "write a file with a claim and its control, which runs as it is",
        "mrpcheck new features_are_apart\n"
        "mrpcheck new features_are_apart --in conjectures",
        "0 when it is written",
    )  # fmt: skip
    parser.add_argument(
        "name", metavar="NAME", help="of the claim, a Python name: its result in words"
    )
    parser.add_argument(
        "--in", metavar="DIR", type=Path, dest="folder", default=Path("properties"),
        help="the folder for test_NAME.py, made if it is not there (default properties)",
    )  # fmt: skip


def run(arguments: Any) -> tuple[str, int]:
    """What to type next."""
    from mrpcheck.newfile import write_new

    file = write_new(arguments.name, arguments.folder)
    lines = [
        f"{file}: a claim and its control",
        f"what they would cost: mrpcheck plan {shlex.quote(str(file))}",
        f"what they come to:    pytest {shlex.quote(str(file))}",
    ]
    return "\n".join([*lines, ""]), 0
