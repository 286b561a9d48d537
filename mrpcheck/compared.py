"""Runs side by side as a page of text, and as Markdown for committing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from mrpcheck.comparing import Comparison, Line, compare_runs
from mrpcheck.pages import Page
from mrpcheck.showing import Reading, read_run, readable
from mrpcheck.tables.markdown import literal, table

__all__ = ["compare"]

Row = dict[str, Any]

TITLE = f"{'verdict':<10} {'estimate [interval]':>22} {'trials':>6} {'seconds':>7}"


def compare(folders: Sequence[Path], markdown: Path | None = None) -> tuple[str, int]:
    """The runs side by side, and 1 where a verdict worsened from the first to a later one."""
    if len(folders) > len(ascii_uppercase):
        raise ValueError(f"runs = {len(folders)}, but should be at most {len(ascii_uppercase)}")
    with readable(folders[0]):
        compared = compare_runs([read_run(folder) for folder in folders])
        text, table = _page(compared), _markdown(compared)
    if markdown is not None:
        _write(markdown, table)
    return text, int(bool(compared.worsened))


def _page(compared: Comparison) -> str:
    page, names = Page(), ascii_uppercase[: len(compared.runs)]
    for name, run in zip(names, compared.runs, strict=True):
        facts = ", ".join(f"{word} {fact}" for word, fact in _facts(run).items())
        page.write_line(f"{name}: {run.folder}: {facts}")
    for note in compared.notes:
        page.write_line(note, yellow=True)
    page.write_sep("=", "claims")
    page.write_line("  " + "  | ".join(f"{name} {TITLE}" for name in names) + "  | claim")
    file = None
    for line in compared.lines:
        if line.claim.partition("::")[0] != file:
            file = line.claim.partition("::")[0]
            page.write_line(file)
        page.write("  " + "  | ".join(f"  {_figures(row)}" for row in line.rows))
        page.write(f"  | {line.claim.partition('::')[2]}")
        remark = _remark(line, names)
        page.write_line(f": {remark}" if remark else "", red=line.worsened)
    page.write_line(_end(compared), red=bool(compared.worsened), green=not compared.worsened)
    return str(page)


def _facts(run: Reading) -> dict[str, str]:
    """What made a run and what it cost, by the words of a table's head."""
    manifest = run.manifest
    with readable(run.folder):
        return {
            "torch": str(manifest["versions"]["torch"] or "not installed"),
            "python": str(manifest["versions"]["python"]),
            "device": str(manifest["device"]),
            "step": str(manifest.get("step", "torch")),
            "seed": str(manifest["seed"]),
            "profile": str(manifest["profile"]["name"]),
            "date": f"{datetime.fromisoformat(manifest['started']):%Y-%m-%d}",
            "seconds": f"{sum(row['seconds'] for row in run.rows):.0f}",
            "trainings": f"{manifest['asked']} ({manifest['trained']} trained)",
        }


def _figures(row: Row | None) -> str:
    if row is None:
        return f"{'-':<10} {'-':>22} {'-':>6} {'-':>7}"
    return (
        f"{row['verdict']:<10} {_estimate(row):>22} {row['trials']:>6} {row['seconds']:>7.1f}"
    )  # fmt: skip


def _estimate(row: Row) -> str:
    """The estimate and its interval, rounded outward."""
    if row["estimate"] is None:
        return "-"
    lower, upper = math.floor(row["lower"] * 1000) / 1000, math.ceil(row["upper"] * 1000) / 1000
    return f"{row['estimate']:.3f} [{lower:.3f}, {upper:.3f}]"


def _remark(line: Line, names: Sequence[str]) -> str:
    said = ((names[place], line.remark(place)) for place in range(1, len(line.rows)))
    return "; ".join(f"{remark} in {name}" for name, remark in said if remark)


def _end(compared: Comparison) -> str:
    there = [line for line in compared.lines if line.rows[0] is not None]
    missing = sum(None in line.rows for line in there)
    new = len(compared.lines) - len(there)
    text = f"{len(compared.worsened)} of {len(there)} verdicts worsened"
    text += f", {missing} of them missing" if missing else ""
    return f"{text}; {new} not in the first run" if new else text


def _markdown(compared: Comparison) -> str:
    """Runs, and then claims, in a table each: versions against claims."""
    names = ascii_uppercase[: len(compared.runs)]
    facts = [_facts(run) for run in compared.runs]
    heads = [f"{name}: torch {fact['torch']}" for name, fact in zip(names, facts, strict=True)]
    words = [word for word in facts[0] if word != "torch"]
    runs = [["run", *heads], *([word, *(fact[word] for fact in facts)] for word in words)]
    claims = [["claim", *heads, "remarks"]]
    for line in compared.lines:
        figures = [_cell(row) for row in line.rows]
        claims.append([line.claim, *figures, _remark(line, names)])
    notes = "\n".join(f"- {literal(note)}" for note in compared.notes)
    parts = [table(runs), notes, table(claims)]
    return "\n\n".join(part for part in [*parts, _end(compared)] if part) + "\n"


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    return f"{row['verdict']} {_estimate(row)}, {row['trials']} trials, {row['seconds']:.1f} s"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        wanted = "but should be a file to write"
        raise ValueError(f"--markdown = {path}, {wanted}: {error.strerror or error}") from None
