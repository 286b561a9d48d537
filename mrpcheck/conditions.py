"""The inequalities that make a setup belong to a theorem regime, each with reason and origin.

Source: Pan, Zhou, Yan (ICLR 2023), conditions of Theorems 1 and 2. Origin: orders in k recalled;
the constants are ours, since the literal orders do not separate multi-view from single-view data at
sizes that run (rho = k^-0.01 is 0.95 and more for every k up to 100).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mrpcheck.clocks import GradientFlow
from mrpcheck.departures import DEPARTURES
from mrpcheck.growth import growth_margin, growth_steps, leading_scale, stable_rate, threshold_push
from mrpcheck.objectives import MaskedLatents
from mrpcheck.regimes import Inequality
from mrpcheck.setups import Setup, standard_recipe

__all__ = ["CLEAR", "PUSH", "SPARSE", "STARVED", "Extent", "inequalities"]

SPARSE = 0.6  # s/k: the share of other classes' features that a sample shows
STARVED = 0.5  # single-view training samples per class and main view
PUSH = 1.1  # teacher's push over the mask's pull on a correlation at the threshold
CLEAR = 0.95  # of the threshold: the largest initial correlation


@dataclass(frozen=True)
class Extent:
    """How far a profile's regime goes: the coordinates that cost most."""

    classes: tuple[int, int]
    kernels_per_class: tuple[int, int]
    dim: float  # in units of kV
    growth: float  # of the feature that is captured last, in steps
    starts: tuple[float, float] | None = None  # sigma_0, where growth does not bound it
    flow: GradientFlow | None = None


def inequalities(extent: Extent, *, latents: bool) -> tuple[Inequality, ...]:
    """The conditions of a profile's regime; `latents` adds growth under the scaled teacher."""
    shared: tuple[Inequality, ...] = (
        Inequality(
            "the most classes k", lambda s: (s.data.classes, extent.classes[1]), "cost", "ours"
        ),
        Inequality(
            "the fewest classes k",
            lambda s: (extent.classes[0], s.data.classes),
            "the theorem is asymptotic in k",
            "stated",
        ),
        Inequality(
            "the most kernels per class m",
            lambda s: (s.net.kernels_per_class, extent.kernels_per_class[1]),
            "cost",
            "ours",
        ),
        Inequality(
            "the fewest kernels per class m",
            lambda s: (extent.kernels_per_class[0], s.net.kernels_per_class),
            "each feature needs a kernel that starts on its side",
            "derived",
        ),
        Inequality(
            "dimension d", lambda s: (s.data.dim, extent.dim * s.data.features), "cost", "ours"
        ),
        Inequality(
            "smallest power q",
            lambda s: (3, s.net.early[0]),
            "the smoothed ReLU of the papers",
            "recalled",
        ),
        Inequality("largest power q", lambda s: (s.net.power, 5), "growth time", "ours"),
        Inequality(
            "initial correlations below the threshold, sigma_0 sqrt(2 ln(km kV)) < r",
            lambda s: (
                s.net.init_scale * leading_scale(s.kernels, s.data.features),
                CLEAR * s.net.threshold,
            ),
            "else features are captured at step 0",
            "derived",
        ),
        Inequality(
            "growth of the feature that is captured last, in steps",
            lambda s: (growth_steps(s.data, s.net, s.objective), extent.growth),
            "a start that small is not trained to the end",
            "derived",
        ),
        Inequality(
            "weak views, rho <= Gamma/4",
            lambda s: (s.data.weak, s.data.off_class / 4),
            "a single-view sample must not show its other view; the theory needs rho < Gamma/2",
            "derived",
        ),
        Inequality(
            "off-class strength, 0.3 <= Gamma",
            lambda s: (0.3, s.data.off_class),
            "single-view samples must be hard for a one-view network",
            "derived",
        ),
        Inequality(
            "off-class strength, Gamma <= 0.5",
            lambda s: (s.data.off_class, 0.5),
            "the class' own view must dominate",
            "recalled",
        ),
        Inequality(
            "sparsity, 2 <= s",
            lambda s: (2, s.data.sparsity),
            "off-class features must be common enough to mislead",
            "derived",
        ),
        Inequality(
            "sparsity, s <= 0.6 k",
            lambda s: (s.data.sparsity, SPARSE * s.data.classes),
            "other classes' features must be rare: s in [1, k^0.2]",
            "recalled, constant ours",
        ),
        Inequality(
            "single-view samples per class and main view, N mu / (kV)",
            lambda s: (s.recipe.samples * s.data.single_view / s.data.features, STARVED),
            "SL must be starved of them",
            "recalled, constant ours",
        ),
        Inequality(
            "Gaussian noise sigma_p",
            lambda s: (s.data.noise, 0.03),
            "sigma_p = 1/(sqrt(d) polylog k)",
            "recalled, constant ours",
        ),
        Inequality(
            "feature noise gamma",
            lambda s: (s.data.feature_noise, 0.02),
            "gamma = k^-1.5",
            "recalled, constant ours",
        ),
        Inequality(
            "rate",
            lambda s: (s.recipe.rate, 0.6 * stable_rate(s.data, s.objective)),
            "the step must be stable",
            "derived",
        ),
        Inequality(
            "steps",
            lambda s: (
                standard_recipe(s.data, s.net, s.objective, s.recipe.samples, s.recipe.flow).steps,
                s.recipe.steps,
            ),
            "training must reach its end: the formula's steps",
            "derived",
        ),
        *DEPARTURES.values(),
    )
    if extent.starts:
        low, high = extent.starts
        shared += (
            Inequality(
                "the smallest initialisation sigma_0",
                lambda s: (low, s.net.init_scale),
                "growth time, even along a flow",
                "ours",
            ),
            Inequality(
                "the largest initialisation sigma_0",
                lambda s: (s.net.init_scale, high),
                "sigma_0^(q-2) = 1/k: the theory is about small ones",
                "recalled, constant ours",
            ),
        )
    if not latents:
        return shared
    grows = Inequality(
        "single features grow under the scaled teacher, 1.25 + c/C_p <= tau^q",
        _growth_sides,
        "a kernel with one feature must grow, not decay",
        "derived",
    )
    passes = Inequality(
        "a single feature grows past the threshold, 1.1 mask pulls <= teacher's push at r",
        _push_sides,
        "below 1 a kernel settles with its feature, short of r: nothing is ever captured",
        "derived, constant ours",
    )
    return (*shared, grows, passes)


def _push_sides(setup: Setup) -> tuple[float, float]:
    if not isinstance(setup.objective, MaskedLatents):
        return PUSH, math.inf
    return PUSH, threshold_push(setup.data, setup.net, setup.objective)


def _growth_sides(setup: Setup) -> tuple[float, float]:
    if not isinstance(setup.objective, MaskedLatents):
        return 1.25, math.inf
    margin = growth_margin(setup.data, setup.net, setup.objective)
    return 1.25, 1 + margin / setup.data.patches_per_feature
