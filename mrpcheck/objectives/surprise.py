"""How fast tokens make a feature grow: what a visible patch says about the tokens to predict."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy.special import beta

from mrpcheck.growth import late_scale, strength_moment

if TYPE_CHECKING:
    from mrpcheck.nets import Net
    from mrpcheck.views import MultiView

__all__ = ["growth_time", "surprise"]


def surprise(data: MultiView, context: str, keep: float) -> float:
    """|s|, s = E[counted tokens, less their frequencies, given a visible patch of a feature].

    By one code for each feature's patches in samples of its class, and one for all other patches;
    contexts are those of `MaskedTokens`, keep is theta. Origin: derived; in "others" a share 1/P of
    the frequencies is left out.
    """
    k, views, count = data.classes, data.views, data.patches_per_feature
    if context == "patch":
        seldom, other = count / (k * data.patches), 1 - views * count / data.patches
        return math.sqrt((1 - seldom) ** 2 + (k * views - 1) * seldom**2 + other**2)
    mates, strangers = count * (1 - 1 / k), count / k
    itself = mates - 1 if context == "others" else mates
    square = itself**2 + (views - 1) * mates**2 + (k - 1) * views * strangers**2
    return math.sqrt(square) * (1 - keep if context == "others" else 1)


def growth_time(data: MultiView, net: Net, push: float) -> float:
    """Time (steps times rate) from the start of the last feature past all bounds, or infinity.

    A kernel's correlation w with one feature and its column of the decoder, d along s, grow by
    d' = A |s| w^q and w' = q A |s| w^(q-1) d, A = E[sum_p z_p^q] / (q r^(q-1)), |s| = `push`. From
    d = 0 then d^2 = (w^2 - w(0)^2) / q, and the time is
    B((q-1)/2, 1/2) / (2 sqrt(q) A |s| w(0)^(q-1)); at q = 1 that until w = r, arccosh(r/w(0)) /
    (A |s|). Origin: derived, one kernel and one feature by themselves.
    """
    (q, steep), r = net.early, net.threshold
    kernels = net.kernels_per_class * data.classes
    start = net.init_scale * late_scale(kernels, data.features, competing=True)
    speed = steep * strength_moment(data, q) * push / (math.sqrt(q) * float(r ** (q - 1)))
    if speed <= 0 or start <= 0:
        return math.inf
    if q == 1:
        return math.acosh(max(r / start, 1.0)) / speed
    return float(beta((q - 1) / 2, 0.5)) / (2 * speed * float(start ** (q - 1)))
