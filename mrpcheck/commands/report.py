"""`mrpcheck report`: a run as a page, as a table, or as lines for another viewer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mrpcheck.commands.parsers import add_command, add_run, check_out
from mrpcheck.commands.waiting import waiting
from mrpcheck.pages import plain

__all__ = ["add", "run"]

FORMATS = ("html", "md", "latex", "csv", "tyche")


def add(commands: Any) -> None:
    """Say what it takes."""
    parser = add_command(
        commands, "report", run, "write the report of a run again, or print it as a table",
        "mrpcheck report reports/latest\n"
        "mrpcheck report reports/latest --format latex --out claims.tex",
        "0 when it is written, whatever the claims came to (mrpcheck show tells that)",
    )  # fmt: skip
    add_run(parser)
    parser.add_argument(
        "--format", choices=FORMATS, default="html",
        help="html (default): RUN/report.html, and figures beside each counterexample's script; "
        "md: a table for GitHub; latex: a table of booktabs; csv: a row a claim, with the columns "
        "of mrpcheck.load(RUN).verdicts; tyche: a line a setup for the Tyche viewer",
    )  # fmt: skip
    parser.add_argument(
        "--out", metavar="FILE", type=Path,
        help="write it there, in a folder that is there (default: html into RUN, everything else "
        "to standard output)",
    )  # fmt: skip
    parser.add_argument(
        "--standalone", action="store_true",
        help="latex: a document that compiles alone, not a table to \\input",
    )  # fmt: skip


def run(arguments: Any) -> tuple[str, int]:
    """The text, or where it was written."""
    from mrpcheck import report
    from mrpcheck.showing import read_run

    a = arguments
    if a.standalone and a.format != "latex":
        raise ValueError(f"--standalone = with --format {a.format}, but should be with latex")
    check_out(a.out)
    reading = read_run(a.run)  # merges what a kill left
    with waiting(f"writing {a.format}"):
        if a.format == "html" and a.out is None:
            return f"report: {report.write(reading.folder)}\n", 0
        text = _text(a.format, reading, a.standalone)
    if a.out is None:
        return _shown(text), 0
    _write(a.out, text)
    return f"report: {a.out}\n", 0


def _text(format: str, run: Any, standalone: bool) -> str:
    """The run of a `Reading` in another format, imported when it is asked for."""
    if format == "md":
        from mrpcheck.tables.markdown import markdown

        return markdown(run)
    if format == "latex":
        from mrpcheck.tables.latex import latex

        return latex(run, standalone)
    if format == "csv":
        from mrpcheck.loading import load

        return str(load(run.folder).verdicts.to_csv(index=False))
    if format == "tyche":
        from mrpcheck.tyche import text

        return text(run.folder)
    from mrpcheck.report import html

    return html(run.folder)


def _shown(text: str) -> str:
    """What a record holds must not steer a terminal; a file gets every byte."""
    return plain(text) if sys.stdout.isatty() else text


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        wanted = "but should be a file to write"
        raise ValueError(f"--out = {path}, {wanted}: {error.strerror or error}") from None
