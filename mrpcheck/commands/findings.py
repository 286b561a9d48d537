"""`mrpcheck findings`: what runs answer to the questions of their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mrpcheck.commands.parsers import add_command
from mrpcheck.pages import plain

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """Say what it takes."""
    parser = add_command(
        commands, "findings", run, "what runs answer to the questions of their files, as Markdown",
        "mrpcheck findings reports/latest --out docs/findings.md",
        "0 when it is written, whatever the answers are",
    )  # fmt: skip
    parser.add_argument(
        "runs", metavar="RUN", type=Path, nargs="+", help="runs whose files ask a QUESTION"
    )
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="write it there (default: standard output)"
    )


def run(arguments: Any) -> tuple[str, int]:
    """The page, or where it was written."""
    from mrpcheck.findings import findings
    from mrpcheck.showing import read_run

    text = findings([read_run(run) for run in arguments.runs])
    if arguments.out is None:
        return plain(text), 0
    try:
        arguments.out.write_text(text, encoding="utf-8")
    except OSError as error:
        wanted = "but should be a file to write"
        raise ValueError(f"--out = {arguments.out}, {wanted}: {error.strerror or error}") from None
    return f"findings: {arguments.out}\n", 0
