"""Laws of imbalanced labels and of heavy tails, each accepted, and its neighbour rejected."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, kstest, laplace, norm, t

from mrpcheck.seeds import Trials, beside, generator
from mrpcheck.views import TRAINING, MultiView, sample

LEVEL = 1e-6
TRIALS = Trials(4, seed=7, dtype="float64")
SKEWED = MultiView(imbalance=8.0)


def labels(data, purpose=TRAINING, kind="mixed"):
    return sample(data, "key", TRIALS, 2000, kind=kind, purpose=purpose).label.numpy()


def counts(found):
    return np.bincount(found.ravel(), minlength=5)


def geometric(ratio):
    weights = ratio ** -np.linspace(0, 1, 5)
    return weights / weights.sum()


def test_classes_of_training_samples_fall_off_geometrically():
    seen = counts(labels(SKEWED))
    assert chisquare(seen, seen.sum() * geometric(8.0)).pvalue > LEVEL
    assert chisquare(seen, seen.sum() * geometric(6.0)).pvalue < LEVEL
    linear = np.linspace(8, 1, 5) / np.linspace(8, 1, 5).sum()
    assert chisquare(seen, seen.sum() * linear).pvalue < LEVEL
    np.testing.assert_allclose(SKEWED.frequencies, geometric(8.0))


@pytest.mark.parametrize("kind", ["mixed", "single-view"])
def test_tests_stay_balanced(kind):
    seen = counts(labels(SKEWED, f"{kind} tests", kind))
    assert chisquare(seen).pvalue > LEVEL
    assert chisquare(seen, seen.sum() * geometric(1.3)).pvalue < LEVEL
    assert (labels(SKEWED, "mixed tests") == labels(MultiView(), "mixed tests")).all()


def test_the_numbers_behind_the_labels_stay():
    plain, skewed = (
        sample(data, "key", TRIALS, 50, purpose=TRAINING) for data in (MultiView(), SKEWED)
    )
    assert torch.equal(plain.single_view, skewed.single_view)
    same = plain.label == skewed.label
    assert torch.equal(plain.feature[same], skewed.feature[same])
    assert torch.equal(plain.strength[same], skewed.strength[same])
    assert (skewed.label <= plain.label).all()  # each sample moves toward the frequent classes
    assert not same.all()


def test_numbers_beside_a_generator_are_no_numbers_of_its_own():
    rng, again = generator("a"), generator("a")
    aside = beside(rng).random(1000)
    own = rng.random(1000)
    np.testing.assert_array_equal(own, again.random(1000))
    assert not np.isin(aside, own).any()
    assert (beside(generator("b")).random(1000) != aside).all()


LAWS = {
    "gaussian": norm(scale=0.02),
    "laplace": laplace(scale=0.02 / np.sqrt(2)),
    "student": t(3, scale=0.02 / np.sqrt(3)),
}


@pytest.mark.parametrize("tails", LAWS)
def test_noise_has_the_tails_that_were_asked_for(tails):
    data = MultiView(noise=0.02, feature_noise=0.0, axes=True, tails=tails)
    samples = sample(data, "key", TRIALS, 300, purpose="tests")
    values = samples.x[..., data.features :].flatten().numpy()  # beside every feature
    assert LAWS[tails].std() == pytest.approx(0.02)
    for name, law in LAWS.items():
        p_value = kstest(values, law.cdf).pvalue
        assert p_value > LEVEL if name == tails else p_value < LEVEL, name
    narrow = LAWS[tails].kwds["scale"] * 0.96
    assert kstest(values / narrow * LAWS[tails].kwds["scale"], LAWS[tails].cdf).pvalue < LEVEL


@pytest.mark.parametrize("tails", ["laplace", "student"])
def test_all_but_the_noise_is_drawn_as_with_gaussian_tails(tails):
    plain, other = (
        sample(MultiView(tails=law), "key", TRIALS, 50, purpose=TRAINING)
        for law in ("gaussian", tails)
    )
    for name in ("label", "single_view", "feature", "strength", "features"):
        assert torch.equal(getattr(plain, name), getattr(other, name)), name
    assert (plain.x != other.x).all()
