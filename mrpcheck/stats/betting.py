"""Evidence about the mean of a quantity in [0, 1]: the wealth of a gambler who bets against m.

Against mean <= m the stake c in [0, 1] turns wealth by 1 - c + c x / m, whose mean is at most 1
under the null and which is never negative: any bounded distribution is admissible. Half the
wealth starts on the stake that is best for two-point values with the design mean, half is spread
evenly over `STAKES`. Waudby-Smith and Ramdas, JRSS B 2024 (arXiv:2010.09686), section 4; origin:
the capital process stated, the mixture of stakes ours.

Every factor falls in m at a fixed stake, and so does the design's, so the wealth is monotone in m
and inverting it needs bisection only.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["STAKES", "log_wealth_above", "log_wealth_below", "log_wealth_of_counts"]

Floats = npt.NDArray[np.float64]

STAKES: Final[tuple[float, ...]] = tuple(2.0**-i for i in range(8))


def log_wealth_above(values: Floats, looks: npt.ArrayLike, mean: float, design: float) -> Floats:
    """Log wealth against mean <= `mean` < `design` <= 1 after the first `looks` values in [0, 1].

    values: (trial,); looks: numbers of trials, at least 1; result: (look,). At mean = 0 the null
    says that every value is 0: one that is not makes the wealth infinite.
    """
    last = np.asarray(looks, dtype=np.intp) - 1
    if mean <= 0:
        return np.where(np.maximum.accumulate(values)[last] > 0, np.inf, 0.0)
    with np.errstate(divide="ignore"):
        factors = np.log(_factors(values, mean, design))  # (stake, trial)
    return _mix(np.cumsum(factors, axis=1)[:, last])


def log_wealth_below(values: Floats, looks: npt.ArrayLike, mean: float, design: float) -> Floats:
    """Log wealth against mean >= `mean` > `design` >= 0 after the first `looks` values."""
    return log_wealth_above(1 - values, looks, 1 - mean, 1 - design)


def log_wealth_of_counts(
    ones: npt.ArrayLike, trials: npt.ArrayLike, mean: float, design: float
) -> Floats:
    """`log_wealth_above` when `ones` of `trials` values were 1 and the others 0, broadcast."""
    k, n = np.broadcast_arrays(np.asarray(ones), np.asarray(trials))
    if mean <= 0:
        return np.where(k > 0, np.inf, 0.0)
    shape = (-1, *(1,) * k.ndim)
    with np.errstate(divide="ignore", invalid="ignore"):
        zero, one = np.log(_factors(np.array([0.0, 1.0]), mean, design)).T  # (stake,) each
        losses = np.where(n > k, (n - k) * zero.reshape(shape), 0.0)
    return _mix(k * one.reshape(shape) + losses)


def _factors(values: Floats, mean: float, design: float) -> Floats:
    """The factor of each stake, the design's first, on each value: (stake, trial)."""
    stakes = np.array([(design - mean) / (1 - mean), *STAKES])[:, None]
    return np.asarray(1 - stakes + stakes * (values / mean))


def _mix(logs: Floats) -> Floats:
    """Log of half the design's wealth (first row) and half the mean of the others."""
    spread = np.logaddexp.reduce(logs[1:], axis=0) - np.log(len(STAKES))
    return np.asarray(np.logaddexp(logs[0], spread) - np.log(2))
