"""What a claim's function returned, as one number a trial; one sentence where it is not that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrpcheck.seeds import Trials

__all__ = ["Outcomes", "WrongOutcomes", "read_outcomes"]

ROUNDING = 2.0**-23  # of float32, relative
Floats = NDArray[np.float64]


class WrongOutcomes(ValueError):
    """What came back is not one value a trial; text is a sentence."""


@dataclass(frozen=True)
class Outcomes:
    """One block: `values` decide (0 or 1, or the value of a mean), `margins` if there were any.

    `failed` holds the absolute numbers of the trials that count at their worst because their
    training or their margin left the finite numbers.
    """

    values: Floats
    margins: Floats | None
    failed: tuple[int, ...]


def read_outcomes(returned: object, trials: Trials, bounds: tuple[float, float] | None) -> Outcomes:
    """Check what came back for `trials`; `bounds` is None where an event was asked for."""
    array = _as_array(returned)
    if array.ndim != 1 or len(array) != trials.count:
        raise WrongOutcomes(
            f"shape = {array.shape}, but should be ({trials.count},), one value a trial"
        )
    if array.dtype != np.bool_ and not np.issubdtype(array.dtype, np.floating):
        wanted = "bool, or a floating margin" if bounds is None else "floating"
        raise WrongOutcomes(f"dtype = {array.dtype}, but should be {wanted}")
    lost = np.isnan(array) if array.dtype != np.bool_ else np.zeros(len(array), bool)
    lost = lost | np.isin(np.arange(trials.first, trials.first + trials.count), [*_failed(trials)])
    numbers = tuple(int(t) for t in np.flatnonzero(lost) + trials.first)
    if bounds is None:
        return _event(array, lost, numbers)
    return _mean(array, lost, numbers, bounds)


def _event(array: NDArray[Any], lost: NDArray[np.bool_], numbers: tuple[int, ...]) -> Outcomes:
    if array.dtype == np.bool_:
        return Outcomes((array & ~lost).astype(np.float64), None, numbers)
    margins = array.astype(np.float64)
    return Outcomes(((margins >= 0) & ~lost).astype(np.float64), margins, numbers)


def _mean(
    array: NDArray[Any],
    lost: NDArray[np.bool_],
    numbers: tuple[int, ...],
    bounds: tuple[float, float],
) -> Outcomes:
    low, high = bounds
    values = np.where(lost, low, array.astype(np.float64))
    slack = ROUNDING * max(abs(low), abs(high))  # a bound as float32 may lie beyond the bound
    outside = (values < low - slack) | (values > high + slack)
    if outside.any():
        worst = float(values[outside][0])
        raise WrongOutcomes(f"value = {worst!r}, but should be within the bounds [{low}, {high}]")
    return Outcomes(values.clip(low, high), None, numbers)


def _failed(trials: Trials) -> set[int]:
    return trials.facts.failed & set(trials.numbers)


def _as_array(returned: object) -> NDArray[Any]:
    """A torch tensor from any device, a numpy array or a list; torch itself is not needed."""
    if returned is None:
        raise WrongOutcomes("value = None, but should be one truth value a trial")
    value: Any = returned
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        value = (value.double() if value.is_floating_point() else value).numpy()
    return np.asarray(value)
