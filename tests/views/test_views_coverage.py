"""Pretraining sees the covered features, labelled samples see all, on the same random numbers."""

import itertools

import pytest
import torch
from scipy.stats import binomtest, chisquare

from mrpcheck.batches import training_samples
from mrpcheck.data import Data
from mrpcheck.objectives import CrossEntropy, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.views import MultiView, covered

LEVEL = 1e-6
TRIALS = Trials(3, dtype="float64", seed=2)
SETUP = Setup(data=MultiView(coverage=0.5, noise=0.0, feature_noise=0.0)).derive(samples=60)


def pretraining(setup, trials=TRIALS):
    return training_samples(setup, trials, MaskedPixels())


def labelled(setup, trials=TRIALS):
    return training_samples(setup, trials, CrossEntropy())


def test_patches_of_covered_features_stay_and_the_others_hold_nothing():
    seen, full, known = pretraining(SETUP), labelled(SETUP), covered(SETUP, TRIALS)
    held = full.feature >= 0
    shown = held & known.gather(1, full.feature.clamp_min(0).flatten(1)).view(held.shape)
    assert shown.any()
    assert (held & ~shown).any()
    assert torch.equal(seen.feature, torch.where(shown, full.feature, -1))
    assert torch.equal(seen.strength, torch.where(shown, full.strength, 0.0))
    assert torch.equal(seen.x[shown], full.x[shown])
    assert (seen.x[~shown] == 0).all()  # noise alone, and here there is none
    assert torch.equal(seen.label, full.label)
    assert torch.equal(seen.features, full.features)


def test_noise_is_that_of_full_coverage():
    noisy = SETUP.derive(noise=0.05, feature_noise=0.03)
    signal = pretraining(SETUP).x
    all_of_it = pretraining(noisy.derive(coverage=1.0)).x
    torch.testing.assert_close(
        pretraining(noisy).x - signal, all_of_it - pretraining(SETUP.derive(coverage=1.0)).x
    )


def test_labelled_samples_are_those_of_full_coverage():
    for name in ("x", "feature", "strength"):
        whole = labelled(SETUP.derive(coverage=1.0))
        assert torch.equal(getattr(labelled(SETUP), name), getattr(whole, name))
    assert not torch.equal(labelled(SETUP).x, pretraining(SETUP).x)


@pytest.mark.parametrize(("coverage", "count"), [(0.05, 1), (0.24, 2), (0.25, 3), (0.96, 10)])
def test_the_share_of_features_is_the_one_asked_for(coverage, count):
    assert (covered(SETUP.derive(coverage=coverage), TRIALS).sum(1) == count).all()


def test_a_larger_coverage_holds_what_a_smaller_one_does():
    steps = [covered(SETUP.derive(coverage=c), TRIALS) for c in (0.1, 0.3, 0.8, 1.0)]
    for small, large in itertools.pairwise(steps):
        assert (large | ~small).all()
        assert (large & ~small).any()


def test_every_feature_is_as_likely_to_be_covered():
    counts = covered(SETUP.derive(coverage=0.2), Trials(2000)).sum(0).numpy()
    assert chisquare(counts).pvalue > LEVEL
    tilted = counts.sum() * (1 + 0.3 * torch.linspace(-1, 1, 10).double().numpy()) / 10
    assert chisquare(counts, tilted).pvalue < LEVEL


def test_two_views_of_a_class_are_covered_as_two_of_any():
    known = covered(SETUP, Trials(2000))
    both = int((known[:, 0] & known[:, 1]).sum())
    assert binomtest(both, 2000, 5 / 10 * 4 / 9).pvalue > LEVEL  # without replacement
    assert binomtest(both, 2000, 5 / 10).pvalue < LEVEL  # the neighbour: class by class


def test_coverage_has_random_numbers_of_its_own():
    one, fixed = covered(SETUP, TRIALS), covered(SETUP, TRIALS.fixing("coverage"))
    assert torch.equal(fixed, one[:1].expand(3, -1))
    assert not torch.equal(fixed, one)
    assert torch.equal(pretraining(SETUP, TRIALS.fixing("coverage")).label, labelled(SETUP).label)
    assert not torch.equal(
        pretraining(SETUP, TRIALS.redrawing("coverage")).feature, pretraining(SETUP).feature
    )


def test_data_whose_features_are_not_known_cover_none():
    class Unknown(Data):
        pass

    setup = SETUP.derive()
    object.__setattr__(setup, "data", Unknown())
    with pytest.raises(ValueError, match=r"^data = Unknown, but should be MultiView \[covered\]$"):
        covered(setup, TRIALS)
