"""What predictions are compared with, and how: standardised targets, and the smooth L1 loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrpcheck.late import torch
from mrpcheck.products import pooled, total

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_normalised", "smooth_l1_error", "standardised"]


def standardised(values: Tensor, epsilon: float) -> Tensor:
    """(v - mean) / sqrt(var + epsilon) over the last axis, var the mean square from the mean.

    values (trial, sample, patch, entry). What varies by much less than sqrt(epsilon) is left near
    0; what varies by more is brought to variance 1, however small it is.
    """
    centred = values - _mean(values)
    return centred / (_mean(centred * centred) + epsilon).sqrt()


def check_normalised(normalised: bool, epsilon: float, where: str) -> None:
    """Raise ValueError unless one is a truth value, and the other may be added to a variance."""
    if not isinstance(normalised, bool):
        raise ValueError(f"normalised = {normalised!r}, but should be True or False [{where}]")
    if not 0 < epsilon < float("inf"):
        raise ValueError(f"epsilon = {epsilon!r}, but should be finite and above 0 [{where}]")


def _mean(values: Tensor) -> Tensor:
    """Over the last axis, in an order that does not depend on how many trials there are."""
    return pooled(values.mT.contiguous()).mT / values.shape[-1]


def smooth_l1_error(
    context: str,
    predicted: Tensor,
    target: Tensor,
    keep: float,
    beta: float,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The smooth L1 loss summed over samples, (trial,), and its derivative by `predicted`.

    e^2 / (2 beta) where |e| < beta, |e| - beta/2 beyond, summed over the errors e that
    `masks.masked_error` squares (its arguments, its contexts).

    Without a mask: in context "patch" the expectation over masks, a sum of two terms a patch; in
    the others it has 2^P terms, and everything is kept, at weight 1.

    Source: Girshick (ICCV 2015), the loss. Origin: expectation derived.
    """
    if context == "patch":
        kept, lost = (keep, 1 - keep) if mask is None else (mask, 1 - mask)
        error = predicted / keep - target
        loss = total(kept * _loss(error, beta) + lost * _loss(target, beta))
        return loss, _slope(error, beta) * kept / keep
    weight = torch.ones_like(predicted[..., :1]) if mask is None else mask / keep
    seen = predicted * weight
    if context == "pooled":
        error = pooled(seen) - pooled(target)
        slope = _slope(error, beta)
        return total(_loss(error, beta)), slope * weight
    hidden = torch.ones_like(weight) if mask is None else 1 - mask
    error = pooled(seen) - seen - target
    slope = _slope(error, beta) * hidden
    return total(_loss(error, beta) * hidden), (pooled(slope) - slope) * weight


def _loss(error: Tensor, beta: float) -> Tensor:
    inside = error.abs().clamp(max=beta)
    return inside * (error.abs() - inside / 2) / beta


def _slope(error: Tensor, beta: float) -> Tensor:
    return (error / beta).clamp(-1, 1)
