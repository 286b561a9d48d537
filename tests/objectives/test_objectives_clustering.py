"""Sinkhorn-Knopp's marginals, the swapped loss term by term, the line of growth."""

import math

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from mrpcheck import pretrain
from mrpcheck.nets import Net
from mrpcheck.objectives.base import by_autograd
from mrpcheck.objectives.clustering import Clustering, sinkhorn
from mrpcheck.objectives.representations import representations
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.views import MultiView

NET = Net(kernels_per_class=2, power=3, threshold=0.5)
OWN = Clustering(prototypes=3)
SMALL = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    objective=Clustering(prototypes=4),
    recipe=Recipe(samples=12, rate=0.3, steps=12),
)


def case(seed=0, trials=2, samples=4):
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    parameters = {"kernels": 0.5 * normal(trials, 5, 6), "prototypes": normal(trials, 3, 5)}
    mask = (torch.rand(trials, samples, 4, 2, generator=rng) < 0.6).double()
    label = torch.zeros(trials, samples, dtype=torch.int64)
    return parameters, normal(trials, samples, 4, 6), label, mask


def balanced(scores, iterations):
    """Sinkhorn-Knopp in numpy, on the matrix itself, as in SwAV's pseudo-code."""
    q = np.exp(scores).T
    for _ in range(iterations):
        q = q / q.sum(1, keepdims=True) / q.shape[0]
        q = q / q.sum(0, keepdims=True) / q.shape[1]
    return (q * q.shape[1]).T


def test_assignments_are_those_of_the_plain_algorithm_and_balanced_in_the_limit():
    logits = torch.randn(2, 7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for iterations in (1, 3):
        for t in range(2):
            expected = balanced(logits[t].numpy(), iterations)
            np.testing.assert_allclose(sinkhorn(logits, iterations)[t], expected, rtol=1e-12)
    one, many = sinkhorn(logits, 1), sinkhorn(logits, 200)
    torch.testing.assert_close(many.sum(-1), torch.ones(2, 7).double())
    torch.testing.assert_close(many.sum(-2), torch.full((2, 3), 7 / 3).double())
    assert (one.sum(-2) - 7 / 3).abs().max() > 1e-2


def test_assignments_do_not_overflow_and_keep_what_balances_already():
    sharp = 1e4 * torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(2))
    assert sinkhorn(sharp, 3).isfinite().all()
    even = torch.eye(3).repeat(2, 1).unsqueeze(0).double()
    even = (even + 0.1) / 1.3
    torch.testing.assert_close(sinkhorn(even.log(), 3), even)


