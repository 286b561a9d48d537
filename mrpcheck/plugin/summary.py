"""The header and the terminal summary: a row a claim, controls apart, and what it all cost."""

from __future__ import annotations

import math
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mrpcheck.plugin.wording import MARKUP, command, word

__all__ = ["header_lines", "print_summary"]

Row = dict[str, Any]

TITLE = f"{'verdict':<10} {'setups':>7} {'hits/trials':>11} {'estimate [interval]':>21}  claim"


def header_lines(manifest: Row) -> list[str]:
    """What a run's verdicts depend on."""
    budget, levels, workers = manifest["budget"], manifest["levels"], manifest["workers"]
    torch = manifest["versions"]["torch"] or "not installed"
    processes = "1 process" if workers == 1 else f"{workers} processes"
    run = f"{manifest['device']}, {processes} of 1 thread, seed {manifest['seed']}"
    each = f"{levels['false_support']:.2g} and {levels['false_refute']:.2g} each"
    rates = (
        f"{budget['false_support']:g} falsely SUPPORTED and "
        f"{budget['false_refute']:g} falsely REFUTED"
    )
    return [
        f"mrpcheck: torch {torch}, {run}, profile {manifest['profile']['name']}",
        f"error budget: {rates} over {budget['claims']} claims ({each})",
        *manifest["notes"],
    ]


def print_summary(terminal: Any, rows: Sequence[Row], manifest: Row, folder: Path) -> None:
    """Print the claims, then those expected to be REFUTED, then the cost and the folder."""
    claims = [row for row in rows if row["kind"] == "claim"]
    expected = [row for row in rows if row["kind"] != "claim"]
    terminal.write_sep("=", "claims")
    if claims:
        terminal.write_line(f"  {TITLE}")
        _print_files(terminal, claims)
    if expected:
        terminal.write_sep("-", "expected to be refuted")
        _print_files(terminal, expected)
    powerless = [r for r in expected if r["kind"] == "control" and not r["expected"]]
    for row in powerless:
        terminal.write_line(
            f"CONTROL NOT REFUTED: {row['claim']}. This run has no power.", red=True, bold=True
        )
    _print_reach(terminal, claims)
    _print_cost(terminal, manifest, folder)


def _print_files(terminal: Any, rows: Sequence[Row]) -> None:
    file = None
    for row in rows:
        if row["claim"].partition("::")[0] != file:
            file = row["claim"].partition("::")[0]
            terminal.write_line(file)
        terminal.write(f"  {row['verdict']:<10}", **_markup(row))
        terminal.write_line(f" {_figures(row)}  {row['claim'].partition('::')[2]}")
        for line in _remarks(row):
            _print_wrapped(terminal, line)


def _print_wrapped(terminal: Any, text: str) -> None:
    """A remark over as many lines as the terminal's width asks for; commands stay whole."""
    width = max(60, shutil.get_terminal_size((100, 24)).columns) - 1
    if text.startswith(("again: ", "script: ")):
        terminal.write_line(f"    {text}")
        return
    for line in textwrap.wrap(
        text, width, initial_indent="    ", subsequent_indent="      ", break_long_words=False
    ):
        terminal.write_line(line)


def _markup(row: Row) -> dict[str, bool]:
    unexpected = row["error"] or not row["expected"]
    return {"red": True} if unexpected else MARKUP[word(row)]


def _figures(row: Row) -> str:
    setups = f"{row['setups']}+{row['screened']}" if row["screened"] else f"{row['setups']}"
    if row["estimate"] is None:
        return f"{setups:>7} {'-':>11} {'-':>21}"
    hits = f"{'mean' if row['hits'] is None else row['hits']}/{row['trials']}"
    lower, upper = math.floor(row["lower"] * 1000) / 1000, math.ceil(row["upper"] * 1000) / 1000
    interval = f"{row['estimate']:.3f} [{lower:.3f}, {upper:.3f}]"
    return f"{setups:>7} {hits:>11} {interval:>21}"


def _remarks(row: Row) -> list[str]:
    """What the figures do not say: a counterexample, or why there is no verdict."""
    lines = []
    if row["counterexample_text"] is not None:
        lines.append(f"smallest setup: {row['counterexample_text']}")
    if row["violations"]:
        lines.append(f"outside its regime: {'; '.join(row['violations'])}")
    if row["script"]:
        lines.append(f"script: {row['script']}")
    if row["failed"]:
        lines.append(f"diverged: {row['failed']} of {row['asked']} trials, counted as misses")
    if row["measures"]:
        lines.append(f"measured: {', '.join(_measured(row))}")
    if row["stable"] is False:
        lines.append("NOT stable: twice the steps change the verdict")
    if row["verdict"] == "UNDECIDED":
        lines.append(f"{row['error'] or row['reason']}{_needed(row)}")
    if row["because"]:
        lines.append(f"because {row['because']}")
    if row["counterexample_text"] is not None or not row["expected"]:
        lines.append(f"again: {command(row)}")
    return lines


def _measured(row: Row) -> Iterator[str]:
    """Means at the setup that the figures are of, and over the panel where there is one."""
    for name, mean in row["measures"].items():
        panel = row["measures_panel"].get(name)
        tail = "" if panel is None else f" (panel {panel:.3g})"
        yield f"{name} {'-' if mean is None else f'{mean:.3g}'}{tail}"


def _needed(row: Row) -> str:
    if row["needed"] is None:
        return ""
    name = "P" if row["bounds"] is None else "the mean"
    return f"; if {name} were {row['estimate']:.3f}, {row['needed']} trials would likely decide"


def _print_reach(terminal: Any, claims: Sequence[Row]) -> None:
    """How far SUPPORTED goes: a share of the regime, for each claim on its own."""
    shares = {(r["setups"], r["share"]) for r in claims if r["verdict"] == "SUPPORTED"}
    for setups, share in sorted(shares):
        terminal.write_line(
            f"SUPPORTED at a panel of {setups}: it holds in at least {share:.0%} of its regime, "
            "at 95 % confidence for each claim"
        )


def _print_cost(terminal: Any, manifest: Row, folder: Path) -> None:
    asked, trained = manifest["asked"], manifest["trained"]
    if asked:
        shared = 1 - trained / asked
        terminal.write_line(
            f"trainings asked for: {asked}; trained: {trained} ({shared:.0%} from the store)"
        )
    if manifest["ended"] != "completed":
        terminal.write_line(f"the run was not completed: {manifest['ended']}", yellow=True)
    terminal.write_line(f"report: {folder}")
