"""The theorem regimes of the masked objectives, full and quick: constants and their reasons.

Source: Pan, Zhou, Yan (ICLR 2023), conditions of Theorems 1 and 2. Origin: orders in k recalled;
the constants are ours, since the literal orders do not separate multi-view from single-view data at
sizes that run (rho = k^-0.01 is 0.95 and more for every k up to 100).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.special import bdtrc

from mrpcheck.clocks import GradientFlow
from mrpcheck.conditions import CLEAR, PUSH, SPARSE, STARVED, Extent, inequalities
from mrpcheck.growth import growth_steps, leading_scale, threshold_push
from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.objectives.masks import Context
from mrpcheck.regimes import Pick, Range, Regime
from mrpcheck.setups import Setup, standard_recipe
from mrpcheck.views import MISFIT, MultiView

__all__ = [
    "PROFILES",
    "latents_regime",
    "pixels_regime",
    "small_latents_regime",
    "small_pixels_regime",
]

Objective = MaskedPixels | MaskedLatents


FULL = Extent((4, 12), (4, 16), 4.0, 4000.0)
QUICK = Extent((4, 8), (4, 8), 2.0, 300.0)
PROFILES = {"smoke": QUICK, "quick": QUICK, "thorough": FULL}
SMALL = (0.01, 0.03)  # sigma_0 of the regimes of small initialisation, followed along the flow
EVENTS = 5.0  # latents are judged at events, which come long before the last feature has grown
KEEP = (0.25, 0.75)
POWERS = (3.0, 4.0, 5.0)
SMALL_POWERS = (3.0, 4.0)  # at 5 the last feature takes too long, even along a flow
TEACHERS = 1.4  # tau up to this many times the smallest at which single features clearly grow
HEART_DATA = MultiView(
    classes=5,
    dim=15,
    patches=13,
    sparsity=3.0,
    single_view=0.01,
    noise=0.01,
    feature_noise=0.005,
    weak=0.05,
    off_class=0.4,
)
HEART_NET = Net(kernels_per_class=6, power=3.0, threshold=0.3, init_scale=0.06)


def pixels_regime(profile: str = "quick") -> Regime:
    """Where Theorems 1 and 2 are claimed for `MaskedPixels` (patch, tied)."""
    return _regime("masked pixels", MaskedPixels(), PROFILES[profile], profile)


def latents_regime(profile: str = "quick", context: Context = "pooled") -> Regime:
    """Where they are claimed for `MaskedLatents` (pooled, scaled teacher): growth, only."""
    extent = replace(PROFILES[profile], growth=EVENTS * PROFILES[profile].growth)
    heart = MaskedLatents(context=context, teacher_scale=1.65)
    return _regime("masked latents", heart, extent, profile)


def small_pixels_regime(profile: str = "quick") -> Regime:
    """Small initialisation, the theory's own regime, along the gradient flow: `MaskedPixels`."""
    return _regime("masked pixels, small start", MaskedPixels(), _small(profile), profile)


def small_latents_regime(profile: str = "quick") -> Regime:
    """Small initialisation along the gradient flow: `MaskedLatents` (pooled, scaled teacher)."""
    heart = MaskedLatents(teacher_scale=1.65)
    return _regime("masked latents, small start", heart, _small(profile), profile)


def _small(profile: str) -> Extent:
    return replace(PROFILES[profile], growth=math.inf, starts=SMALL, flow=GradientFlow(1e-3))


