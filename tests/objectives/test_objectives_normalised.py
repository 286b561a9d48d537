"""Standardised targets and the smooth L1 loss, mask by mask, against their definitions."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from torch.nn.functional import layer_norm, smooth_l1_loss

from mrpcheck.fused import fused
from mrpcheck.nets import Net, activation
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.objectives.base import by_autograd
from mrpcheck.objectives.targets import standardised
from mrpcheck.setups import Setup

CONTEXTS = ("patch", "pooled", "others")
NORMALISED = [
    *(MaskedPixels(context=c, decoder=d, normalised=True, epsilon=1e-3) for c in CONTEXTS
      for d in ("tied", "free")),
    *(MaskedLatents(context=c, teacher=t, normalised=True, epsilon=1e-3) for c in CONTEXTS
      for t in ("scaled", "ema")),
]  # fmt: skip
SMOOTH = [
    MaskedLatents(
        context=c, teacher="frozen", normalised=n, loss_kind="smooth_l1", beta=0.4, masks="sampled"
    )
    for c in CONTEXTS
    for n in (False, True)
]
NET = Net(power=3, threshold=0.6)


def random_case(objective, patches=4, trials=2):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(trials, 3, patches, 6, generator=rng, dtype=torch.float64)
    names = ["kernels"]
    names += ["decoder"] if getattr(objective, "decoder", "tied") == "free" else []
    names += ["teacher"] if getattr(objective, "teacher", "scaled") != "scaled" else []
    parameters = {
        name: 0.6 * torch.randn(trials, 4, 6, generator=rng, dtype=torch.float64) for name in names
    }
    return parameters, x, torch.zeros(trials, 3, dtype=torch.long)


def parts(objective, parameters, x):
    """Predictions and targets of one trial, (sample, patch, unit) each."""
    a = activation(torch.einsum("npd,rd->npr", x, parameters["kernels"]), NET)
    if isinstance(objective, MaskedPixels):
        decoder = parameters["kernels" if objective.decoder == "tied" else "decoder"]
        predicted, target = a @ decoder, x
    else:
        teacher = parameters["kernels" if objective.teacher == "scaled" else "teacher"].detach()
        scaled = objective.teacher_scale * teacher
        predicted, target = a, activation(torch.einsum("npd,rd->npr", x, scaled), NET)
    if objective.normalised:
        target = layer_norm(target, target.shape[-1:], eps=objective.epsilon)
    return predicted, target


def pointwise(objective):
    if getattr(objective, "loss_kind", "square") == "square":
        return lambda a, b: ((a - b) ** 2).sum() / 2
    return lambda a, b: smooth_l1_loss(a, b, reduction="sum", beta=objective.beta)


def of_one_mask(objective, predicted, target, mask):
    """The loss of one sample, (patch, unit) each, under one mask, patch by patch."""
    distance, theta = pointwise(objective), objective.keep
    seen = [kept * row / theta for kept, row in zip(mask, predicted, strict=True)]
    if objective.context == "pooled":
        return distance(sum(seen), target.sum(0))
    loss = torch.zeros((), dtype=torch.float64)
    for p, kept in enumerate(mask):
        if objective.context == "patch":
            loss = loss + distance(seen[p], target[p])
        elif not kept:
            loss = loss + distance(sum(seen) - seen[p], target[p])
    return loss


def expected(objective, parameters, x):
    theta, total = objective.keep, 0.0
    predicted, target = parts(objective, parameters, x)
    for mask in product([0, 1], repeat=x.shape[1]):
        chance = theta ** sum(mask) * (1 - theta) ** (len(mask) - sum(mask))
        for sample in range(len(x)):
            total = total + chance * of_one_mask(objective, predicted[sample], target[sample], mask)
    return total


def agrees_with(objective, reference, mask=None):
    """Whether loss and gradient of either way are the reference's and its derivative."""
    parameters, x, label = random_case(objective)
    found = objective.gradient(parameters, x, label, NET, mask, with_loss=True)
    plain = by_autograd(objective, parameters, x, label, NET, mask)
    for t in range(len(x)):
        leaves = {n: v[t].clone().requires_grad_(n != "teacher") for n, v in parameters.items()}
        value = reference(leaves, x[t], t)
        names = [n for n in leaves if n != "teacher"]
        slopes = torch.autograd.grad(value, [leaves[n] for n in names])
        for loss, mine in (found, plain):
            torch.testing.assert_close(loss[t], value.detach(), rtol=1e-10, atol=1e-12)
            assert set(mine) == set(names)
            for name, slope in zip(names, slopes, strict=True):
                torch.testing.assert_close(mine[name][t], slope, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    "objective",
    [*NORMALISED, MaskedLatents(context="patch", loss_kind="smooth_l1", beta=0.4, normalised=True)],
    ids=str,
)
def test_the_closed_form_is_the_expectation_over_every_mask(objective):
    for keep in (0.3, 0.8):
        asked = replace(objective, keep=keep)
        agrees_with(asked, lambda p, x, t, o=asked: expected(o, p, x))


