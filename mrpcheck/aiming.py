"""Where to look next: the point that could be the worst, given how bad the ones seen were.

A Gaussian process over points in the unit cube; the scores count by their ranks alone, so neither
their unit nor an outlier matters. Origin: upper confidence bounds (Srinivas et al., ICML 2010,
arXiv:0912.3995) stated; scale, noise and candidates ours, chosen on planted needles.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

__all__ = ["aim"]

Floats = npt.NDArray[np.float64]

REACH = 0.3  # how far one score speaks, a square root of the number of coordinates
NOISE = 0.1  # variance of a score's noise, that of the scores being 1
ANYWHERE, NEAR, ENDS = 400, 200, 200  # candidates
STEP, MOVED, ENDED = 0.2, 0.4, 0.3  # deviation of a near step; shares of coordinates that change


def aim(points: Floats, scores: Floats, rng: np.random.Generator) -> Floats:
    """The candidate with the largest mean plus deviation; points: (case, coordinate) in [0, 1]."""
    values, found = _normal(scores), _candidates(points[int(np.argmax(scores))], rng)
    near = _kernel(found, points)
    weights = np.linalg.solve(
        _kernel(points, points) + NOISE * np.eye(len(points)), np.column_stack([values, near.T])
    )
    mean, spread = near @ weights[:, 0], 1 - (near * weights[:, 1:].T).sum(axis=1)
    return np.asarray(found[int(np.argmax(mean + np.sqrt(np.maximum(spread, 0.0))))])


def _normal(scores: Floats) -> Floats:
    """The normal quantile of each score's rank; ties share theirs."""
    ordered = np.sort(scores)
    below, upto = (np.searchsorted(ordered, scores, side) for side in ("left", "right"))
    return np.asarray(ndtri((below + upto) / (2 * len(scores))))


def _candidates(worst: Floats, rng: np.random.Generator) -> Floats:
    """Points anywhere, points near the worst one seen, and its projections to the cube's faces."""
    size = len(worst)
    steps = rng.normal(0, STEP, (NEAR, size)) * (rng.random((NEAR, size)) < MOVED)
    corners = rng.integers(0, 2, (ENDS, size))
    ended = np.where(rng.random((ENDS, size)) < ENDED, corners, worst)
    return np.clip(np.vstack([rng.random((ANYWHERE, size)), worst + steps, ended]), 0, 1)


def _kernel(a: Floats, b: Floats) -> Floats:
    squares = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    return np.asarray(np.exp(-squares / (2 * REACH**2 * a.shape[1])))
