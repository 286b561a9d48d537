"""The loss of a masked prediction, in expectation over masks or for one mask, and its derivative.

Every patch is kept with probability theta, independently; the decoder weighs what is kept by
1/theta. Since act(0) = 0, masking a patch multiplies its prediction by 0, so the expectation over
all 2^P masks is a mean term plus c = (1 - theta)/theta times a sum of squares. Origin: derived;
checked against enumeration of every mask in the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mrpcheck.products import pooled, total

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CONTEXTS", "Context", "check_choice", "check_keep", "masked_error"]

Context = Literal["patch", "pooled", "others"]
CONTEXTS = ("patch", "pooled", "others")


def masked_error(
    context: str,
    predicted: Tensor,
    target: Tensor,
    keep: float,
    mask: Tensor | None = None,
    *,
    with_loss: bool = True,
) -> tuple[Tensor | None, Tensor]:
    """Loss summed over samples, (trial,) or None, and its derivative by `predicted`.

    predicted, target  (trial, sample, patch, unit): what each patch predicts (before weighing by
                       1/theta), what it is compared with
    keep               theta in (0, 1]
    mask               (trial, sample, patch, 1) of 0 and 1 (1: kept), or None for the expectation

    context "patch": each patch predicts its own target; "pooled": the sum over patches predicts
    the sum; "others": each masked patch is predicted from the sum over the visible others, and
    only masked patches count (MAE proper).
    """
    if mask is not None:
        return _one_mask(context, predicted, target, keep, mask, with_loss)
    c = (1 - keep) / keep
    if context == "patch":
        error = predicted - target
        spread, weight, slope = c, 1.0, error
    elif context == "pooled":
        error = pooled(predicted) - pooled(target)
        spread, weight, slope = c, 1.0, error
    else:
        error = pooled(predicted) - predicted - target
        spread, weight = c * (predicted.shape[2] - 1), 1 - keep
        slope = pooled(error) - error
    loss = weight * 0.5 * (_square(error) + spread * _square(predicted)) if with_loss else None
    slope = slope.add(predicted, alpha=spread)
    return loss, slope if weight == 1 else slope.mul_(weight)


def _one_mask(
    context: str, predicted: Tensor, target: Tensor, keep: float, mask: Tensor, with_loss: bool
) -> tuple[Tensor | None, Tensor]:
    weight = mask / keep
    seen = predicted * weight
    if context == "patch":
        error = seen - target
        slope = error * weight
    elif context == "pooled":
        error = pooled(seen) - pooled(target)
        slope = error * weight
    else:
        error = (pooled(seen) - seen - target) * (1 - mask)
        slope = (pooled(error) - error) * weight
    return (0.5 * _square(error) if with_loss else None), slope


def _square(values: Tensor) -> Tensor:
    """The sum of squares of each trial, (trial,)."""
    return total(values * values)


def check_keep(keep: float, where: str) -> None:
    """Raise ValueError unless `keep` is a probability above 0."""
    if not 0 < keep <= 1:
        raise ValueError(f"keep = {keep!r}, but should be in (0, 1] [{where}]")


def check_choice(name: str, value: object, choices: tuple[str, ...], where: str) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} = {value!r}, but should be one of {choices} [{where}]")
