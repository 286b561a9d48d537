"""The scaled teacher's critical lines, against the gradient on samples drawn from the law."""

from dataclasses import replace

import pytest

from mrpcheck.critical import teacher_to_capture, teacher_to_grow
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
