"""Deeper encoders: their forward passes against plain loops, and what masks do to them."""

import numpy as np
import pytest
import torch

from mrpcheck.encoders import bodies, is_local, outputs, start_body
from mrpcheck.encoders.attention import attention
from mrpcheck.nets import Net, initial_kernels
from mrpcheck.objectives import MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.views import MultiView, sample

TRIALS = Trials(count=2, dtype="float64")
SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=2, power=3, threshold=0.3, init_scale=0.3),
    objective=MaskedPixels(masks="sampled"),
    recipe=Recipe(samples=7, rate=0.1, steps=20, tune_rate=0.2, tune_steps=10),
)
RESIDUAL = SETUP.derive(body="residual", depth=2)
ATTENTION = SETUP.derive(body="attention", depth=2, heads=3)
DEEPER = pytest.mark.parametrize("setup", [RESIDUAL, ATTENTION], ids=["residual", "attention"])


def begun(setup, *, stirred=False):
    """Parameters at step 0, or all of them random, and samples."""
    kernels = initial_kernels(setup.net, 2, 5, setup.key, TRIALS)
    parameters = {"kernels": kernels, **start_body(kernels, setup, TRIALS)}
    if stirred:
        rng = torch.Generator().manual_seed(1)
        parameters = {
            name: 0.6 * torch.randn(value.shape, generator=rng, dtype=value.dtype)
            for name, value in parameters.items()
        }
    x = sample(setup.data, setup.key, TRIALS, 3, purpose="these tests").x
    return parameters, x


def some_mask(x):
    mask = torch.rand(*x.shape[:3], 1, generator=torch.Generator().manual_seed(2)) < 0.5
    mask[0, 0] = False  # one sample sees nothing
    return mask.to(x.dtype)


def act(t, net):
    u = np.clip(t, 0, net.threshold)
    q, r = net.power, net.threshold
    return u**q / (q * r ** (q - 1)) + np.maximum(t - r, 0)


def by_hand(parameters, x, net, mask, trial, n):
    """One sample's units, (patch, unit), patch by patch and head by head."""
    p = {name.removeprefix("body."): value[trial].numpy() for name, value in parameters.items()}
    seen = np.ones(x.shape[2]) if mask is None else mask[trial, n, :, 0].numpy()
    u = act(x[trial, n].numpy() @ p["kernels"].T, net) * seen[:, None]
    for layer in range(net.depth):
        if "query" in p:
            u = u + attended(p, u, seen, layer, net)
        u = u + act(u @ p["in"][layer], net) @ p["out"][layer]
    return u


def attended(p, u, seen, layer, net):
    width = p["query"].shape[2] // net.heads
    added = np.zeros_like(u)
    placed = u + p["position"]
    for head in range(net.heads):
        at = slice(head * width, (head + 1) * width)
        for i in range(len(u)):
            scores = {
                j: placed[i] @ p["query"][layer][:, at] @ (placed[j] @ p["key"][layer][:, at])
                for j in np.flatnonzero(seen)
            }
            weights = {j: np.exp(score / width**0.5) for j, score in scores.items()}
            for j, weight in weights.items():
                value = u[j] @ p["value"][layer][:, at]
                added[i] += weight / sum(weights.values()) * value @ p["mix"][layer][at]
    return added


@DEEPER
@pytest.mark.parametrize("masked", [False, True])
def test_the_forward_pass_is_that_of_loops(setup, masked):
    parameters, x = begun(setup, stirred=True)
    mask = some_mask(x) if masked else None
    found = outputs(parameters, x, setup.net, mask).numpy()
    for trial in range(2):
        for n in range(3):
            expected = by_hand(parameters, x, setup.net, mask, trial, n)
            np.testing.assert_allclose(found[trial, n], expected, rtol=1e-10, atol=1e-12)
    parameters["body.in"] = parameters["body.in"] + 0.01
    assert np.abs(outputs(parameters, x, setup.net, mask).numpy() - found).max() > 1e-4


@DEEPER
def test_the_start_is_the_theorems_own_network(setup):
    parameters, x = begun(setup)
    plain = outputs(parameters, x, SETUP.net)
    found = outputs(parameters, x, setup.net)
    torch.testing.assert_close(found, plain, rtol=1e-14, atol=1e-16)
    parameters["body.out"] = parameters["body.out"] + 0.1
    assert (outputs(parameters, x, setup.net) - plain).abs().max() > 1e-6


