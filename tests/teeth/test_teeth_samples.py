"""What a model is tested on it has never seen, and a block of another torch is not its block."""

import pytest
import torch

from mrpcheck import batches, measures
from mrpcheck.measures import accuracy
from mrpcheck.nets import Net
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import finetune, pretrain, supervise
from mrpcheck.views import MultiView, sample

SETUP = Setup(
    data=MultiView(classes=3, dim=6, patches=8, sparsity=1.0, single_view=0.0),
    net=Net(kernels_per_class=2, power=3),
    recipe=Recipe(samples=40, steps=2, tune_steps=2),
)
KINDS = ("training", "mixed", "multi-view", "single-view")


@pytest.fixture
def tested(monkeypatch):
    """The samples that accuracy of each kind was measured on, by kind; as many as in training."""
    seen = []

    def spy(*request, **more):
        seen.append(sample(*request, **more))
        return seen[-1]

    monkeypatch.setattr(measures, "TESTS", SETUP.recipe.samples)
    monkeypatch.setattr(measures, "sample", spy)
    monkeypatch.setattr(batches, "sample", spy)
    trials = Trials(count=1)
    model = supervise(SETUP, trials)
    seen.clear()
    for kind in KINDS:
        accuracy(model, SETUP, trials, kind)
    return dict(zip(KINDS, seen, strict=True))


def test_every_kind_is_tested_on_samples_of_its_own(tested):
    """Two independent rows of 40 labels of 3 classes agree with probability 3^-40."""
    for one, kind in enumerate(KINDS):
        for other in KINDS[one + 1 :]:
            assert not torch.equal(tested[kind].label, tested[other].label), (kind, other)
            assert (tested[kind].x == tested[other].x).sum() == 0, (kind, other)
        assert torch.equal(tested[kind].features, tested["training"].features)


def test_training_samples_are_those_that_training_saw(tested):
    trained_on = sample(SETUP.data, SETUP.key, Trials(1), 40, purpose="training samples")
    assert torch.equal(tested["training"].x, trained_on.x)
    assert torch.equal(tested["training"].label, trained_on.label)


def test_fine_tuning_leaves_its_encoder_as_it_was():
    trials = Trials(count=2)
    encoder = pretrain(SETUP, trials)
    kept = encoder.kernels.clone()
    model = finetune(encoder, SETUP.derive(tune_steps=20), trials)
    assert torch.equal(encoder.kernels, kept)
    assert not torch.equal(model.kernels, kept)


def test_another_torch_has_blocks_of_its_own(monkeypatch):
    names = set()
    for version in ("2.6.0", "2.13.0"):
        monkeypatch.setattr(torch, "__version__", version)
        names.add(pretrain(SETUP, Trials(count=1)).name)
    assert len(names) == 2