def _regime(name: str, objective: Objective, extent: Extent, profile: str) -> Regime:
    latents = isinstance(objective, MaskedLatents)
    net = replace(HEART_NET, init_scale=SMALL[1]) if extent.starts else HEART_NET
    heart = _setup(HEART_DATA, net, objective, 70, extent)
    coordinates = (
        "classes",
        "kernels_per_class",
        "patches_per_feature",
        "power",
        "keep",
        *(["teacher_scale"] if latents else []),
        "dim",
        "samples",
        "patches",
        "threshold",
        "sparsity",
        "off_class",
        "weak",
        "single_view",
        "noise",
        "feature_noise",
        "init_scale",
    )
    note = (
        f"{name} ({profile}): k {_to(extent.classes)}, m {_to(extent.kernels_per_class)}, "
        f"d kV to {extent.dim:g}kV, C_p 1-2, "
        + (
            f"q 3-4, sigma_0 {SMALL[0]:g}-{SMALL[1]:g}, gradient flow"
            if extent.starts
            else f"q 3-5, growth within {extent.growth:g} steps"
        )
    )
    return Regime(
        name=name,
        heart=heart,
        draw=lambda pick: _draw(pick, heart, extent),
        inequalities=inequalities(extent, latents=latents),
        coordinates=coordinates,
        note=note,
    )


def _to(ends: tuple[int, int]) -> str:
    return f"{ends[0]}-{ends[1]}"


def _setup(data: MultiView, net: Net, objective: Objective, samples: int, extent: Extent) -> Setup:
    recipe = standard_recipe(data, net, objective, samples, extent.flow)
    return Setup(data=data, net=net, objective=objective, recipe=recipe)


def _draw(pick: Pick, heart: Setup, extent: Extent) -> Setup:
    """One setup from `pick(name, range, heart's value)`, inside the regime by construction."""
    d, n = heart.data, heart.net
    core = heart.objective
    assert isinstance(core, (MaskedPixels, MaskedLatents))
    k = pick("classes", Range(*extent.classes, whole=True), d.classes)
    m = pick("kernels_per_class", Range(*extent.kernels_per_class, whole=True), n.kernels_per_class)
    threshold = pick("threshold", Range(0.15, 0.4), n.threshold)
    sparsity = pick("sparsity", Range(2.0, min(4.0, SPARSE * k)), d.sparsity)
    off_class = pick("off_class", Range(0.3, 0.5), d.off_class)
    weak = pick("weak", Range(0.02, off_class / 4), d.weak)
    data = replace(
        d,
        classes=k,
        dim=k * d.views * 4,
        patches=10**6,
        patches_per_feature=1,
        sparsity=sparsity,
        off_class=off_class,
        weak=weak,
        single_view=pick("single_view", Range(0.0, 0.03), d.single_view),
        noise=pick("noise", Range(0.0, 0.03), d.noise),
        feature_noise=pick("feature_noise", Range(0.0, 0.02), d.feature_noise),
    )
    net = Net(kernels_per_class=m, threshold=threshold)
    count = pick("patches_per_feature", _counts(data, net, core, extent), d.patches_per_feature)
    data = replace(data, patches_per_feature=count)
    room = needed_patches(data)
    data = replace(
        data,
        dim=pick("dim", Range(k * d.views, extent.dim * k * d.views, whole=True), d.dim),
        patches=pick("patches", Range(room, math.ceil(1.25 * room), whole=True), d.patches),
    )
    net = replace(net, power=pick("power", _powers(data, net, core, extent), n.power))
    objective = _objective(pick, data, net, core, extent)
    scale = pick("init_scale", _init_scales(data, net, objective, extent), n.init_scale)
    samples = pick(
        "samples",
        Range(12 * k, min(16 * k, _most_samples(data)), whole=True),
        heart.recipe.samples,
    )
    return _setup(data, replace(net, init_scale=scale), objective, samples, extent)


def _objective(
    pick: Pick, data: MultiView, net: Net, heart: Objective, extent: Extent
) -> Objective:
    least = KEEP[0]
    while least < KEEP[1] and not _can_grow(data, net, replace(heart, keep=least), extent):
        least += 0.01
    heart = replace(heart, keep=pick("keep", Range(least, KEEP[1]), heart.keep))
    if isinstance(heart, MaskedPixels):
        return heart
    low, high = _teachers(data, net, heart)
    while low < high and not _captures(data, net, replace(heart, teacher_scale=low), extent):
        low += 0.005
    return replace(
        heart, teacher_scale=pick("teacher_scale", Range(low, high), heart.teacher_scale)
    )


