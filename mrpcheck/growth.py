"""How long a small correlation takes to grow, and which step is stable: formulas in the setup.

Origin: derived. For a kernel whose correlation t with one feature is small, the expected gradient
of `MaskedPixels` gives dt/dtime = A t^q and that of `MaskedLatents` dt/dtime = B t^(2q-1), A and B
below; growth from w to the threshold and beyond takes time 1/((q-1) A w^(q-1)), and
1/((2q-2) B w^(2q-2)).
"""

from __future__ import annotations

import math

from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, Objective
from mrpcheck.views import MultiView

__all__ = ["growth_margin", "growth_time", "leading_scale", "stable_rate", "strength_moment"]


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
    return (objective.teacher_scale**net.power - 1) * together - spread


def growth_time(data: MultiView, net: Net, objective: Objective, start: float) -> float:
    """Time (steps times rate) from a correlation `start` to the threshold, or infinity.

    q = 1 has no small-correlation regime: there the time is that of exponential growth.
    """
    q, r = net.power, net.threshold
    if isinstance(objective, MaskedLatents):
        margin = growth_margin(data, net, objective)
        if margin <= 0 or start <= 0:
            return math.inf
        speed = margin * strength_moment(data, 2 * q) / (q * r ** (2 * q - 2))
        order = 2 * q - 1
    else:
        speed = (1 + 1 / q) * strength_moment(data, q + 1) / r ** (q - 1)
        order = q
    if start <= 0:
        return math.inf
    if order == 1:
        return max(math.log(r / start), 0.0) / speed
    return float(1 / ((order - 1) * speed * start ** (order - 1)))


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


def leading_scale(kernels: int, features: int) -> float:
    """sqrt(2 ln(km kV)): the largest of all initial correlations, in units of sigma_0."""
    return math.sqrt(2 * math.log(kernels * features))
