"""Twice the horizon goes on from the end of the first: bitwise what descent from scratch gives."""

import pytest
import torch

from mrpcheck import store
from mrpcheck.nets import Net
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView

SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01, single_view=0.3),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=20, rate=0.3, steps=30, tune_rate=0.4, tune_steps=20),
)
DOUBLED = SETUP.derive(steps=60, tune_steps=40)


def trained(action):
    before = store.counts()["trained"]
    model = action()
    return model, store.counts()["trained"] - before


@pytest.mark.parametrize("head", ["fixed", "trained"])
def test_supervised_learning_goes_on(head):
    trials = Trials(count=3)
    short, _ = trained(lambda: supervise(SETUP, trials, head))
    longer, cost = trained(lambda: supervise(SETUP, Trials(count=3, horizon=2), head))
    scratch = supervise(DOUBLED, trials, head)
    assert cost == 3  # the first half was known
    assert torch.equal(longer.kernels, scratch.kernels)
    assert torch.equal(longer.head, scratch.head)
    assert longer.steps.tolist() == scratch.steps.tolist() == [100] * 3
    assert short.steps.tolist() == [50] * 3
    torch.testing.assert_close(longer.time, torch.full((3,), 40.0, dtype=torch.float64))
    assert not torch.equal(short.kernels, longer.kernels)


@pytest.mark.parametrize("how", [finetune, linear_probe])
def test_heads_take_twice_the_steps_on_the_longer_encoder(how):
    trials = Trials(count=2, horizon=2)
    encoder, direct = pretrain(SETUP, trials), pretrain(DOUBLED, Trials(count=2))
    one, two = how(encoder, SETUP, trials), how(direct, DOUBLED, Trials(count=2))
    assert torch.equal(one.kernels, two.kernels)
    assert torch.equal(one.head, two.head)
    assert one.steps.tolist() == two.steps.tolist() == [40, 40]


def test_a_trial_that_diverged_stays_where_it_left(monkeypatch):
    wild = SETUP.replace(tune_rate=1e9)
    trials = Trials(count=2, horizon=2)
    short, longer = supervise(wild, Trials(count=2)), supervise(wild, trials)
    assert short.diverged.all()
    assert torch.equal(longer.diverged, short.diverged)
    assert torch.equal(longer.steps, short.steps)
    assert trials.facts.failed == {0, 1}
