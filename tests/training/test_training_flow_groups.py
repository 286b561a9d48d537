"""Trials of a flow do not depend on each other, and cost nothing once they are over."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mrpcheck import descent, flow, store
from mrpcheck.clocks import GradientFlow
from mrpcheck.events import Captured, Plateau
from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.slopes import Slopes
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView

SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(
        samples=20, rate=0.3, steps=60, tune_rate=0.4, tune_steps=20, clock=GradientFlow(1e-4)
    ),
)
OBJECTIVES = [
    MaskedPixels(),
    MaskedPixels(decoder="free"),
    MaskedLatents(teacher_scale=1.6),
    MaskedLatents(teacher="frozen", teacher_scale=2.0, context="patch"),
]


def parts(model):
    found = {"kernels": model.kernels, "steps": model.steps, "time": model.time}
    found["diverged"] = model.diverged
    if hasattr(model, "head"):
        return found | {"head": model.head}
    return found | {"reached": model.reached} | model.extra


def trained(setup, trials):
    encoder = pretrain(setup, trials)
    untils = [Captured(), Captured(features="first"), Captured(times=1.5), Plateau(over=9)]
    models = [encoder, *(pretrain(setup, trials, until) for until in untils)]
    if isinstance(setup.objective, MaskedLatents):  # whose kernels outgrow what labels ask for
        return models
    models += [finetune(encoder, setup, trials), linear_probe(encoder, setup, trials)]
    return models + [supervise(setup, trials, head) for head in ("fixed", "trained")]


@pytest.mark.parametrize(
    ("objective", "dtype"), [*((o, "float32") for o in OBJECTIVES), (OBJECTIVES[0], "float64")]
)
def test_a_trial_alone_is_the_trial_in_a_block(objective, dtype):
    setup = SETUP.replace(objective=objective)
    block = trained(setup, Trials(count=2, first=1, dtype=dtype))
    alone = trained(setup, Trials(count=1, first=2, dtype=dtype))
    for one, many in zip(alone, block, strict=True):
        for name, value in parts(one).items():
            assert torch.equal(value, parts(many)[name][1:2]), name  # bitwise
    assert not torch.equal(block[0].kernels[0], block[0].kernels[1])


def grouped(monkeypatch):
    """Let all trials be followed together, as they are on a GPU."""
    monkeypatch.setitem(descent.GROUP, "cpu", 99)
    monkeypatch.setenv("MRPCHECK_STORE", "/dev/null/nowhere")  # nothing is read back


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_trials_that_are_followed_together_take_the_same_paths(monkeypatch, objective):
    setup, trials = SETUP.replace(objective=objective), Trials(count=3, dtype="float64")
    one = trained(setup, trials)
    grouped(monkeypatch)
    many = trained(setup, trials)
    for a, b in zip(one, many, strict=True):
        for name, value in parts(a).items():
            other = parts(b)[name]
            if value.is_floating_point():
                torch.testing.assert_close(other, value, rtol=1e-8, atol=1e-10)
            else:
                assert torch.equal(other, value), name


class Counted(Slopes):
    """Slopes that count the gradients they were asked for, one a trial."""

    asked = 0

    def at(self, parameters, mask=None, *, with_loss=False):
        Counted.asked += len(parameters["kernels"])
        return super().at(parameters, mask, with_loss=with_loss)


def gradients(setup, trials, until=None):
    before = Counted.asked
    encoder = pretrain(setup, trials, until)
    return Counted.asked - before, encoder


def test_trials_that_are_over_cost_nothing(monkeypatch):
    """As many gradients together as apart; the slowest alone takes far more than its share."""
    monkeypatch.setattr(flow, "Slopes", Counted)
    monkeypatch.setenv("MRPCHECK_STORE", "/dev/null/nowhere")
    setup, trials = SETUP.replace(kernels_per_class=6, steps=4000), Trials(count=6, dtype="float64")
    each = [
        gradients(setup, replace(trials, first=t, count=1), Captured())[0] for t in trials.numbers
    ]
    apart, _ = gradients(setup, trials, Captured())
    grouped(monkeypatch)
    together, encoder = gradients(setup, trials, Captured())
    assert encoder.reached.all()
    assert apart == sum(each)
    assert together == pytest.approx(apart, rel=0.02)
    assert together < 0.8 * len(each) * max(each)


def test_what_has_happened_at_the_start_takes_no_step(monkeypatch):
    monkeypatch.setattr(flow, "Slopes", Counted)
    count, encoder = gradients(SETUP.replace(init_scale=2.0), Trials(count=2), Captured())
    assert encoder.time.tolist() == [0.0, 0.0]
    assert encoder.steps.tolist() == [0, 0]
    assert encoder.reached.all()
    assert count == 2  # one gradient, to begin with


def test_a_flow_that_does_not_arrive_stays_at_the_end():
    setup, trials = SETUP.replace(steps=12), Trials(count=6, seed=2)
    encoder, later = (pretrain(setup, trials, Captured(times=times)) for times in (1, 3))
    assert 0 < encoder.reached.sum() < 6
    for t in torch.nonzero(~encoder.reached)[:, 0].tolist():
        assert encoder.time[t] == pytest.approx(3.6)
        assert torch.equal(later.kernels[t], encoder.kernels[t])
        assert not later.reached[t]
    assert not encoder.diverged.any()


def runs_away(kernels, patches):
    """A loss whose flow leaves every bound: w grows like e^(5t)."""
    return -2.5 * (kernels**2).sum()


def is_not_finite(kernels, patches):
    return torch.sqrt(0.02 - (kernels - 1.0).abs().sum())


@pytest.mark.parametrize("objective", [runs_away, is_not_finite])
def test_a_flow_that_leaves_the_numbers_is_seen(objective):
    setup, trials = SETUP.replace(objective=objective), Trials(count=2, first=3)
    encoder = pretrain(setup, trials)
    assert encoder.diverged.all()
    assert not encoder.reached.any()
    assert trials.facts.failed == {3, 4}
    assert (encoder.time < 18).all()
    sane = pretrain(SETUP, Trials(count=2))
    assert not sane.diverged.any()


def test_a_start_outside_the_numbers_is_seen():
    encoder = pretrain(SETUP.replace(init_scale=1e5), Trials(count=2))
    assert encoder.diverged.all()
    assert encoder.steps.tolist() == [0, 0]


def test_twice_the_horizon_goes_on_from_the_end_of_the_first():
    trials = Trials(count=2, dtype="float64", horizon=2)
    before = store.counts()["trained"]
    encoder = pretrain(SETUP, trials)
    pretrain(SETUP, replace(trials, horizon=1))  # which it went on from, and left in the store
    assert store.counts()["trained"] - before == 2
    direct = pretrain(SETUP.derive(steps=120), Trials(count=2, dtype="float64"))
    assert encoder.time.tolist() == direct.time.tolist() == [36.0, 36.0]
    torch.testing.assert_close(encoder.kernels, direct.kernels, rtol=1e-2, atol=1e-3)
    assert trials.facts.end_state


def test_the_smallest_starts_are_followed_to_the_capture():
    setup = SETUP.replace(init_scale=0.002, power=4, rate=1e6)
    encoder = pretrain(setup, Trials(count=2), Captured(features="first"))
    assert encoder.reached.all()
    assert (encoder.time > 1e3).all()
    assert (encoder.steps < 300).all()
    exact = pretrain(setup, Trials(count=2, dtype="float64"), Captured(features="first"))
    np.testing.assert_allclose(encoder.time, exact.time, rtol=1e-3)


def test_a_flow_too_stiff_to_follow_is_given_up(monkeypatch):
    monkeypatch.setattr(flow, "MOST", 20)
    trials = Trials(count=2)
    encoder = pretrain(SETUP, trials)
    assert encoder.diverged.all()
    assert (encoder.time < 18).all()
    assert (encoder.steps <= 20).all()
    assert trials.facts.failed == {0, 1}