def test_scales_of_samples_and_prototypes_do_not_matter_in_the_limit():
    logits = torch.randn(1, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    shifted = logits + torch.randn(1, 5, 1).double() + torch.randn(1, 1, 3).double()
    torch.testing.assert_close(sinkhorn(shifted, 300), sinkhorn(logits, 300))
    assert (shifted.softmax(-1) - logits.softmax(-1)).abs().max() > 1e-2


def test_the_loss_is_the_swapped_prediction_term_by_term():
    parameters, x, label, mask = case()
    loss = OWN.loss(parameters, x, label, NET, mask)
    h = representations(parameters, x, NET, mask, OWN.keep).numpy()
    floor = OWN.floor * NET.threshold
    for t in range(2):
        rows = parameters["prototypes"][t].numpy()
        scores = np.array([
            [[(h[t, j, n] @ c) / np.linalg.norm(c) / math.sqrt(h[t, j, n] @ h[t, j, n] + floor**2)
              for c in rows] for n in range(4)] for j in range(2)
        ])  # fmt: skip
        target = [balanced(scores[j] / OWN.epsilon, OWN.sinkhorn) for j in range(2)]
        terms = [-(target[1 - j] * log_softmax(scores[j] / OWN.temperature, 1)) for j in range(2)]
        assert loss[t].item() == pytest.approx(sum(term.sum() for term in terms) / 2, rel=1e-10)
        straight = [-(target[j] * log_softmax(scores[j] / OWN.temperature, 1)) for j in range(2)]
        assert abs(loss[t].item() - sum(term.sum() for term in straight) / 2) > 1e-3


@pytest.mark.parametrize("power", [1.5, 3, 4])
def test_gradients_are_those_of_autograd_and_of_differences_at_fixed_targets(power, monkeypatch):
    net = Net(power=power, threshold=0.5)
    parameters, x, label, mask = case()
    loss, slopes = OWN.gradient(parameters, x, label, net, mask)
    value, expected = by_autograd(OWN, parameters, x, label, net, mask)
    torch.testing.assert_close(loss, value, rtol=1e-12, atol=0)
    assert slopes.keys() == expected.keys() == {"kernels", "prototypes"}
    for name, slope in expected.items():
        torch.testing.assert_close(slopes[name], slope, rtol=1e-9, atol=1e-12)
    targets = torch.rand(2, 2, 4, 3, dtype=torch.float64).softmax(-1)
    monkeypatch.setattr("mrpcheck.objectives.clustering.sinkhorn", lambda *_: targets)
    leaves = [parameters[name].clone().requires_grad_() for name in ("kernels", "prototypes")]

    def plain(kernels, prototypes):
        return OWN.loss({"kernels": kernels, "prototypes": prototypes}, x, label, net, mask)

    assert torch.autograd.gradcheck(plain, leaves, atol=1e-6)


def test_the_lengths_of_prototypes_and_the_order_of_samples_do_not_matter():
    parameters, x, label, mask = case()
    loss = OWN.loss(parameters, x, label, NET, mask)
    longer = {**parameters, "prototypes": 5 * parameters["prototypes"]}
    torch.testing.assert_close(OWN.loss(longer, x, label, NET, mask), loss)
    order = torch.tensor([2, 0, 3, 1])
    again = OWN.loss(parameters, x[:, order], label, NET, mask[:, order])
    torch.testing.assert_close(again, loss)
    assert (OWN.loss(parameters, x, label, NET, mask[:, order]) - loss).abs().min() > 1e-4


def test_a_trial_alone_is_the_trial_in_a_batch():
    both = pretrain(SMALL, Trials(count=2))
    alone = pretrain(SMALL, Trials(count=1, first=1))
    assert torch.equal(both.kernels[1:], alone.kernels)
    assert torch.equal(both.extra["prototypes"][1:], alone.extra["prototypes"])
    assert not torch.equal(both.kernels[:1], alone.kernels)


def test_prototypes_start_on_the_sphere_and_move():
    trials = Trials(count=2)
    kernels = torch.zeros(2, 8, 5)
    start = SMALL.objective.start(kernels, SMALL, trials)["prototypes"]
    assert start.shape == (2, 4, 8)
    torch.testing.assert_close(start.norm(dim=-1), torch.ones(2, 4))
    assert (start[0] - start[1]).abs().max() > 0.1
    assert (pretrain(SMALL, trials).extra["prototypes"] - start).abs().max() > 1e-4


def push(keep, ratio):
    """How fast a small feature grows, in expectation over masks: its kernel's slope downhill.

    One patch a sample, half of the samples with the feature; prototypes in all directions.
    """
    objective = Clustering(keep=keep, prototypes=2, temperature=1.0, epsilon=1 / ratio)
    net = Net(power=3, threshold=0.5)
    x = torch.zeros(1, 2, 1, 1, dtype=torch.float64)
    x[0, 0] = 1.0
    parameters = {
        "kernels": torch.full((1, 1, 1), 0.05, dtype=torch.float64),
        "prototypes": torch.tensor([[[1.0], [-1.0]]], dtype=torch.float64),
    }
    total = 0.0
    for first in (0.0, 1.0):
        for second in (0.0, 1.0):
            mask = torch.tensor([first, second]).double().expand(1, 2, 1, 2)
            chance = math.prod(keep if kept else 1 - keep for kept in (first, second))
            _, slopes = objective.gradient(parameters, x, torch.zeros(1, 2), net, mask)
            total -= chance * slopes["kernels"].item()
    return total


@pytest.mark.parametrize("keep", [0.5, 0.8])
def test_a_small_feature_grows_by_itself_above_a_line(keep):
    """Balancing centres the target by samples: half of T/epsilon, in half of the samples."""
    line = 2 / keep
    assert push(keep, 1.05 * line) > 0 > push(keep, 0.95 * line)


def test_setups_are_written_and_read():
    assert Setup.from_json(SMALL.to_json()) == SMALL
    written = SMALL.to_json()
    written["objective"]["prototypes"] = 2.5
    with pytest.raises(ValueError, match=r"^objective\.prototypes = 2\.5, but should be of kind"):
        Setup.from_json(written)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"prototypes": 1}, r"prototypes = 1, but should be a whole number >= 2 \[Clustering\]"),
        ({"sinkhorn": 0}, r"sinkhorn = 0, but should be a whole number >= 1 \[Clustering\]"),
        ({"epsilon": 0.0}, r"epsilon = 0\.0, but should be finite and above 0 \[Clustering\]"),
        ({"temperature": -1.0}, r"temperature = -1\.0, but should be finite and above 0"),
        ({"floor": 0.0}, r"floor = 0\.0, but should be finite and above 0 \[Clustering\]"),
        ({"keep": 2.0}, r"keep = 2\.0, but should be in \(0, 1\] \[Clustering\]"),
    ],
)
def test_bad_values_are_refused_in_a_sentence(fields, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Clustering(**fields)
