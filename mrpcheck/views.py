"""The multi-view distribution: how a batch of trials samples inputs, labels and ground truth.

Source: Allen-Zhu & Li (ICLR 2023, arXiv:2012.09816), Definition of the multi-view data, as used by
Pan, Zhou, Yan (ICLR 2023, arXiv:2206.03826). Origin: structure recalled; constants ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import bdtrc

from mrpcheck.data import Data, Kind, Samples, late_words
from mrpcheck.kept import Kept
from mrpcheck.late import torch
from mrpcheck.seeds import Trials

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TRAINING", "Kind", "MultiView", "Samples", "features", "sample"]

TRAINING = "training samples"  # the purpose of the samples that every arm trains on
HELD = 2**25  # bytes of samples that are kept for the next arm or measure of the same trials
MISFIT = 1e-3  # a setup whose features fail to fit its patches more often than this is refused


@dataclass(frozen=True, kw_only=True)
class MultiView(Data):
    """k classes that own V views (orthonormal features of R^d) each; a sample is P patches.

    Every view of the sample's class is present, and each view of another class with probability
    s/k, independently (conditioned on fitting into P patches). A present feature takes C_p patches
    of its own, placed uniformly, whose strengths sum to Z. Multi-view samples: Z in `own` for the
    class' views. Single-view samples (probability mu): Z in `own` for one view, uniform, and
    Z = rho for the others. Every patch also carries feature noise, i.i.d. uniform in [0, gamma] on
    all kV features, and Gaussian noise of standard deviation sigma_p.

    Raises ValueError where no sample can be drawn, or where the features of a sample would fail to
    fit its patches with probability over 1e-3 (a feature is never silently dropped).
    """

    classes: int = 5  # k
    views: int = 2  # V
    dim: int = 20  # d
    patches: int = 16  # P
    patches_per_feature: int = 1  # C_p
    sparsity: float = 3.0  # s
    single_view: float = 0.02  # mu
    noise: float = 0.01  # sigma_p
    feature_noise: float = 0.005  # gamma
    weak: float = 0.05  # rho
    off_class: float = 0.4  # Gamma: off-class strengths of a single-view sample in [Gamma/2, Gamma]
    own: tuple[float, float] = (1.0, 2.0)
    other: tuple[float, float] = (0.2, 0.4)
    split: Literal["equal", "random"] = "equal"  # how a feature's Z splits over its C_p patches
    axes: bool = False  # features along the first kV axes instead of in general position

    def __post_init__(self) -> None:
        for name in ("own", "other"):
            ends = getattr(self, name)
            pair = isinstance(ends, (tuple, list)) and len(ends) == 2
            _check(name, ends, pair, "a range (low, high)")
            object.__setattr__(self, name, tuple(ends))
        for name, low, what in (
            ("classes", 2, "at least 2 classes"),
            ("views", 1, "at least 1 view per class"),
            ("patches_per_feature", 1, "at least 1 patch per feature"),
            ("dim", 1, "at least 1"),
            ("patches", 1, "at least 1"),
        ):
            _check(name, getattr(self, name), isinstance(getattr(self, name), int), "an integer")
            _check(name, getattr(self, name), getattr(self, name) >= low, what)
        _check("dim", self.dim, self.dim >= self.features, f"at least kV = {self.features}")
        _check("sparsity", self.sparsity, 0 <= self.sparsity <= self.classes, "in [0, k]")
        _check("single_view", self.single_view, 0 <= self.single_view <= 1, "in [0, 1]")
        for name in ("noise", "feature_noise", "weak", "off_class"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) < np.inf, "finite, >= 0")
        for name in ("own", "other"):
            low, high = getattr(self, name)
            _check(name, (low, high), 0 <= low <= high < np.inf, "a range (low, high), 0 <= low")
        _check("split", self.split, self.split in ("equal", "random"), "'equal' or 'random'")
        _check("axes", self.axes, isinstance(self.axes, bool), "True or False")
        _check(
            "patches",
            self.patches,
            self.misfit <= MISFIT,
            f"enough for the features of a sample: they fail to fit with probability "
            f"{self.misfit:.2g}, over {MISFIT:g}",
        )

    @property
    def features(self) -> int:
        """kV, the number of features; feature f belongs to class f // V."""
        return self.classes * self.views

    @property
    def misfit(self) -> float:
        """The probability that a sample's present features need more than P patches."""
        room = self.patches // self.patches_per_feature - self.views
        others = (self.classes - 1) * self.views
        if room < 0:
            return 1.0
        return float(bdtrc(min(room, others), others, self.sparsity / self.classes))

    def samples(self, key: str, trials: Trials, size: int, kind: Kind, purpose: str) -> Samples:
        """`size` samples of each trial, with the truth of every patch."""
        return _sample(self, key, trials, size, kind, purpose)

    def basis(self, key: str, trials: Trials) -> Tensor:
        """The orthonormal features of each trial, (trial, feature, dim), row f // V the class."""
        rows = [_features(self, trials.generator(key, t, "features")) for t in trials.numbers]
        return _tensor(np.stack(rows), trials)

    def words(self) -> str:
        """The data in a setup's line."""
        return (
            f"k={self.classes} V={self.views} d={self.dim} P={self.patches} "
            f"C_p={self.patches_per_feature} s={self.sparsity:g} mu={self.single_view:g} "
            f"sigma_p={self.noise:g} gamma={self.feature_noise:g} rho={self.weak:g} "
            f"Gamma={self.off_class:g}{late_words(self)}"
        )


