"""Ladders of setups along k, the number of classes, in which the papers' theorems are asymptotic.

Source: Pan, Zhou, Yan (ICLR 2023), conditions of Theorems 1 and 2; Allen-Zhu & Li (ICLR 2023).
Origin: that they hold for k large enough stated; what is kept fixed and all constants ours.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

from mrpcheck.setups import Setup
from mrpcheck.theorems import needed_patches
from mrpcheck.trends import Ladder

__all__ = ["CLASSES", "classes_ladder"]

CLASSES = (4, 6, 8, 12, 16)


def classes_ladder(classes: Sequence[int] = CLASSES, *, samples_per_class: int = 30) -> Ladder:
    """The ladder on which k takes the values of `classes` and a setup grows along with it.

    N = samples_per_class k, and d keeps its ratio to kV; P is the least that a sample's features
    need. sigma_0 is the setup's times (k_0/k)^(1/(q-2)), k_0 its own k: the papers let it fall as
    a power of 1/k whose exponent grows as q falls to 2. The recipe is the standard one. All else
    stays, s, mu, rho and Gamma too: in the orders that the papers give them, of which
    rho = k^-0.01 is one, multi-view data would not differ from single-view data at these sizes.
    The rungs share the setup's random numbers.
    """
    return Ladder(tuple(classes), functools.partial(_rung, samples_per_class=samples_per_class))


def _rung(setup: Setup, classes: int, *, samples_per_class: int) -> Setup:
    data, net = setup.data, setup.net
    if not net.power > 2:
        raise ValueError(
            f"power = {net.power:g}, but should be above 2: sigma_0 follows k^(-1/(q-2)) "
            "[classes_ladder]"
        )
    scale = net.init_scale * (data.classes / classes) ** (1 / (net.power - 2))
    dim = round(data.dim * classes / data.classes)
    roomy = replace(data, classes=classes, dim=dim, patches=10**6)
    return setup.derive(
        data=replace(roomy, patches=needed_patches(roomy)),
        init_scale=float(f"{scale:.3g}"),
        samples=samples_per_class * classes,
    ).standard()
