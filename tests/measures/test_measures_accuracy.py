"""Accuracy of classifiers built by hand; one view a class gives the idealised error."""

import pytest
import torch
from scipy.stats import binomtest

from mrpcheck import encoders
from mrpcheck.measures import accuracy
from mrpcheck.nets import Net
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import Classifier
from mrpcheck.views import MultiView, features, sample

LEVEL = 1e-6  # each statistical assertion fails with at most this probability over the seed
SETUP = Setup(
    data=MultiView(
        classes=5, dim=10, patches=10, sparsity=2.0, noise=0.0, feature_noise=0.0, weak=0.05
    ),
    net=Net(kernels_per_class=2, power=1.0),
    recipe=Recipe(samples=40),
)


def classifier(views, setup=SETUP, trials=None):
    """Kernels along all features; each class scores the strength of these views of it."""
    trials = trials or Trials(count=12)
    kernels = features(setup.data, setup.key, trials)
    head = torch.zeros(trials.count, 5, 10)
    for label in range(5):
        for view in views:
            head[:, label, 2 * label + view] = 1.0
    sane = torch.zeros(trials.count, dtype=torch.bool)
    return Classifier(
        setup, trials, kernels, head, 0 * sane, 0.0 * sane, sane, f"by hand {views} {setup.key}"
    )


@pytest.mark.parametrize("kind", ["multi-view", "single-view", "mixed", "training"])
def test_a_classifier_that_knows_every_view_is_perfect(kind):
    model = classifier((0, 1))
    assert (accuracy(model, SETUP, model.trials, kind) == 1).all()


def test_one_view_a_class_suffices_on_multi_view_samples():
    model = classifier((1,))
    assert (accuracy(model, SETUP, model.trials, "multi-view") == 1).all()


@pytest.mark.parametrize("sparsity", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("view", [0, 1])
def test_one_view_a_class_errs_on_single_view_samples_as_the_formula_says(sparsity, view):
    """(1/2)(1 - (1 - s/k)^(k-1)): the other view is the main one, and some other class shows the
    view that is known of it. 12000 samples: the law of the data, end to end."""
    setup = SETUP.replace(sparsity=sparsity)
    assert setup.data.misfit == 0
    model = classifier((view,), setup)
    right = accuracy(model, setup, model.trials, "single-view")
    errors = round(float((1000 * (1 - right.double())).sum()))
    formula = 0.5 * (1 - (1 - sparsity / 5) ** 4)
    assert binomtest(errors, 12_000, formula).pvalue > LEVEL
    for wrong in (formula + 0.03, formula - 0.03):
        assert binomtest(errors, 12_000, wrong).pvalue < LEVEL


def test_a_weak_view_above_the_off_class_strength_is_enough():
    """The formula's condition: below it the weak view loses, above it it wins."""
    setup = SETUP.replace(weak=0.45)
    model = classifier((0,), setup)
    assert (accuracy(model, setup, model.trials, "single-view") == 1).all()


def test_a_classifier_that_knows_nothing_is_at_chance():
    model = classifier(())
    right = float(accuracy(model, SETUP, model.trials, "multi-view").double().mean())
    assert binomtest(round(12_000 * right), 12_000, 0.2).pvalue > LEVEL


def test_it_is_the_share_of_right_answers():
    """On the training samples, by hand."""
    model = classifier((0,), SETUP.replace(single_view=1.0))
    setup, trials = model.setup, model.trials
    found = accuracy(model, setup, trials, "training")
    samples = sample(setup.data, setup.key, trials, 40, purpose="training samples")
    answers = encoders.scores(model.parameters, samples.x, setup.net).argmax(2)
    torch.testing.assert_close(found, (answers == samples.label).float().mean(1))
    assert found.std() > 0
    fresh = accuracy(model, setup, trials, "single-view")
    assert not torch.equal(found, fresh)


def test_a_trial_alone_scores_as_in_its_block():
    block = accuracy(classifier((0,)), SETUP, Trials(count=12), "single-view")
    alone = classifier((0,), trials=Trials(count=1, first=5))
    renamed = Classifier(**{**vars(alone), "name": "alone"})
    assert torch.equal(accuracy(renamed, SETUP, alone.trials, "single-view"), block[5:6])
    assert len(set(block.tolist())) > 1


def test_models_are_tested_on_the_same_samples():
    one = classifier((0,))
    two = Classifier(**{**vars(one), "name": "another"})
    assert torch.equal(*(accuracy(m, SETUP, m.trials, "single-view") for m in (one, two)))


def test_what_diverged_scores_nan_and_nothing_else_does():
    model = classifier((0, 1))
    diverged = torch.arange(12) == 7
    model = Classifier(**{**vars(model), "diverged": diverged})
    assert torch.equal(accuracy(model, SETUP, model.trials, "mixed").isnan(), diverged)
