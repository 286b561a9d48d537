"""What heads and units pick: attention that was made by hand, so that the answers are known."""

import numpy as np
import pytest
import torch

from mrpcheck import heads
from mrpcheck.encoders import start_body
from mrpcheck.measures import correlations
from mrpcheck.nets import Net, activation, initial_kernels
from mrpcheck.objectives import MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.training import Encoder
from mrpcheck.views import MultiView, features

# two samples of four patches; features 0 and 1 of three, the last one nowhere
FEATURE = torch.tensor([[[0, 1, -1, -1], [-1, -1, 0, -1]]])


def by_query(row):
    """Every query attends alike."""
    return torch.tensor(row).expand(4, 4)


def test_uniform_attention_is_chance():
    weights = torch.full((1, 2, 1, 4, 4), 0.25)
    found = heads.lift(weights, FEATURE, 3)
    assert found.shape == (1, 1, 3)
    torch.testing.assert_close(found[0, 0, :2], torch.ones(2))
    assert found[0, 0, 2].isnan()  # no sample holds it


def test_patches_that_attend_to_themselves_are_chance():
    weights = torch.eye(4).expand(1, 2, 1, 4, 4)
    torch.testing.assert_close(heads.lift(weights, FEATURE, 3)[0, 0, :2], torch.ones(2))


def test_a_head_on_one_feature_has_all_of_the_lift_there():
    picks = torch.stack([by_query([1.0, 0, 0, 0]), by_query([0, 0, 1.0, 0])])  # where 0 lies
    halves = torch.stack([by_query([0.5, 0.5, 0, 0]), by_query([0, 0, 0.5, 0.5])])
    weights = torch.stack([picks, halves], 1).unsqueeze(0)  # (1, 2, 2, 4, 4)
    found = heads.lift(weights, FEATURE, 3)[0]
    np.testing.assert_allclose(found[0, :2], [4.0, 0.0])  # P / C_p
    np.testing.assert_allclose(found[1, :2], [2.0, 2.0])


def test_only_samples_that_hold_a_feature_count():
    weights = torch.stack([by_query([0.25] * 4), by_query([0, 0, 1.0, 0])]).view(1, 2, 1, 4, 4)
    found = heads.lift(weights, FEATURE, 3)[0, 0]
    np.testing.assert_allclose(found[:2], [2.5, 1.0])


SETUP = Setup(
    data=MultiView(classes=2, dim=7, patches=8, sparsity=1.0),
    net=Net(kernels_per_class=2, threshold=0.3, power=3.0, body="attention", heads=2),
    objective=MaskedPixels(masks="sampled"),
)
TRIALS = Trials(count=2, dtype="float64")


def encoder(setup, **changed):
    """Kernels that hold one feature each, and the body of the start but for what `changed` says."""
    basis = features(setup.data, setup.key, TRIALS)  # (trial, feature, dim), as many as kernels
    truth = torch.ones(2, dtype=torch.bool)
    body = start_body(basis, setup, TRIALS) | changed
    return Encoder(setup, TRIALS, basis, 0 * truth, 0.0 * truth, truth, ~truth, body, "by hand")


def seeking(feature):
    """Positions, queries and keys by which the first head seeks one feature, the second none."""
    position = torch.zeros(2, 8, 4, dtype=torch.float64)
    position[..., 3 if feature != 3 else 2] = 1.0
    query = torch.zeros(2, 1, 4, 4, dtype=torch.float64)
    key = torch.zeros(2, 1, 4, 4, dtype=torch.float64)
    query[:, 0, 3 if feature != 3 else 2, 0] = 100.0  # of the first head's two
    key[:, 0, feature, 0] = 1.0
    return {"body.position": position, "body.query": query, "body.key": key}


@pytest.mark.parametrize("feature", [0, 1, 2])
def test_a_head_made_to_seek_a_feature_is_found_to_pick_it(feature):
    model = encoder(SETUP, **seeking(feature))
    found = heads.head_features(model, SETUP)
    assert found.shape == (2, 2, 4)
    wanted = [f == feature for f in range(4)]
    assert found[:, 0].tolist() == [wanted, wanted]
    assert not found[:, 1].any()
    lift = heads.attention_lift(model, SETUP)
    assert (lift[:, 0, feature] > 6).all()
    torch.testing.assert_close(lift[:, 1], torch.ones_like(lift[:, 1]))
    assert not heads.head_features(model, SETUP, at=8.1).any()


def test_heads_of_the_start_pick_nothing():
    assert not heads.head_features(encoder(SETUP), SETUP, at=1.5).any()


@pytest.mark.parametrize("body", ["convolution", "residual"])
def test_bodies_without_heads_are_refused(body):
    setup = SETUP.derive(body=body)
    with pytest.raises(ValueError, match=f"body = '{body}', but should be one with attention"):
        heads.head_features(encoder(setup), setup)


@pytest.mark.parametrize("body", ["convolution", "residual", "attention"])
def test_units_of_the_start_respond_as_the_kernels_do(body):
    setup = SETUP.derive(body=body)
    model = encoder(setup)
    found = heads.unit_responses(model, setup)
    expected = activation(correlations(model, setup), setup.net)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    assert heads.unit_features(model, setup).tolist() == [torch.eye(4).bool().tolist()] * 2


@pytest.mark.parametrize("share", [0.9, 1.0, 1.1])
def test_a_unit_holds_what_its_kernel_would_at_the_threshold(share):
    setup = SETUP.derive(body="convolution")
    model = encoder(setup)
    model.kernels.mul_(1.001 * share * setup.net.threshold)
    assert bool(heads.unit_features(model, setup).any()) == (share >= 1)
    assert bool(heads.unit_features(model, setup, at=1.1).any()) == (share >= 1.1)


def test_a_deeper_block_that_adds_another_feature_is_seen_in_its_unit():
    setup = SETUP.derive(body="residual")
    inner, outer = torch.zeros(2, 2, 1, 4, 4, dtype=torch.float64)
    inner[:, 0, 1, 1] = 1.0
    outer[:, 0, 1, 0] = 0.5  # unit 0 hears of feature 1 too
    model = encoder(setup, **{"body.in": inner, "body.out": outer})
    held = heads.unit_features(model, setup)
    assert held.sum(2).tolist() == [[2, 1, 1, 1]] * 2
    assert (correlations(model, setup) >= setup.net.threshold).sum(2).tolist() == [[1] * 4] * 2


def test_kernels_of_a_start_are_those_of_the_setup():
    start = initial_kernels(SETUP.net, 2, 7, SETUP.key, TRIALS)
    assert start.shape == (2, 4, 7)
