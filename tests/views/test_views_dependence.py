"""Views of one class at a given angle, and classes at right angles."""

import numpy as np
import pytest
import torch
from scipy.stats import beta, kstest

from mrpcheck.seeds import Trials
from mrpcheck.views import MultiView, features, sample

LEVEL = 1e-6
TRIALS = Trials(40, dtype="float64")


@pytest.mark.parametrize("views", [1, 2, 4])
@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.999])
def test_the_gram_matrix_of_the_features_is_the_one_asked_for(views, correlation):
    data = MultiView(
        classes=4, views=views, dim=17, patches=16, sparsity=0.4, correlation=correlation
    )
    basis = features(data, "key", TRIALS)
    of_class = torch.arange(4 * views) // views
    gram = (of_class[:, None] == of_class).double() * correlation
    gram.fill_diagonal_(1.0)
    found = basis @ basis.mT
    torch.testing.assert_close(found, gram.expand_as(found), rtol=0, atol=1e-12)


def test_the_first_view_and_the_space_of_a_class_are_those_of_independent_views():
    data = {"classes": 4, "views": 3, "dim": 13, "patches": 16, "sparsity": 0.4}
    plain = features(MultiView(**data), "key", TRIALS).unflatten(1, (4, 3))
    other = features(MultiView(**data, correlation=0.6), "key", TRIALS).unflatten(1, (4, 3))
    torch.testing.assert_close(other[:, :, 0], plain[:, :, 0], rtol=0, atol=1e-15)
    back = (other @ plain.mT) @ plain
    torch.testing.assert_close(back, other, rtol=0, atol=1e-12)
    assert (other - plain)[:, :, 1:].abs().amax() > 0.1


def test_every_view_is_uniform_on_the_sphere_still():
    basis = features(MultiView(classes=4, dim=11, correlation=0.7), "key", Trials(1500)).numpy()
    for row, column in ((0, 0), (1, 0), (7, 10)):
        values = basis[:, row, column].astype(float)
        assert kstest(values**2, beta(0.5, 5).cdf).pvalue > LEVEL / 3
        assert kstest(values**2, beta(0.5, 3.5).cdf).pvalue < LEVEL


def test_a_patch_shows_a_sibling_of_its_feature_at_the_cosine():
    data = MultiView(noise=0.0, feature_noise=0.0, correlation=0.4)
    samples = sample(data, "key", Trials(2, dtype="float64"), 50, purpose="tests")
    shown = torch.einsum("tnpd,tfd->tnpf", samples.x, samples.features)
    feature = torch.arange(data.features)
    held = samples.feature[..., None]
    own = (held == feature) * samples.strength[..., None]
    sibling = (held == (feature ^ 1)) * samples.strength[..., None]
    torch.testing.assert_close(shown, own + 0.4 * sibling, rtol=0, atol=1e-12)
    assert not torch.allclose(shown, own + 0.41 * sibling, atol=1e-3)


def test_one_kernel_on_a_view_holds_its_sibling_beyond_the_threshold_over_the_cosine():
    data = MultiView(correlation=0.5)
    basis = features(data, "key", Trials(1, dtype="float64"))
    threshold = 0.3
    for norm, held in ((0.59, 1), (0.61, 2)):
        along = norm * basis[:, :1] @ basis.mT  # (trial, kernel, feature)
        assert int((along >= threshold).sum()) == held


def test_everything_else_is_drawn_as_from_independent_views():
    plain, other = (
        sample(MultiView(correlation=c, noise=0.0), "key", Trials(2), 30, purpose="tests")
        for c in (0.0, 0.6)
    )
    for name in ("label", "single_view", "feature", "strength"):
        assert torch.equal(getattr(plain, name), getattr(other, name)), name
    assert not np.array_equal(plain.x, other.x)
