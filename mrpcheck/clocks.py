"""What drives a recipe: steps of gradient descent, or the gradient flow that they approach."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["GradientDescent", "GradientFlow"]


@dataclass(frozen=True)
class GradientDescent:
    """Full-batch gradient descent in pretraining: another way to write a recipe's flat fields."""

    rate: float
    steps: int

    def __post_init__(self) -> None:
        if not 0 < self.rate < math.inf:
            raise ValueError(
                f"rate = {self.rate!r}, but should be finite and above 0 [GradientDescent]"
            )
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise ValueError(
                f"steps = {self.steps!r}, but should be a whole number >= 1 [GradientDescent]"
            )


@dataclass(frozen=True)
class GradientFlow:
    """dw/dt = -grad(mean loss), for the time that the recipe's steps at its rates come to.

    tolerance  of one integration step's error, relative to each kernel's own norm

    Descent at a rate that goes to zero. Source: Pan, Zhou, Yan (ICLR 2023), rates of 1/poly(k).
    Origin: recalled.
    """

    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        if not 1e-12 <= self.tolerance <= 0.1:
            raise ValueError(
                f"tolerance = {self.tolerance!r}, but should be in [1e-12, 0.1] [GradientFlow]"
            )
