"""Deeper encoders train with every objective, in every way, and come back from the store."""

from dataclasses import replace

import pytest
import torch

from mrpcheck import store, training
from mrpcheck.encoders import outputs, start_body
from mrpcheck.measures import accuracy, features_captured
from mrpcheck.nets import Net, initial_kernels
from mrpcheck.objectives import CrossEntropy, MaskedLatents, MaskedPixels
from mrpcheck.objectives.base import by_autograd
from mrpcheck.objectives.contextual import contextual_error
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.slopes import Slopes
from mrpcheck.systems import variants
from mrpcheck.tracing import trace
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView, sample

TWO = Trials(count=2)
SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01, single_view=0.3),
    net=Net(kernels_per_class=2, power=3, threshold=0.3, init_scale=0.1),
    objective=MaskedPixels(masks="sampled"),
    recipe=Recipe(samples=12, rate=0.1, steps=6, tune_rate=0.2, tune_steps=4),
)
RESIDUAL = SETUP.derive(body="residual", depth=2)
ATTENTION = SETUP.derive(body="attention", heads=2)
DEEPER = pytest.mark.parametrize("setup", [RESIDUAL, ATTENTION], ids=["residual", "attention"])
LOSSES = {
    "pixels, patch": MaskedPixels(masks="sampled"),
    "pixels, pooled, free": MaskedPixels(masks="sampled", context="pooled", decoder="free"),
    "pixels, others, free": MaskedPixels(masks="sampled", context="others", decoder="free"),
    "latents, patch": MaskedLatents(masks="sampled", context="patch"),
    "latents, others": MaskedLatents(masks="sampled", context="others", teacher="frozen"),
    "cross-entropy": CrossEntropy(),
}


def same(one, two):
    assert torch.equal(one.kernels, two.kernels)
    assert one.extra.keys() == two.extra.keys()
    for name, value in one.extra.items():
        assert torch.equal(value, two.extra[name]), name


def sampled(objective):
    return replace(objective, masks="sampled") if objective.masks == "exact" else objective


@DEEPER
@pytest.mark.parametrize("name", variants())
def test_every_system_trains_every_body(setup, name):
    setup = setup.derive(objective=sampled(variants()[name]), steps=2)
    encoder = pretrain(setup, Trials(count=1))
    assert not encoder.diverged.any()
    start = start_body(encoder.kernels, setup, Trials(count=1))
    assert start.keys() <= encoder.extra.keys()
    assert not torch.equal(encoder.extra["body.out"], start["body.out"])


@DEEPER
def test_every_way_of_training_takes_the_body_along(setup):
    encoder = pretrain(setup, TWO)
    tuned, probe = finetune(encoder, setup, TWO), linear_probe(encoder, setup, TWO)
    own = {name for name in encoder.extra if name.startswith("body.")}
    for model in (tuned, probe, supervise(setup, TWO, "trained"), supervise(setup, TWO, "fixed")):
        assert set(model.extra) == own
        found = accuracy(model, setup, TWO, "multi-view")
        assert ((found >= 0) & (found <= 1)).all()
    assert torch.equal(probe.extra["body.out"], encoder.extra["body.out"])
    assert not torch.equal(tuned.extra["body.out"], encoder.extra["body.out"])
    assert features_captured(tuned, setup).shape == (2, 4)


@DEEPER
def test_a_trained_body_comes_back_from_the_store(setup):
    first = pretrain(setup, TWO)
    tuned = finetune(first, setup, TWO)
    before = store.counts()["trained"]
    same(pretrain(setup, TWO), first)
    same(finetune(first, setup, TWO), tuned)
    assert store.counts()["trained"] == before


@DEEPER
def test_a_trial_alone_is_bitwise_the_trial_in_a_batch(setup):
    both, alone = pretrain(setup, TWO), pretrain(setup, Trials(count=1, first=1))
    assert torch.equal(both.kernels[1:], alone.kernels)
    for name, value in both.extra.items():
        assert torch.equal(value[1:], alone.extra[name]), name
    assert not torch.equal(both.kernels[:1], alone.kernels)


