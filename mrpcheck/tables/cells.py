"""What a row of a table says of a claim, in words and figures, whatever the table is made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mrpcheck.diagrams import tally
from mrpcheck.merging import evidence
from mrpcheck.plugin.wording import word
from mrpcheck.tables.gaps import gaps
from mrpcheck.tables.outcome import outcome

if TYPE_CHECKING:
    from mrpcheck.showing import Reading

__all__ = [
    "HEADS",
    "at_twice",
    "cells",
    "detects",
    "estimate",
    "hits",
    "mapped",
    "notes",
    "setups_judged",
]

Row = dict[str, Any]

HEADS = (
    "verdict", "claim", "claimed", "estimate [interval]", "hits/trials", "setups", "detects",
    "seconds",
)  # fmt: skip


def notes(run: Reading) -> list[str]:
    """What must be known beside the table: what came out, no power, no end, records missing."""
    found = [outcome(run.rows)]
    found += [
        f"CONTROL NOT REFUTED: {row['claim']}. This run has no power."
        for row in run.rows
        if row["kind"] == "control" and not row["expected"]
    ]
    if run.manifest["ended"] != "completed":
        found.append(f"The run was not completed: {run.manifest['ended']}.")
    return [*found, *(said for _, said in gaps(run.rows, evidence(run.folder)))]


def cells(row: Row) -> dict[str, str]:
    """The text of each column; `claim` is the statement, or the name where there is none."""
    return {
        "verdict": _verdict(row),
        "claim": row["statement"] or row["claim"].rpartition("::")[2],
        "claimed": f"{row['quantity']} >= {row['at_least']:g}",
        "estimate [interval]": mapped(row) or estimate(row) or row.get("reason") or "-",
        "hits/trials": hits(row) or "-",
        "setups": setups_judged(row),
        "detects": detects(row),
        "seconds": f"{row['seconds']:.1f}",
    }


def at_twice(row: Row, lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """What came out at twice the steps, in full where it is not the same verdict again.

    `lines` are those of the claim's evidence that are of that stage; [] where there are none.
    """
    if row["stable"]:
        return ["the same verdict"]
    terms = {name: row[name] for name in ("bounds", "quantity")}
    found = [{**line, **terms} for line in lines]
    return [f"{line['verdict']}: {hits(line)}, {estimate(line)}" for line in found]


def setups_judged(row: Row) -> str:
    """Setups judged and, where there are any, those screened beside them."""
    return f"{row['setups']}+{row['screened']}" if row["screened"] else f"{row['setups']}"


def hits(row: Row) -> str:
    """Hits of trials; of a mean, what it is the mean of. Empty where there are none."""
    if row["estimate"] is None:
        return ""
    return f"{row['quantity'].split()[0] if row['hits'] is None else row['hits']}/{row['trials']}"


def detects(row: Row) -> str:
    """The discrepancy that would have been seen."""
    if row["estimate"] is None or row["detectable"] is None:
        return ""
    return f"<={row['detectable']:.{_digits(row)}f}"


def estimate(row: Row) -> str:
    """The estimate and its interval, rounded outward; empty where there is none."""
    if row["estimate"] is None:
        return ""
    digits = _digits(row)
    unit = 10**digits
    lower, upper = math.floor(row["lower"] * unit) / unit, math.ceil(row["upper"] * unit) / unit
    return f"{row['estimate']:.{digits}f} [{lower:.{digits}f}, {upper:.{digits}f}]"


def mapped(row: Row) -> str:
    """How many cells of a map have which verdict; empty for every other claim."""
    diagram = row.get("diagram")
    verdicts = diagram.get("verdicts") if isinstance(diagram, dict) else None
    return tally([str(v) for v in verdicts]) if isinstance(verdicts, list) else ""


def _digits(row: Row) -> int:
    """Small quantities need more."""
    low, high = row["bounds"] or (0.0, 1.0)
    return max(3, 2 - math.floor(math.log10(high - low)))


def _verdict(row: Row) -> str:
    """The word, and whether it is not the one that it should be."""
    if row["error"]:
        return f"{word(row)} (error)"
    return word(row) if row["expected"] else f"{word(row)} (unexpected)"