def _teachers(data: MultiView, net: Net, objective: MaskedLatents) -> tuple[float, float]:
    """tau from tau^q = 1.25 + c/C_p, where a single feature clearly grows, to TEACHERS times."""
    spread = (1 - objective.keep) / objective.keep / data.patches_per_feature
    low = math.ceil(1e3 * (1.25 + spread) ** (1 / net.power)) / 1e3
    return low, TEACHERS * low


def _grows(data: MultiView, net: Net, objective: Objective, extent: Extent) -> bool:
    """Whether the largest sigma_0 grows within the extent's steps."""
    largest = replace(net, init_scale=_largest_start(data, net))
    return growth_steps(data, largest, objective) <= extent.growth


def _can_grow(data: MultiView, net: Net, objective: Objective, extent: Extent) -> bool:
    """Whether growth can be fast enough, under the fastest teacher where there is one."""
    if isinstance(objective, MaskedLatents):
        objective = replace(objective, teacher_scale=_teachers(data, net, objective)[1])
        return _captures(data, net, objective, extent)
    return _grows(data, net, objective, extent)


def _captures(data: MultiView, net: Net, objective: MaskedLatents, extent: Extent) -> bool:
    """Whether growth is fast enough and carries past the threshold."""
    return _grows(data, net, objective, extent) and threshold_push(data, net, objective) >= PUSH


def _powers(data: MultiView, net: Net, heart: Objective, extent: Extent) -> Range:
    """The powers q at which growth can be fast enough at the easiest keep probability."""
    return Range(choices=_fit_powers(data, net, heart, extent) or POWERS[:1])


def _counts(data: MultiView, net: Net, heart: Objective, extent: Extent) -> Range:
    """The patches per feature C_p at which growth can be fast enough at some power."""
    fit = [
        count
        for count in (1, 2)
        if _fit_powers(replace(data, patches_per_feature=count), net, heart, extent)
    ]
    return Range(choices=tuple(fit) or (1,))


def _fit_powers(data: MultiView, net: Net, heart: Objective, extent: Extent) -> tuple[float, ...]:
    easy = replace(heart, keep=KEEP[1])
    powers = SMALL_POWERS if extent.starts else POWERS
    return tuple(q for q in powers if _can_grow(data, replace(net, power=q), easy, extent))


def _largest_start(data: MultiView, net: Net) -> float:
    kernels = net.kernels_per_class * data.classes
    return CLEAR * net.threshold / leading_scale(kernels, data.features)


def needed_patches(data: MultiView) -> int:
    """The fewest patches that the features of a sample fit, but for probability 1e-3."""
    others = (data.classes - 1) * data.views
    misfits = bdtrc(np.arange(others + 1), others, data.sparsity / data.classes)
    extra = int(np.argmax(misfits <= MISFIT))
    return (data.views + extra) * data.patches_per_feature


def _init_scales(data: MultiView, net: Net, objective: Objective, extent: Extent) -> Range:
    """sigma_0 between the start that takes longest to grow and the one that is captured at once."""
    high = _largest_start(data, net)
    if extent.starts:
        return Range(extent.starts[0], min(extent.starts[1], high), log=True)
    low = high
    while low > 0.05 * net.threshold:
        if growth_steps(data, replace(net, init_scale=0.98 * low), objective) > extent.growth:
            break
        low *= 0.98
    return Range(low, high, log=True)


def _most_samples(data: MultiView) -> int:
    """The most training samples at which SL is starved of single-view ones."""
    if data.single_view == 0:
        return 10**9
    return max(int(STARVED * data.features / data.single_view), 12 * data.classes)
