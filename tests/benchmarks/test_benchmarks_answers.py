"""Every method is held to one answer, and that answer to another way of coming to it."""

import numpy as np
import pytest
import torch

METHODS = ("mrpcheck_descent", "eager_vmap", "module_loop")


@pytest.fixture
def problem(monkeypatch):
    import problems

    monkeypatch.setitem(problems.SHAPES, "T", problems.Shape(13, 9, 11, 3, 2, trials=2, steps=2))

    def made(objective, dtype="float64"):
        return problems.Problem("T", dtype, objective)

    yield made
    problems._answer.cache_clear()


@pytest.mark.parametrize("objective", ["latents", "pixels"])
def test_the_answer_is_that_of_autograd(problem, objective):
    asked = problem(objective)
    setup, (x, start) = asked.setup, map(torch.from_numpy, asked.data())
    kernels = start.clone().requires_grad_()
    loss = setup.objective.loss({"kernels": kernels}, x, None, setup.net).sum() / x.shape[1]
    (wanted,) = torch.autograd.grad(loss, kernels)
    gradient, _ = asked.answer()
    assert np.abs(gradient - wanted.numpy()).max() < 1e-12 * np.abs(gradient).max()


@pytest.mark.parametrize("objective", ["latents", "pixels"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("dtype", "most"), [("float32", 1e-5), ("float64", 1e-10)])
def test_every_method_comes_to_the_answer(problem, objective, method, dtype, most):
    import importlib

    asked = problem(objective, dtype)
    advance = importlib.import_module(f"peers.{method}").prepare(asked)
    assert asked.error(advance) <= most
    assert asked.error(lambda steps, rate: advance(steps, rate * (1 + 4 * most))) > most
    assert asked.error(lambda steps, rate: advance(max(steps - 1, 1), rate)) > most
    assert asked.error(lambda steps, rate: advance(steps, rate) * np.nan) == float("inf")


class Canned:
    """A lane that answers as it is told to."""

    def __init__(self, off):
        self.off = off

    def ask(self, what, *arguments):
        import problems

        if what != "ended":
            return 1.0
        _, rate = arguments
        gradient, moved = self.asked.answer()
        _, start = self.asked.data()
        right = start - rate * gradient if rate == problems.LARGE else start + moved
        return right * (1 + self.off)


@pytest.mark.parametrize(("off", "figure"), [(0.0, True), (1e-9, False)])
def test_what_is_wrong_has_no_figure(problem, off, figure):
    import step

    asked = problem("latents")
    method = step.Method("peer", "none", lane=Canned(off))
    method.lane.asked = asked
    method.begin(asked)
    method.turn(asked, 100.0)
    row = method.row(asked)
    assert (row["ms"] is not None, row["reason"] is None) == (figure, figure), row
    assert (row["percent_of_peak"] is not None) == figure


def test_a_lane_says_why_it_has_no_figure(problem):
    import step

    method = step.Method("peer", "no_such_method")
    method.open()
    try:
        method.begin(problem("latents"))
        method.turn(problem("latents"), 100.0)
    finally:
        method.lane.close()
    assert method.reason == "ModuleNotFoundError: No module named 'peers.no_such_method'"
    assert method.row(problem("latents"))["ms"] is None
