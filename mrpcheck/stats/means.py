"""Judging the mean of a bounded quantity on one path of trials, by betting against it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .betting import log_wealth_above, log_wealth_below
from .budget import Levels
from .judgement import Judgement
from .stopping import Decision, Floats, conclude, decide, interval, looks_at, rejects

__all__ = ["MeanWalk", "check_mean", "screen_mean"]


@dataclass(frozen=True)
class MeanWalk:
    """The claim E[X] >= at_least, to be told from E[X] <= at_least - tolerance at two `levels`.

    Valid for every distribution of X within `bounds`, which the claim declares; the tighter they
    are, the fewer trials it takes. `tolerance` is in the unit of X. Looks and stops as `Walk`.
    `quantity` is what sentences call the mean.

    >>> walk = MeanWalk(0.05, 0.05, (-1.0, 1.0), Levels(0.05, 0.001))
    >>> walk.judge([0.3, 0.5] * 32).text
    'mean in [0.17, 0.57] from 32 trials, which shows mean > 0'
    """

    at_least: float
    tolerance: float
    bounds: tuple[float, float]
    levels: Levels
    quantity: str = "mean"

    def __post_init__(self) -> None:
        check_mean(self.at_least, self.tolerance, self.bounds, "on_average")

    def decide(self, values: npt.ArrayLike, every: int = 16, most: int = 1024) -> Decision:
        """The verdict alone, without the interval: cheap enough to ask after every block."""
        path = _scaled(values, self.bounds)
        looks = looks_at(path, every, most)
        weak, strong = self._scale(self.at_least - self.tolerance), self._scale(self.at_least)
        support = log_wealth_above(path, looks, weak, strong)
        refute = log_wealth_below(path, looks, strong, weak)
        return decide(support, refute, self.levels, most // every)

    def judge(self, values: npt.ArrayLike, every: int = 16, most: int = 1024) -> Judgement:
        """The verdict with its evidence on `values`: (trial,), in seed order, unit of X."""
        raw = np.asarray(values, dtype=np.float64)
        decision = self.decide(raw, every, most)
        looks = looks_at(raw, every, most)[: decision.looks]
        trials = int(looks[-1]) if decision.looks else 0
        judgement = conclude(
            decision,
            self._interval(decision, _scaled(raw, self.bounds)[:trials], looks),
            (self.at_least, self.tolerance),
            trials,
            None,
            float(raw[:trials].mean()) if trials else None,
        )
        return replace(judgement, quantity=self.quantity)

    def _scale(self, value: float) -> float:
        low, high = self.bounds
        return min(max((value - low) / (high - low), 0.0), 1.0)

    def _interval(
        self, decision: Decision, path: Floats, looks: npt.NDArray[np.intp]
    ) -> tuple[float, float]:
        """The means that neither gambler has made too much against at any of the looks."""

        def too_low(b: float) -> bool:
            wealth = log_wealth_above(path, looks, self._scale(b), self._scale(b + self.tolerance))
            return bool(rejects(wealth, self.levels.false_support).any())

        def too_high(b: float) -> bool:
            wealth = log_wealth_below(path, looks, self._scale(b), self._scale(b - self.tolerance))
            return bool(rejects(wealth, self.levels.false_refute).any())

        between = (self.at_least - self.tolerance, self.at_least)
        return interval(decision, too_low, too_high, between, self.bounds)


def screen_mean(
    values: npt.ArrayLike,
    at_least: float,
    tolerance: float,
    bounds: tuple[float, float],
    level: float = 0.001,
) -> bool:
    """Whether these trials, looked at once, reject E[X] >= at_least: a suspect, nothing more."""
    check_mean(at_least, tolerance, bounds, "screen_mean")
    path, (low, high) = _scaled(values, bounds), bounds
    strong, weak = ((b - low) / (high - low) for b in (at_least, at_least - tolerance))
    wealth = log_wealth_below(path, np.array([path.size]), strong, weak)
    return bool(rejects(wealth, level).any())


def check_mean(at_least: float, tolerance: float, bounds: tuple[float, float], where: str) -> None:
    """Refuse the numbers that no claim about a bounded mean can have."""
    low, high = bounds
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"bounds = ({low:g}, {high:g}), but should be finite, low first [{where}]")
    if not low < at_least <= high:
        raise ValueError(
            f"at_least = {at_least:g}, but should be in ({low:g}, {high:g}], the bounds [{where}]"
        )
    if not 0 < tolerance < at_least - low:
        raise ValueError(
            f"tolerance = {tolerance:g}, but should be in (0, {at_least - low:g}), "
            f"at_least above the lower bound [{where}]"
        )


def _scaled(values: npt.ArrayLike, bounds: tuple[float, float]) -> Floats:
    """The values as shares of `bounds`; an excess of a millionth of their range is rounding."""
    raw, (low, high) = np.asarray(values, dtype=np.float64), bounds
    if raw.ndim != 1:
        raise ValueError(f"values.ndim = {raw.ndim}, but should be 1, one value a trial [MeanWalk]")
    path = (raw - low) / (high - low)
    wrong = np.flatnonzero(~((path >= -1e-6) & (path <= 1 + 1e-6)))
    if wrong.size:
        i = int(wrong[0])
        raise ValueError(
            f"values[{i}] = {raw[i]:g}, but should be in [{low:g}, {high:g}] [on_average]"
        )
    return np.clip(path, 0.0, 1.0)
