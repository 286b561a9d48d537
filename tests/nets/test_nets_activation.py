"""The smoothed ReLU, in place and plain, against its definition piece by piece."""

import numpy as np
import pytest
import torch

from mrpcheck.nets import Net, activate, activation

POWERS = [1, 1.5, 2, 3, 3.7, 4, 5, 6]
THRESHOLDS = [0.15, 1.0, 2.5]


def by_definition(t, q, r):
    """act(t) and act'(t), one number at a time."""
    if t <= 0:
        return 0.0, 0.0
    if q == 1:
        return t, 1.0
    if t <= r:
        return t**q / (q * r ** (q - 1)), (t / r) ** (q - 1)
    return t - (1 - 1 / q) * r, 1.0


def points(r):
    inside = np.linspace(-2 * r, 3 * r, 41)
    return np.concatenate([inside, [0.0, -0.0, r, 1e-9 * r, -1e-9, r * (1 + 1e-9), 50.0]])


def in_place(t, net):
    z = torch.tensor(t, dtype=torch.float64)
    slope = torch.full_like(z, float("nan"))
    activate(z, slope, net)
    return z, slope


@pytest.mark.parametrize("q", POWERS)
@pytest.mark.parametrize("r", THRESHOLDS)
def test_both_forms_are_the_definition(q, r):
    net = Net(power=q, threshold=r)
    t = points(r)
    value, slope = map(np.array, zip(*(by_definition(x, q, r) for x in t), strict=True))
    z, s = in_place(t, net)
    # u^(q-1) of u near 0 underflows to 0 at the same points: absolute 1e-15 covers it
    np.testing.assert_allclose(z, value, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(s, slope, rtol=1e-12, atol=1e-15)
    plain = activation(torch.tensor(t), net)
    np.testing.assert_allclose(plain, value, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("q", POWERS)
def test_another_power_or_threshold_is_another_function(q):
    t = points(0.5)
    z, _ = in_place(t, Net(power=q, threshold=0.5))
    other, _ = in_place(t, Net(power=q + 0.01, threshold=0.5))
    assert (z - other).abs().max() > 1e-4
    other, _ = in_place(t, Net(power=q, threshold=0.51))
    assert torch.equal(z, other) if q == 1 else (z - other).abs().max() > 1e-4


@pytest.mark.parametrize("q", POWERS)
@pytest.mark.parametrize("r", THRESHOLDS)
def test_slopes_are_those_of_autograd(q, r):
    """At the kinks too: act' is 0 at 0 (also for q = 1) and 1 at r."""
    net = Net(power=q, threshold=r)
    t = torch.tensor(points(r)).requires_grad_()
    (expected,) = torch.autograd.grad(activation(t, net).sum(), t)
    _, slope = in_place(points(r), net)
    torch.testing.assert_close(slope, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("q", [1.5, 2, 3, 3.7, 4, 5, 6])
def test_it_is_continuously_differentiable_at_the_threshold(q):
    net, eps = Net(power=q, threshold=0.4), 1e-8
    z, slope = in_place([0.4 - eps, 0.4, 0.4 + eps], net)
    assert (z.diff() - eps).abs().max() < 1e-6 * eps * q + 1e-16
    assert (slope - 1).abs().max() <= 1.01 * (q - 1) * eps / 0.4
    assert z[1].item() == pytest.approx(0.4 / q, rel=1e-14)


def test_plain_relu_is_a_case_of_its_own():
    z, slope = in_place([-1.0, 0.0, 1e-300, 2.0], Net(power=1, threshold=0.3))
    assert z.tolist() == [0.0, 0.0, 1e-300, 2.0]
    assert slope.tolist() == [0.0, 0.0, 1.0, 1.0]  # the general formula's 0^0 would be 1


@pytest.mark.parametrize("q", POWERS)
def test_what_is_not_finite_stays_so(q):
    z, _ = in_place([float("nan"), float("inf"), -float("inf")], Net(power=q))
    assert z[0].isnan()
    assert z[1].isinf()
    assert z[2] == 0


@pytest.mark.parametrize("q", [1, 3, 4, 5])
def test_float32_is_close_to_float64(q):
    net, t = Net(power=q, threshold=0.3), points(0.3)
    z, slope = torch.tensor(t, dtype=torch.float32), torch.empty(len(t))
    activate(z, slope, net)
    exact, exact_slope = in_place(t, net)
    torch.testing.assert_close(z.double(), exact, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(slope.double(), exact_slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ({"power": 0.99}, {"power": 1}),
        ({"power": float("inf")}, {"power": 100.0}),
        ({"power": float("nan")}, {"power": 1.0}),
        ({"threshold": 0.0}, {"threshold": 1e-9}),
        ({"threshold": float("inf")}, {"threshold": 10}),
        ({"init_scale": -0.1}, {"init_scale": 0.0}),
        ({"kernels_per_class": 0}, {"kernels_per_class": 1}),
        ({"kernels_per_class": 2.5}, {"kernels_per_class": 2}),
    ],
)
def test_impossible_nets_are_refused(wrong, right):
    (name,) = wrong
    with pytest.raises(ValueError, match=rf"^{name} = .*, but should be .* \[Net\]$"):
        Net(**wrong)
    Net(**right)
