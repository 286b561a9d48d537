"""Labels of every patch: semantic segmentation and detection, a linear head on each patch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mrpcheck.data import Data, Samples
from mrpcheck.encoders import outputs
from mrpcheck.late import torch
from mrpcheck.nets import Net
from mrpcheck.objectives.base import Objective
from mrpcheck.objectives.classification import cross_entropy, plain_cross_entropy
from mrpcheck.objectives.masks import check_choice
from mrpcheck.products import product, responses, total

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PatchLabels", "Task", "patch_classes", "patch_scores"]

Task = Literal["segmentation", "detection"]
TASKS = ("segmentation", "detection")


@dataclass(frozen=True, kw_only=True)
class PatchLabels(Objective):
    """Cross-entropy of every patch's label, summed over patches; trains encoder, head and bias.

    s_{p,c} = sum_r u_{c,r} h_{r,p} + b_c / sqrt(P), h_{r,p} = act(<w_r, x_p>) or what another body
    gives patch p: each patch is told by its own outputs. Divided by sqrt(P), the bias, which every
    patch shares, is as stiff as one unit of classification, so that its rate serves here too.

    task  "segmentation": softmax over the k classes and background, of the patch's class: that of
          the feature it holds, however weak, or background.
          "detection": a sigmoid for each of the k classes, of whether the patch holds a feature of
          that class and the class is the sample's. A patch cannot know the sample's class but by
          its strength: a single-view sample's weak view (rho) is a positive that is out of reach.

    Source: segmentation and detection as downstream tasks of masked pretraining: He et al. (CVPR
    2022); heads and losses: Long, Shelhamer & Darrell (CVPR 2015), per patch. Origin: setting ours.
    """

    task: Task = "segmentation"
    labelled = True

    def __post_init__(self) -> None:
        check_choice("task", self.task, TASKS, "PatchLabels")

    def target(self, samples: Samples, data: Data) -> Tensor:
        """The class of every patch, (trial, sample, patch): 0 to k - 1, or k for none."""
        return patch_classes(samples, data, own=self.task == "detection")

    def loss(
        self,
        parameters: dict[str, Tensor],
        x: Tensor,
        label: Tensor,
        net: Net,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The loss summed over samples and patches, (trial,): plain, differentiable.

        label (trial, sample, patch), as `target` gives it.
        """
        found = patch_scores(parameters, x, net)  # (trial, sample, patch, class)
        if self.task == "segmentation":
            return plain_cross_entropy(found, label)
        truth = _one_hot(label, found)
        return (torch.nn.functional.softplus(found) - truth * found).sum((1, 2, 3))

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
        head, rows = parameters["head"], x.flatten(1, 2)  # (trial, row, dim)
        h, slope = responses(rows, parameters["kernels"], net)  # (trial, row, kernel)
        unit = h.new_full((*h.shape[:2], 1), 1 / math.sqrt(x.shape[2]))
        found = product(h, head.mT) + unit * parameters["bias"].mT
        loss, error = self._error(found, label.flatten(1), with_loss=with_loss)
        return loss, {
            "kernels": product(rows.mT, slope.mul_(product(error, head))).mT,
            "head": product(error.mT, h),
            "bias": product(error.mT, unit),
        }

    def _error(
        self, found: Tensor, label: Tensor, *, with_loss: bool
    ) -> tuple[Tensor | None, Tensor]:
        """The loss and its derivative by the scores (trial, row, class)."""
        if self.task == "segmentation":
            return cross_entropy(found, label, with_loss=with_loss)
        truth = _one_hot(label, found)
        softplus = torch.nn.functional.softplus
        loss = total(softplus(found) - truth * found) if with_loss else None
        return loss, torch.sigmoid(found) - truth


def patch_classes(samples: Samples, data: Data, *, own: bool = False) -> Tensor:
    """The class whose feature each patch holds, (trial, sample, patch); k where there is none.

    own  count the features of the sample's own class alone. ValueError where it is not known which
         patch holds what.
    """
    if data.views < 1:
        raise ValueError(
            f"views = {data.views!r}, but should be at least 1: it is not known which patches hold "
            "features [patch_classes]"
        )
    found = samples.feature // data.views  # -1 stays -1
    held = samples.feature >= 0
    if own:
        held = held & (found == samples.label.unsqueeze(2))
    return torch.where(held, found, data.classes)


def patch_scores(parameters: dict[str, Tensor], x: Tensor, net: Net) -> Tensor:
    """s_{p,c} of every patch: (trial, sample, patch, class), differentiable."""
    bias = parameters["bias"].mT / math.sqrt(x.shape[2])  # (trial, 1, class)
    return outputs(parameters, x, net) @ parameters["head"].mT.unsqueeze(1) + bias.unsqueeze(1)


def _one_hot(label: Tensor, found: Tensor) -> Tensor:
    """1 at each label's class, 0 elsewhere and where the label is none of them; as `found`."""
    classes = torch.arange(found.shape[-1], device=found.device)
    return (label[..., None] == classes).to(found.dtype)
