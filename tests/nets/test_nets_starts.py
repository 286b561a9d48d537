"""The kinds of random start: their laws, their common scale, and their streams."""

import numpy as np
import pytest
import torch
from scipy.stats import beta, kstest, norm, uniform

from mrpcheck.measures import initial_correlations
from mrpcheck.nets import Net, initial_kernels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.starts import KINDS, SPARSE_SHARE, start
from mrpcheck.theorems import pixels_regime
from mrpcheck.training import pretrain

LEVEL = 1e-6  # each statistical assertion fails with at most this probability over the seed
HEART = pixels_regime().heart
DIM = 15


def kernels(kind, scale=0.07, count=60, dim=DIM, **more):
    net = Net(kernels_per_class=5, init_scale=scale, initialisation=kind)
    return initial_kernels(net, 4, dim, "key", Trials(count=count, dtype="float64", **more))


def test_gaussian_starts_are_the_numbers_that_they_always_were():
    trials = Trials(count=2, dtype="float64")
    for t, found in enumerate(kernels("gaussian", count=2)):
        rows = trials.generator("key", t, "kernels").standard_normal((20, DIM))
        assert np.array_equal(found.numpy(), 0.07 * rows)


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_have_one_mean_square(kind):
    found = kernels(kind, count=200)
    assert found.shape == (200, 20, DIM)
    assert found.dtype == torch.float64
    squares = (found**2).sum(2).flatten().numpy() / (0.07**2 * DIM)  # (kernel,), mean 1
    # of a sum of d squares: Gaussian 2/d, sparse 2/(share d), uniform 0.8/d, orthogonal 0
    slack = norm.isf(LEVEL / 2) * np.sqrt(2 / (SPARSE_SHARE * DIM) / squares.size)
    assert abs(squares.mean() - 1) < 1.1 * slack < 0.1
    mean = found.mean().item() / 0.07
    assert abs(mean) < 1.1 * norm.isf(LEVEL / 2) / np.sqrt(found.numel())


def test_uniform_entries_are_uniform():
    values = kernels("uniform").flatten().numpy()
    wide = 0.07 * 3**0.5
    assert kstest(values, uniform(-wide, 2 * wide).cdf).pvalue > LEVEL
    assert kstest(values, norm(scale=0.07).cdf).pvalue < LEVEL
    assert abs(values).max() <= wide


def test_sparse_kernels_have_a_fixed_number_of_entries_at_random_places():
    found = kernels("sparse", count=100)
    some = found != 0
    assert (some.sum(2) == 3).all()  # a fifth of 15
    values = found[some].numpy()
    assert kstest(values, norm(scale=0.07 * 5**0.5).cdf).pvalue > LEVEL
    assert kstest(values, norm(scale=0.07 * 5**0.5 * 1.25).cdf).pvalue < LEVEL
    often = some.double().mean((0, 1)).numpy()  # of each place, share 0.2 of 2000 kernels
    assert abs(often - 0.2).max() < 1.2 * norm.isf(LEVEL / 30) * np.sqrt(0.16 / 2000)


def test_a_sparse_kernel_of_a_small_space_keeps_one_entry():
    assert ((kernels("sparse", count=3, dim=2) != 0).sum(2) == 1).all()


def test_orthogonal_kernels_are_orthogonal_in_blocks_of_the_dimension():
    found = kernels("orthogonal", scale=0.5)  # 20 kernels of R^15: blocks of 15 and 5
    gram = found @ found.mT / (0.25 * DIM)
    eye = torch.eye(20, dtype=torch.float64)
    for block in (slice(0, 15), slice(15, 20)):
        torch.testing.assert_close(gram[:, block, block], eye[block, block].expand(60, -1, -1))
    across = gram[:, :15, 15:]
    assert across.abs().max() > 0.3  # blocks are independent
    torch.testing.assert_close((across**2).sum(1), torch.ones(60, 5, dtype=torch.float64))
    gaussian = kernels("gaussian", scale=0.5)
    assert ((gaussian @ gaussian.mT)[:, 0, 1:15] / (0.25 * DIM)).abs().max() > 0.3


