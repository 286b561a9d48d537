"""The scaled teacher's critical lines, against the gradient on samples drawn from the law."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mrpcheck.critical import (
    ema_pace,
    frozen_to_capture,
    teacher_to_capture,
    teacher_to_grow,
    weakest_lead,
)
from mrpcheck.growth import growth_margin, threshold_push
from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.views import MultiView, sample

NEAR = 0.02  # of tau: what 20000 samples can tell apart, 4 standard errors at the least


def setup_of(context, each=1, power=3.0):
    """Two classes of two views, and in a sample its own class alone."""
    data = MultiView(
        classes=2, dim=4, patches=2 * each, patches_per_feature=each, sparsity=0.0,
        single_view=0.0, noise=0.0, feature_noise=0.0, axes=True,
    )  # fmt: skip
    return Setup(
        data=data, net=Net(power=power, threshold=0.3), objective=MaskedLatents(context=context)
    )


def velocities(setup, keep, tau, held, size):
    """d<w, v>/dt on each of the `held` features of class 0, all of which stand at `size`."""
    objective = replace(setup.objective, keep=keep, teacher_scale=tau)
    drawn = sample(setup.data, "critical", Trials(count=1, dtype="float64"), 20_000,
                   kind="multi-view", purpose="critical")  # fmt: skip
    features = drawn.features[0]  # (feature, dim)
    kernel = size * features[:held].sum(0)
    _, found = objective.gradient({"kernels": kernel[None, None]}, drawn.x, drawn.label, setup.net)
    return -(features[:held] @ found["kernels"][0, 0])


@pytest.mark.parametrize("keep", [0.3, 0.7])
@pytest.mark.parametrize(
    ("context", "each", "power", "together"),
    [("patch", 2, 3.0, 2), ("pooled", 1, 3.0, 1), ("pooled", 1, 3.0, 2), ("pooled", 2, 4.0, 2)],
)
@pytest.mark.parametrize(("line", "size"), [(teacher_to_grow, 0.01), (teacher_to_capture, 0.3)])
def test_correlations_grow_above_the_line_and_decay_below(
    line, size, keep, context, each, power, together
):
    setup = setup_of(context, each, power)
    tau = line(setup, keep, together)
    assert (velocities(setup, keep, tau * (1 + NEAR), together, size) > 0).all()
    assert (velocities(setup, keep, tau * (1 - NEAR), together, size) < 0).all()


@pytest.mark.parametrize("context", ["patch", "pooled"])
def test_a_feature_alone_has_the_lines_of_the_regime_s_conditions(context):
    setup = setup_of(context, each=2)
    tau = teacher_to_grow(setup, 0.4)
    objective = replace(setup.objective, keep=0.4, teacher_scale=tau)
    assert growth_margin(setup.data, setup.net, objective) == pytest.approx(0, abs=1e-9)
    objective = replace(objective, teacher_scale=teacher_to_capture(setup, 0.4))
    push = threshold_push(setup.data, setup.net, objective)
    assert push == pytest.approx(1, abs=5e-3)  # it sums 101 strengths


def test_two_views_of_equal_strength_count_twice():
    setup = setup_of("pooled").replace(own=(1.5, 1.5))
    assert teacher_to_grow(setup, 0.5, 2) == pytest.approx(1.5 ** (1 / 3))
    assert teacher_to_grow(setup, 0.5, 1) == pytest.approx(2 ** (1 / 3))


@pytest.mark.parametrize("objective", [MaskedPixels(), MaskedLatents(context="others")])
def test_other_objectives_have_no_such_lines(objective):
    setup = setup_of("pooled").replace(objective=objective)
    with pytest.raises(ValueError, match=r"objective = Masked.* but should be MaskedLatents"):
        teacher_to_grow(setup, 0.5)


def end_of(objective, start, steps, rate, power=3.0):
    """Student and teacher on a single patch of strength 1, in float64: their correlations."""
    x, net = torch.ones(1, 1, 1, 1, dtype=torch.float64), Net(power=power, threshold=1.0)
    parameters = objective.start(torch.full((1, 1, 1), start, dtype=torch.float64), Setup(), None)
    path = []
    for _ in range(steps):
        _, slopes = objective.gradient(parameters, x, torch.zeros(1, 1), net)
        parameters["kernels"] = parameters["kernels"] - rate * slopes["kernels"]
        objective.advance(parameters)
        path.append((float(parameters["kernels"]), float(parameters["teacher"])))
    return np.array(path)


@pytest.mark.parametrize("keep", [0.3, 0.7])
def test_a_slow_average_lets_correlations_grow_at_its_pace(keep):
    line = teacher_to_grow(setup_of("patch").replace(own=(1.0, 1.0)), keep)
    for scale, sign in ((1.15, 1), (0.9, -1)):
        objective = MaskedLatents(
            context="patch", keep=keep, teacher="ema", teacher_scale=scale * line, momentum=0.998
        )
        setup = setup_of("patch").replace(own=(1.0, 1.0), objective=objective)
        path = end_of(objective, 0.4, 600, 5.0 * keep)
        pace = np.diff(np.log(path[:, 1]))
        assert np.sign(path[-1, 0] - path[100, 0]) == sign
        limit = ema_pace(setup, keep)
        assert abs(limit - sign * abs(scale - 1) * 0.002) < 1e-12
        if sign > 0:
            assert pace.max() <= limit
            assert pace[-1] >= 0.8 * limit
            assert path[-1, 0] < 1


@pytest.mark.parametrize("scale", [0.7, 1.5])
def test_a_frozen_teacher_moves_a_correlation_to_its_share_of_the_line(scale):
    line = teacher_to_grow(setup_of("patch").replace(own=(1.0, 1.0)), 0.5)
    objective = MaskedLatents(context="patch", teacher="frozen", teacher_scale=scale * line)
    path = end_of(objective, 0.5, 4000, 1.0)
    assert path[-1, 0] == pytest.approx(scale * 0.5, rel=1e-3)
    assert path[-1, 1] == 0.5


@pytest.mark.parametrize(("start", "power"), [(0.1, 3.0), (0.25, 4.0)])
def test_a_frozen_teacher_captures_from_its_line_on(start, power):
    setup = setup_of("patch", power=power)
    drawn = sample(setup.data, "critical", Trials(count=1, dtype="float64"), 20_000,
                   kind="multi-view", purpose="critical")  # fmt: skip
    feature = drawn.features[0, 0]
    tau = frozen_to_capture(setup, 0.5, start)
    for factor, sign in ((1 + NEAR, 1), (1 - NEAR, -1)):
        objective = MaskedLatents(context="patch", teacher="frozen", teacher_scale=factor * tau)
        parameters = {"kernels": 0.3 * feature[None, None], "teacher": start * feature[None, None]}
        _, found = objective.gradient(parameters, drawn.x, drawn.label, setup.net)
        assert np.sign(-float(feature @ found["kernels"][0, 0])) == sign


def test_the_weakest_lead_is_that_of_gaussian_starts():
    setup = Setup().replace(classes=3, dim=10, kernels_per_class=4)
    starts = np.random.default_rng(0).normal(size=(20_000, 12, 6)) * setup.net.init_scale
    least = starts.max(1).min(1)
    for share in (0.1, 0.5, 0.9):
        seen = (least >= weakest_lead(setup, share)).mean()
        assert abs(seen - share) < 6 * 0.5 / 20_000**0.5  # six standard errors
        assert abs((least >= weakest_lead(setup, share - 0.05)).mean() - share) > 0.03


def test_lines_are_those_of_the_plain_square():
    setup = setup_of("patch")
    objective = replace(setup.objective, normalised=True)
    with pytest.raises(ValueError, match=r"objective = MaskedLatents.*normalised=True"):
        teacher_to_grow(setup.replace(objective=objective), 0.5)
    with pytest.raises(ValueError, match="but should be MaskedLatents, teacher 'ema'"):
        ema_pace(setup, 0.5)
