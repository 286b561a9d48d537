"""InfoNCE against a double loop; the whole loss against a reference; keys; trials on their own."""

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from mrpcheck import pretrain
from mrpcheck.encoders import outputs
from mrpcheck.nets import Net
from mrpcheck.objectives.base import by_autograd
from mrpcheck.objectives.contrastive import Contrastive, info_nce
from mrpcheck.objectives.representations import growth_time, normalised, representations
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.views import MultiView

NET = Net(kernels_per_class=2, power=3, threshold=0.5)
SIMCLR, MOCO = Contrastive.variants().values()
DOT = Contrastive(similarity="dot", keep=0.4, temperature=0.3)
ALL = [SIMCLR, MOCO, DOT, Contrastive(negatives="other", temperature=0.1, floor=0.2)]
SMALL = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    objective=SIMCLR,
    recipe=Recipe(samples=12, rate=0.3, steps=12),
)


def case(objective, seed=0, trials=2, samples=4):
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    parameters = {"kernels": 0.5 * normal(trials, 5, 6)}
    if objective.momentum:
        parameters["teacher"] = 0.5 * normal(trials, 5, 6)
    mask = (torch.rand(trials, samples, 4, 2, generator=rng) < 0.6).double()
    label = torch.zeros(trials, samples, dtype=torch.int64)
    return parameters, normal(trials, samples, 4, 6), label, mask


def one_loss(objective, kernels, teacher, x, mask):
    """One trial's loss in numpy, term by term: no product of matrices, no logsumexp of torch."""

    def act(t):
        u = np.clip(t, 0, NET.threshold)
        return (u / NET.threshold) ** 2 * u / 3 + max(t - NET.threshold, 0)

    def h(w, sample, j):
        kept = [p for p in range(x.shape[1]) if mask[sample, p, j]]
        return np.array([sum(act(x[sample, p] @ row) for p in kept) for row in w]) / objective.keep

    def similarity(a, b):
        if objective.similarity == "dot":
            return a @ b
        floor = objective.floor * NET.threshold
        return a @ b / math.sqrt((a @ a + floor**2) * (b @ b + floor**2))

    total, everyone = 0.0, [(n, j) for n in range(len(x)) for j in range(2)]
    for n, j in everyone:
        rest = [(i, v) for i, v in everyone if (i, v) != (n, j)]
        if objective.negatives == "other":
            rest = [(i, v) for i, v in rest if v != j]
        asked = h(kernels, n, j)
        score = {c: similarity(asked, h(teacher, *c)) / objective.temperature for c in rest}
        total += (logsumexp(list(score.values())) - score[n, 1 - j]) / 2
    return total


@pytest.mark.parametrize("objective", ALL, ids=str)
def test_the_loss_is_that_of_a_loop_over_pairs(objective):
    parameters, x, label, mask = case(objective)
    loss = objective.loss(parameters, x, label, NET, mask)
    teacher = parameters.get("teacher", parameters["kernels"])
    for t in range(2):
        arrays = (each[t].numpy() for each in (parameters["kernels"], teacher, x, mask))
        assert loss[t].item() == pytest.approx(one_loss(objective, *arrays), rel=1e-12)


