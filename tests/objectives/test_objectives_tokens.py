"""Masked tokens: the loss from its definition, exact gradients, what training does to them."""

import itertools

import pytest
import torch
from scipy.special import log_softmax

from mrpcheck import Trials, pretrain
from mrpcheck.measures import features_captured
from mrpcheck.nets import Net, activation
from mrpcheck.objectives.base import by_autograd
from mrpcheck.objectives.tokens import MaskedTokens
from mrpcheck.setups import Recipe, Setup
from mrpcheck.theorems import pixels_regime
from mrpcheck.views import MultiView, sample

CONTEXTS = ("patch", "pooled", "others")
NETS = [Net(power=q, threshold=0.5) for q in (1, 3, 4)]
HEART = pixels_regime().heart
SMALL = Setup(
    data=MultiView(classes=2, dim=6, patches=9, sparsity=1.0),
    net=Net(kernels_per_class=4, power=3.0),
    objective=MaskedTokens(),
    recipe=Recipe(samples=20, steps=15),
)


def case(objective, patches=4, trials=2, samples=3):
    rng = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    units = 6 if objective.codebook == "pixels" else 5
    parameters = {
        "kernels": 0.5 * normal(trials, 4, 6),
        "decoder": normal(trials, 3, 4),
        "bias": normal(trials, 3),
        "codebook": normal(trials, 3, units),
    }
    if objective.codebook == "perceptual":
        parameters["teacher"] = normal(trials, units, 6)
    mask = (torch.rand(trials, samples, patches, 1, generator=rng) < 0.5).double()
    return parameters, normal(trials, samples, patches, 6), mask


def defined(objective, parameters, x, net, mask):
    """The loss of one trial's samples, patch by patch, in numpy."""
    act = lambda rows, kernels: activation(torch.as_tensor(rows @ kernels.T), net).numpy()  # noqa: E731
    kernels, decoder, bias, codes = (
        parameters[name].numpy() for name in ("kernels", "decoder", "bias", "codebook")
    )
    summed = 0.0
    for patches, kept in zip(x.numpy(), mask.numpy()[..., 0], strict=True):
        a = act(patches, kernels) * kept[:, None] / objective.keep
        rows = patches
        if objective.codebook == "perceptual":
            rows = act(patches, parameters["teacher"].numpy())
        for p, row in enumerate(rows):
            token = int(((codes - row) ** 2).sum(1).argmin())
            h = a[p] if objective.context == "patch" else a.sum(0)
            if objective.context != "others" or not kept[p]:
                summed -= log_softmax(bias + decoder @ h)[token]
    return summed


@pytest.mark.parametrize("codebook", ["pixels", "perceptual"])
@pytest.mark.parametrize("context", CONTEXTS)
def test_the_loss_is_that_of_its_definition(context, codebook):
    objective = MaskedTokens(keep=0.4, context=context, codebook=codebook)
    parameters, x, mask = case(objective)
    loss = objective.loss(parameters, x, None, NETS[1], mask)
    for trial in range(2):
        mine = {name: value[trial] for name, value in parameters.items()}
        expected = defined(objective, mine, x[trial], NETS[1], mask[trial])
        assert loss[trial].item() == pytest.approx(expected, rel=1e-12)
        other = defined(objective, mine, x[trial], NETS[1], 1 - mask[trial])
        assert loss[trial].item() != pytest.approx(other, rel=1e-3)


def test_the_expectation_is_that_over_every_mask():
    objective = MaskedTokens(keep=0.3, context="patch", masks="exact")
    parameters, x, _ = case(objective)
    expected = torch.zeros(2, dtype=torch.float64)
    for bits in itertools.product([0.0, 1.0], repeat=4):
        mask = torch.tensor(bits, dtype=torch.float64).view(1, 1, 4, 1).expand(2, 3, 4, 1)
        chance = 0.3 ** sum(bits) * 0.7 ** (4 - sum(bits))
        expected += chance * objective.loss(parameters, x, None, NETS[1], mask)
    loss = objective.loss(parameters, x, None, NETS[1])
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    other = MaskedTokens(keep=0.4, context="patch", masks="exact")
    assert ((other.loss(parameters, x, None, NETS[1]) / loss - 1).abs() > 1e-3).all()


@pytest.mark.parametrize("net", NETS, ids=str)
@pytest.mark.parametrize(
    "objective",
    [
        *(MaskedTokens(keep=0.4, context=context) for context in CONTEXTS),
        MaskedTokens(keep=0.4, codebook="perceptual"),
        MaskedTokens(keep=0.4, context="patch", masks="exact"),
    ],
    ids=str,
)
def test_gradients_are_those_of_autograd_with_and_without_tokens_at_hand(objective, net):
    parameters, bare, mask = case(objective)
    mask = None if objective.masks == "exact" else mask
    value, expected = by_autograd(objective, parameters, bare, None, net, mask)
    assert expected.keys() == {"kernels", "decoder", "bias"}
    for x in (bare, objective.prepare(parameters, bare, net)):
        loss, slopes = objective.gradient(parameters, x, None, net, mask, with_loss=True)
        torch.testing.assert_close(loss, value, rtol=1e-12, atol=0)
        assert slopes.keys() == expected.keys()
        for name, slope in expected.items():
            scale = slope.abs().max().item()
            torch.testing.assert_close(slopes[name], slope, rtol=1e-10, atol=1e-10 * scale)


