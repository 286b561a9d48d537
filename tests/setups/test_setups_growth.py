"""The formulas behind the standard recipe, against sums, descent and curvature."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mrpcheck.growth import (
    growth_margin,
    growth_time,
    late_scale,
    leading_scale,
    stable_rate,
    strength_moment,
    threshold_push,
)
from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.views import MultiView, sample

ALONE = MultiView(classes=2, views=1, dim=2, patches=1, sparsity=0.0, noise=0.0, feature_noise=0.0)


def one_feature(each=1, strength=(1.5, 1.5)):
    """Half of the samples hold feature 0, in `each` patches, and nothing else ever happens."""
    return replace(ALONE, patches=each, patches_per_feature=each, own=strength)


def batch(data, size=2000):
    return sample(replace(data, axes=True), "growth", Trials(count=1, dtype="float64"), size,
                  kind="multi-view", purpose="growth")  # fmt: skip


@pytest.mark.parametrize("power", [2, 4, 5])
@pytest.mark.parametrize("each", [1, 2])
def test_strength_moments_are_means_over_samples(power, each):
    """A mean of 20000 terms; its standard error, measured, times 5: a false fail in 2e-6."""
    data = MultiView(classes=4, dim=8, patches=20, patches_per_feature=each, sparsity=2.0)
    samples = batch(data, 20_000)
    seen = (samples.strength**power * (samples.feature == 3)).sum(2)[0].numpy()
    error = 5 * seen.std() / math.sqrt(seen.size)
    assert abs(seen.mean() - strength_moment(data, power)) < error
    assert abs(seen.mean() - 1.3 * strength_moment(data, power)) > error


def grow(objective, data, net, start, rate):
    """Time of descent on one feature until its correlation reaches the threshold."""
    samples = batch(data, 400)
    kernels = torch.zeros(1, 1, 2, dtype=torch.float64)
    kernels[..., 0] = start
    half = (samples.label[0] == 0).double().mean().item()
    for step in range(1, 10**6):
        _, slope = objective.gradient({"kernels": kernels}, samples.x, samples.label, net)
        kernels = kernels - rate * slope["kernels"] / 400 * (0.5 / half)
        if kernels[0, 0, 0] >= net.threshold:
            return rate * step
    raise AssertionError


@pytest.mark.parametrize(
    ("objective", "each"),
    [
        (MaskedPixels(), 1),
        (MaskedPixels(), 2),
        (MaskedLatents(teacher_scale=1.5), 1),
        (MaskedLatents(teacher_scale=1.5), 2),
        (MaskedLatents(teacher_scale=1.5, context="patch"), 2),
    ],
)
def test_growth_takes_the_time_of_the_formula(objective, each):
    """The formula neglects what happens near the threshold, a part start/r of the whole."""
    data = one_feature(each, strength=(1.0, 1.0))
    net = Net(power=3, threshold=0.4, init_scale=0.1)
    start = 0.02
    expected = growth_time(data, net, objective, start)
    seen = grow(objective, data, net, start, expected / 1000)
    assert seen == pytest.approx(expected, rel=0.2)
    later = growth_time(data, net, objective, start / 2)
    order = 2 * 3 - 2 if isinstance(objective, MaskedLatents) else 2
    assert later == pytest.approx(expected * 2**order)


def test_growth_never_comes_from_nothing_or_under_a_weak_teacher():
    data, net = MultiView(), Net()
    assert growth_time(data, net, MaskedPixels(), 0.0) == math.inf
    assert growth_time(data, net, MaskedLatents(teacher_scale=1.0), 0.1) == math.inf
    assert growth_time(data, replace(net, power=1), MaskedPixels(), 0.1) < math.inf


@pytest.mark.parametrize("each", [1, 2])
@pytest.mark.parametrize("context", ["pooled", "patch"])
@pytest.mark.parametrize("keep", [0.4, 0.6])
def test_the_margin_is_positive_exactly_where_one_feature_grows(each, context, keep):
    objective = MaskedLatents(keep=keep, context=context)
    n = each if context == "pooled" else 1
    critical = (1 + (1 - keep) / keep / n) ** (1 / 3)
    data, net = one_feature(each, strength=(1.0, 1.0)), Net(power=3, threshold=0.4)
    samples = batch(data, 50)
    kernels = torch.tensor([[[0.05, 0.0]]], dtype=torch.float64)
    for factor in (0.98, 1.02):
        at = replace(objective, teacher_scale=factor * critical)
        _, slope = at.gradient({"kernels": kernels}, samples.x, samples.label, net)
        grows = slope["kernels"][0, 0, 0].item() < 0
        assert grows == (factor > 1) == (growth_margin(data, net, at) > 0)


@pytest.mark.parametrize(("each", "context"), [(1, "pooled"), (2, "pooled"), (2, "patch")])
def test_the_push_is_that_of_the_gradients_at_the_threshold(each, context):
    """With keep = 1 nothing pulls: the difference to that gradient is the mask's pull."""
    net = Net(power=3.0, threshold=0.4)
    objective = MaskedLatents(context=context, teacher_scale=1.5, keep=0.4)
    kernels = torch.tensor([[[net.threshold, 0.0]]], dtype=torch.float64)

    def slopes(keep):
        found = []
        for strength in np.linspace(1, 2, 101):
            samples = batch(one_feature(each, (strength, strength)), 16)
            masked = replace(objective, keep=keep)
            _, slope = masked.gradient({"kernels": kernels}, samples.x, samples.label, net)
            found.append(slope["kernels"][0, 0, 0].item())
        return sum(found)

    push = slopes(1.0) / (slopes(1.0) - slopes(0.4))
    data = one_feature(each, (1.0, 2.0))
    assert threshold_push(data, net, objective) == pytest.approx(push, rel=1e-9)
    stronger = replace(objective, teacher_scale=1.501)
    assert threshold_push(data, net, stronger) != pytest.approx(push, rel=1e-3)


@pytest.mark.parametrize("each", [1, 2])
def test_descent_is_stable_below_the_rate_and_not_above(each):
    """At the optimum of one captured feature, masked pixels: above 2/curvature it oscillates."""
    data, net = one_feature(each), Net(power=3, threshold=0.05)
    objective = MaskedPixels(keep=1.0)
    samples = batch(data, 400)
    share = (samples.label[0] == 0).double().mean().item()
    x, rate = samples.x, stable_rate(data, objective) * 0.5 / share

    def ends(factor):
        kernels = torch.tensor([[[1.001, 0.0]]], dtype=torch.float64)
        path = []
        for _ in range(60):
            _, slope = objective.gradient({"kernels": kernels}, x, samples.label, net)
            kernels = kernels - factor * rate * slope["kernels"] / 400
            path.append(kernels[0, 0, 0].item())
        return abs(np.diff(path[-10:])).max()

    assert ends(0.85) < 1e-4
    assert ends(1.15) > 1e-2


def test_scales_of_first_and_last_starts():
    rng = np.random.default_rng(0)
    normal = rng.standard_normal((4000, 24, 8))
    largest = normal.max((1, 2))
    assert (largest > leading_scale(24, 8)).mean() < 0.5
    # the last feature's best kernel: below late_scale in at most 2 % of cases; 0.02 + 5 sigma
    late = late_scale(24, 8, competing=False)
    missed = (normal.max(1).min(1) < late).mean()
    assert 0.009 < missed < 0.031
    assert late_scale(24, 8, competing=True) < late + 1
    assert late_scale(8, 8, competing=True) == 0.2