@pytest.mark.parametrize("objective", [*NORMALISED, *SMOOTH], ids=str)
def test_the_loss_of_one_mask_is_that_of_its_definition(objective):
    draw = torch.rand(2, 3, 4, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    mask = (draw < 0.5).double()

    def reference(parameters, x, t):
        predicted, target = parts(objective, parameters, x)
        rows = zip(predicted, target, mask[t, :, :, 0], strict=True)
        return sum(of_one_mask(objective, *row) for row in rows)

    agrees_with(objective, reference, mask)


@pytest.mark.parametrize("objective", [*NORMALISED, *SMOOTH], ids=str)
def test_the_plain_objective_is_another_one(objective):
    parameters, x, _ = random_case(objective)
    late = {"normalised": False, "epsilon": type(objective)().epsilon}
    late |= {"loss_kind": "square"} if isinstance(objective, MaskedLatents) else {}
    mask = torch.ones(2, 3, 4, 1, dtype=torch.float64)
    ours, plain = (o.loss(parameters, x, None, NET, mask) for o in (objective,
                   replace(objective, **late)))  # fmt: skip
    if objective.context == "others":  # everything is kept: nothing is left to predict
        assert torch.equal(ours, plain)
        mask[:, :, 0] = 0
        ours = objective.loss(parameters, x, None, NET, mask)
        plain = replace(objective, **late).loss(parameters, x, None, NET, mask)
    assert ((ours / plain - 1).abs() > 1e-3).all()


def test_standardised_values_have_mean_0_and_variance_1():
    values = np.random.default_rng(0).normal(size=(2, 3, 4, 50))
    found = standardised(torch.from_numpy(values), 1e-12).numpy()
    assert abs(found.mean(-1)).max() < 1e-12
    assert abs(found.var(-1) - 1).max() < 1e-9
    assert abs(found.var(-1, ddof=1) - 1).min() > 0.01
    wide = standardised(torch.from_numpy(values), 1.0).numpy()
    np.testing.assert_allclose(wide.var(-1), values.var(-1) / (values.var(-1) + 1), rtol=1e-9)


def test_noise_is_blown_up_to_the_size_of_a_feature_unless_epsilon_is_above_it():
    noise = 0.01 * torch.randn(1, 1, 200, 15, generator=torch.Generator().manual_seed(0))
    for epsilon, low, high in ((1e-6, 0.9, 1.0), (1e-2, 0.0, 0.15)):
        size = standardised(noise, epsilon).norm(dim=-1) / 15**0.5
        assert low < size.mean() < high


@pytest.mark.parametrize("objective", [*NORMALISED, *SMOOTH], ids=str)
def test_setups_are_written_and_read(objective):
    setup = Setup(objective=objective)
    assert Setup.from_json(setup.to_json()) == setup
    assert "epsilon=0.001" in str(objective) or objective.epsilon != 1e-3
    assert not objective.normalised or setup.standard().recipe.steps < 1000


def test_the_defaults_are_written_as_ever():
    assert Setup().to_json()["objective"] == {
        "type": "MaskedPixels", "keep": 0.5, "context": "patch", "decoder": "tied",
        "masks": "exact",
    }  # fmt: skip
    assert set(Setup(objective=MaskedLatents()).to_json()["objective"]) == {
        "type", "keep", "context", "teacher", "teacher_scale", "momentum", "masks",
    }  # fmt: skip
    assert str(MaskedPixels()) == (
        "MaskedPixels(keep=0.5, context='patch', decoder='tied', masks='exact')"
    )


@pytest.mark.parametrize("objective", [MaskedPixels(), MaskedLatents()], ids=str)
def test_the_native_step_declines_what_it_does_not_know(objective):
    _, x, label = random_case(objective)
    known = fused(objective, Setup(objective=objective), x, label)
    other = replace(objective, normalised=True)
    assert fused(other, Setup(objective=other), x, label) is None
    assert known is None or known.objective == objective


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaskedPixels(epsilon=0.0), "epsilon = 0.0, but should be finite and above 0"),
        (lambda: MaskedPixels(normalised="yes"), "normalised = 'yes', but should be True or False"),
        (lambda: MaskedLatents(epsilon=-1.0), "epsilon = -1.0, but should be finite and above 0"),
        (lambda: MaskedLatents(loss_kind="huber"), "loss_kind = 'huber', but should be one of"),
        (lambda: MaskedLatents(beta=0.0), "beta = 0.0, but should be finite and above 0"),
        (lambda: MaskedLatents(momentum_end=2.0), r"momentum_end = 2.0, but should be in \[0, 1\]"),
        (lambda: MaskedLatents(momentum_steps=-1), "momentum_steps = -1, but should be in"),
        (
            lambda: MaskedLatents(loss_kind="smooth_l1"),
            "masks = 'exact', but should be 'sampled' where loss_kind is 'smooth_l1'",
        ),
    ],
)
def test_impossible_targets_are_refused(make, message):
    with pytest.raises(ValueError, match=f"^{message}.*Masked"):
        make()
