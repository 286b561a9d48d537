"""Codebooks: k-means over patches or their features, and the nearest code of each as its token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.vq import kmeans, vq

from mrpcheck.late import torch
from mrpcheck.products import product

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["fit_codebook", "nearest_codes"]

STARTS = 4  # of k-means, the best of which is kept: one alone may split a feature in two
CANDIDATES = 4  # for each code at a start


def fit_codebook(rows: np.ndarray, codes: int, rng: np.random.Generator) -> np.ndarray:
    """The means of k-means, (code, unit), over rows (row, unit): the best of 4 starts.

    Each start is that of greedy k-means++ (Arthur, Vassilvitskii, SODA 2007). Where rows have fewer
    distinct values than there are codes, the last codes repeat the first one and are nobody's
    nearest.

    Raises ValueError where there are fewer rows than codes.
    """
    if not 2 <= codes <= len(rows):
        raise ValueError(
            f"codes = {codes!r}, but should be at least 2 and at most the {len(rows)} patches "
            "[fit_codebook]"
        )
    rows = np.nan_to_num(np.asarray(rows, dtype=np.float64), posinf=0, neginf=0)
    found = [kmeans(rows, _spread(rows, codes, rng))[0] for _ in range(STARTS)]
    best = min(found, key=lambda codebook: float((vq(rows, codebook)[1] ** 2).sum()))
    return np.concatenate([best, np.repeat(best[:1], codes - len(best), axis=0)])


def _spread(rows: np.ndarray, codes: int, rng: np.random.Generator) -> np.ndarray:
    """Rows to start from: of a few candidates each, the one that explains most of what is left.

    A candidate is drawn in proportion to its square distance from the rows chosen before.
    """
    chosen = [int(rng.integers(len(rows)))]
    distance = ((rows - rows[chosen[0]]) ** 2).sum(1)
    while len(chosen) < codes:
        ends = distance.cumsum()
        drawn = np.searchsorted(ends, rng.random(CANDIDATES) * ends[-1], side="right")
        drawn = np.minimum(drawn, len(rows) - 1)
        left = np.minimum(((rows[drawn][:, None] - rows) ** 2).sum(2), distance)
        best = int(left.sum(1).argmin())
        chosen.append(int(drawn[best]))
        distance = left[best]
    return rows[chosen]


def nearest_codes(rows: Tensor, codebook: Tensor) -> Tensor:
    """The number of each row's nearest code, (trial, row); the first of equally near ones.

    rows (trial, row, unit), codebook (trial, code, unit).
    """
    scores = product(rows, codebook.mT) - 0.5 * (codebook * codebook).sum(2)[:, None]
    return torch.argmax(scores, 2)
