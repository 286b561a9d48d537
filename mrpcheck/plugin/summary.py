"""The header and the terminal summary: a row a claim, each kind apart, and what it all cost."""

from __future__ import annotations

import math
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mrpcheck.diagrams import picture, tally
from mrpcheck.merging import cut_off
from mrpcheck.plugin.wording import MARKUP, command, printable, resume_command, word
from mrpcheck.tables.cells import detects, estimate, hits, setups_judged
from mrpcheck.tables.outcome import GROUPS, outcome
from mrpcheck.tables.setting import refuted_at

__all__ = ["header_lines", "print_summary"]

Row = dict[str, Any]

TITLE = (
    f"{'verdict':<10} {'setups':>7} {'hits/trials':>11} {'estimate [interval]':>21} "
    f"{'detects':>8}  claim"
)


def header_lines(manifest: Row) -> list[str]:
    """What a run's verdicts depend on."""
    budget, levels, workers = manifest["budget"], manifest["levels"], manifest["workers"]
    torch = manifest["versions"]["torch"] or "not installed"
    processes = "1 process" if workers == 1 else f"{workers} processes"
    step = manifest.get("step", "torch")  # runs recorded earlier knew no other
    device = f"{manifest['device']} ({'torch' if step == 'torch' else 'native'} step)"
    run = f"{device}, {processes} of 1 thread, seed {manifest['seed']}"
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
    """Print the claims, those known to fail, maps, controls, what came of all, and the cost."""
    by_kind = {kind: [row for row in rows if row["kind"] == kind] for kind in GROUPS}
    for kind, group in by_kind.items():
        if group or kind == "claim":
            terminal.write_sep("=" if kind == "claim" else "-", GROUPS[kind].lower())
        if kind == "claim" and group:
            terminal.write_line(f"  {TITLE}")
        if group:
            (_print_maps if kind == "diagram" else _print_files)(terminal, group)
    for line in textwrap.wrap(outcome(rows), _width()):
        terminal.write_line(line, bold=True)
    for row in by_kind["control"]:
        if not row["expected"]:
            terminal.write_line(
                f"CONTROL NOT REFUTED: {row['claim']}. This run has no power.", red=True, bold=True
            )
    _print_reach(terminal, by_kind["claim"])
    _print_edited(terminal, rows)
    _print_cost(terminal, manifest)
    _print_end(terminal, rows, manifest, folder)


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


def _print_maps(terminal: Any, rows: Sequence[Row]) -> None:
    """Each map in letters, below what its cells came to."""
    for row in rows:
        drawn = picture(row)
        cells = f": {tally(row['diagram']['verdicts'])}" if drawn else ""
        terminal.write(f"  {row['verdict']:<10}", **_markup(row))
        terminal.write_line(f" {row['claim']}{cells}")
        for line in drawn:
            terminal.write_line(f"    {line}")
        for line in _remarks(row):
            _print_wrapped(terminal, line)
    terminal.write_line(
        "S SUPPORTED, R REFUTED, . UNDECIDED: the error levels are each cell's own, not the map's"
    )


def _print_wrapped(terminal: Any, text: str) -> None:
    """A remark over as many lines as the terminal's width asks for; commands stay whole."""
    if text.startswith(("again: ", "script: ")):
        terminal.write_line(f"    {text}")
        return
    for line in textwrap.wrap(
        text, _width(), initial_indent="    ", subsequent_indent="      ", break_long_words=False
    ):
        terminal.write_line(line)


def _width() -> int:
    return max(60, shutil.get_terminal_size((100, 24)).columns) - 1


def _markup(row: Row) -> dict[str, bool]:
    unexpected = row["error"] or not row["expected"]
    return {"red": True} if unexpected else MARKUP[word(row)]


def _figures(row: Row) -> str:
    shown = hits(row) or "-", estimate(row) or "-", detects(row)
    return "{:>7} {:>11} {:>21} {:>8}".format(setups_judged(row), *shown)


