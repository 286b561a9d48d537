"""The multi-view distribution: how a batch of trials samples inputs, labels and ground truth.

Source: Allen-Zhu & Li (ICLR 2023, arXiv:2012.09816), Definition of the multi-view data, as used by
Pan, Zhou, Yan (ICLR 2023, arXiv:2206.03826). Origin: structure recalled; constants ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import bdtrc

from mrpcheck.data import Data, Kind, Samples, late_words
from mrpcheck.kept import Kept
from mrpcheck.late import torch
from mrpcheck.plain import LATE
from mrpcheck.sampling import covered_features, draw_features, draw_samples
from mrpcheck.seeds import Trials

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.setups import Setup

__all__ = ["TRAINING", "Kind", "MultiView", "Samples", "covered", "features", "sample"]

TRAINING = "training samples"  # the purpose of the samples that every arm trains on
HELD = 2**25  # bytes of samples that are kept for the next arm or measure of the same trials
TAILS = ("gaussian", "laplace", "student")
MISFIT = 1e-3  # a setup whose features fail to fit its patches more often than this is refused


@dataclass(frozen=True, kw_only=True)
class MultiView(Data):
    """k classes that own V views (unit features of R^d) each; a sample is P patches.

    Every view of the sample's class is present, and each view of another class with probability
    s/k, independently (conditioned on fitting into P patches). A present feature takes C_p patches
    of its own, placed uniformly, whose strengths sum to Z. Multi-view samples: Z in `own` for the
    class' views. Single-view samples (probability mu): Z in `own` for one view, uniform, and
    Z = rho for the others. Every patch also carries feature noise, i.i.d. uniform in [0, gamma] on
    all kV features, and Gaussian noise of standard deviation sigma_p. All features are orthonormal,
    classes equally likely, and what pretraining sees is what the labelled samples show.

    Four hyperparameters leave the papers' data (origin: questions of readers, forms ours):

    correlation  c: the cosine of any two views of one class; those of two classes stay orthogonal
    coverage     share of the kV features that pretraining covers, a uniform subset in each trial
                 (see `covered`); the patches of the others hold noise alone there, while labelled
                 samples and tests have every feature
    imbalance    how many times as frequent as the rarest class the most frequent is, geometric in
                 between, in the training samples; tests stay balanced, so that accuracy is the mean
                 of the classes'
    tails        law of the noise: "gaussian", "laplace" or "student" (t of 3 degrees of freedom),
                 each of standard deviation sigma_p

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
    correlation: float = field(default=0.0, metadata=LATE)
    coverage: float = field(default=1.0, metadata=LATE)
    imbalance: float = field(default=1.0, metadata=LATE)
    tails: Literal["gaussian", "laplace", "student"] = field(default="gaussian", metadata=LATE)

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
        _check("correlation", self.correlation, 0 <= self.correlation < 1, "in [0, 1)")
        _check("coverage", self.coverage, 0 < self.coverage <= 1, "in (0, 1]")
        _check("coverage", self.coverage, self.covered_count >= 1, "enough for one feature")
        _check("imbalance", self.imbalance, 1 <= self.imbalance < np.inf, "finite, at least 1")
        _check("tails", self.tails, self.tails in TAILS, " or ".join(map(repr, TAILS)))
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
    def covered_count(self) -> int:
        """How many features pretraining covers: coverage times kV, rounded, halves upward."""
        return int(self.coverage * self.features + 0.5)

    @property
    def frequencies(self) -> np.ndarray:
        """How frequent each class is in the training samples, (class,), the first one most."""
        weights = self.imbalance ** -(np.arange(self.classes) / (self.classes - 1))
        return np.asarray(weights / weights.sum())

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
        """The unit features of each trial, (trial, feature, dim), row f of class f // V."""
        rows = [draw_features(self, trials.generator(key, t, "features")) for t in trials.numbers]
        return _tensor(np.stack(rows), trials)

    def covered(self, key: str, trials: Trials) -> np.ndarray:
        """Which features pretraining covers, (trial, feature) bool."""
        return np.stack([_covered(self, key, trials, t) for t in trials.numbers])

    def pretraining(self) -> MultiView:
        """The same samples on the same random numbers, with only the covered features in them."""
        if self.coverage == 1 or isinstance(self, _Pretraining):
            return self
        return _Pretraining(**{f.name: getattr(self, f.name) for f in fields(self)})

    def words(self) -> str:
        """The data in a setup's line."""
        return (
            f"k={self.classes} V={self.views} d={self.dim} P={self.patches} "
            f"C_p={self.patches_per_feature} s={self.sparsity:g} mu={self.single_view:g} "
            f"sigma_p={self.noise:g} gamma={self.feature_noise:g} rho={self.weak:g} "
            f"Gamma={self.off_class:g}{late_words(self)}"
        )


class _Pretraining(MultiView):
    """What pretraining sees of the multi-view data that has these hyperparameters."""


def _check(name: str, value: object, ok: bool, should: str) -> None:
    if not ok:
        raise ValueError(f"{name} = {value!r}, but should be {should} [MultiView]")


_samples: Kept[Samples] = Kept(HELD, lambda samples: samples.bytes)


def features(data: Data, key: str, trials: Trials) -> Tensor:
    """The features of each trial, (trial, feature, dim), row f // V the class."""
    return data.basis(key, trials)


def covered(setup: Setup, trials: Trials) -> Tensor:
    """Which features the setup's pretraining data cover, (trial, feature) bool.

    The subsets of one trial are nested: what a coverage holds, every larger one does. They have
    random numbers of their own, "coverage" among the purposes of `Trials.fixing`. Raises
    ValueError where the data are not multi-view.
    """
    if not isinstance(setup.data, MultiView):
        name = type(setup.data).__name__
        raise ValueError(f"data = {name}, but should be MultiView [covered]")
    return torch.from_numpy(setup.data.covered(setup.key, trials)).to(trials.device)


def sample(
    data: Data, key: str, trials: Trials, size: int, *, kind: Kind = "mixed", purpose: str
) -> Samples:
    """`size` samples of each trial, drawn from the streams of (setup `key`, trial, `purpose`)."""
    asked = replace(
        trials,
        horizon=1,
        patient=True,
        fixed=trials.fixed & {"features", "coverage", "split", purpose},
        redrawn=trials.redrawn & {"features", "coverage", "split", purpose},
    )  # what else a request holds changes no sample
    wanted = (data, key, asked, size, kind, purpose)
    return _samples.get(wanted, lambda: data.samples(key, asked, size, kind, purpose))


def _sample(
    data: MultiView, key: str, trials: Trials, size: int, kind: Kind, purpose: str
) -> Samples:
    parts = []
    for t in trials.numbers:
        basis = draw_features(data, trials.generator(key, t, "features"))
        drawn = draw_samples(
            data,
            basis,
            size,
            kind,
            trials.generator(key, t, purpose),
            balanced=purpose != TRAINING,
            covered=_covered(data, key, trials, t) if isinstance(data, _Pretraining) else None,
        )
        parts.append((*drawn, basis))
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


def _covered(data: MultiView, key: str, trials: Trials, trial: int) -> np.ndarray:
    return covered_features(data, trials.generator(key, trial, "coverage"))


def _tensor(array: np.ndarray, trials: Trials) -> Tensor:
    return torch.from_numpy(array.astype(trials.dtype)).to(trials.device)
