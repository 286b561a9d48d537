"""Hyperparameters that came late change nothing where they are not used."""

import hashlib
import re
from dataclasses import replace

import pytest
import torch

from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.views import TRAINING, MultiView, sample

PLAIN = MultiView(
    axes=True, patches_per_feature=2, patches=24, split="random", single_view=0.4
)  # along the axes every product is by 0 or 1, so that no rounding depends on the machine
CHANGED = {
    "correlation": 0.25,
    "coverage": 0.5,
    "imbalance": 4.0,
    "tails": "laplace",
}
BEFORE = "4f912d45d0bc02d24be7a7443a776c9e"  # of the samples that were drawn before these came
KEY = "a34693ed4ac57caf09e960aee6ad9cce"


def fingerprint(data):
    digest = hashlib.blake2b(digest_size=16)
    for kind in ("mixed", "multi-view", "single-view"):
        trials = Trials(2, seed=5, dtype="float64")
        samples = sample(data, "key", trials, 20, kind=kind, purpose=TRAINING)
        for name in ("label", "single_view", "feature", "strength", "x"):
            digest.update(getattr(samples, name).numpy().tobytes())
    return digest.hexdigest()


def test_samples_and_key_are_what_they_were():
    assert fingerprint(PLAIN) == fingerprint(PLAIN.pretraining()) == BEFORE
    assert Setup(data=PLAIN).key == KEY


@pytest.mark.parametrize("name", CHANGED)
def test_samples_and_key_are_others_where_it_is_used(name):
    data = replace(PLAIN, **{name: CHANGED[name]})
    assert fingerprint(data.pretraining()) != BEFORE
    assert Setup(data=data).key != KEY


def test_json_holds_what_is_used_and_no_more():
    assert not Setup().to_json()["data"].keys() & CHANGED.keys()
    for name, value in CHANGED.items():
        setup = Setup().replace(**{name: value})
        content = setup.to_json()
        assert content["data"].keys() & CHANGED.keys() == {name}
        assert Setup.from_json(content) == setup
        assert f"{name}={value}" in str(setup)
        with pytest.raises(ValueError, match=rf"^data\.{name} = "):
            Setup.from_json({**content, "data": {**content["data"], name: [value]}})


def test_the_native_step_computes_what_autograd_does_on_such_data():
    from mrpcheck import pretrain
    from mrpcheck.objectives.base import by_autograd
    from mrpcheck.slopes import Slopes

    setup = Setup().replace(**CHANGED, samples=20, steps=1)
    trials = Trials(1, dtype="float64")
    samples = sample(setup.data.pretraining(), setup.key, trials, 20, purpose=TRAINING)
    kernels = pretrain(setup, trials).kernels
    _, native = Slopes(setup.objective, setup, {"kernels": kernels}, samples.x, samples.label).at(
        {"kernels": kernels}, None
    )
    _, slow = by_autograd(
        setup.objective, {"kernels": kernels}, samples.x, samples.label, setup.net
    )
    torch.testing.assert_close(native["kernels"], slow["kernels"] / 20)


REFUSED = {
    "correlation": ([1.0, -0.1, float("nan")], 0.99),
    "coverage": ([0.0, 1.1, float("nan"), 0.04], 0.05),  # of 10 features
    "imbalance": ([0.5, float("inf"), float("nan")], 1.0),
    "tails": (["cauchy", 3], "student"),
}


@pytest.mark.parametrize(("name", "refused", "accepted"), [(k, *v) for k, v in REFUSED.items()])
def test_what_cannot_be_drawn_is_refused(name, refused, accepted):
    for value in refused:
        sentence = rf"^{name} = {re.escape(repr(value))}, but should be .* \[MultiView\]$"
        with pytest.raises(ValueError, match=sentence):
            MultiView(**{name: value})
    MultiView(**{name: accepted})


@pytest.mark.parametrize("name", CHANGED)
def test_a_trial_alone_is_the_trial_in_a_batch(name):
    data = replace(PLAIN, axes=False, **{name: CHANGED[name]}).pretraining()
    block = sample(data, "key", Trials(4, first=2), 6, purpose=TRAINING)
    alone = sample(data, "key", Trials(1, first=4), 6, purpose=TRAINING)
    for part in ("x", "label", "single_view", "feature", "strength", "features"):
        assert torch.equal(getattr(alone, part), getattr(block, part)[2:3]), part
