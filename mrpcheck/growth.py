"""How long a small correlation takes to grow, and which step is stable: formulas in the setup.

Origin: derived. For a kernel whose correlation t with one feature is small, the expected gradient
of `MaskedPixels` gives dt/dtime = A t^q and that of `MaskedLatents` dt/dtime = B t^(2q-1), A and B
below; growth from w to the threshold and beyond takes time 1/((q-1) A w^(q-1)), and
1/((2q-2) B w^(2q-2)).

Derived for orthonormal features and equally likely classes. Where views correlate, c > 0, a kernel
grows on both of a class at once, sooner than these say, and curvature exceeds that of `stable_rate`
by up to 1 + (V - 1) c^2. Where classes are imbalanced the rarest one takes longer, by 1/k over its
frequency. Coverage changes neither for the features that are covered, tails neither at small noise.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, Objective
from mrpcheck.views import MultiView

__all__ = [
    "growth_margin",
    "growth_steps",
    "growth_time",
    "late_scale",
    "leading_scale",
    "stable_rate",
    "strength_moment",
    "threshold_push",
]

RATE_SHARE = 0.5  # of the largest stable rate: what the standard recipe descends at


def strength_moment(data: MultiView, power: float) -> float:
    """E[sum_p z_p^power] of one feature over multi-view samples, Z split equally over C_p."""
    own = data.classes**-1 * _uniform_moment(*data.own, power)
    often = (1 - 1 / data.classes) * data.sparsity / data.classes
    off = often * _uniform_moment(*data.other, power)
    return float(data.patches_per_feature ** (1 - power) * (own + off))


def _uniform_moment(low: float, high: float, power: float) -> float:
    if high == low:
        return low**power
    return (high ** (power + 1) - low ** (power + 1)) / ((power + 1) * (high - low))


def growth_margin(data: MultiView, net: Net, objective: MaskedLatents) -> float:
    """(tau^q - 1) n - c: positive exactly where a single feature grows; n patches predict one sum.

    n = C_p for context pooled and 1 for patch; c = (1 - theta)/theta.
    """
    together = data.patches_per_feature if objective.context == "pooled" else 1
    spread = (1 - objective.keep) / objective.keep
    return (objective.teacher_scale ** net.early[0] - 1) * together - spread


def threshold_push(data: MultiView, net: Net, objective: MaskedLatents) -> float:
    """The push on a correlation that stands at the threshold r, in units of the mask's pull.

    E[z act'(zr) n (A - a)] / E[z act'(zr) c a] over the strengths of the own class: above 1 a
    single feature grows past r and is captured, below 1 it settles short of it.
    """
    q, r = net.power, net.threshold
    together = data.patches_per_feature if objective.context == "pooled" else 1
    low, high = data.own
    t = r * np.linspace(low, high, 101) / data.patches_per_feature
    a, target = _act(t, net), _act(objective.teacher_scale * t, net)
    weight = t * np.minimum(t / r, 1) ** (q - 1)
    pull = (1 - objective.keep) / objective.keep * (weight * a).mean()
    return float(together * (weight * (target - a)).mean() / pull) if pull > 0 else math.inf


def _act(t: np.ndarray, net: Net) -> np.ndarray:
    """`nets.activation` of values that are not negative, without torch."""
    u = np.minimum(t, net.threshold)
    return (u / net.threshold) ** (net.power - 1) * u / net.power + (t - u)


def growth_time(data: MultiView, net: Net, objective: Objective, start: float) -> float:
    """Time (steps times rate) from a correlation `start` to the threshold, or infinity.

    q = 1 and GELU have no small-correlation regime: there the time is that of exponential growth.
    """
    (q, steep), r = net.early, net.threshold
    if isinstance(objective, MaskedLatents):
        margin = growth_margin(data, net, objective)
        if margin <= 0 or start <= 0:
            return math.inf
        speed = margin * steep**2 * strength_moment(data, 2 * q) / (q * r ** (2 * q - 2))
        order = 2 * q - 1
    else:
        speed = (1 + 1 / q) * steep * strength_moment(data, q + 1) / r ** (q - 1)
        order = q
    if start <= 0:
        return math.inf
    if order == 1:
        return max(math.log(r / start), 0.0) / speed
    return float(1 / ((order - 1) * speed * start ** (order - 1)))


def growth_steps(data: MultiView, net: Net, objective: Objective) -> float:
    """Steps at the standard rate until the feature that is captured last has grown."""
    competing = not isinstance(objective, MaskedLatents)
    kernels = net.kernels_per_class * data.classes
    start = net.init_scale * late_scale(kernels, data.features, competing=competing)
    return growth_time(data, net, objective, start) / (RATE_SHARE * stable_rate(data, objective))


def stable_rate(data: MultiView, objective: Objective) -> float:
    """2 over the loss' largest expected curvature at the optimum: descent above it oscillates.

    Pixels: 4 E[Z^2] / (k C_p), for a captured feature. Latents: V^2 E[Z^2] (1 + c/C_p) / k, for a
    kernel that holds every view of a class.
    """
    square = _uniform_moment(*data.own, 2) / data.classes
    if isinstance(objective, MaskedLatents):
        spread = (1 - objective.keep) / objective.keep
        curvature = data.views**2 * square * (1 + spread / data.patches_per_feature)
    else:
        curvature = 4 * square / data.patches_per_feature
    return 2 / curvature


def late_scale(kernels: int, features: int, *, competing: bool, miss: float = 0.02) -> float:
    """The start of the feature that is captured last, in units of sigma_0.

    Its best kernel's correlation exceeds this but for probability `miss`: the largest of n normal
    ones, n the kernels left when all other features have taken one each (`competing`), or all
    kernels with `miss` shared over the features. At least 0.2. Of a Gaussian start: in general
    position a uniform, sparse or orthogonal one differs little, but for a sparse one along the
    features' own axes it is too large.
    """
    left = kernels - features + 1 if competing else kernels
    share = miss if competing else miss / features
    return max(float(ndtri(share ** (1 / max(left, 1)))), 0.2)


def leading_scale(kernels: int, features: int) -> float:
    """sqrt(2 ln(km kV)): the largest of all initial correlations, in units of sigma_0."""
    return math.sqrt(2 * math.log(kernels * features))