@DEEPER
@pytest.mark.parametrize("arm", ["pretrain", "supervise"])
def test_twice_the_horizon_goes_on_with_the_body(setup, arm):
    doubled = setup.derive(steps=12, tune_steps=8)
    train = getattr(training, arm)
    longer, scratch = train(setup, replace(TWO, horizon=2)), train(doubled, TWO)
    same(longer, scratch)
    assert not torch.equal(train(setup, TWO).extra["body.out"], longer.extra["body.out"])


def double(setup, objective):
    """Random float64 parameters, samples and one mask of a setup, one trial."""
    one = Trials(count=1, dtype="float64")
    kernels = initial_kernels(setup.net, 2, 5, setup.key, one)
    extra = {} if isinstance(objective, CrossEntropy) else objective.start(kernels, setup, one)
    start = {"kernels": kernels, **extra, **start_body(kernels, setup, one)}
    if isinstance(objective, CrossEntropy):
        start["head"] = kernels.new_zeros(1, 2, 4)
    rng = torch.Generator().manual_seed(3)
    start = {
        name: value + 0.3 * torch.randn(value.shape, generator=rng, dtype=value.dtype)
        for name, value in start.items()
    }
    samples = sample(setup.data, setup.key, one, 3, purpose="these tests")
    mask = (torch.rand(1, 3, 6, 1, generator=rng) < 0.5).double()
    return start, samples, mask


@DEEPER
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_finite_differences(setup, name):
    objective = LOSSES[name]
    if name != "cross-entropy":
        setup = setup.derive(objective=objective)
    start, samples, mask = double(setup, objective)
    mask = None if name == "cross-entropy" else mask
    loss, slopes = by_autograd(objective, start, samples.x, samples.label, setup.net, mask)
    rng = torch.Generator().manual_seed(4)
    for part, slope in slopes.items():
        way = torch.randn(slope.shape, generator=rng, dtype=slope.dtype)
        held = not isinstance(objective, MaskedLatents) or objective.teacher != "scaled"
        ends = []
        for h in (1e-5, -1e-5):
            moved = {**start, part: start[part] + h * way}
            ends.append(at(objective, moved, start, samples, setup.net, mask, held))
        expected = (ends[0] - ends[1]) / 2e-5
        torch.testing.assert_close((slope * way).sum(), expected, rtol=1e-5, atol=1e-8)
        wrong = torch.isclose(1.01 * (slope * way).sum(), expected, rtol=1e-5, atol=1e-8)
        assert not wrong or abs(expected) < 1e-6, part
    assert torch.isfinite(loss).all()


def at(objective, moved, start, samples, net, mask, held):
    """The loss at moved parameters; a teacher that is the student's own stays where it was."""
    if held:
        return objective.loss(moved, samples.x, samples.label, net, mask)[0]
    frozen = replace(objective, teacher="frozen")
    teacher = {f"teacher.{n}": v for n, v in start.items() if n.startswith("body.")}
    teacher["teacher"] = start["kernels"]
    return frozen.loss({**moved, **teacher}, samples.x, samples.label, net, mask)[0]


def expected_error(context, predicted, target, mask):
    """A masked prediction's error in an encoder that saw the mask, patch by patch."""
    error = 0.0
    for n in range(predicted.shape[0]):
        away = predicted[n] - target[n]
        if context == "pooled":
            error += 0.5 * float((away.sum(0) ** 2).sum())
        else:
            counted = range(len(away)) if context == "patch" else (mask[n] == 0).nonzero()[:, 0]
            error += sum(0.5 * float((away[int(p)] ** 2).sum()) for p in counted)
    return error


