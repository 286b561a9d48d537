"""One trial's mean loss in torch: branch-free, products instead of powers, one tall product."""

from __future__ import annotations

from collections.abc import Callable

import torch
from problems import KEEP, POWER, TEACHER, THRESHOLD, Problem
from torch import Tensor

SPREAD = (1 - KEEP) / KEEP
SCALE = 1 / (POWER * THRESHOLD ** (POWER - 1))


def activation(z: Tensor) -> Tensor:
    u = z.clamp(0, THRESHOLD)
    return u * u * u * SCALE + torch.relu(z - THRESHOLD)  # q = 3


def latents(w: Tensor, x: Tensor) -> Tensor:
    """w (kernel, dim), x (sample, patch, dim)."""
    z = (x.flatten(0, 1) @ w.T).view(*x.shape[:2], -1)
    a, target = activation(z), activation(TEACHER * z.detach())
    residual = (a - target).sum(1)
    return 0.5 * ((residual * residual).sum(1) + SPREAD * (a * a).sum((1, 2))).mean()


def pixels(w: Tensor, x: Tensor) -> Tensor:
    """w (kernel, dim), x (sample, patch, dim)."""
    rows = x.flatten(0, 1)
    decoded = activation(rows @ w.T) @ w
    error = decoded - rows
    squares = error * error + SPREAD * decoded * decoded
    return 0.5 * squares.view(len(x), -1).sum(1).mean()


LOSSES = {"latents": latents, "pixels": pixels}


def data(problem: Problem) -> tuple[Tensor, Tensor]:
    """Patches and kernels at the start."""
    x, start = problem.data()
    return torch.from_numpy(x), torch.from_numpy(start)


def descent(
    gradient: Callable[[Tensor, Tensor], Tensor], problem: Problem
) -> Callable[[int, float], object]:
    """Plain descent along `gradient(w, x)` of all trials."""
    x, start = data(problem)

    def advance(steps: int, rate: float) -> object:
        w = start.clone()
        for _ in range(steps):
            w.sub_(gradient(w, x), alpha=rate)
        return w.numpy()

    return advance