def test_a_finite_difference_agrees_with_the_gradient():
    objective = MaskedTokens(keep=0.4)
    parameters, x, mask = case(objective)
    _, slopes = objective.gradient(parameters, x, None, NETS[2], mask)
    for name in ("kernels", "decoder", "bias"):
        ends = []
        for step in (1e-6, -1e-6):
            moved = parameters[name].clone()
            moved.flatten(1)[:, 1] += step
            ends.append(objective.loss({**parameters, name: moved}, x, None, NETS[2], mask))
        slope = (ends[0] - ends[1]) / 2e-6
        torch.testing.assert_close(slopes[name].flatten(1)[:, 1], slope, rtol=1e-5, atol=1e-7)


def test_where_nothing_is_masked_only_the_other_contexts_have_something_to_predict():
    for context in CONTEXTS:
        objective = MaskedTokens(context=context)
        parameters, x, mask = case(objective)
        loss = objective.loss(parameters, x, None, NETS[1], torch.ones_like(mask))
        assert bool((loss == 0).all()) == (context == "others")


@pytest.mark.parametrize("codebook", ["pixels", "perceptual"])
def test_a_trial_alone_is_the_trial_in_a_batch(codebook):
    setup = SMALL.derive(codebook=codebook)
    batch = pretrain(setup, Trials(count=3))
    alone = pretrain(setup, Trials(count=1, first=2))
    assert torch.equal(alone.kernels[0], batch.kernels[2])
    for name in alone.extra:
        assert torch.equal(alone.extra[name][0], batch.extra[name][2]), name
    assert not torch.equal(alone.kernels[0], batch.kernels[1])


def test_it_starts_from_the_frequencies_of_tokens_and_a_decoder_of_zeros():
    trials = Trials(count=2, dtype="float64")
    kernels = torch.ones(2, 8, 6, dtype=torch.float64)
    start = SMALL.objective.start(kernels, SMALL, trials)
    x = sample(SMALL.data, SMALL.key, trials, 20, purpose="training samples").x
    tokens = SMALL.objective.tokens(start, x, SMALL.net)
    for trial in range(2):
        often = torch.bincount(tokens[trial].flatten(), minlength=5) / 180
        torch.testing.assert_close(start["bias"][trial].exp(), often.double(), rtol=1e-6, atol=0)
    assert start["decoder"].shape == (2, 5, 8)
    assert not start["decoder"].any()
    assert start["codebook"].shape == (2, 5, 6)


def test_the_perceptual_teacher_has_a_start_of_its_own_and_is_never_moved():
    setup = SMALL.derive(codebook="perceptual")
    first, last = (pretrain(setup.derive(steps=n), Trials(count=1)) for n in (1, 15))
    for name in ("teacher", "codebook"):
        assert torch.equal(first.extra[name], last.extra[name])
    assert not torch.equal(first.kernels, last.kernels)
    student = pretrain(setup.derive(objective=HEART.objective).standard(), Trials(count=1))
    assert student.kernels.shape == first.extra["teacher"].shape
    assert not torch.allclose(student.kernels, first.extra["teacher"])


def test_at_the_heart_every_feature_is_captured_and_with_nothing_masked_none_is():
    setup = HEART.derive(objective=MaskedTokens()).standard()
    trials = Trials(count=1, seed=7)
    assert features_captured(pretrain(setup, trials), setup).all()
    whole = setup.derive(keep=1.0, steps=20)
    start, end = (pretrain(whole.derive(steps=n), trials).kernels for n in (1, 20))
    assert torch.equal(start, end)


def test_json_both_ways():
    for objective in (
        *MaskedTokens.variants().values(),
        MaskedTokens(keep=0.25, context="patch", codes=7, masks="exact"),
    ):
        setup = HEART.derive(objective=objective)
        assert Setup.from_json(setup.to_json()) == setup


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"keep": 0.0}, r"keep = 0.0, but should be in \(0, 1\] \[MaskedTokens\]"),
        ({"codes": 1}, r"codes = 1, but should be 0 \(kV \+ 1\) or a whole number >= 2"),
        ({"codebook": "words"}, r"codebook = 'words', but should be one of \('pixels', 'perc"),
        ({"masks": "exact"}, r"masks = 'exact', but should be one of \('sampled',\) \[MaskedTo"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        MaskedTokens(**fields)


def test_without_a_mask_only_patches_of_their_own_have_an_expectation():
    parameters, x, _ = case(MaskedTokens())
    with pytest.raises(ValueError, match=r"mask = None, but should be given in context 'others'"):
        MaskedTokens().loss(parameters, x, None, NETS[1])
