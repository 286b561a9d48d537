"""Steps of many stages: of order 2, stable far out, and cheap where features wait their turn."""

import numpy as np
import pytest
import torch

from mrpcheck import runge_kutta
from mrpcheck.chebyshev import REACH, coefficients, counts, table
from mrpcheck.clocks import GradientFlow
from mrpcheck.nets import Net
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import pretrain
from mrpcheck.views import MultiView


def grown(stages, z):
    """What a step makes of y = 1 where y' = z y, per unit step."""
    first, later = coefficients(stages)
    before, last = np.ones_like(z), 1 + first * z
    for rest, mu, nu, late, early in later:
        after = rest + mu * last + nu * before + late * z * last + early * z
        before, last = last, after
    return last


@pytest.mark.parametrize("stages", [2, 3, 5, 17, 60])
def test_a_step_is_of_order_two_and_stable_as_far_as_said(stages):
    small = np.array([1e-3, 2e-3])
    off = np.abs(grown(stages, -small) - np.exp(-small))
    assert off[1] < 1e-8
    assert off[1] / off[0] == pytest.approx(8, rel=0.05)
    inside = -np.linspace(0, REACH * (stages**2 - 1), 2001)
    assert (np.abs(grown(stages, inside)) <= 1 + 1e-12).all()
    assert np.abs(grown(stages, np.array([-1.2 * REACH * stages**2]))) > 1


def test_the_fewest_stages_reach_over_the_length():
    for length in (0.1, 2.0, 50.0, 1e4):
        stages = int(counts(np.array([length]))[0])
        assert REACH * (stages**2 - 1) >= length
        assert stages == 2 or REACH * ((stages - 1) ** 2 - 1) < 1.3 * length


SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=4, threshold=0.3, init_scale=0.03),
    recipe=Recipe(samples=20, rate=0.3, steps=1500, clock=GradientFlow(1e-5)),
)


def test_waiting_costs_little_and_ends_in_the_same_state(monkeypatch):
    monkeypatch.setenv("MRPCHECK_STORE", "/dev/null/nowhere")
    trials = Trials(count=2, dtype="float64")
    quick = pretrain(SETUP, trials)
    monkeypatch.setattr(runge_kutta, "LOOK", 10**9)
    slow = pretrain(SETUP, trials)
    assert (quick.steps < slow.steps / 2).all()
    torch.testing.assert_close(quick.kernels, slow.kernels, rtol=1e-3, atol=2e-4)
    single = Trials(count=2)
    monkeypatch.setattr(runge_kutta, "LOOK", 16)
    torch.testing.assert_close(
        pretrain(SETUP, single).kernels.double(), slow.kernels, rtol=5e-3, atol=2e-3
    )


def test_the_curvature_is_that_of_the_hessian():
    """By the power method against the eigenvalues of a quadratic loss."""
    scales = torch.tensor([0.1, 1.0, 4.0, 9.0], dtype=torch.float64)

    class Quadratic:
        def at(self, parameters, mask=None, *, with_loss=False):
            return None, {"kernels": parameters["kernels"] * scales}

    start = {"kernels": torch.ones(1, 3, 4, dtype=torch.float64)}
    steps = runge_kutta.Steps(Quadratic(), start, 1e-4, with_loss=False)
    assert 8.5 < steps._curvature(6, np.array([True]))[0] < 9.01


def test_trials_with_other_stages_keep_their_own():
    first, later = table(np.array([3, 0, 5]))
    assert first.shape == (3, 1)
    assert later.shape == (4, 5, 3, 1)
    for trial, stages in ((0, 3), (2, 5)):
        assert first[trial, 0] == coefficients(stages)[0]
        assert (later[: stages - 1, :, trial, 0] == coefficients(stages)[1]).all()
    assert first[1] == 0
    for stay in (later[2:, :, 0, 0], later[:, :, 1, 0]):
        assert (stay == [0, 1, 0, 0, 0]).all()
