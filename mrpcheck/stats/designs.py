"""What a walk will cost and what it can see, exactly, before any trial is paid for.

For means (`bounds` given) everything is said of the two-point distribution at the bounds, whose
variance is the largest that a quantity within them can have; `true_p` is then the true mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .betting import log_wealth_of_counts
from .budget import Levels
from .eprocess import log_e_refute, log_e_support
from .means import check_mean
from .stopping import Floats, rejects
from .walk import check_probability

__all__ = [
    "Operating",
    "detectable",
    "most_hits_suspected",
    "operating",
    "refusal",
    "trials_to_decide",
    "trials_without_miss",
]

Bounds = tuple[float, float] | None
Counts = npt.NDArray[np.int64]
LogE = Callable[[npt.ArrayLike, npt.ArrayLike], Floats]


@dataclass(frozen=True)
class Operating:
    """How a walk ends at one true probability: rates, and mean and deviation of its trials."""

    supported: float
    refuted: float
    undecided: float
    mean_trials: float
    sd_trials: float


def trials_without_miss(
    at_least: float, tolerance: float, level: float, every: int = 1, bounds: Bounds = None
) -> int:
    """Trials that support the claim when none misses (or all take the upper bound).

    >>> [trials_without_miss(0.9, 0.1, a) for a in (0.05, 0.05 / 64)]
    [20, 41]
    >>> trials_without_miss(0.9, 0.1, 0.05 / 64, every=16)
    48
    """
    log_e, _ = _evidence(at_least, tolerance, bounds)
    first, last = 0, 1
    while not rejects(log_e(last, last), level):
        first, last = last, 2 * last
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (first, middle) if rejects(log_e(middle, middle), level) else (middle, last)
    return -(-last // every) * every


def most_hits_suspected(
    at_least: float, tolerance: float, level: float = 0.001, trials: int = 16, bounds: Bounds = None
) -> int | None:
    """The most hits among `trials` at which `screen` calls a setup suspect; None: it never does."""
    _, log_e = _evidence(at_least, tolerance, bounds)
    hits = np.flatnonzero(rejects(log_e(np.arange(trials + 1), trials), level))
    return int(hits[-1]) if hits.size else None


def operating(
    at_least: float,
    tolerance: float,
    levels: Levels,
    true_p: float,
    every: int = 16,
    most: int = 1024,
    bounds: Bounds = None,
) -> Operating:
    """How the walk ends when the true probability (or mean) is `true_p`: no simulation."""
    supported, refuted = _endings(at_least, tolerance, levels, true_p, every, most, bounds)
    looks = every * np.arange(1, len(supported) + 1)
    stop = supported + refuted
    undecided = max(0.0, 1 - float(stop.sum()))
    stop[-1] += undecided
    mean = float(stop @ looks)
    deviation = math.sqrt(max(0.0, float(stop @ (looks - mean) ** 2)))
    return Operating(float(supported.sum()), float(refuted.sum()), undecided, mean, deviation)


def trials_to_decide(
    at_least: float,
    tolerance: float,
    levels: Levels,
    true_p: float,
    every: int = 16,
    power: float = 0.8,
    cap: int = 8192,
    bounds: Bounds = None,
) -> int | None:
    """Trials within which a verdict falls with probability `power`; None: more than `cap`."""
    ended = sum(_endings(at_least, tolerance, levels, true_p, every, cap, bounds))
    enough = np.flatnonzero(np.cumsum(ended) >= power)
    return every * (int(enough[0]) + 1) if enough.size else None


@lru_cache(maxsize=256)
def detectable(
    at_least: float,
    tolerance: float,
    levels: Levels,
    every: int = 16,
    most: int = 1024,
    power: float = 0.8,
    bounds: Bounds = None,
) -> float | None:
    """The largest true P (or mean) that is REFUTED with probability `power` within `most`.

    Found to a ten-thousandth of the range, rounded away from at_least; None: there is none.
    """
    bottom, top = bounds or (0.0, 1.0)

    def found(true_p: float) -> bool:
        return operating(at_least, tolerance, levels, true_p, every, most, bounds).refuted >= power

    if not found(bottom):
        return None
    low, high = bottom, at_least
    while high - low > 1e-4 * (top - bottom):
        middle = (low + high) / 2
        low, high = (middle, high) if found(middle) else (low, middle)
    return low


def refusal(
    at_least: float,
    tolerance: float,
    levels: Levels,
    every: int = 16,
    most: int = 1024,
    bounds: Bounds = None,
) -> str | None:
    """Why `most` trials cannot support the claim even without a miss; None when they can."""
    needed = trials_without_miss(at_least, tolerance, levels.false_support, every, bounds)
    if needed <= most:
        return None
    shown = "P" if bounds is None else "mean"
    weak = round(at_least - tolerance, 12) + 0.0
    worst = detectable(at_least, tolerance, levels, every, most, bounds=bounds)
    seen = "" if worst is None else f"; they refute {shown} <= {worst:.3g} in 80 % of runs"
    return (
        f"most = {most} trials, but should be at least {needed}: even without a miss, fewer "
        f"cannot show {shown} > {weak:g} at level {levels.false_support:.2g}{seen} "
        f"[at_least {at_least:g}, tolerance {tolerance:g}]"
    )


def _evidence(at_least: float, tolerance: float, bounds: Bounds) -> tuple[LogE, LogE]:
    """Log e-values for and against the claim, as functions of hits and trials."""
    if bounds is None:
        check_probability(at_least, tolerance, "designs")
        return (
            lambda k, n: log_e_support(k, n, at_least, tolerance),
            lambda k, n: log_e_refute(k, n, at_least, tolerance),
        )
    check_mean(at_least, tolerance, bounds, "designs")
    low, high = bounds
    strong, weak = ((b - low) / (high - low) for b in (at_least, at_least - tolerance))
    return (
        lambda k, n: log_wealth_of_counts(k, n, weak, strong),
        lambda k, n: log_wealth_of_counts(np.subtract(n, k), n, 1 - strong, 1 - weak),
    )


@lru_cache(maxsize=256)
def _boundaries(
    at_least: float, tolerance: float, levels: Levels, every: int, most: int, bounds: Bounds
) -> tuple[Counts, Counts]:
    """At each look, the fewest hits that support and the fewest that do not refute."""
    support, refute = _evidence(at_least, tolerance, bounds)
    looks = every * np.arange(1, most // every + 1)
    return (
        _fewest(lambda k: rejects(support(k, looks), levels.false_support), looks),
        _fewest(lambda k: ~rejects(refute(k, looks), levels.false_refute), looks),
    )


def _fewest(holds: Callable[[Counts], npt.NDArray[np.bool_]], looks: Counts) -> Counts:
    """The fewest hits for which `holds`, at each look, by bisection; looks + 1 where none do."""
    low, high = np.full_like(looks, -1), looks + 1
    while np.any(high - low > 1):
        middle = (low + high) // 2
        good = holds(np.clip(middle, 0, looks)) & (middle >= 0)
        low, high = np.where(good, low, middle), np.where(good, middle, high)
    return np.asarray(high, dtype=np.int64)


def _endings(
    at_least: float, tolerance: float, levels: Levels, true_p: float,
    every: int, most: int, bounds: Bounds,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Probability of ending SUPPORTED and REFUTED at each look, by dynamic programming."""
    low, high = bounds or (0.0, 1.0)
    p = (true_p - low) / (high - low)
    if not 0 <= p <= 1:
        raise ValueError(f"true_p = {true_p:g}, but should be in [{low:g}, {high:g}] [designs]")
    supports, tenable = _boundaries(at_least, tolerance, levels, every, most, bounds)
    block = np.array(
        [math.comb(every, j) * p**j * (1 - p) ** (every - j) for j in range(every + 1)]
    )
    alive, ended = np.ones(1), np.zeros((2, len(supports)))
    for look, (up, down) in enumerate(zip(supports, tenable, strict=True)):
        alive = np.convolve(alive, block)  # (hits,)
        up = max(up, down)  # rejected both ways is refuted
        ended[:, look] = alive[up:].sum(), alive[:down].sum()
        alive[up:] = alive[:down] = 0
    return ended[0], ended[1]
