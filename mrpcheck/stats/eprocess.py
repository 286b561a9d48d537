"""Evidence against P <= b and against P >= b from hits in trials, valid at any stopping time.

Each e-process is half the likelihood ratio of a design point against the boundary b, half the
Beta(1/2, 1/2) mixture truncated to the alternative, against b. Under its null its running maximum
reaches 1 / level with probability at most level (Ville). Both halves are monotone in the hits, so
the boundary is the worst case of the composite null. In b an e-value is monotone wherever it is
2 or more, so at levels below 1/2 bisection inverts it into an interval.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaln, xlog1py, xlogy

__all__ = ["log_e_above", "log_e_below", "log_e_refute", "log_e_support"]

Floats = npt.NDArray[np.float64]

_TINY = 1e-290  # below it betainc has lost digits, or underflowed


def log_e_support(
    hits: npt.ArrayLike, trials: npt.ArrayLike, at_least: float, tolerance: float
) -> Floats:
    """Log e-value against P <= at_least - tolerance, broadcast over `hits` and `trials`.

    >>> float(np.exp(log_e_support(20, 20, 0.9, 0.1)).round(1))
    23.6
    """
    return log_e_above(hits, trials, at_least - tolerance, at_least)


def log_e_refute(
    hits: npt.ArrayLike, trials: npt.ArrayLike, at_least: float, tolerance: float
) -> Floats:
    """Log e-value against P >= at_least, broadcast over `hits` and `trials`.

    With at_least = 1 the null says that no trial ever misses: one miss makes it infinite.
    """
    return log_e_below(hits, trials, at_least, at_least - tolerance)


def log_e_above(
    hits: npt.ArrayLike, trials: npt.ArrayLike, boundary: float, design: float
) -> Floats:
    """Log e-value against P <= boundary < 1, half of it betting on P = design > boundary."""
    k, n = _counts(hits, trials)
    return log_e_below(n - k, n, 1 - boundary, 1 - design)


def log_e_below(
    hits: npt.ArrayLike, trials: npt.ArrayLike, boundary: float, design: float
) -> Floats:
    """Log e-value against P >= boundary > 0, half of it betting on P = design < boundary."""
    k, n = _counts(hits, trials)
    null = xlogy(k, boundary) + xlog1py(n - k, -boundary)
    ratio = xlogy(k, design) + xlog1py(n - k, -design) - null
    prior = np.log(2 * np.arcsin(np.sqrt(boundary)))  # B(1/2, 1/2) Pr(X < boundary)
    mixture = _log_beta_below(k + 0.5, n - k + 0.5, boundary) - prior - null
    return np.asarray(np.logaddexp(ratio, mixture) - np.log(2), dtype=np.float64)


def _counts(hits: npt.ArrayLike, trials: npt.ArrayLike) -> tuple[Floats, Floats]:
    k, n = np.asarray(hits, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if np.any(k < 0) or np.any(k > n):
        raise ValueError(f"hits = {k} of {n}, but should be in [0, trials] [stats]")
    return k, n


def _log_beta_below(a: Floats, b: Floats, x: float) -> Floats:
    """log of the integral of t^(a-1) (1-t)^(b-1) over 0 < t < x, far into the tail."""
    share = np.asarray(betainc(a, b, x))
    far = share < _TINY
    logs = np.asarray(betaln(a, b) + np.log(np.where(far, 1.0, share)))
    if np.any(far):
        a, b = np.broadcast_arrays(a, b)
        logs[far] = _log_beta_tail(a[far], b[far], x)
    return logs


def _log_beta_tail(a: Floats, b: Floats, x: float) -> Floats:
    """The same where x is far below a / (a + b): a continued fraction (modified Lentz).

    Abramowitz and Stegun 26.5.8; all its terms have one sign there, and few are needed.
    """
    d = 1 / (1 - (a + b) * x / (a + 1))
    c, fraction = np.ones_like(a), d.copy()
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        before = fraction.copy()
        for term in (even, odd):
            c, d = 1 + term / c, 1 / (1 + term * d)
            fraction *= c * d
        if np.all(np.abs(fraction / before - 1) < 1e-14):
            break
    return np.asarray(xlogy(a, x) + xlog1py(b, -x) - np.log(a) + np.log(fraction))
