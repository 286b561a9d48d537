"""Cross-entropy under fresh masks: supervised learning with masking as augmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mrpcheck.encoders import outputs
from mrpcheck.nets import Net
from mrpcheck.objectives.base import Objective
from mrpcheck.objectives.classification import cross_entropy, plain_cross_entropy
from mrpcheck.objectives.masks import check_keep
from mrpcheck.products import product, summed

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MaskedCrossEntropy"]


@dataclass(frozen=True, kw_only=True)
class MaskedCrossEntropy(Objective):
    """Cross-entropy of F_i(X) = (1/theta) sum_r u_{i,r} sum_p eps_p act(<w_r, x_p>), labels given.

    Each patch of each sample is kept (eps_p = 1) with probability theta, anew at every step, and
    what is kept weighs 1/theta, so that h keeps its mean. Nothing is masked at test time.

    keep  theta, in (0, 1]
    head  False keeps the head fixed (AZL's supervised network)

    Source: masking as augmentation: DeVries & Taylor (2017), cutout; Zhong et al. (AAAI 2020),
    random erasing; here patch by patch. Origin: setting ours.
    """

    keep: float = 0.5
    head: bool = True
    masks = "sampled"
    labelled = True

    def __post_init__(self) -> None:
        check_keep(self.keep, "MaskedCrossEntropy")

    def loss(
        self,
        parameters: dict[str, Tensor],
        x: Tensor,
        label: Tensor,
        net: Net,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The loss summed over samples, (trial,), for one mask: plain, differentiable."""
        assert mask is not None
        h = (outputs(parameters, x, net, mask) * (mask / self.keep)).sum(2)
        return plain_cross_entropy(h @ parameters["head"].mT, label)

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
        """Loss (trial,) or None and exact gradients for one mask, summed over samples."""
        assert mask is not None
        kernels, head = parameters["kernels"], parameters["head"]
        seen = x * mask  # act(0) = 0: masking a patch masks its outputs
        h, slope = summed(seen, kernels, net)  # (trial, sample, kernel), (trial, row, kernel)
        h = h / self.keep
        loss, error = cross_entropy(product(h, head.mT), label, with_loss=with_loss)
        slope.view(*x.shape[:3], -1).mul_(product(error, head).div_(self.keep).unsqueeze(2))
        gradients = {"kernels": product(seen.flatten(1, 2).mT, slope).mT}
        if self.head:
            gradients["head"] = product(error.mT, h)
        return loss, gradients
