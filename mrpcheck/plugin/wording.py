"""Words for verdicts: letters and categories, and what a failing claim says."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from mrpcheck.tables.setting import refuted_at

__all__ = ["command", "complaint", "printable", "resume_command", "status", "word"]

Row = dict[str, Any]

MARKUP = {
    "SUPPORTED": {"green": True},
    "REFUTED": {"red": True},
    "REFUTED AS EXPECTED": {"green": True},
    "UNDECIDED": {"yellow": True},
    "NOT JUDGED": {"yellow": True},
    "MAPPED": {"cyan": True},
}
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"

LETTERS = {
    "SUPPORTED": "S",
    "REFUTED": "R",
    "REFUTED AS EXPECTED": "r",
    "UNDECIDED": "U",
    "NOT JUDGED": "n",
    "MAPPED": "m",
}


def word(row: Row) -> str:
    """The verdict as shown: REFUTED AS EXPECTED for a control or a refuted claim."""
    if row["verdict"] == "REFUTED" and row["kind"] != "claim":
        return "REFUTED AS EXPECTED"
    return str(row["verdict"])


def status(row: Row, failed: bool) -> tuple[str, str, tuple[str, dict[str, bool]]]:
    """Category, letter and word for pytest; what fails the run is counted as failed."""
    shown = word(row)
    letter = "E" if row["error"] else LETTERS[shown]
    if failed:
        return "failed", letter, (shown, {"red": True})
    return shown.lower(), letter, (shown, MARKUP[shown])


def command(row: Row) -> str:
    """What runs this claim again."""
    return f"pytest '{row['claim']}' --mrp-seed {row['seed']} --mrp-profile {row['profile']}"


def resume_command(manifest: Row, folder: Path) -> str:
    """What goes on with a run that was cut off: as it was started, and --mrp-resume."""
    words = [str(word) for word in manifest.get("command", ())[1:]]
    kept = [
        word
        for before, word in zip(["", *words], words, strict=False)
        if not {before, word, word.partition("=")[0]} & {"--mrp-report", "--mrp-resume"}
    ]
    return shlex.join(["pytest", *kept, "--mrp-resume", _near(folder)])


def _near(folder: Path) -> str:
    """The folder from where we are, if it lies below."""
    path = os.path.relpath(folder)
    return str(folder) if path.startswith("..") else path


def printable(value: Any) -> Any:
    """Text that steers no terminal, throughout a record that somebody else may have made."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() or c == "\n" else UNPRINTABLE for c in value)
    if isinstance(value, dict):
        return {printable(k): printable(v) for k, v in value.items()}
    return [printable(v) for v in value] if isinstance(value, list) else value


def complaint(row: Row, strict: bool, folder: Path) -> str | None:
    """Why the claim fails the run; None where it does not."""
    if row["error"]:
        return f"UNDECIDED: {row['error']}\nagain, with the traceback: {command(row)} -v"
    if not row["expected"]:
        return _refuted(row, folder) if row["kind"] == "claim" else _not_refuted(row)
    if strict and row["verdict"] == "UNDECIDED":
        return f"UNDECIDED, and --mrp-strict: {row['text']}\nagain: {command(row)}"
    return None


def _refuted(row: Row, folder: Path) -> str:
    lines = [f"REFUTED: {row['text']}"]
    if row["statement"]:
        lines.append(f"claim: {row['statement']}")
    if found := refuted_at(row):
        lines.append(f"{'refuted at' if row['named'] else 'smallest setup'}: {found}")
    lines += [f"outside its regime: {violation}" for violation in row["violations"]]
    if row["float64"]:
        lines.append(f"in float64: {row['float64']}")
    if row["stable"] is not None:
        lines.append(f"at twice the steps: {'the same' if row['stable'] else 'NOT the same'}")
    if row["script"]:
        lines.append(f"script: {folder / row['script']}")
    return "\n".join([*lines, f"again: {command(row)}"])


def _not_refuted(row: Row) -> str:
    if row["kind"] == "control":
        first = "CONTROL NOT REFUTED: this run has no power; trust none of its verdicts"
    else:
        first = f"NO LONGER REFUTED, though expected to be, because {row['because']}"
    return "\n".join([first, f"{row['verdict']}: {row['text']}", f"again: {command(row)}"])
