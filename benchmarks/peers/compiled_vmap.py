"""`torch.compile(vmap(grad(loss)), dynamic=True)`: compiled once for all shapes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from peers.torch_losses import LOSSES, descent
from problems import Problem
from torch.func import grad, vmap


@cache
def compiled(objective: str) -> Callable[..., torch.Tensor]:
    return torch.compile(vmap(grad(LOSSES[objective])), dynamic=True)


def prepare(problem: Problem) -> Callable[[int, float], object]:
    return descent(compiled(problem.objective), problem)
