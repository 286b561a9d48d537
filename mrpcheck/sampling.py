"""One trial of the multi-view distribution: its features, and its samples with their truth.

Axes: sample, patch, dim, class, feature; `views.MultiView` says what is drawn. The order of the
draws is part of what names them: a new law takes its random numbers last, or from beside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mrpcheck.data import Kind
from mrpcheck.late import torch
from mrpcheck.seeds import beside

if TYPE_CHECKING:
    from mrpcheck.views import MultiView

__all__ = ["covered_features", "draw_features", "draw_samples"]

DEGREES = 3  # of freedom of Student's t: the fewest, in whole numbers, that have a variance


def draw_features(data: MultiView, rng: np.random.Generator) -> np.ndarray:
    """Unit rows (feature, dim), uniform (Haar) by a signed QR; orthonormal along the axes."""
    if data.axes:
        basis = np.eye(data.features, data.dim)
    else:
        q, r = np.linalg.qr(rng.standard_normal((data.dim, data.features)))
        basis = (q * np.sign(np.diagonal(r))).T
    return basis if data.correlation == 0 else _correlated(data, basis)


def _correlated(data: MultiView, basis: np.ndarray) -> np.ndarray:
    """Each class' V orthonormal rows turned into V unit rows with the Gram matrix of the data."""
    views = np.arange(data.views)
    gram = np.where(views[:, None] == views, 1.0, data.correlation)
    own = basis.reshape(data.classes, data.views, data.dim)
    return np.einsum("uv,kvd->kud", np.linalg.cholesky(gram), own).reshape(basis.shape)


def covered_features(data: MultiView, rng: np.random.Generator) -> np.ndarray:
    """Which features pretraining covers, (feature,) bool; more of them contain fewer of them."""
    covered = np.zeros(data.features, dtype=bool)
    covered[rng.permutation(data.features)[: data.covered_count]] = True
    return covered


def draw_samples(
    data: MultiView,
    basis: np.ndarray,
    size: int,
    kind: Kind,
    rng: np.random.Generator,
    *,
    balanced: bool = True,
    covered: np.ndarray | None = None,
) -> tuple[np.ndarray, ...]:
    """x, label, single_view, feature and strength of `size` samples, without the trial axis.

    balanced  whether classes are equally likely, whatever the data's imbalance
    covered   (feature,) bool: the patches of all others hold noise alone; None: all are
    """
    label = _labels(data, size, rng, balanced)
    single = (
        rng.random(size) < {"mixed": data.single_view, "multi-view": -1, "single-view": 2}[kind]
    )
    present = _present(data, label, rng)
    total = _totals(data, label, single, rng)  # (sample, feature): Z, were it present
    feature, strength = _place(data, present, total, rng)
    if covered is not None:
        hidden = (feature >= 0) & ~covered[feature]
        feature[hidden], strength[hidden] = -1, 0.0
    noise = rng.random((size, data.patches, data.features))
    noise *= data.feature_noise
    held, at = np.nonzero(feature >= 0)
    noise[held, at, feature[held, at]] += strength[held, at]
    x = (torch.from_numpy(noise) @ torch.from_numpy(basis)).numpy()  # torch's threads, not BLAS'
    x += data.noise * _unit_noise(data, x.shape, rng)
    return x, label, single, feature, strength


def _labels(data: MultiView, size: int, rng: np.random.Generator, balanced: bool) -> np.ndarray:
    """Labels (sample,); imbalanced ones leave the numbers that follow what they would be."""
    label = rng.integers(data.classes, size=size)
    if balanced or data.imbalance == 1:
        return label
    share = (label + beside(rng).random(size)) / data.classes  # uniform on [0, 1)
    return np.searchsorted(np.cumsum(data.frequencies)[:-1], share, side="right")


def _unit_noise(data: MultiView, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Noise of mean 0 and standard deviation 1."""
    if data.tails == "laplace":
        return rng.laplace(scale=0.5**0.5, size=shape)
    if data.tails == "student":
        return rng.standard_t(DEGREES, size=shape) * (1 - 2 / DEGREES) ** 0.5
    return rng.standard_normal(shape)


def _present(data: MultiView, label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which features a sample holds, (sample, feature), conditioned on fitting into P patches."""
    own = np.arange(data.features) // data.views == label[:, None]
    present = np.zeros_like(own)
    todo = np.arange(label.size)
    while todo.size:
        off = rng.random((todo.size, data.features)) < data.sparsity / data.classes
        present[todo] = own[todo] | off
        todo = todo[present[todo].sum(1) * data.patches_per_feature > data.patches]
    return present


def _totals(
    data: MultiView, label: np.ndarray, single: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Z of every feature, (sample, feature), by the kind of its sample."""
    view = np.arange(data.features) % data.views
    own = np.arange(data.features) // data.views == label[:, None]
    u = rng.random((label.size, data.features))
    main = view == rng.integers(data.views, size=label.size)[:, None]
    low, high = data.own
    strong = low + (high - low) * u
    low, high = data.other
    off = np.where(single[:, None], data.off_class * (0.5 + 0.5 * u), low + (high - low) * u)
    return np.where(own, np.where(single[:, None] & ~main, data.weak, strong), off)


def _place(
    data: MultiView, present: np.ndarray, total: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Disjoint uniform patches for the present features, and their strengths (sample, patch)."""
    size, count = present.shape[0], data.patches_per_feature
    order = rng.random((size, data.patches)).argsort(1)
    feature = np.full((size, data.patches), -1)
    strength = np.zeros((size, data.patches))
    rows, held = np.nonzero(present)
    rank = (present.cumsum(1) - 1)[rows, held]
    share = np.full((rows.size, count), 1 / count)
    if data.split == "random" and count > 1:
        share = rng.dirichlet(np.ones(count), size=rows.size)
    for j in range(count):
        at = order[rows, rank * count + j]
        feature[rows, at] = held
        strength[rows, at] = total[rows, held] * share[:, j]
    return feature, strength