@pytest.mark.parametrize("negatives", ["both", "other"])
def test_a_loop_with_the_other_negatives_differs(negatives):
    scores = torch.randn(1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    rows = scores[0].numpy()
    expected = {"both": 0.0, "other": 0.0}
    for i in range(8):
        half = range(4, 8) if i < 4 else range(4)
        for name, found in (("both", set(range(8)) - {i}), ("other", half)):
            expected[name] += (logsumexp(rows[i, sorted(found)]) - rows[i, (i + 4) % 8]) / 2
    assert info_nce(scores, negatives).item() == pytest.approx(expected.pop(negatives), rel=1e-12)
    assert abs(info_nce(scores, negatives).item() - expected.popitem()[1]) > 1e-2


def test_without_anything_to_tell_apart_it_is_the_log_of_the_candidates():
    for negatives, candidates in (("both", 19), ("other", 10)):
        loss = info_nce(torch.full((1, 20, 20), 3.0, dtype=torch.float64), negatives)
        assert loss.item() == pytest.approx(10 * math.log(candidates), rel=1e-12)


@pytest.mark.parametrize("power", [1.5, 3, 4])
@pytest.mark.parametrize("objective", ALL, ids=str)
def test_gradients_are_those_of_autograd_and_of_differences(objective, power):
    net = Net(power=power, threshold=0.5)
    parameters, x, label, mask = case(objective)
    loss, slopes = objective.gradient(parameters, x, label, net, mask)
    value, expected = by_autograd(objective, parameters, x, label, net, mask)
    torch.testing.assert_close(loss, value, rtol=1e-12, atol=0)
    assert slopes.keys() == expected.keys() == {"kernels"}  # the keys' encoder is not moved
    torch.testing.assert_close(slopes["kernels"], expected["kernels"], rtol=1e-9, atol=1e-12)
    kernels = parameters["kernels"].clone().requires_grad_()
    plain = lambda w: objective.loss({**parameters, "kernels": w}, x, label, net, mask)  # noqa: E731
    assert torch.autograd.gradcheck(plain, kernels, atol=1e-6)


def test_a_masking_without_patches_has_a_finite_gradient():
    parameters, x, label, mask = case(SIMCLR)
    mask[:, 0] = 0
    for objective in (SIMCLR, Contrastive(floor=1e-3)):
        loss, slopes = objective.gradient(parameters, x, label, NET, mask)
        assert loss.isfinite().all()
        assert slopes["kernels"].isfinite().all()


def test_a_cosine_does_not_know_the_scale_but_for_its_floor():
    h = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(normalised(h, 1e-9).norm(dim=-1), torch.ones(3).double())
    torch.testing.assert_close(normalised(7 * h, 1e-9), normalised(h, 1e-9))
    assert (normalised(7 * h, 1.0) - normalised(h, 1.0)).abs().max() > 0.1
    torch.testing.assert_close(normalised(1e-6 * h, 0.5), 2e-6 * h)  # small: h over the floor


@pytest.mark.parametrize("objective", ALL, ids=str)
def test_the_order_of_samples_does_not_matter_and_the_pairing_does(objective):
    parameters, x, label, mask = case(objective)
    order = torch.tensor([2, 0, 3, 1])
    loss = objective.loss(parameters, x, label, NET, mask)
    again = objective.loss(parameters, x[:, order], label, NET, mask[:, order])
    torch.testing.assert_close(again, loss, rtol=1e-12, atol=0)
    swapped = objective.loss(parameters, x, label, NET, mask.flip(-1))
    if not objective.momentum:
        torch.testing.assert_close(swapped, loss, rtol=1e-12, atol=0)
    other = objective.loss(parameters, x, label, NET, mask[:, order])
    assert (other - loss).abs().min() > 1e-4


def test_representations_are_sums_over_kept_patches():
    parameters, x, _, mask = case(SIMCLR)
    a = outputs(parameters, x, NET)
    h = representations(parameters, x, NET, mask, 0.25)
    for j in range(2):
        torch.testing.assert_close(h[:, j], (a * mask[..., j : j + 1]).sum(2) / 0.25)
    torch.testing.assert_close(representations(parameters, x, NET, None, 0.25)[:, 1], a.sum(2))


@pytest.mark.parametrize("objective", [SIMCLR, MOCO], ids=str)
def test_a_trial_alone_is_the_trial_in_a_batch(objective):
    setup = SMALL.derive(objective=objective)
    both = pretrain(setup, Trials(count=2))
    alone = pretrain(setup, Trials(count=1, first=1))
    assert torch.equal(both.kernels[1:], alone.kernels)
    assert not torch.equal(both.kernels[:1], alone.kernels)
    assert set(both.extra) == ({"teacher"} if objective.momentum else set())


def test_the_momentum_encoder_follows():
    start = torch.zeros(1, 2, 3)
    parameters = MOCO.start(start, SMALL, None)
    parameters["kernels"] = torch.ones(1, 2, 3)
    MOCO.advance(parameters)
    torch.testing.assert_close(parameters["teacher"], torch.full((1, 2, 3), 0.01))
    assert SIMCLR.start(start, SMALL, None).keys() == {"kernels"}


def test_setups_are_written_and_read():
    for objective in ALL:
        setup = SMALL.derive(objective=objective)
        assert Setup.from_json(setup.to_json()) == setup
    written = SMALL.to_json()
    written["objective"]["temperature"] = "warm"
    with pytest.raises(ValueError, match=r"^objective\.temperature = 'warm', but should be of kin"):
        Setup.from_json(written)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"temperature": 0.0}, r"temperature = 0\.0, but should be finite and above 0 \[Contr"),
        ({"floor": 0.0}, r"floor = 0\.0, but should be finite and above 0 \[Contrastive\]"),
        ({"momentum": 1.5}, r"momentum = 1\.5, but should be in \[0, 1\] \[Contrastive\]"),
        ({"similarity": "sine"}, r"similarity = 'sine', but should be one of"),
        ({"negatives": "none"}, r"negatives = 'none', but should be one of"),
        ({"keep": 0.0}, r"keep = 0\.0, but should be in \(0, 1\] \[Contrastive\]"),
    ],
)
def test_bad_values_are_refused_in_a_sentence(fields, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Contrastive(**fields)


def test_small_features_grow_as_the_recipe_says():
    """One kernel and one feature, far below r: the time to grow tenfold, against the formula."""
    data = MultiView(classes=2, views=1, dim=2, patches=2, sparsity=0.0, noise=0.0,
                     feature_noise=0.0, single_view=0.0, own=(1.0, 1.0))  # fmt: skip
    net = Net(kernels_per_class=1, power=3, threshold=0.5, init_scale=0.01)
    objective = Contrastive(negatives="other", keep=1.0)
    pull = 2 / (objective.temperature * net.threshold**2)
    x = torch.zeros(1, 2, 1, 2, dtype=torch.float64)
    x[0, 0, 0, 0] = x[0, 1, 0, 1] = 1.0
    start = 0.01
    w = {"kernels": torch.tensor([[[start, 0.0], [0.0, start]]], dtype=torch.float64)}
    _, slopes = objective.gradient(w, x, torch.zeros(1, 2), net, torch.ones(1, 2, 1, 2).double())
    speed = -slopes["kernels"][0, 0, 0].item() / 2  # mean over samples; half of them negatives
    moment = 0.5  # E[z^6], the feature being in half of the samples
    expected = 0.5 * pull * moment * start**5 / (3 * 0.5**4)
    assert speed == pytest.approx(expected, rel=1e-3)
    assert growth_time(data, net, 2 * pull) == pytest.approx(growth_time(data, net, pull) / 2)
    assert growth_time(data, Net(init_scale=0.0), pull) == math.inf
