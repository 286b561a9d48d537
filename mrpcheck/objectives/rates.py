"""Rates and steps for targets that are brought to variance 1, whatever their size was.

Origin: derived, in the manner of `growth`: the speed at which a small correlation t grows under a
target of size T on a patch of strength z is T z^q t^(q-1) / r^(q-1), and the loss' curvature where
a feature is captured is about 4 z T for pixels, whose plain targets have T = z.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mrpcheck.nets import Net
    from mrpcheck.objectives.base import Objective
    from mrpcheck.views import MultiView

__all__ = ["normalised_latents_recipe", "normalised_recipe"]

MIDPOINTS = (np.arange(1000) + 0.5) / 1000


def normalised_recipe(
    data: MultiView, net: Net, objective: Objective, epsilon: float
) -> tuple[float, int]:
    """Rate and steps of masked pixels with normalised targets.

    A feature patch of strength z has the target T(z) = c z / sqrt(c z^2 / d + sigma_p^2 + epsilon)
    along its feature, c = 1 - 1/d, about sqrt(d) at every z: the curvature is E[z T] / E[z^2] times
    that of plain targets, off-class features included, growth E[z^q T] / E[z^(q+1)] times as fast.
    """
    from mrpcheck.growth import RATE_SHARE, growth_steps, stable_rate
    from mrpcheck.recipes import GROWTHS, LONGEST, SETTLE

    q, n = net.early[0], data.patches_per_feature
    own, other = (low / n + (high - low) / n * MIDPOINTS for low, high in (data.own, data.other))
    others = (data.classes - 1) * data.sparsity / data.classes  # off-class ones for one of the own

    def target(z: np.ndarray) -> np.ndarray:
        centred = 1 - 1 / data.dim
        return centred * z / np.sqrt(centred * z**2 / data.dim + data.noise**2 + epsilon)

    curvature = (own * target(own)).mean() + others * (other * target(other)).mean()
    curvature /= (own**2).mean()
    speed = (own**q * target(own)).mean() / (own ** (q + 1)).mean()
    growth = growth_steps(data, net, objective) * curvature / speed
    rate = RATE_SHARE * stable_rate(data, objective) / curvature
    return rate, math.ceil(min(SETTLE + GROWTHS * growth, LONGEST))


def normalised_latents_recipe(
    data: MultiView, net: Net, objective: Objective, beta: float
) -> tuple[float, int]:
    """Rate and steps of masked latents with normalised targets, T = 1 on the patches of a leader.

    The smooth L1 loss, beta < infinity, has 1/beta times the curvature of the square, and pulls
    no harder than T / beta or 1; for the square beta is 1.
    """
    from mrpcheck.growth import RATE_SHARE, late_scale, stable_rate, strength_moment
    from mrpcheck.recipes import GROWTHS, LONGEST, SETTLE

    (q, steep), r = net.early, net.threshold
    rate = RATE_SHARE * stable_rate(data, objective) * beta
    start = net.init_scale * late_scale(
        net.kernels_per_class * data.classes, data.features, competing=False
    )
    speed = steep * strength_moment(data, q) / r ** (q - 1) / max(beta, 1.0)
    if start <= 0 or start >= r:
        growth = 0.0
    elif q == 2:
        growth = math.log(r / start) / speed
    else:
        growth = (start ** (2 - q) - r ** (2 - q)) / ((q - 2) * speed)
    return rate, math.ceil(min(SETTLE + GROWTHS * growth / rate, LONGEST))
