"""Claims that something falls as a hyperparameter grows: `falls`, along a `Ladder` of setups.

A theorem that is asymptotic in k says nothing at any one k that a finite harness could refute;
that what fails falls as k grows is the form in which it can be checked.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrpcheck.claims import Function, claim_of, on_average
from mrpcheck.outcomes import WrongOutcomes, read_outcomes
from mrpcheck.profiles import current_profile
from mrpcheck.seeds import Facts, Trials

__all__ = ["QUANTITY", "Ladder", "falls", "slope_weights"]

QUANTITY = "fall per doubling"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ladder:
    """Setups derived from one setup, a rung for each of `numbers`: `rung(setup, number)`.

    Rungs should share their setup's key (`setup.derive`), so that they are compared on common
    random numbers. Called with a setup it gives its rungs by number, as many as the profile of
    the run under way trains.
    """

    numbers: tuple[float, ...]
    rung: Callable[[Any, Any], Any]

    def __post_init__(self) -> None:
        steps = tuple(self.numbers)
        object.__setattr__(self, "numbers", steps)
        rising = all(low < high for low, high in itertools.pairwise(steps))
        if len(steps) < 2 or not rising or not 0 < steps[0] <= steps[-1] < math.inf:
            wanted = "at least 2 finite numbers above 0, each larger than the one before"
            raise ValueError(f"numbers = {self.numbers}, but should be {wanted} [Ladder]")

    @property
    def trained(self) -> tuple[float, ...]:
        """The numbers of the rungs that the profile of the run under way trains."""
        return self.numbers[: current_profile().rungs]

    def __call__(self, setup: Any) -> dict[float, Any]:
        """The rungs of `setup` by their numbers."""
        return {number: self.rung(setup, number) for number in self.trained}


def falls(
    *, along: Ladder, by: float, tolerance: float, bounds: tuple[float, float] = (0.0, 1.0)
) -> Callable[[Function], Function]:
    """Claim that, at every drawn setup, the mean falls by at least `by` per doubling `along` it.

    The function is written for one rung, which it takes as `setup`, and returns a value within
    `bounds` a trial, or a truth value (then it is the event's probability that falls). The fall
    is that of the least-squares line through the rungs' means over log2 of their numbers. One
    trial trains every rung and gives one value of the fall, with bounds that follow from
    `bounds`, so the claim is one `on_average`, as valid; SUPPORTED shows a fall of more than
    by - tolerance. It does not show that every step falls, nor what happens beyond the ladder:
    that something stays within tolerance at every rung is a claim `at` the rungs.

    A trial that fails at any rung takes the worst fall. What the function notes is recorded for
    each rung, and so is its value: "error at 8", "at 8".

    >>> coins = Ladder((4, 8, 16), lambda side, k: side / k)
    >>> @falls(along=coins, by=0.05, tolerance=0.05)
    ... def test_heads_grow_rarer(setup, trials):
    ...     return [trials.generator("coin", t, "toss").random() < setup for t in trials.numbers]
    """
    numbers = along.trained
    reach = (bounds[1] - bounds[0]) / 2 * float(np.abs(slope_weights(numbers)).sum())
    _check(by, tolerance, bounds, reach)

    def mark(function: Function) -> Function:
        fall = _fall(function, numbers, along.rung, bounds, reach)
        test = on_average(at_least=by, tolerance=tolerance, bounds=(-reach, reach))(fall)
        claim = claim_of(test)
        assert claim is not None
        if "setup" not in claim.names():
            raise TypeError(f"arguments = no `setup`, but should have it, the rung [{claim.name}]")
        test.mrpcheck_claim = replace(claim, quantity=QUANTITY)  # type: ignore[attr-defined]
        return test

    return mark


def slope_weights(numbers: Sequence[float]) -> Floats:
    """What the value of each rung counts in the least-squares slope on log2 of `numbers`."""
    steps = np.log2(np.asarray(numbers, dtype=np.float64))
    steps -= steps.mean()
    return np.asarray(steps / (steps @ steps))


def _check(by: float, tolerance: float, bounds: tuple[float, float], reach: float) -> None:
    low, high = bounds
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"bounds = ({low:g}, {high:g}), but should be finite, low first [falls]")
    if not -reach < by <= reach:
        largest = "the largest fall per doubling that values within the bounds allow"
        raise ValueError(f"by = {by:g}, but should be at most {reach:.3g}, {largest} [falls]")
    if not 0 < tolerance < by + reach:
        raise ValueError(
            f"tolerance = {tolerance:g}, but should be in (0, {by + reach:.3g}) [falls]"
        )


def _fall(
    function: Function,
    numbers: Sequence[float],
    rung: Callable[[Any, Any], Any],
    bounds: tuple[float, float],
    reach: float,
) -> Function:
    """The function of a whole ladder that `function` of one rung makes: a fall a trial."""
    weights = slope_weights(numbers)

    @functools.wraps(function)
    def fall(*, setup: Any, trials: Trials, **others: Any) -> Floats:
        rows = [
            _values(functools.partial(function, setup=rung(setup, n), **others), n, trials, bounds)
            for n in numbers
        ]
        columns = np.stack(rows, axis=1)  # (trial, rung)
        slopes = [math.fsum(weights * values) for values in columns]
        return np.clip(np.negative(slopes), -reach, reach)  # of rounding; NaN stays

    return fall


def _values(
    function: Function, number: float, trials: Trials, bounds: tuple[float, float]
) -> Floats:
    """What one rung's trials came to, (trial,), NaN where one failed; noted by rung."""
    own, (low, high) = replace(trials, facts=Facts()), bounds
    returned = function(trials=own)
    try:
        found = read_outcomes(returned, own, (-math.inf, math.inf))
    except WrongOutcomes as error:
        raise WrongOutcomes(f"at {number:g}: {error}") from None
    values = np.where(np.isfinite(found.values), found.values, np.nan)
    slack = 1e-6 * (high - low)  # float32 may round a value past its bound
    wrong = values[(values < low - slack) | (values > high + slack)]
    if wrong.size:
        should = f"but should be within the bounds [{low:g}, {high:g}]"
        raise WrongOutcomes(f"at {number:g}: value = {wrong[0]:g}, {should}")
    _tell(own.facts, {"": values.tolist()}, number, trials)
    return np.clip(values, low, high)


def _tell(facts: Facts, value: Mapping[str, list[float]], number: float, trials: Trials) -> None:
    """Add what one rung told to what the whole ladder tells, under the rung's number."""
    for name, row in {**value, **facts.notes}.items():
        trials.facts.notes[f"{name} at {number:g}".strip()] = row
    trials.facts.failed |= facts.failed
    trials.facts.end_state |= facts.end_state
