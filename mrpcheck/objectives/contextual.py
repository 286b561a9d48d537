"""The loss of a masked prediction whose encoder saw the mask, so that every patch predicts.

In an encoder that is not local (`encoders.is_local`) a masked patch has outputs, made of the
visible ones: nothing is multiplied by the mask, nothing weighed by 1/theta, and there is no closed
form of the expectation over masks. Source: He et al. (CVPR 2022, MAE), context "others"; Xie et al.
(CVPR 2022, SimMIM), the masked patch's own output as its prediction. Origin: stated there; contexts
ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrpcheck.late import torch
from mrpcheck.products import pooled, total

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["contextual_error"]


def contextual_error(
    context: str,
    predicted: Tensor,
    target: Tensor,
    mask: Tensor | None = None,
    beta: float | None = None,
) -> Tensor:
    """Half the squared error summed over samples, (trial,); with `beta` the smooth L1 loss.

    predicted, target  (trial, sample, patch, unit): what each patch predicts, having seen the
                       visible patches, and what it is compared with
    mask               (trial, sample, patch, 1) of 0 and 1 (1: kept), or None where all are kept

    context "patch": every patch, masked or not, predicts its own target; "pooled": the sum over
    patches predicts the sum; "others": only masked patches count (MAE proper).
    """
    error = predicted - target
    if context == "pooled":
        error = pooled(error)
    elif context == "others":
        error = error * (0 if mask is None else 1 - mask)
    if beta is None:
        return 0.5 * total(error * error)
    zero = torch.zeros_like(error)
    return total(torch.nn.functional.smooth_l1_loss(error, zero, reduction="none", beta=beta))
