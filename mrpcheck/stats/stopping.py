"""Deciding at the first look that rejects a null, and inverting the tests into an interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from .budget import Levels
from .judgement import Judgement, Verdict

__all__ = ["Decision", "conclude", "decide", "interval", "looks_at", "rejects"]

Floats = npt.NDArray[np.float64]

RESOLUTION: Final = 1e-7  # of an interval's ends, as a share of the range; rounded outward


@dataclass(frozen=True, eq=False)
class Decision:
    """Where a path was decided.

    verdict            None while undecided with budget left
    looks              how many looks were taken, the deciding one included
    support, refute    log e-value at each of them: (look,)
    above, below       whether P <= at_least - tolerance and P >= at_least were rejected
    """

    verdict: Verdict | None
    looks: int
    support: Floats
    refute: Floats
    above: bool
    below: bool


def rejects(log_e: Floats, level: float) -> npt.NDArray[np.bool_]:
    """Whether each log e-value rejects its null at `level`."""
    return np.asarray(log_e >= -math.log(level))


def looks_at(path: Floats, every: int, most: int) -> npt.NDArray[np.intp]:
    """The numbers of trials after which a path of outcomes, (trial,), is looked at."""
    if path.ndim != 1:
        raise ValueError(f"outcomes.ndim = {path.ndim}, but should be 1, one value a trial [stats]")
    if every < 1 or most < every:
        raise ValueError(f"every, most = {every}, {most}, but should be 1 <= every <= most [stats]")
    return np.arange(every, min(len(path), most) + 1, every, dtype=np.intp)


def decide(support: Floats, refute: Floats, levels: Levels, last: int) -> Decision:
    """Stop at the first look at which a null is rejected, or at the `last`-th.

    Should both be rejected at the same look (the truth lies between the boundaries), the claim
    is REFUTED.
    """
    above, below = rejects(support, levels.false_support), rejects(refute, levels.false_refute)
    stops = np.flatnonzero(above | below)
    if not stops.size:
        verdict: Verdict | None = "UNDECIDED" if len(support) >= last else None
        return Decision(verdict, len(support), support, refute, False, False)
    end = int(stops[0])
    return Decision(
        "REFUTED" if below[end] else "SUPPORTED",
        end + 1,
        support[: end + 1],
        refute[: end + 1],
        bool(above[end]),
        bool(below[end]),
    )


def interval(
    decision: Decision,
    too_low: Callable[[float], bool],
    too_high: Callable[[float], bool],
    between: tuple[float, float],
    bounds: tuple[float, float],
) -> tuple[float, float]:
    """The values within `bounds` that are neither too low nor too high, rounded outward.

    `between` holds the claim's two boundaries, at which the decision is taken as it stands. The
    tests are monotone (`too_low` from true to false, `too_high` from false to true), so
    bisection finds their ends.
    """
    (bottom, top), (weak, strong) = bounds, between
    step = RESOLUTION * (top - bottom)
    if decision.above:
        lower = max(_last(too_low, weak, top, step), math.nextafter(weak, top))
    else:
        lower = _last(too_low, bottom, weak, step)
    if decision.below:
        upper = min(_last(too_high, strong, bottom, step), math.nextafter(strong, bottom))
    else:
        upper = _last(too_high, top, strong, step)
    return lower, upper


def _last(holds: Callable[[float], bool], start: float, end: float, step: float) -> float:
    """The last point seen, on the way from `start` to `end`, at which `holds` is still true."""
    while abs(end - start) > step:
        middle = (start + end) / 2
        start, end = (middle, end) if holds(middle) else (start, middle)
    return start


def conclude(
    decision: Decision,
    ends: tuple[float, float],
    claim: tuple[float, float],
    trials: int,
    hits: int | None,
    estimate: float | None,
) -> Judgement:
    """The judgement that a decision and its interval make; e-values are 1 before any look."""

    def largest(logs: Floats) -> float:
        return min(float(logs.max()), 1e9) if logs.size else 0.0

    return Judgement(
        verdict=decision.verdict,
        trials=trials,
        hits=hits,
        estimate=estimate,
        lower=ends[0],
        upper=ends[1],
        log_e_support=largest(decision.support),
        log_e_refute=largest(decision.refute),
        last_log_e_support=largest(decision.support[-1:]),
        last_log_e_refute=largest(decision.refute[-1:]),
        at_least=claim[0],
        tolerance=claim[1],
    )
