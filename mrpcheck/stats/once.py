"""The mean of a bounded quantity from n i.i.d. values that are looked at once, all together.

Two gamblers bet against "the mean is at most m" with half of the wealth each: one stakes all of it
on every value, the other as much as the spread of the values before suggests, at most `CAP`.
Waudby-Smith and Ramdas, JRSS B 2024 (arXiv:2010.09686), section 4.2; origin: the second gambler
stated, the half of the first one ours (it wins most where values lie close together).

Each factor is nonnegative, has mean at most 1 under the null, and falls in m, so Markov's
inequality bounds the error and bisection finds the end.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["mean_interval"]

Floats = npt.NDArray[np.float64]

CAP = 0.75
HALVINGS = 40


def mean_interval(
    values: npt.ArrayLike, bounds: tuple[float, float], level: float
) -> tuple[float, float]:
    """Where the mean lies, but for an error of `level`, half of it on each side.

    Holds for every distribution within `bounds`; values: (trial,), in an order that they did not
    choose. The mean of the values lies in it.

    >>> lower, upper = mean_interval([0.9, 1.0] * 8, (0.0, 1.0), 0.05)
    >>> round(lower, 2), round(upper, 2)
    (0.74, 1.0)
    """
    raw, (low, high) = np.asarray(values, dtype=np.float64), bounds
    if raw.ndim != 1 or not raw.size or not ((raw >= low) & (raw <= high)).all():
        raise ValueError(
            f"values = {raw!r:.60}, but should be numbers in [{low:g}, {high:g}], one value a "
            "trial [mean_interval]"
        )
    path, span = (raw - low) / (high - low), high - low
    lower, upper = low + span * _least(path, level / 2), high - span * _least(1 - path, level / 2)
    mean = float(raw.mean())
    return min(lower, mean), max(upper, mean)


def _least(path: Floats, level: float) -> float:
    """The largest mean that is rejected as too low, for values in [0, 1]; 0 where none is."""
    start, end, bets = 0.0, 1.0, _bets(path, level)
    for _ in range(HALVINGS):
        middle = (start + end) / 2
        start, end = (middle, end) if _rejects(path, bets, middle, level) else (start, middle)
    return start


def _bets(path: Floats, level: float) -> Floats:
    """What the second gambler bets on each value, in units of 1: from the values before it."""
    count = np.arange(1, path.size + 1)
    means = (0.5 + np.cumsum(path)) / (count + 1)
    spread = np.cumsum((path - means) ** 2)
    variance = (0.25 + np.concatenate([[0.0], spread[:-1]])) / count
    return np.asarray(np.sqrt(-2 * math.log(level) / (path.size * variance)))


def _rejects(path: Floats, bets: Floats, mean: float, level: float) -> bool:
    """Whether the wealth against `mean` reaches 1 / level."""
    stakes = np.stack([np.ones_like(path), np.minimum(bets * mean, CAP)])
    with np.errstate(divide="ignore"):
        logs = np.log(1 - stakes + stakes * path / mean).sum(1)
    return bool(np.logaddexp(*logs) - math.log(2) >= -math.log(level))
