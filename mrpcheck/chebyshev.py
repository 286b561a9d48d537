"""Coefficients of a Runge-Kutta-Chebyshev step of order 2, stable over long negative spectra.

Sommeijer, Shampine and Verwer (1997), RKC: s gradients reach over a stable length of 0.65 s^2 per
largest curvature, where s steps of an ordinary pair reach over less than s. Made for flows whose
fast directions have settled and only the slow ones still move, as when features wait their turn.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.polynomial.chebyshev import Chebyshev

__all__ = ["coefficients", "counts", "table"]

DAMPING = 2 / 13
REACH = 0.653  # the stable length is this times s^2
SPARE = 1.25  # the largest curvature is estimated from below


def counts(length: np.ndarray) -> np.ndarray:
    """The fewest stages that are stable over steps of `length` in units of 1 / curvature."""
    return np.maximum(2, np.ceil(np.sqrt(1 + SPARE * np.nan_to_num(length) / REACH))).astype(int)


def table(stages: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The coefficients of trials with `stages` each (0: none), as columns to multiply by.

    The first stage's, (trial, 1), and those of all later ones, (stage, 5, trial, 1); a trial that
    has fewer stages than another stays where it is after them.
    """
    later = np.zeros((max(stages.max() - 1, 0), 5, len(stages), 1))
    later[:, 1] = 1.0
    first = np.zeros((len(stages), 1))
    for trial, count in enumerate(stages):
        if count:
            first[trial], rows = coefficients(int(count))
            later[: count - 1, :, trial, 0] = rows
    return first, later


@lru_cache(maxsize=256)
def coefficients(stages: int) -> tuple[float, np.ndarray]:
    """The first stage's coefficient, and five of each later one, (stage, 5).

    Y_1 = Y_0 + first h F_0; Y_j = rest Y_0 + mu Y_(j-1) + nu Y_(j-2) + late h F_(j-1) + early h F_0
    with (rest, mu, nu, late, early) for j = 2 to s; F the slope of time.
    """
    w0 = 1 + DAMPING / stages**2
    values = np.empty((3, stages + 1))
    for order in range(stages + 1):
        polynomial = Chebyshev.basis(order)
        for row in range(3):
            values[row, order] = polynomial.deriv(row)(w0) if row else polynomial(w0)
    t, t1, t2 = values
    w1 = t1[stages] / t2[stages]
    b = np.empty(stages + 1)
    b[2:] = t2[2:] / t1[2:] ** 2
    b[:2] = b[2]
    a = 1 - b * t
    later = []
    for j in range(2, stages + 1):
        late = 2 * b[j] * w1 / b[j - 1]
        mu, nu = 2 * b[j] * w0 / b[j - 1], -b[j] / b[j - 2]
        later.append((1 - mu - nu, mu, nu, late, -a[j - 1] * late))
    return float(b[1] * w1), np.array(later)