@pytest.mark.parametrize("context", ["patch", "pooled", "others"])
def test_a_masked_patch_is_predicted_from_its_own_output_where_it_sees_the_others(context):
    objective = MaskedPixels(masks="sampled", context=context)
    setup = ATTENTION.derive(objective=objective)
    start, samples, mask = double(setup, objective)
    units = outputs(start, samples.x, setup.net, mask)
    decoded = units[0] @ start["kernels"][0]
    expected = expected_error(context, decoded, samples.x[0], mask[0, ..., 0])
    found = objective.loss(start, samples.x, samples.label, setup.net, mask)
    torch.testing.assert_close(float(found), expected, rtol=1e-12, atol=0)
    blind = outputs(start, samples.x, setup.net)[0] @ start["kernels"][0]
    assert abs(expected_error(context, blind, samples.x[0], mask[0, ..., 0]) - expected) > 1e-3


def test_smooth_l1_is_taken_where_a_body_sees_the_mask_too():
    error = torch.tensor([0.1, -0.4, 3.0], dtype=torch.float64).view(1, 1, 3, 1)
    target, mask = torch.ones_like(error), torch.tensor([0.0, 1, 0]).double().view(1, 1, 3, 1)
    found = contextual_error("patch", target + error, target, mask, 0.5)
    torch.testing.assert_close(float(found), 0.1**2 + 0.4**2 + 3 - 0.25)
    found = contextual_error("others", target + error, target, mask, 0.5)
    torch.testing.assert_close(float(found), 0.1**2 + 3 - 0.25)


@pytest.mark.parametrize("context", ["patch", "pooled", "others"])
def test_a_teacher_sees_every_patch_where_the_student_sees_the_mask(context):
    objective = MaskedLatents(masks="sampled", context=context, teacher="frozen", teacher_scale=2.0)
    setup = ATTENTION.derive(objective=objective)
    start, samples, mask = double(setup, objective)
    teacher = {n.removeprefix("teacher."): v for n, v in start.items() if n.startswith("teacher.")}
    target = outputs({"kernels": 2 * start["teacher"], **teacher}, samples.x, setup.net)
    student = outputs(start, samples.x, setup.net, mask)
    expected = expected_error(context, student[0], target[0], mask[0, ..., 0])
    found = objective.loss(start, samples.x, samples.label, setup.net, mask)
    torch.testing.assert_close(float(found), expected, rtol=1e-12, atol=0)


def test_the_expectation_over_masks_holds_in_a_local_body():
    exact = MaskedPixels(context="others", decoder="free")
    setup = RESIDUAL.derive(objective=exact)
    start, samples, _ = double(setup, exact)
    whole = exact.loss(start, samples.x, samples.label, setup.net)
    total = torch.zeros(1, dtype=torch.float64)
    for bits in range(2**6):
        one = torch.tensor([float(bits >> p & 1) for p in range(6)], dtype=torch.float64)
        mask = one.view(1, 1, 6, 1).expand(1, 3, 6, 1)
        total += exact.loss(start, samples.x, samples.label, setup.net, mask) / 2**6
    torch.testing.assert_close(whole, total, rtol=1e-10, atol=0)


def test_supervised_learning_of_one_body_is_the_same_whatever_was_pretrained():
    before = store.counts()["trained"]
    first = supervise(ATTENTION, TWO, "trained")
    again = supervise(ATTENTION.derive(objective=LOSSES["latents, patch"]), TWO, "trained")
    same(first, again)
    assert store.counts()["trained"] == before + 2


@DEEPER
def test_a_deeper_setup_is_traced(setup):
    setup = setup.derive(context="others", decoder="free")
    found = trace(setup, Trials(count=1), what="these tests", paired=1)
    assert (found.mrp.loss > 0).all()  # of masked patches: some are
    assert found.note == ""
    assert found.mrp.steps[-1] == 6
    assert found.sl.scores.shape == (3, 2)


def test_no_native_step_is_taken_for_a_deeper_body():
    samples = sample(SETUP.data, SETUP.key, TWO, 4, purpose="these tests")
    for setup in (RESIDUAL, ATTENTION):
        slopes = Slopes(CrossEntropy(), setup, {}, samples.x, samples.label)
        assert slopes.fused is None
