"""How kernels start: rows of random directions by kind, all of one mean square.

Gaussian is the theorem's own. Every kind is made from the same Gaussian numbers, so that arms that
differ in the kind alone start from kernels that resemble each other as far as the kinds allow: the
uniform ones have the Gaussian ones' ranks, the sparse ones some of their entries, the orthogonal
ones are the same rows after Gram-Schmidt.

Source: Pan, Zhou, Yan (ICLR 2023), Gaussian; Glorot, Bengio (AISTATS 2010), uniform; Martens (ICML
2010), sparse: a fixed number of nonzero entries in each row; Saxe, McClelland, Ganguli (ICLR 2014),
orthogonal. Origin: Gaussian recalled; that the others have its mean square ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["KINDS", "SPARSE_SHARE", "start"]

SPARSE_SHARE = 0.2  # of a sparse kernel's entries that are not zero; one at least

Floats = NDArray[np.float64]


def start(kind: str, rng: np.random.Generator, kernels: int, dim: int) -> Floats:
    """Kernels of one trial in units of sigma_0, (kernel, dim), E|w_r|^2 = d of each.

    kind  "gaussian": entries N(0, 1); "uniform": entries uniform in [-sqrt 3, sqrt 3]; "sparse":
          `SPARSE_SHARE` of the entries of each kernel, at random places, N(0, 1/share);
          "orthogonal": rows of length sqrt d, orthogonal in blocks of d rows and Haar distributed

    A sparse start prefers directions near the axes of R^d, a uniform one slightly those of the
    corners; the others prefer none.
    """
    return KINDS[kind](rng.standard_normal((kernels, dim)), rng)


def _gaussian(rows: Floats, rng: np.random.Generator) -> Floats:
    return rows


def _uniform(rows: Floats, rng: np.random.Generator) -> Floats:
    return np.asarray(math.sqrt(3) * (2 * ndtr(rows) - 1))


def _sparse(rows: Floats, rng: np.random.Generator) -> Floats:
    dim = rows.shape[1]
    count = max(1, round(SPARSE_SHARE * dim))
    kept = rng.random(rows.shape).argsort(1).argsort(1) < count  # (kernel, dim)
    return np.where(kept, rows * math.sqrt(dim / count), 0.0)


def _orthogonal(rows: Floats, rng: np.random.Generator) -> Floats:
    dim = rows.shape[1]
    blocks = [_frame(rows[low : low + dim]) for low in range(0, len(rows), dim)]
    return math.sqrt(dim) * np.concatenate(blocks)


def _frame(rows: Floats) -> Floats:
    """Gram-Schmidt of at most d rows: orthonormal ones, Haar where these are Gaussian."""
    q, r = np.linalg.qr(rows.T)
    return np.asarray((q * np.sign(np.diagonal(r))).T)


KINDS: dict[str, Callable[[Floats, np.random.Generator], Floats]] = {
    "gaussian": _gaussian,
    "uniform": _uniform,
    "sparse": _sparse,
    "orthogonal": _orthogonal,
}