def _remarks(row: Row) -> list[str]:
    """What the figures do not say: a counterexample, or why there is no verdict."""
    lines = []
    if (found := refuted_at(row)) is not None:
        lines.append(f"{'refuted at' if row['named'] else 'smallest setup'}: {found}")
    if row.get("remembered"):
        lines.append(f"an earlier counterexample ({row['remembered']}), confirmed afresh")
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
    if row.get("edited"):
        times = "once" if row["edited"] == 1 else f"{row['edited']} times"
        lines.append(
            f"edited {times} since seed {row['seed']} was first used: its error rates need a "
            "fresh seed (--mrp-seed ...)"
        )
    if row["counterexample_text"] is not None or not row["expected"]:
        lines.append(f"again: {command(row)}")
    return lines


def _measured(row: Row) -> Iterator[str]:
    """Means at the setup that the figures are of, and over the panel, or all that are named."""
    every = "all" if row["named"] else "panel"
    for name, mean in row["measures"].items():
        panel = row["measures_panel"].get(name)
        alone = row["named"] and row["setups"] == 1
        tail = "" if panel is None or alone else f" ({every} {panel:.3g})"
        yield f"{name} {'-' if mean is None else f'{mean:.3g}'}{tail}"


def _needed(row: Row) -> str:
    if row["needed"] is None:
        return ""
    name = "P" if row["bounds"] is None else f"the {row['quantity']}"
    return f"; if {name} were {row['estimate']:.3f}, {row['needed']} trials would likely decide"


def _print_reach(terminal: Any, claims: Sequence[Row]) -> None:
    """How far SUPPORTED goes: a share of the regime, for each claim on its own."""
    supported = [r for r in claims if r["verdict"] == "SUPPORTED" and r["share"] is not None]
    shares = {(r["setups"], r["share"]) for r in supported}
    for setups, share in sorted(shares):
        shown = math.floor(100 * share)  # a lower bound is never rounded up
        terminal.write_line(
            f"SUPPORTED at a panel of {setups}: it holds in at least {shown}% of its regime, "
            "at 95 % confidence for each claim"
        )
    if any(row["detectable"] is not None for row in claims):
        terminal.write_line(
            "detects: the largest P (or mean) at which judging a setup once refutes in 80 % of runs"
        )


def _print_edited(terminal: Any, rows: Sequence[Row]) -> None:
    """How many claims were edited on their seed; and whether anybody can know."""
    edited = sum(bool(row.get("edited")) for row in rows)
    if edited:
        terminal.write_line(
            f"edited since their seed was first used: {edited} of {len(rows)} claims",
            yellow=True,
        )
    if any(row.get("edited", 0) is None for row in rows):
        terminal.write_line(
            ".mrpcheck/claims.jsonl = not writable, but should be: whether claims are edited until "
            "their seed agrees goes unnoticed",
            yellow=True,
        )


def _print_cost(terminal: Any, manifest: Row) -> None:
    asked, trained = manifest["asked"], manifest["trained"]
    if asked:
        shared = 1 - (trained - manifest.get("in_vain", 0)) / asked
        terminal.write_line(
            f"trainings asked for: {asked}; trained: {trained} ({shared:.0%} from the store)"
        )
    if any(note.startswith("cluster: ") for note in manifest["notes"]):
        terminal.write_line(
            f"asked for ahead of their turn, and in vain so far: {manifest['in_vain']} trainings "
            f"(kept in the store); blocks lost and asked for again: {manifest['lost']}"
        )
    if peak := manifest.get("peak_memory"):
        gpu = manifest.get("peak_gpu_memory")
        more = f", {gpu / 1e9:.2f} GB of a GPU's" if gpu else ""
        terminal.write_line(f"peak memory: {peak / 1e9:.2f} GB a process{more}")


def _print_end(terminal: Any, rows: Sequence[Row], manifest: Row, folder: Path) -> None:
    if manifest["ended"] != "completed":
        terminal.write_line(f"the run was not completed: {manifest['ended']}", yellow=True)
    if any(cut_off(row) for row in rows) and manifest["ended"] != "still under way":
        terminal.write_line(f"to go on: {printable(resume_command(manifest, folder))}")
    terminal.write_line(f"report: {folder}")
