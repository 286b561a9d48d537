"""Events that pretraining can be stopped at: the first step of descent, the moment of a flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mrpcheck.late import torch
from mrpcheck.nets import Net

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Captured", "Plateau", "Until", "correlations", "lead", "watch"]


@dataclass(frozen=True, kw_only=True)
class Captured:
    """`times` times the moment at which features are captured: some <w_r, v> >= r.

    features  "all": every feature is; "first": one of them is

    The capture is looked for up to the recipe's end; a trial without one has not reached the event
    and stays there. Descent finds the first step, a gradient flow the time itself.
    """

    features: Literal["first", "all"] = "all"
    times: float = 1.0

    def __post_init__(self) -> None:
        if self.features not in ("first", "all"):
            raise ValueError(
                f"features = {self.features!r}, but should be 'first' or 'all' [Captured]"
            )
        if not 1 <= self.times < float("inf"):
            raise ValueError(f"times = {self.times!r}, but should be at least 1 [Captured]")


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """The first step at which the mean loss of `over` steps fell by less than a share `fall`.

    Compared with the `over` steps before them; looked for up to the recipe's steps. Along a
    gradient flow `over` steps are the time that they take at the recipe's rate.
    """

    fall: float = 1e-3
    over: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.fall < 1:
            raise ValueError(f"fall = {self.fall!r}, but should be in (0, 1) [Plateau]")
        if self.over < 1:
            raise ValueError(f"over = {self.over!r}, but should be at least 1 [Plateau]")


Until = Captured | Plateau
Watch = Callable[["Tensor", "Tensor | None"], "Tensor"]


def correlations(kernels: Tensor, features: Tensor) -> Tensor:
    """<w_r, v_f>: (trial, kernel, feature)."""
    return kernels @ features.mT


def lead(until: Captured, kernels: Tensor, features: Tensor, net: Net) -> Tensor:
    """By how much the capture has happened, (trial,): negative before it, 0 at its moment."""
    best = correlations(kernels, features).amax(1) - net.threshold  # (trial, feature)
    return best.amax(1) if until.features == "first" else best.amin(1)


def watch(until: Until, features: Tensor, net: Net) -> Watch:
    """A function of (kernels, loss) that says after each step which trials have arrived.

    Only `Plateau` looks at the loss (trial,), that of the step just taken.
    """
    if isinstance(until, Captured):
        enough = torch.any if until.features == "first" else torch.all
        return lambda kernels, loss: enough(
            (correlations(kernels, features) >= net.threshold).any(1), 1
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
