"""How the evidence of a claim grew with its trials, recomputed from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mrpcheck.report.contents import Contents, Row
from mrpcheck.stats import Levels, MeanWalk, Walk

__all__ = ["Growth", "growths", "thresholds"]

JUDGED = ("panel", "named", "control", "confirm")
MOST = 4  # setups shown: the deciding one, and the worst beside it


@dataclass(frozen=True)
class Growth:
    """Log e-values of one setup at each look: (look,) each; `line` is its line of evidence."""

    line: Row
    deciding: bool
    trials: list[int]
    support: list[float]
    refute: list[float]


def growths(contents: Contents, row: Row) -> list[Growth]:
    """Of the setup that the verdict rests on, and of the worst others that were judged."""
    if row["kind"] == "diagram" or not contents.manifest["profile"].get("judges", True):
        return []
    lines = [line for line in contents.lines.get(row["claim"], ()) if line["stage"] in JUDGED]
    deciding = _deciding(row, lines)
    worst = sorted(
        (line for line in lines if line is not deciding),
        key=lambda line: (_or(line["upper"]), _or(line["lower"]), line["stage"], line["index"]),
    )
    chosen = ([] if deciding is None else [deciding]) + worst
    found = [_growth(contents, row, line, line is deciding) for line in chosen[:MOST]]
    return [growth for growth in found if growth is not None]


def thresholds(contents: Contents) -> tuple[float, float]:
    """The log e-values at which a claim is SUPPORTED and REFUTED at a setup."""
    levels = contents.manifest["levels"]
    return -math.log(levels["false_support"]), -math.log(levels["false_refute"])


def _deciding(row: Row, lines: Sequence[Row]) -> Row | None:
    figures = ("stage", "trials", "hits", "estimate", "lower", "upper")
    return next((line for line in lines if all(line[f] == row[f] for f in figures)), None)


def _growth(contents: Contents, row: Row, line: Row, deciding: bool) -> Growth | None:
    """None where the trials are missing, or are none of this claim's."""
    course = contents.courses.get((line["claim"], line["stage"], line["index"]))
    profile = contents.manifest["profile"]
    if course is None:
        return None
    try:
        walk = _walk(row, contents)
        decision = walk.decide(course.outcomes, profile["every"], profile["most"])
    except (ValueError, TypeError, LookupError):
        return None
    trials = [profile["every"] * (i + 1) for i in range(decision.looks)]
    return Growth(line, deciding, trials, decision.support.tolist(), decision.refute.tolist())


def _walk(row: Row, contents: Contents) -> Walk | MeanWalk:
    named = contents.manifest["levels"]
    levels = Levels(named["false_support"], named["false_refute"])
    if row["bounds"] is None:
        return Walk(row["at_least"], row["tolerance"], levels)
    low, high = row["bounds"]
    return MeanWalk(row["at_least"], row["tolerance"], (low, high), levels)


def _or(value: float | None) -> float:
    return math.inf if value is None else value
