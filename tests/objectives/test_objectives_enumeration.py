"""Closed forms against an enumeration of every mask, written from the definition."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, MaskedPixels

PIXELS = [
    MaskedPixels(context=context, decoder=decoder)
    for context in ("patch", "pooled", "others")
    for decoder in ("tied", "free")
]
LATENTS = [
    MaskedLatents(context=context, teacher=teacher, teacher_scale=scale)
    for context in ("patch", "pooled", "others")
    for teacher, scale in (("scaled", 1.4), ("ema", 1.0), ("frozen", 1.2))
]
CASES = [
    (objective, patches, keep, power)
    for objective in PIXELS + LATENTS
    for patches, keep, power in ((4, 0.3, 3), (5, 0.8, 1), (1, 0.5, 4.5))
]


def act(t, net):
    q, r = net.power, net.threshold
    if q == 1:
        return torch.where(t > 0, t, 0.0)
    low = t.clamp(0, r) ** q / (q * r ** (q - 1))
    return torch.where(t >= r, t - (1 - 1 / q) * r, low)


def enumerated(objective, parameters, x, net):
    """The expected loss summed over samples, mask by mask, sample by sample: a scalar."""
    theta, patches = objective.keep, x.shape[1]
    a = act(torch.einsum("npd,rd->npr", x, parameters["kernels"]), net)
    if isinstance(objective, MaskedPixels):
        decoder = parameters["kernels" if objective.decoder == "tied" else "decoder"]
        predicted, target = a @ decoder, x
    else:
        teacher = parameters["kernels" if objective.teacher == "scaled" else "teacher"].detach()
        predicted = a
        target = act(torch.einsum("npd,rd->npr", x, objective.teacher_scale * teacher), net)
    expected = 0.0
    for mask in product([0, 1], repeat=patches):
        chance = theta ** sum(mask) * (1 - theta) ** (patches - sum(mask))
        for sample in range(len(x)):
            seen = [kept * predicted[sample, p] / theta for p, kept in enumerate(mask)]
            loss = 0.0
            if objective.context == "pooled":
                loss = ((target[sample].sum(0) - sum(seen)) ** 2).sum()
            for p in range(patches):
                if objective.context == "patch":
                    loss = loss + ((target[sample, p] - seen[p]) ** 2).sum()
                elif objective.context == "others" and not mask[p]:
                    rest = sum(seen[:p] + seen[p + 1 :], torch.zeros_like(seen[p]))
                    loss = loss + ((target[sample, p] - rest) ** 2).sum()
            expected = expected + chance * loss / 2
    return expected


def random_case(objective, patches, seed=0, trials=2):
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(trials, 3, patches, 6, generator=rng, dtype=torch.float64)
    names = ["kernels"]
    names += ["decoder"] if getattr(objective, "decoder", "tied") == "free" else []
    names += ["teacher"] if getattr(objective, "teacher", "scaled") != "scaled" else []
    parameters = {
        name: 0.5 * torch.randn(trials, 4, 6, generator=rng, dtype=torch.float64) for name in names
    }
    return parameters, x, torch.zeros(trials, 3, dtype=torch.long)


def reference(objective, parameters, x, net):
    """Loss and gradients of one trial, by autograd through the enumeration."""
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    loss = enumerated(objective, leaves, x, net) + 0 * leaves["kernels"].sum()
    trained = [name for name in leaves if name != "teacher"]
    slopes = torch.autograd.grad(
        loss, [leaves[name] for name in trained], allow_unused=True, materialize_grads=True
    )
    return loss.detach(), dict(zip(trained, slopes, strict=True))


@pytest.mark.parametrize(("objective", "patches", "keep", "power"), CASES)
def test_the_closed_form_is_the_expectation(objective, patches, keep, power):
    net, objective = Net(power=power, threshold=0.6), replace(objective, keep=keep)
    parameters, x, label = random_case(objective, patches)
    loss, slopes = objective.gradient(parameters, x, label, net, with_loss=True)
    plain = objective.loss(parameters, x, None, net)
    for t in range(2):
        one = {name: value[t] for name, value in parameters.items()}
        expected, expected_slopes = reference(objective, one, x[t], net)
        torch.testing.assert_close(loss[t], expected, rtol=1e-10, atol=1e-13)
        torch.testing.assert_close(plain[t], expected, rtol=1e-10, atol=1e-13)
        assert slopes.keys() == expected_slopes.keys()
        for name, slope in expected_slopes.items():
            scale = slope.abs().max().item() + 1e-3
            torch.testing.assert_close(slopes[name][t], slope, rtol=1e-10, atol=1e-11 * scale)


@pytest.mark.parametrize("objective", PIXELS + LATENTS)
def test_keep_and_drop_are_not_the_same(objective):
    """The neighbour with theta and 1 - theta swapped is far away."""
    net, objective = Net(power=3, threshold=0.6), replace(objective, keep=0.3)
    parameters, x, _ = random_case(objective, 4)
    swapped = replace(objective, keep=0.7).loss(parameters, x, None, net)
    assert ((swapped / objective.loss(parameters, x, None, net) - 1).abs() > 0.05).all()


@pytest.mark.parametrize("objective", PIXELS + LATENTS)
def test_contexts_are_not_the_same(objective):
    net = Net(power=3, threshold=0.6)
    parameters, x, _ = random_case(objective, 4)
    losses = torch.stack(
        [
            replace(objective, context=context).loss(parameters, x, None, net)
            for context in ("patch", "pooled", "others")
        ]
    )
    assert ((losses - losses.roll(1, 0)).abs() > 1e-3 * losses).all()


def test_the_teacher_is_not_differentiated():
    """The gradient that would flow through the scaled teacher is another one."""
    net, objective = Net(power=3, threshold=0.6), MaskedLatents(teacher_scale=1.4)
    parameters, x, label = random_case(objective, 4)
    _, slopes = objective.gradient(parameters, x, label, net)
    kernels = parameters["kernels"].clone().requires_grad_()
    a = act(torch.einsum("tnpd,trd->tnpr", x, kernels), net)
    target = act(1.4 * torch.einsum("tnpd,trd->tnpr", x, kernels), net)
    loss = 0.5 * ((a.sum(2) - target.sum(2)) ** 2).sum() + 0.5 * (a**2).sum()
    (through,) = torch.autograd.grad(loss, kernels)
    assert loss.item() == pytest.approx(objective.loss(parameters, x, None, net).sum().item())
    assert (through - slopes["kernels"]).abs().max() > 0.1 * slopes["kernels"].abs().max()


def test_everything_kept_leaves_nothing_to_predict_from_others():
    objective = MaskedPixels(keep=1.0, context="others")
    parameters, x, label = random_case(objective, 4)
    loss, slopes = objective.gradient(parameters, x, label, Net(), with_loss=True)
    assert not loss.any()
    assert not slopes["kernels"].any()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ({"keep": 0.0}, {"keep": 1e-6}),
        ({"keep": 1.1}, {"keep": 1.0}),
        ({"context": "whole"}, {"context": "others"}),
        ({"masks": "some"}, {"masks": "sampled"}),
    ],
)
@pytest.mark.parametrize("kind", [MaskedPixels, MaskedLatents])
def test_impossible_objectives_are_refused(kind, wrong, right):
    (name,) = wrong
    with pytest.raises(ValueError, match=rf"^{name} = .*, but should be .* \[{kind.__name__}\]$"):
        kind(**wrong)
    kind(**right)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MaskedPixels(decoder="linear"),
        lambda: MaskedLatents(teacher="none"),
        lambda: MaskedLatents(teacher_scale=0.0),
        lambda: MaskedLatents(momentum=1.5),
    ],
)
def test_impossible_decoders_and_teachers_are_refused(make):
    with pytest.raises(ValueError, match=r"^\w+ = .*, but should be .* \[Masked\w+\]$"):
        make()
