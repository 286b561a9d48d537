"""GELU beside the smoothed ReLU: its values, its slope, and the paths that must decline it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from mrpcheck.fused import fused
from mrpcheck.growth import growth_margin, growth_time, stable_rate, strength_moment
from mrpcheck.nets import Net, activate, activation
from mrpcheck.objectives import CrossEntropy, MaskedLatents, MaskedPixels
from mrpcheck.objectives.base import by_autograd
from mrpcheck.products import triton_kernels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.slopes import Slopes
from mrpcheck.theorems import pixels_regime
from mrpcheck.training import finetune, pretrain, supervise
from mrpcheck.views import TRAINING, sample

GELU = Net(activation="gelu")
POINTS = np.concatenate([np.linspace(-4, 4, 81), [0.0, -0.0, 1e-9, -1e-9, 30.0, -30.0]])
HEART = pixels_regime().heart
SMALL = HEART.derive(samples=6, steps=20, tune_steps=5, kernels_per_class=2)


def in_place(t, net):
    z = torch.tensor(t, dtype=torch.float64)
    slope = torch.full_like(z, float("nan"))
    activate(z, slope, net)
    return z, slope


def shaped(objective, net):
    """Parameters, samples and labels of two small trials in float64."""
    setup = replace(SMALL, objective=objective, net=net)
    trials = Trials(count=2, dtype="float64")
    found = sample(setup.data, setup.key, trials, 6, purpose=TRAINING)
    rng = torch.Generator().manual_seed(1)
    shape = (2, setup.kernels, setup.data.dim)
    parameters = {"kernels": 0.5 * torch.randn(shape, generator=rng, dtype=torch.float64)}
    if getattr(objective, "decoder", "") == "free":
        parameters["decoder"] = torch.randn(shape, generator=rng, dtype=torch.float64)
    if isinstance(objective, CrossEntropy):
        head = torch.randn(2, 5, setup.kernels, generator=rng, dtype=torch.float64)
        parameters["head"] = head
    return parameters, found.x, found.label


def test_both_forms_are_t_times_the_normal_distribution_function():
    value, slope = in_place(POINTS, GELU)
    np.testing.assert_allclose(value, POINTS * norm.cdf(POINTS), rtol=1e-12, atol=1e-15)
    expected = norm.cdf(POINTS) + POINTS * norm.pdf(POINTS)
    np.testing.assert_allclose(slope, expected, rtol=1e-12, atol=1e-15)
    plain = activation(torch.tensor(POINTS), GELU)
    np.testing.assert_allclose(plain, value, rtol=1e-10, atol=1e-14)


def test_it_is_not_the_tanh_approximation_nor_a_relu():
    near = torch.nn.functional.gelu(torch.tensor(POINTS), approximate="tanh")
    assert 1e-4 < (in_place(POINTS, GELU)[0] - near).abs().max() < 1e-3
    relu, _ = in_place(POINTS, Net(power=1))
    assert (in_place(POINTS, GELU)[0] - relu).abs().max() > 0.1


def test_masking_a_patch_multiplies_its_activation():
    """act(0) = 0, and its slope there is one half."""
    value, slope = in_place([0.0], GELU)
    assert value.item() == 0.0
    assert slope.item() == 0.5


def test_neither_power_nor_threshold_changes_it():
    value, slope = in_place(POINTS, GELU)
    other, other_slope = in_place(POINTS, Net(activation="gelu", power=5.0, threshold=1.0))
    assert torch.equal(value, other)
    assert torch.equal(slope, other_slope)


@pytest.mark.parametrize(
    "objective",
    [
        MaskedPixels(),
        MaskedPixels(context="others", decoder="free"),
        MaskedLatents(teacher_scale=1.6),
        CrossEntropy(),
    ],
    ids=str,
)
def test_closed_forms_are_those_of_autograd(objective):
    parameters, x, label = shaped(objective, GELU)
    loss, found = objective.gradient(parameters, x, label, GELU, with_loss=True)
    expected_loss, expected = by_autograd(objective, parameters, x, label, GELU)
    torch.testing.assert_close(loss, expected_loss)
    for name, slope in expected.items():
        torch.testing.assert_close(found[name], slope, rtol=1e-9, atol=1e-12)
    smoothed = objective.gradient(parameters, x, label, Net())[1]
    assert (smoothed["kernels"] - found["kernels"]).abs().max() > 1e-3


def test_the_native_step_knows_only_the_smoothed_relu():
    found = sample(SMALL.data, SMALL.key, Trials(count=1), 6, purpose=TRAINING)
    gelu = SMALL.derive(activation="gelu")
    for objective in (MaskedPixels(), MaskedLatents(), CrossEntropy()):
        assert fused(objective, gelu, found.x, found.label) is None


def test_triton_kernels_know_only_the_smoothed_relu(monkeypatch):
    monkeypatch.setattr("mrpcheck.products._on_cuda", lambda values: True)
    monkeypatch.setattr("mrpcheck.products._kernels", lambda: "kernels")
    values = torch.zeros(1)
    assert triton_kernels(values, Net()) == "kernels"
    assert triton_kernels(values) == "kernels"
    assert triton_kernels(values, GELU) is None


def test_what_is_trained_is_trained_with_gelu():
    """One step of descent from the start, by hand, with torch's own GELU."""
    setup = SMALL.derive(activation="gelu", steps=1)
    trials = Trials(count=1, dtype="float64")
    none = pretrain(setup.derive(rate=1e-300), trials).kernels
    x = sample(setup.data, setup.key, trials, 6, purpose=TRAINING).x
    w = none.clone().requires_grad_()
    a = torch.nn.functional.gelu(x @ w.mT.unsqueeze(1))
    decoded = a @ w.unsqueeze(1)
    loss = 0.5 * ((x - decoded) ** 2).sum() + 0.5 * (decoded**2).sum()  # c = 1
    (slope,) = torch.autograd.grad(loss / 6, w)
    torch.testing.assert_close(pretrain(setup, trials).kernels, none - setup.recipe.rate * slope)


