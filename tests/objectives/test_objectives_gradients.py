"""Exact gradients against autograd of the plain loss; masks one at a time; parts and wholes."""

from dataclasses import replace

import pytest
import torch
from scipy.stats import norm

from mrpcheck import encoders
from mrpcheck.nets import Net
from mrpcheck.objectives import CrossEntropy, MaskedLatents, MaskedPixels
from mrpcheck.objectives.probe import HeadOnly
from mrpcheck.setups import Setup

MASKED = [
    *(MaskedPixels(keep=0.4, context=c, decoder=d) for c in ("patch", "pooled", "others")
      for d in ("tied", "free")),
    *(MaskedLatents(keep=0.4, context=c, teacher=t) for c in ("patch", "pooled", "others")
      for t in ("scaled", "ema", "frozen")),
]  # fmt: skip
NETS = [Net(power=q, threshold=0.5) for q in (1, 1.5, 3, 4)]


def case(objective, seed=0, trials=2, samples=5):
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    parameters = {"kernels": 0.5 * normal(trials, 4, 6)}
    if getattr(objective, "decoder", "tied") == "free":
        parameters["decoder"] = 0.5 * normal(trials, 4, 6)
    if getattr(objective, "teacher", "scaled") != "scaled":
        parameters["teacher"] = 0.5 * normal(trials, 4, 6)
    if isinstance(objective, (CrossEntropy, HeadOnly)):
        parameters["head"] = normal(trials, 3, 4)
    label = torch.randint(3, (trials, samples), generator=rng)
    return parameters, normal(trials, samples, 4, 6), label


def by_autograd(loss, parameters, names):
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    value = loss(leaves)
    slopes = torch.autograd.grad(value.sum(), [leaves[name] for name in names])
    return value.detach(), dict(zip(names, slopes, strict=True))


