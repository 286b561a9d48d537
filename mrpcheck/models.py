"""What training returns: an `Encoder` or a `Classifier` of a batch of trials, trial axis first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Classifier", "Encoder"]


@dataclass(frozen=True, eq=False)
class Encoder:
    """Pretrained kernels of a batch of trials.

    kernels (trial, kernel, dim), steps (trial,) taken and time (trial,) passed, rate times steps
    of descent, reached (trial,) whether the event that `until` asked for happened, diverged
    (trial,); `extra` holds a free decoder or a teacher.
    """

    setup: Setup
    trials: Trials
    kernels: Tensor
    steps: Tensor
    time: Tensor
    reached: Tensor
    diverged: Tensor
    extra: dict[str, Tensor]
    name: str


@dataclass(frozen=True, eq=False)
class Classifier:
    """F_i(X) = sum_r u_{i,r} h_r(X): kernels (trial, kernel, dim), head (trial, class, kernel).

    steps and time (trial,) as those of an `Encoder`, of the training with labels; `extra` holds the
    parameters of the encoder's body, if it has one, of a head's hidden layer, and the bias of a
    head on patches.
    """

    setup: Setup
    trials: Trials
    kernels: Tensor
    head: Tensor
    steps: Tensor
    time: Tensor
    diverged: Tensor
    name: str
    extra: dict[str, Tensor] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """All that was trained, by name."""
        return {"kernels": self.kernels, "head": self.head, **self.extra}
