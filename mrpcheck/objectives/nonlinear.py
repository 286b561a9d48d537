"""Cross-entropy of a two-layer ReLU head on fixed features: the nonlinear probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mrpcheck.late import torch
from mrpcheck.nets import Net
from mrpcheck.objectives.base import Objective
from mrpcheck.objectives.classification import cross_entropy, plain_cross_entropy
from mrpcheck.objectives.probe import HeadOnly
from mrpcheck.products import product
from mrpcheck.seeds import Trials

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["NonlinearHead", "start_hidden"]


@dataclass(frozen=True)
class NonlinearHead(Objective):
    """F(X) = U relu(A h(X) + b): trains U, A and b; the encoder's h is computed once.

    As many hidden units as the encoder has outputs. A ~ N(0, 2/width) (He et al., ICCV 2015), which
    keeps the mean square of h, so that the linear probe's rate serves here too; b and U from zero.

    Source: heads of MAE and of contrastive learning; Pan, Zhou, Yan (ICLR 2023) have a linear one.
    Origin: question of readers; setting ours.
    """

    labelled = True

    def prepare(self, parameters: dict[str, Tensor], x: Tensor, net: Net) -> Tensor:
        """h_r(X) of every sample, (trial, sample, 1, kernel), in place of its patches."""
        return HeadOnly().prepare(parameters, x, net)

    def closed_form(self, net: Net) -> bool:
        """Of any net: the encoder's outputs are fixed."""
        return True

    def trained(self, parameters: dict[str, Tensor]) -> list[str]:
        """The head's two layers."""
        return ["head", "hidden", "hidden_bias"]

    def loss(
        self,
        parameters: dict[str, Tensor],
        x: Tensor,
        label: Tensor,
        net: Net,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The loss summed over samples, (trial,): plain; x (trial, sample, 1, kernel), prepared."""
        hidden, bias = parameters["hidden"], parameters["hidden_bias"].mT
        found = torch.relu(x[:, :, 0] @ hidden.mT + bias) @ parameters["head"].mT
        return plain_cross_entropy(found, label)

    def gradient(
        self,
        parameters: dict[str, Tensor],
        x: Tensor,
        label: Tensor,
        net: Net,
        mask: Tensor | None = None,
        *,
        with_loss: bool = False,
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """Loss (trial,) or None and the head's gradients, summed over samples; no autograd."""
        h, head = x[:, :, 0], parameters["head"]
        z = product(h, parameters["hidden"].mT) + parameters["hidden_bias"].mT
        unit = torch.relu(z)  # (trial, sample, hidden)
        loss, error = cross_entropy(product(unit, head.mT), label, with_loss=with_loss)
        back = product(error, head) * (z > 0)
        ones = h.new_ones(*h.shape[:2], 1)
        return loss, {
            "head": product(error.mT, unit),
            "hidden": product(back.mT, h),
            "hidden_bias": product(back.mT, ones),
        }


def start_hidden(kernels: Tensor, units: int, key: str, trials: Trials) -> dict[str, Tensor]:
    """The hidden layer at step 0: A (trial, unit, unit) and b (trial, unit, 1)."""
    rows = [
        trials.generator(key, t, "hidden layer").standard_normal((units, units))
        for t in trials.numbers
    ]
    start = (np.sqrt(2 / units) * np.stack(rows)).astype(trials.dtype)
    hidden = torch.from_numpy(start).to(kernels.device)
    return {"hidden": hidden, "hidden_bias": hidden.new_zeros(*hidden.shape[:2], 1)}
