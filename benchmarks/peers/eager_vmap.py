"""`torch.func.vmap(grad(loss))`, eager."""

from __future__ import annotations

from collections.abc import Callable

from peers.torch_losses import LOSSES, descent
from problems import Problem
from torch.func import grad, vmap


def prepare(problem: Problem) -> Callable[[int, float], object]:
    return descent(vmap(grad(LOSSES[problem.objective])), problem)
