"""A loop of plain `nn.Module` trainings with autograd and SGD, one trial after another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from peers.torch_losses import LOSSES, data
from problems import Problem
from torch import Tensor, nn


class Kernels(nn.Module):
    def __init__(self, start: Tensor, objective: str) -> None:
        super().__init__()
        self.kernels = nn.Parameter(start.clone())
        self.loss = LOSSES[objective]

    def forward(self, x: Tensor) -> Tensor:
        return self.loss(self.kernels, x)


def train(model: nn.Module, x: Tensor, steps: int, rate: float) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        model(x).backward()
        optimizer.step()


def prepare(problem: Problem) -> Callable[[int, float], object]:
    x, start = data(problem)

    def advance(steps: int, rate: float) -> object:
        ended = []
        for patches, kernels in zip(x, start, strict=True):
            model = Kernels(kernels, problem.objective)
            train(model, patches, steps, rate)
            ended.append(model.kernels.detach().numpy())
        return np.stack(ended)

    return advance
