"""Softmax cross-entropy on F_i(X) = sum_r u_{i,r} h_r(X): fine-tuning, linear probe, SL."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mrpcheck.nets import Net, activate, logits

__all__ = ["CrossEntropy"]


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """Cross-entropy of (trial, sample) labels; trains kernels and head, or the kernels alone.

    head  False keeps the head fixed (AZL's supervised network: each class the sum of its own
          kernels)

    Source: Pan, Zhou, Yan (ICLR 2023), fine-tuning; Allen-Zhu & Li (ICLR 2023), SL. Origin:
    recalled.
    """

    head: bool = True

    def loss(self, parameters: dict[str, Tensor], x: Tensor, label: Tensor, net: Net) -> Tensor:
        """The loss summed over samples, (trial,): plain and differentiable, the reference."""
        scores = logits(parameters["kernels"], parameters["head"], x, net)
        chosen = scores.gather(2, label[..., None])[..., 0]
        return (scores.logsumexp(2) - chosen).sum(1)

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
        a = torch.bmm(rows, kernels.mT)  # (trial, sample * patch, kernel)
        slope = torch.empty_like(a)
        activate(a, slope, net)
        shape = (*x.shape[:3], a.shape[-1])
        h = a.view(shape).sum(2)  # (trial, sample, kernel)
        loss, error = cross_entropy(torch.bmm(h, head.mT), label, with_loss=with_loss)
        slope.view(shape).mul_(torch.bmm(error, head).unsqueeze(2))
        gradients = {"kernels": torch.bmm(rows.mT, slope).mT}
        if self.head:
            gradients["head"] = torch.bmm(error.mT, h)
        return loss, gradients


def cross_entropy(
    scores: Tensor, label: Tensor, *, with_loss: bool
) -> tuple[Tensor | None, Tensor]:
    """Cross-entropy summed over samples, (trial,) or None, and its derivative by the scores."""
    logs = scores.log_softmax(2)
    chosen = label[..., None]
    loss = -logs.gather(2, chosen).sum((1, 2)) if with_loss else None
    return loss, logs.exp().scatter_add(2, chosen, -torch.ones_like(logs[..., :1]))
