"""Measures of kernels that were built by hand, so that the answers are known."""

import numpy as np
import pytest
import torch

from mrpcheck import measures
from mrpcheck.nets import Net, initial_kernels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.training import Encoder
from mrpcheck.views import MultiView, features

SETUP = Setup(
    data=MultiView(classes=2, dim=7, patches=8, sparsity=1.0),
    net=Net(kernels_per_class=3, threshold=0.5),
)
TRIALS = Trials(count=3, first=4, dtype="float64")


def encoder(correlations, beside=0.3):
    """Kernels with these correlations (kernel, feature) in every trial, and more beside them."""
    basis = features(SETUP.data, SETUP.key, TRIALS)
    noise = beside * torch.randn(3, 6, 7, generator=torch.Generator().manual_seed(0)).double()
    noise = noise - noise @ basis.mT @ basis
    kernels = torch.as_tensor(correlations, dtype=torch.float64) @ basis + noise
    truth = torch.ones(3, dtype=torch.bool)
    return Encoder(SETUP, TRIALS, kernels, 0 * truth, 0.0 * truth, truth, ~truth, {}, "by hand")


KNOWN = np.array(
    [
        [1.0, 0.0, 0.0, 0.0],  # holds feature 0
        [0.8, 0.4, -2.0, 0.0],  # holds feature 0; second 0.4
        [0.49, 0.0, 0.0, 0.0],  # not yet
        [0.0, 0.6, 0.9, 0.0],  # holds two: second 0.6 of 0.9
        [-3.0, 0.2, 0.1, 0.0],
        [0.0, 0.0, 0.0, 0.26],  # above half of the threshold
    ]
)


def test_correlations_are_projections():
    one = measures.correlations(encoder(KNOWN), SETUP)
    torch.testing.assert_close(one, torch.tensor(KNOWN).expand(3, -1, -1))
    moved = measures.correlations(encoder(KNOWN + 0.01), SETUP)
    assert (moved - one).abs().min() > 0.009


def test_initial_correlations_are_those_of_the_start():
    start = initial_kernels(SETUP.net, 2, 7, SETUP.key, TRIALS).numpy()
    basis = features(SETUP.data, SETUP.key, TRIALS).numpy()
    expected = np.einsum("trd,tfd->trf", start, basis)
    found = measures.initial_correlations(encoder(KNOWN), SETUP)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("at", "held"), [(1.0, [True, True, True, False]), (0.5, [True] * 4), (1.9, [1, 0, 0, 0])]
)
def test_a_feature_is_captured_by_any_kernel_at_the_threshold(at, held):
    found = measures.features_captured(encoder(KNOWN), SETUP, at)
    assert found.dtype == torch.bool
    assert found.tolist() == [[bool(value) for value in held]] * 3


@pytest.mark.parametrize(
    ("at", "counts"),
    [(1.0, [1, 1, 0, 2, 0, 0]), (0.5, [1, 2, 1, 2, 0, 1]), (1.7, [1, 0, 0, 1, 0, 0])],
)
def test_features_are_counted_by_kernel(at, counts):
    assert measures.features_per_kernel(encoder(KNOWN), SETUP, at).tolist() == [counts] * 3


def test_the_threshold_itself_counts():
    axes = Setup(data=MultiView(classes=2, dim=4, patches=8, sparsity=1, axes=True), net=SETUP.net)
    kernels = torch.zeros(1, 6, 4)
    kernels[0, 0, 0] = 0.5
    truth = torch.ones(1, dtype=torch.bool)
    model = Encoder(
        axes, Trials(count=1), kernels, 0 * truth, 0.0 * truth, truth, ~truth, {}, "by hand"
    )
    assert measures.features_captured(model, axes).tolist() == [[True, False, False, False]]
    kernels[0, 0, 0] = 0.4999
    assert not measures.features_captured(model, axes).any()


def test_second_to_first_is_a_mean_over_capturing_kernels():
    expected = (0.0 + 0.4 / 0.8 + 0.6 / 0.9) / 3
    found = measures.second_to_first(encoder(KNOWN), SETUP)
    np.testing.assert_allclose(found, [expected] * 3, rtol=1e-12)
    nothing = measures.second_to_first(encoder(0.4 * KNOWN), SETUP)
    assert nothing.tolist() == [0.0] * 3
    negative = measures.second_to_first(encoder(np.diag([1.0] * 6)[:, :4] - 0.1), SETUP)
    assert negative.tolist() == [0.0] * 3


def led(share):
    """Kernels that hold each feature at its initial leader, but for the first `1 - share`."""
    start = measures.initial_correlations(encoder(KNOWN), SETUP)
    found = torch.zeros(3, 6, 4)
    for t in range(3):
        for f in range(4):
            leader = int(start[t, :, f].argmax())
            found[t, leader if f >= 4 * (1 - share) else (leader + 1) % 6, f] = 1.0
    return encoder(found)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.75, 1.0])
def test_initial_leaders_win_a_fraction_of_the_features(share):
    assert measures.initial_leader_wins(led(share), SETUP).tolist() == [share] * 3


def test_a_lead_without_capture_is_no_win():
    model = led(1.0)
    half = Encoder(**{**vars(model), "kernels": 0.49 * model.kernels})
    assert measures.initial_leader_wins(half, SETUP).tolist() == [0.0] * 3


def test_winning_views_now_and_at_the_start():
    assert measures.winners(encoder(KNOWN), SETUP).tolist() == [[0, 0]] * 3
    assert measures.winners(encoder(KNOWN[:, [1, 0, 3, 2]]), SETUP).tolist() == [[1, 1]] * 3
    start = measures.initial_correlations(encoder(KNOWN), SETUP)
    expected = [
        [int(start[t, 3 * c : 3 * c + 3, 2 * c : 2 * c + 2].amax(0).argmax()) for c in (0, 1)]
        for t in range(3)
    ]
    assert measures.initial_winners(encoder(KNOWN), SETUP).tolist() == expected
