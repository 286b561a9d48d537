"""Softmax cross-entropy on F_i(X) = sum_r u_{i,r} h_r(X): fine-tuning, linear probe, SL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mrpcheck.encoders import scores
from mrpcheck.late import torch
from mrpcheck.nets import Net
from mrpcheck.objectives.base import Objective
from mrpcheck.products import product, summed, total

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CrossEntropy"]


@dataclass(frozen=True, kw_only=True)
class CrossEntropy(Objective):
    """Cross-entropy of (trial, sample) labels; trains kernels and head, or the kernels alone.

    head  False keeps the head fixed (AZL's supervised network: each class the sum of its own
          kernels)

    Source: Pan, Zhou, Yan (ICLR 2023), fine-tuning; Allen-Zhu & Li (ICLR 2023), SL. Origin:
    recalled.
    """

    head: bool = True
    labelled = True

    def loss(
        self,
        parameters: dict[str, Tensor],
        x: Tensor,
        label: Tensor,
        net: Net,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The loss summed over samples, (trial,): plain and differentiable, the reference."""
        return plain_cross_entropy(scores(parameters, x, net), label)

    def trained(self, parameters: dict[str, Tensor]) -> list[str]:
        """The kernels, the body and, where it is trained, the head."""
        return [name for name in parameters if self.head or name != "head"]

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
        """Loss (trial,) or None and exact gradients, both summed over samples; no autograd."""
        kernels, head = parameters["kernels"], parameters["head"]
        rows = x.flatten(1, 2)  # (trial, sample * patch, dim)
        h, slope = summed(x, kernels, net)  # h (trial, sample, kernel), slope as rows
        loss, error = cross_entropy(product(h, head.mT), label, with_loss=with_loss)
        slope.view(*x.shape[:3], -1).mul_(product(error, head).unsqueeze(2))
        gradients = {"kernels": product(rows.mT, slope).mT}
        if self.head:
            gradients["head"] = product(error.mT, h)
        return loss, gradients


def plain_cross_entropy(scores: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy of scores (trial, ..., class), (trial,): differentiable, the reference."""
    chosen = scores.gather(-1, label[..., None])[..., 0]
    return (scores.logsumexp(-1) - chosen).flatten(1).sum(1)


def cross_entropy(
    scores: Tensor, label: Tensor, *, with_loss: bool
) -> tuple[Tensor | None, Tensor]:
    """Cross-entropy summed over samples, (trial,) or None, and its derivative by the scores."""
    logs = scores.log_softmax(2)
    chosen = label[..., None]
    loss = -total(logs.gather(2, chosen)) if with_loss else None
    own = chosen == torch.arange(logs.shape[2], device=logs.device)
    return loss, logs.exp().sub_(own.to(logs.dtype))
