"""Diverged trainings are flagged, counted and carried on; wrong requests are one sentence."""

import math
import random

import numpy as np
import pytest
import torch

from mrpcheck import store
from mrpcheck.events import Captured
from mrpcheck.measures import accuracy
from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView

pytestmark = pytest.mark.usefixtures("either_step")
SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=20, rate=0.3, steps=40, tune_steps=10, tune_rate=0.4),
)
WILD = SETUP.replace(rate=300.0, init_scale=1.0)


def test_a_rate_that_is_far_too_large_is_seen():
    trials = Trials(count=3, first=16)
    encoder = pretrain(WILD, trials)
    assert encoder.diverged.all()
    assert not encoder.reached.any()
    assert trials.facts.failed == {16, 17, 18}
    assert (encoder.steps < 40).all()  # and not trained to the end
    sane = Trials(count=3, first=16)
    assert not pretrain(SETUP, sane).diverged.any()
    assert sane.facts.failed == set()


def test_failures_come_back_from_the_store_too():
    first, again = Trials(count=2), Trials(count=2)
    pretrain(WILD, first)
    before = store.counts()["trained"]
    pretrain(WILD, again)
    assert store.counts()["trained"] == before
    assert again.facts.failed == first.facts.failed == {0, 1}


def test_one_trial_may_diverge_alone():
    """Under this teacher every trial runs away, some by this step and some later."""
    setup = SETUP.replace(objective=MaskedLatents(teacher_scale=1.5), steps=160)
    trials = Trials(count=12)
    encoder = pretrain(setup, trials)
    some = int(encoder.diverged.sum())
    assert 0 < some < 12
    assert trials.facts.failed == {t for t in range(12) if encoder.diverged[t]}
    for t in range(12):
        alone = pretrain(setup, Trials(count=1, first=t))
        assert torch.equal(alone.diverged, encoder.diverged[t : t + 1])
        assert torch.equal(alone.kernels, encoder.kernels[t : t + 1])


@pytest.mark.parametrize("until", [None, Captured(), Captured(times=2)])
def test_what_diverged_stays_so_under_every_event_and_tuning(until):
    trials = Trials(count=2)
    encoder = pretrain(WILD.derive(init_scale=0.05, rate=1e6), trials, until)
    assert encoder.diverged.all()
    assert not encoder.reached.any()
    for how in (finetune, linear_probe):
        model = how(encoder, WILD, trials)
        assert model.diverged.all()
        scores = accuracy(model, WILD, trials, "multi-view")
        assert scores.isnan().all()
    assert trials.facts.failed == {0, 1}


def test_nan_is_a_divergence():
    def poisoned(kernels, patches):
        return (kernels.sum() - 1e30).sqrt()  # NaN from the first step

    trials = Trials(count=2)
    encoder = pretrain(SETUP.replace(objective=poisoned), trials)
    assert encoder.kernels.isnan().all()
    assert encoder.diverged.all()
    assert trials.facts.failed == {0, 1}


def test_supervised_learning_diverges_as_visibly():
    trials = Trials(count=2)
    model = supervise(SETUP.replace(tune_rate=1e5), trials, "trained")
    assert model.diverged.all()
    assert trials.facts.failed == {0, 1}


def test_end_states_are_marked():
    at_event, at_end = Trials(count=1), Trials(count=1)
    encoder = pretrain(SETUP, at_event, Captured())
    assert not at_event.facts.end_state
    finetune(encoder, SETUP, at_event)
    assert at_event.facts.end_state
    pretrain(SETUP, at_end)
    assert at_end.facts.end_state


def test_wrong_requests_are_one_sentence():
    trials = Trials(count=2)
    encoder = pretrain(SETUP, trials)
    for other in (Trials(count=3), Trials(count=2, seed=1), Trials(count=2, stream="search")):
        with pytest.raises(ValueError, match=r"^the encoder's trials = 0 to 1 of 'panel', seed 0"):
            finetune(encoder, SETUP, other)
    with pytest.raises(TypeError, match=r"^until = 'captured', but should be None, Captured"):
        pretrain(SETUP, trials, until="captured")
    with pytest.raises(ValueError, match=r"^head = 'free', but should be 'fixed' or 'trained'"):
        supervise(SETUP, trials, "free")


def test_training_leaves_global_generators_and_inputs_alone():
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    before = (random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state())
    trials = Trials(count=2, seed=7)
    encoder = pretrain(SETUP.replace(masks="sampled"), trials)
    kept = encoder.kernels.clone()
    model = finetune(encoder, encoder.setup, trials)
    accuracy(model, encoder.setup, trials, "single-view")
    supervise(SETUP, trials)
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])
    assert torch.equal(torch.get_rng_state(), before[2])
    assert torch.equal(encoder.kernels, kept)


@pytest.mark.parametrize("fixed", [("training samples", "features"), ("kernels",)])
def test_what_is_fixed_is_shared_by_all_trials(fixed):
    encoder = pretrain(SETUP, Trials(count=2).fixing(*fixed))
    assert not torch.equal(encoder.kernels[0], encoder.kernels[1])
    both = pretrain(SETUP, Trials(count=2).fixing("training samples", "features", "kernels"))
    assert torch.equal(both.kernels[0], both.kernels[1])
    assert math.isfinite(both.kernels.sum().item())
