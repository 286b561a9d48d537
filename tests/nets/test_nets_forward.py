"""The two-layer convolution against loops, and the law of its start."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm

from mrpcheck.encoders import outputs, scores
from mrpcheck.nets import Net, initial_kernels
from mrpcheck.seeds import Trials

LEVEL = 1e-6  # each statistical assertion fails with at most this probability over the seed


def act(t, q, r):
    if t <= 0:
        return 0.0
    return t**q / (q * r ** (q - 1)) if t < r else t - (1 - 1 / q) * r


def test_outputs_are_sums_over_patches_and_kernels():
    rng = np.random.default_rng(0)
    net = Net(power=3, threshold=0.5)
    kernels, x = rng.normal(size=(2, 4, 5)), rng.normal(size=(2, 3, 6, 5))
    head = rng.normal(size=(2, 2, 4))
    h = np.zeros((2, 3, 4))
    for t, n, r in np.ndindex(h.shape):
        h[t, n, r] = sum(act(float(kernels[t, r] @ patch), 3, 0.5) for patch in x[t, n])
    expected = np.einsum("tnr,tcr->tnc", h, head)
    parameters = {"kernels": torch.from_numpy(kernels), "head": torch.from_numpy(head)}
    patches = torch.from_numpy(x)
    np.testing.assert_allclose(outputs(parameters, patches, net).sum(2), h, rtol=1e-12)
    np.testing.assert_allclose(scores(parameters, patches, net), expected, rtol=1e-10, atol=1e-13)


def test_the_start_is_gaussian_of_scale_sigma_0():
    net = Net(kernels_per_class=5, init_scale=0.07)
    start = initial_kernels(net, 4, 9, "key", Trials(count=60, dtype="float64"))
    assert start.shape == (60, 20, 9)
    values = start.flatten().numpy()
    assert kstest(values, norm(scale=0.07).cdf).pvalue > LEVEL
    assert kstest(values, norm(scale=0.077).cdf).pvalue < LEVEL
    # correlation of independent normal rows is normal of deviation n^-1/2
    bound = norm.isf(LEVEL / 2) / np.sqrt(60 * 9)
    rows = start.transpose(0, 1).flatten(1).numpy()  # (kernel, trial * dim)
    assert abs(np.corrcoef(rows)[0, 1:]).max() < bound * 1.2  # 19 of them
    trials = start.flatten(1).numpy()
    assert abs(np.corrcoef(trials)[0, 1:]).max() < norm.isf(LEVEL / 2) / np.sqrt(180) * 1.2


def test_a_scale_of_zero_starts_at_zero():
    start = initial_kernels(Net(init_scale=0.0), 4, 9, "key", Trials(count=2))
    assert not start.any()


@pytest.mark.parametrize("scale", [0.01, 1.0])
def test_the_start_scales_with_sigma_0(scale):
    """Common random numbers: nets that differ in sigma_0 start in the same directions."""
    one = initial_kernels(Net(init_scale=0.1), 4, 9, "key", Trials(count=2, dtype="float64"))
    two = initial_kernels(Net(init_scale=scale), 4, 9, "key", Trials(count=2, dtype="float64"))
    torch.testing.assert_close(two, one * scale / 0.1)