def agree(slopes, expected, rtol=1e-10):
    assert slopes.keys() == expected.keys()
    for name, slope in expected.items():
        scale = slope.abs().max().item()
        torch.testing.assert_close(slopes[name], slope, rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize("net", NETS, ids=str)
@pytest.mark.parametrize("objective", MASKED, ids=str)
@pytest.mark.parametrize("sampled", [False, True])
def test_masked_gradients_are_those_of_autograd(objective, net, sampled):
    parameters, x, label = case(objective)
    mask = None
    if sampled:
        mask = (torch.rand(2, 5, 4, 1, generator=torch.Generator().manual_seed(1)) < 0.4).double()
    loss, slopes = objective.gradient(parameters, x, label, net, mask, with_loss=True)
    names = [name for name in parameters if name != "teacher"]
    plain = lambda p: objective.loss(p, x, None, net, mask)  # noqa: E731
    value, expected = by_autograd(plain, parameters, names)
    torch.testing.assert_close(loss, value, rtol=1e-12, atol=0)
    agree(slopes, expected)


@pytest.mark.parametrize("net", NETS, ids=str)
@pytest.mark.parametrize("head", [True, False])
def test_cross_entropy_gradients_are_those_of_autograd(net, head):
    objective = CrossEntropy(head=head)
    parameters, x, label = case(objective)
    names = ["kernels", "head"] if head else ["kernels"]
    loss, slopes = objective.gradient(parameters, x, label, net, with_loss=True)

    def plain(p):
        scores = encoders.scores(p, x, net).flatten(0, 1)
        each = torch.nn.functional.cross_entropy(scores, label.flatten(), reduction="none")
        return each.view(label.shape).sum(1)

    for reference in (plain, lambda p: objective.loss(p, x, label, net)):
        value, expected = by_autograd(reference, parameters, names)
        torch.testing.assert_close(loss, value, rtol=1e-12, atol=0)
        agree(slopes, expected)


@pytest.mark.parametrize("net", NETS, ids=str)
def test_the_probe_trains_the_head_as_cross_entropy_would(net):
    parameters, x, label = case(HeadOnly())
    h = HeadOnly().prepare(parameters, x, net)
    loss, slopes = HeadOnly().gradient(parameters, h, label, net, with_loss=True)
    whole_loss, whole = CrossEntropy().gradient(parameters, x, label, net, with_loss=True)
    torch.testing.assert_close(loss, whole_loss, rtol=1e-12, atol=0)
    agree(slopes, {"head": whole["head"]})


@pytest.mark.parametrize("objective", [*MASKED, CrossEntropy(), CrossEntropy(head=False)], ids=str)
def test_parts_sum_to_the_whole(objective):
    parameters, x, label = case(objective, samples=7)
    loss, slopes = objective.gradient(parameters, x, label, NETS[2], with_loss=True)
    pieces = [
        objective.gradient(parameters, part, labels, NETS[2], with_loss=True)
        for part, labels in zip(x.split(3, 1), label.split(3, 1), strict=True)
    ]
    torch.testing.assert_close(sum(piece[0] for piece in pieces), loss, rtol=1e-12, atol=0)
    agree({name: sum(piece[1][name] for piece in pieces) for name in slopes}, slopes, rtol=1e-12)
    short = pieces[0][1]["kernels"]
    assert (short - slopes["kernels"]).abs().max() > 1e-3 * slopes["kernels"].abs().max()


@pytest.mark.parametrize("objective", [*MASKED, CrossEntropy(), CrossEntropy(head=False)], ids=str)
def test_nothing_is_changed_in_place(objective):
    parameters, x, label = case(objective)
    before = {name: value.clone() for name, value in parameters.items()}
    kept = x.clone()
    loss, _ = objective.gradient(parameters, x, label, NETS[2])
    assert loss is None
    assert torch.equal(x, kept)
    assert all(torch.equal(parameters[name], value) for name, value in before.items())


@pytest.mark.parametrize("objective", MASKED, ids=str)
def test_trials_do_not_mix(objective):
    parameters, x, label = case(objective, trials=3)
    _, slopes = objective.gradient(parameters, x, label, NETS[2])
    one = {name: value[1:2] for name, value in parameters.items()}
    _, alone = objective.gradient(one, x[1:2], label[1:2], NETS[2])
    agree({name: slope[1:2] for name, slope in slopes.items()}, alone, rtol=1e-12)


@pytest.mark.parametrize("objective", MASKED, ids=str)
def test_the_mean_over_masks_tends_to_the_expectation(objective):
    """Each of 25 means of 4000 masks is within 6 standard errors but for 25 * 2e-9 in chance.

    And the tolerance has teeth: the expectation at another keep probability is outside it.
    """
    count, net = 4000, NETS[2]
    parameters, x, label = case(objective, trials=1, samples=1)
    many = {name: value.expand(count, -1, -1) for name, value in parameters.items()}
    xs, labels = x.expand(count, -1, -1, -1), label.expand(count, -1)
    mask = (torch.rand(count, 1, 4, 1, generator=torch.Generator().manual_seed(3)) < 0.4).double()
    loss, slopes = objective.gradient(many, xs, labels, net, mask, with_loss=True)
    seen = torch.cat([loss[:, None], slopes["kernels"].flatten(1)], 1)
    error = norm.isf(1e-9) * seen.std(0) / count**0.5

    def expectation(keep):
        exact = replace(objective, keep=keep)
        value, slope = exact.gradient(parameters, x, label, net, with_loss=True)
        return torch.cat([value, slope["kernels"].flatten()])

    assert ((seen.mean(0) - expectation(0.4)).abs() <= error + 1e-12).all()
    assert ((seen.mean(0) - expectation(0.6)).abs() > error).any()


def test_the_ema_teacher_follows_and_the_others_stand():
    start = torch.zeros(1, 2, 3)
    for teacher, expected in (("ema", 0.1), ("frozen", 0.0)):
        objective = MaskedLatents(teacher=teacher, momentum=0.9)
        parameters = objective.start(start, Setup(), None)
        assert parameters["teacher"] is not parameters["kernels"]
        parameters["kernels"] = torch.ones(1, 2, 3)
        objective.advance(parameters)
        torch.testing.assert_close(parameters["teacher"], torch.full((1, 2, 3), expected))
    assert MaskedLatents().start(start, Setup(), None).keys() == {"kernels"}