def test_orthogonal_kernels_point_in_every_direction_alike():
    """A coordinate of a Haar direction is Beta distributed: (1 + w/sqrt d)/2 ~ B((d-1)/2, ...)."""
    found = kernels("orthogonal", scale=1.0, count=200)
    for row in (0, 14, 19):
        values = (1 + found[:, row].flatten().numpy() / DIM**0.5) / 2
        assert kstest(values, beta((DIM - 1) / 2, (DIM - 1) / 2).cdf).pvalue > LEVEL
        assert (values > 0.5).mean() == pytest.approx(0.5, abs=5 * 0.5 / values.size**0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trial_alone_starts_as_in_a_batch(kind):
    assert torch.equal(kernels(kind, count=5)[3], kernels(kind, count=1, first=3)[0])
    assert not torch.equal(kernels(kind, count=5)[3], kernels(kind, count=5)[2])


@pytest.mark.parametrize("kind", KINDS)
def test_the_start_scales_with_sigma_0_and_can_be_redrawn(kind):
    torch.testing.assert_close(kernels(kind, 0.2, 2), kernels(kind, 0.1, 2) * 2)
    assert not kernels(kind, 0.0, 2).any()
    other = initial_kernels(
        Net(initialisation=kind), 4, DIM, "key", Trials(count=2).redrawing("kernels")
    )
    same = initial_kernels(Net(initialisation=kind), 4, DIM, "key", Trials(count=2))
    assert not torch.equal(other, same)


def test_kinds_share_their_random_numbers():
    """Common random numbers: uniform kernels have the ranks of Gaussian ones, and so on."""
    rows = {kind: kernels(kind, count=1)[0] for kind in KINDS}
    gaussian = rows["gaussian"]
    flat = gaussian.flatten().argsort()
    assert torch.equal(rows["uniform"].flatten().argsort(), flat)
    kept = rows["sparse"] != 0
    torch.testing.assert_close(rows["sparse"][kept], gaussian[kept] * 5**0.5)
    first = rows["orthogonal"][0] / rows["orthogonal"][0].norm()
    torch.testing.assert_close(first, gaussian[0] / gaussian[0].norm())


@pytest.mark.parametrize("kind", KINDS)
def test_training_and_measures_see_the_kind(kind):
    setup = HEART.derive(initialisation=kind, steps=1, rate=1e-300, samples=5)
    encoder = pretrain(setup, Trials(count=2))
    seen = encoder.kernels @ setup.data.basis(setup.key, encoder.trials).mT
    torch.testing.assert_close(initial_correlations(encoder, setup), seen)
    gaussian = initial_correlations(encoder, HEART.derive(steps=1, rate=1e-300, samples=5))
    assert torch.allclose(gaussian, seen) == (kind == "gaussian")


def test_setups_name_the_kind_and_others_are_written_as_before():
    setup = HEART.derive(initialisation="sparse")
    assert Setup.from_json(setup.to_json()) == setup
    assert setup.to_json()["net"]["initialisation"] == "sparse"
    assert "initialisation=sparse" in str(setup)
    assert "initialisation" not in HEART.to_json()["net"]
    assert setup.derive(initialisation="gaussian").digest == HEART.derive().digest


def test_other_kinds_are_refused():
    should = "one of gaussian, uniform, sparse, orthogonal"
    with pytest.raises(
        ValueError, match=rf"^initialisation = 'zero', but should be {should} \[Net\]$"
    ):
        Net(initialisation="zero")


def test_a_start_of_one_kernel_has_the_length_of_all():
    rng = np.random.Generator(np.random.Philox(1))
    assert np.linalg.norm(start("orthogonal", rng, 1, 9)) == pytest.approx(3)
