"""The mean loss of a group of trials and its exact gradient, a part of the samples at a time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from mrpcheck.fused import fused
from mrpcheck.objectives.base import by_autograd
from mrpcheck.setups import Setup

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["INTERMEDIATES", "WORKSPACE", "Parameters", "Slopes"]

WORKSPACE = {"cpu": 2**19, "cuda": 2**22}  # bytes of a trial's one intermediate (row, kernel)
INTERMEDIATES = 8  # of them at once, at most

Parameters = dict[str, "Tensor"]


class Slopes:
    """What is descended: an objective on the samples of a group of trials, trial axis leading.

    x (trial, sample, patch, dim), label (trial, sample). `fused` is the native step, where there is
    one for them. Elsewhere samples go through in parts whose size is the same for a trial in
    whatever group, so that their intermediates stay in cache; no trial's gradient depends on its
    group.
    """

    def __init__(
        self, objective: Any, setup: Setup, parameters: Parameters, x: Tensor, label: Tensor
    ) -> None:
        self.objective, self.setup = objective, setup
        closed = objective.closed_form(setup.net)
        self.gradient = objective.gradient if closed else partial(by_autograd, objective)
        prepare = getattr(objective, "prepare", None)
        x = prepare(parameters, x, setup.net) if prepare else x
        self.fused = fused(objective, setup, x, label)
        if self.fused:
            return  # its own layout is the only one kept
        size = self._part_size(x)
        self.parts = list(zip(x.split(size, 1), label.split(size, 1), strict=True))

    def _part_size(self, x: Tensor) -> int:
        if self.objective.whole:
            return x.shape[1]
        row = x.shape[2] * self.setup.kernels * x.element_size()
        return max(1, WORKSPACE[x.device.type] // row)

    def at(
        self, parameters: Parameters, mask: Tensor | None = None, *, with_loss: bool = False
    ) -> tuple[Tensor | None, Parameters]:
        """The mean loss, (trial,) or None, and its gradient by every parameter that is trained.

        mask (trial, sample, patch, masking) of 0 and 1, or None for the expectation over masks.
        """
        if self.fused:
            return self.fused.gradient(parameters, mask, with_loss=with_loss)
        losses: list[Tensor] = []
        slopes: Parameters = {}
        low = 0
        for x, label in self.parts:
            seen = None if mask is None else mask[:, low : low + x.shape[1]]
            loss, part = self.gradient(
                parameters, x, label, self.setup.net, seen, with_loss=with_loss
            )
            low += x.shape[1]
            losses += [] if loss is None else [loss]
            for name, slope in part.items():
                slopes[name] = slopes[name].add_(slope) if name in slopes else slope
        for slope in slopes.values():
            slope.div_(low)
        return (sum(losses[1:], losses[0]) / low if losses else None), slopes