@pytest.mark.parametrize("train", [pretrain, supervise])
def test_a_trial_alone_is_bitwise_the_trial_in_a_batch(train):
    setup = SMALL.derive(activation="gelu")
    many, one = train(setup, Trials(count=3)), train(setup, Trials(count=1, first=2))
    assert torch.equal(many.kernels[2], one.kernels[0])


def test_fine_tuning_goes_on_with_it():
    setup, trials = SMALL.derive(activation="gelu"), Trials(count=1)
    tuned = finetune(pretrain(setup, trials), setup, trials)
    assert bool(tuned.head.any())


def test_growth_starts_half_as_fast_as_with_a_relu():
    data = HEART.data
    relu, gelu = (replace(HEART.net, power=1.0, activation=a) for a in ("smoothed", "gelu"))
    times = [growth_time(data, net, MaskedPixels(), 0.01) for net in (relu, gelu)]
    assert times[1] == pytest.approx(2 * times[0])
    # dt/dtime = 2 s E[sum z^2] t with act(t) = s t, s = 1/2
    assert times[1] == pytest.approx(np.log(30) / strength_moment(data, 2))
    teacher = MaskedLatents(teacher_scale=2.5)
    assert growth_margin(data, gelu, teacher) == growth_margin(data, relu, teacher) == 0.5
    times = [growth_time(data, net, teacher, 0.01) for net in (relu, gelu)]
    assert times[1] == pytest.approx(4 * times[0])


def test_a_captured_feature_is_reconstructed_below_the_stable_rate():
    """At strengths in [1, 2] GELU is at most 1.13 times as steep as a ReLU: the rate stays safe."""
    optimum = quad(lambda z: z, 1, 2)[0] / quad(lambda z: z * norm.cdf(z), 1, 2)[0]
    assert 1 < optimum < 1.2
    _, slope = in_place(np.linspace(0, 4, 401), GELU)
    assert slope.max() < 1.13
    assert HEART.recipe.rate * 1.13**2 < stable_rate(HEART.data, MaskedPixels())


def test_it_is_outside_the_theorem_regime_whatever_its_power():
    regime = pixels_regime()
    assert regime.violations(HEART) == []
    assert "smallest power" in regime.violations(HEART.derive(activation="gelu"))[0]


def test_setups_name_it_and_others_are_written_as_before():
    setup = HEART.derive(activation="gelu")
    assert Setup.from_json(setup.to_json()) == setup
    assert setup.to_json()["net"]["activation"] == "gelu"
    assert "activation=gelu" in str(setup)
    assert "activation" not in HEART.to_json()["net"]
    assert HEART.derive(activation="smoothed").digest == HEART.digest != setup.digest


def test_other_activations_are_refused():
    with pytest.raises(
        ValueError, match=r"^activation = 'relu', but should be .*power = 1.*Net\]$"
    ):
        Net(activation="relu")
    with pytest.raises(ValueError, match=r"^net.activation = 1, but should be of kind str"):
        Setup.from_json({**HEART.to_json(), "net": {"activation": 1}})


def test_sampled_masks_go_through_it_too():
    """One mask at a time, its gradient is that of autograd."""
    objective = MaskedPixels(masks="sampled")
    parameters, x, label = shaped(objective, GELU)
    mask = (torch.rand(*x.shape[:3], 1, dtype=torch.float64) < 0.5).double()
    slopes = Slopes(objective, SMALL.derive(activation="gelu"), parameters, x, label)
    _, found = slopes.at(parameters, mask)
    _, expected = by_autograd(objective, parameters, x, label, GELU, mask)
    torch.testing.assert_close(found["kernels"], expected["kernels"] / x.shape[1])
