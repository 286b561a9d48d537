"""Cross-entropy of a head on fixed features: the linear probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mrpcheck.encoders import outputs
from mrpcheck.late import torch
from mrpcheck.nets import PLAIN, Net
from mrpcheck.objectives.base import Objective
from mrpcheck.objectives.classification import cross_entropy
from mrpcheck.products import product, summed

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["HeadOnly"]


@dataclass(frozen=True)
class HeadOnly(Objective):
    """Trains `head` alone; the encoder's outputs are computed once, by `prepare`."""

    labelled = True

    def prepare(self, parameters: dict[str, Tensor], x: Tensor, net: Net) -> Tensor:
        """h_r(X) of every sample, (trial, sample, 1, kernel), in place of its patches."""
        chunks = [self._encoded(parameters, part, net) for part in x.split(64, dim=1)]
        return torch.cat(chunks, 1).unsqueeze(2)

    def _encoded(self, parameters: dict[str, Tensor], x: Tensor, net: Net) -> Tensor:
        if net.body == PLAIN:
            return summed(x, parameters["kernels"], net)[0]
        return outputs(parameters, x, net).sum(2)

    def closed_form(self, net: Net) -> bool:
        """Of any net: the encoder's outputs are fixed."""
        return True

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
        """Loss (trial,) or None and the head's gradient, both summed over samples."""
        h = x[:, :, 0]
        scores = product(h, parameters["head"].mT)
        loss, error = cross_entropy(scores, label, with_loss=with_loss)
        return loss, {"head": product(error.mT, h)}