@DEEPER
def test_a_trials_start_does_not_depend_on_its_batch(setup):
    both, _ = begun(setup)
    one = Trials(count=1, first=1, dtype="float64")
    kernels = initial_kernels(setup.net, 2, 5, setup.key, one)
    for name, value in start_body(kernels, setup, one).items():
        assert torch.equal(value, both[name][1:]), name
        if name not in ("body.out", "body.mix"):
            assert not torch.equal(value, both[name][:1]), name


def test_a_local_body_gives_zeros_for_zeros_and_sees_no_other_patch():
    parameters, x = begun(RESIDUAL, stirred=True)
    mask = some_mask(x)
    seen = outputs(parameters, x, RESIDUAL.net, mask)
    torch.testing.assert_close(seen, outputs(parameters, x, RESIDUAL.net) * mask, rtol=0, atol=0)
    assert is_local(RESIDUAL.net) and not is_local(ATTENTION.net)
    parameters, x = begun(ATTENTION, stirred=True)
    away = outputs(parameters, x, ATTENTION.net, mask) - outputs(parameters, x, ATTENTION.net)
    assert (away * mask).abs().max() > 1e-3  # the visible ones miss those that are masked


def test_nobody_attends_to_masked_patches_and_weights_sum_to_one():
    parameters, x = begun(ATTENTION, stirred=True)
    mask = some_mask(x)
    weights = attention(parameters, x, ATTENTION.net, mask)
    assert weights.shape == (2, 3, 6, 6, 6)  # two blocks of three heads
    hidden = (1 - mask[..., 0])[:, :, None, None]
    assert (weights * hidden).abs().max() == 0
    total = weights.sum(-1)
    assert total[0, 0].abs().max() == 0  # where nothing is visible
    torch.testing.assert_close(total[1], torch.ones_like(total[1]))
    whole = attention(parameters, x, ATTENTION.net).sum(-1)
    torch.testing.assert_close(whole, torch.ones_like(whole))
    assert (attention(parameters, x, ATTENTION.net) * hidden).max() > 0.01


def test_what_is_masked_changes_no_output():
    parameters, x = begun(ATTENTION, stirred=True)
    mask = some_mask(x)
    other = torch.where(mask == 0, x + 1, x)
    first, second = (outputs(parameters, data, ATTENTION.net, mask) for data in (x, other))
    assert torch.equal(first, second)
    seen = torch.where(mask == 1, x + 1, x)
    assert not torch.equal(outputs(parameters, seen, ATTENTION.net, mask), first)


@pytest.mark.parametrize("body", ["residual", "attention"])
@pytest.mark.parametrize("depth", [0, 1.5])
def test_a_depth_that_is_none_is_refused(body, depth):
    with pytest.raises(ValueError, match=rf"depth = {depth}, but should be a whole number >= 1"):
        Net(body=body, depth=depth)
    assert Net(depth=depth).body == "convolution"  # which has no use for it


def test_heads_are_checked_where_there_are_heads():
    with pytest.raises(ValueError, match=r"heads = 0, but should be a whole number >= 1 \[Net\]"):
        Net(body="attention", heads=0)
    assert Net(body="residual", heads=0).heads == 0
    assert {"residual", "attention"} <= set(bodies())


def test_an_expectation_over_masks_is_refused_where_there_is_no_closed_form():
    with pytest.raises(ValueError, match="masks = 'exact', but should be 'sampled' with body 'att"):
        ATTENTION.derive(masks="exact")
    assert RESIDUAL.derive(masks="exact").objective.masks == "exact"


def test_deeper_setups_are_written_and_read():
    for setup in (RESIDUAL, ATTENTION):
        again = Setup.from_json(setup.to_json())
        assert again == setup and again.digest == setup.digest
        assert again.net.depth == 2
    assert "heads" not in RESIDUAL.to_json()["net"]
    assert SETUP.derive(depth=1, heads=1, body="convolution").digest == SETUP.digest
    assert ATTENTION.digest != ATTENTION.derive(heads=2).digest
    assert " body=attention depth=2 heads=3" in str(ATTENTION)