def _check(name: str, value: object, ok: bool, should: str) -> None:
    if not ok:
        raise ValueError(f"{name} = {value!r}, but should be {should} [MultiView]")


_samples: Kept[Samples] = Kept(HELD, lambda samples: samples.bytes)


def features(data: Data, key: str, trials: Trials) -> Tensor:
    """The features of each trial, (trial, feature, dim), row f // V the class."""
    return data.basis(key, trials)


def sample(
    data: Data, key: str, trials: Trials, size: int, *, kind: Kind = "mixed", purpose: str
) -> Samples:
    """`size` samples of each trial, drawn from the streams of (setup `key`, trial, `purpose`)."""
    asked = replace(
        trials,
        horizon=1,
        patient=True,
        fixed=trials.fixed & {"features", purpose},
        redrawn=trials.redrawn & {"features", purpose},
    )  # what else a request holds changes no sample
    wanted = (data, key, asked, size, kind, purpose)
    return _samples.get(wanted, lambda: data.samples(key, asked, size, kind, purpose))


def _sample(
    data: MultiView, key: str, trials: Trials, size: int, kind: Kind, purpose: str
) -> Samples:
    parts = []
    for t in trials.numbers:
        basis = _features(data, trials.generator(key, t, "features"))
        parts.append((*_draw(data, basis, size, kind, trials.generator(key, t, purpose)), basis))
    x, label, single, feature, strength, basis_ = (
        np.stack(part) for part in zip(*parts, strict=True)
    )
    return Samples(
        x=_tensor(x, trials),
        label=torch.from_numpy(label).to(trials.device),
        single_view=torch.from_numpy(single).to(trials.device),
        feature=torch.from_numpy(feature).to(trials.device),
        strength=_tensor(strength, trials),
        features=_tensor(basis_, trials),
    )


def _tensor(array: np.ndarray, trials: Trials) -> Tensor:
    return torch.from_numpy(array.astype(trials.dtype)).to(trials.device)


def _features(data: MultiView, rng: np.random.Generator) -> np.ndarray:
    """Orthonormal rows (feature, dim): along the axes, or uniform (Haar) by a signed QR."""
    if data.axes:
        return np.eye(data.features, data.dim)
    q, r = np.linalg.qr(rng.standard_normal((data.dim, data.features)))
    return (q * np.sign(np.diagonal(r))).T


def _draw(
    data: MultiView, basis: np.ndarray, size: int, kind: Kind, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    label = rng.integers(data.classes, size=size)
    single = (
        rng.random(size) < {"mixed": data.single_view, "multi-view": -1, "single-view": 2}[kind]
    )
    present = _present(data, label, rng)
    total = _totals(data, label, single, rng)  # (sample, feature): Z, were it present
    feature, strength = _place(data, present, total, rng)
    noise = rng.random((size, data.patches, data.features))
    noise *= data.feature_noise
    held, at = np.nonzero(feature >= 0)
    noise[held, at, feature[held, at]] += strength[held, at]
    x = (torch.from_numpy(noise) @ torch.from_numpy(basis)).numpy()  # torch's threads, not BLAS'
    x += data.noise * rng.standard_normal(x.shape)
    return x, label, single, feature, strength


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
