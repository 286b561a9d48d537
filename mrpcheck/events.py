"""Events that pretraining can be stopped at, found on the fixed-step path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mrpcheck.nets import Net

__all__ = ["Captured", "Plateau", "Until", "correlations", "watch"]


@dataclass(frozen=True, kw_only=True)
class Captured:
    """`times` times the first step at which every feature is captured: some <w_r, v> >= r.

    The first capture is looked for up to the recipe's steps; a trial without one has not
    reached the event and stays where the recipe ends.
    """

    times: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.times < float("inf"):
            raise ValueError(f"times = {self.times!r}, but should be at least 1 [Captured]")


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """The first step at which the mean loss of `over` steps fell by less than a share `fall`.

    Compared with the `over` steps before them; looked for up to the recipe's steps.
    """

    fall: float = 1e-3
    over: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.fall < 1:
            raise ValueError(f"fall = {self.fall!r}, but should be in (0, 1) [Plateau]")
        if self.over < 1:
            raise ValueError(f"over = {self.over!r}, but should be at least 1 [Plateau]")


Until = Captured | Plateau
Watch = Callable[[Tensor, "Tensor | None"], Tensor]


def correlations(kernels: Tensor, features: Tensor) -> Tensor:
    """<w_r, v_f>: (trial, kernel, feature)."""
    return kernels @ features.mT


def watch(until: Until, features: Tensor, net: Net) -> Watch:
    """A function of (kernels, loss) that says after each step which trials have arrived.

    Only `Plateau` looks at the loss (trial,), that of the step just taken.
    """
    if isinstance(until, Captured):
        return lambda kernels, loss: (
            (correlations(kernels, features) >= net.threshold).any(1).all(1)
        )
    losses: list[Tensor] = []

    def flat(kernels: Tensor, loss: Tensor | None) -> Tensor:
        if loss is not None:
            losses.append(loss)
        if len(losses) < 2 * until.over:
            return torch.zeros(len(kernels), dtype=torch.bool, device=kernels.device)
        recent = torch.stack(losses[-until.over :]).mean(0)
        before = torch.stack(losses[-2 * until.over : -until.over]).mean(0)
        return before - recent < until.fall * before.abs()

    return flat
