"""Judging the probability of an event on one path of trials, with a look after every sixteenth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .budget import Levels
from .eprocess import log_e_above, log_e_below, log_e_refute, log_e_support
from .judgement import Judgement
from .stopping import Decision, Floats, conclude, decide, interval, looks_at, rejects

__all__ = ["Walk", "check_probability", "screen"]


@dataclass(frozen=True)
class Walk:
    """The claim P >= at_least, to be told from P <= at_least - tolerance at two `levels`.

    Looks after each multiple of `every` trials, at most `most` of them, and stops at the first
    rejection; trials beyond the last look are not counted. With at_least = 1 any miss refutes.

    >>> Walk(0.9, 0.1, Levels(0.05, 0.001)).judge([1] * 64).text
    'P in [0.90, 1.00] from 32/32 trials, which shows P > 0.8'
    """

    at_least: float
    tolerance: float
    levels: Levels

    def __post_init__(self) -> None:
        check_probability(self.at_least, self.tolerance, "with_probability")

    def decide(self, outcomes: npt.ArrayLike, every: int = 16, most: int = 1024) -> Decision:
        """The verdict alone, without the interval: cheap enough to ask after every block."""
        path = _binary(outcomes)
        looks = looks_at(path, every, most)
        hits = np.cumsum(path)[looks - 1]
        support = log_e_support(hits, looks, self.at_least, self.tolerance)
        refute = log_e_refute(hits, looks, self.at_least, self.tolerance)
        return decide(support, refute, self.levels, most // every)

    def judge(self, outcomes: npt.ArrayLike, every: int = 16, most: int = 1024) -> Judgement:
        """The verdict with its evidence on `outcomes`: (trial,), 0 or 1, in seed order."""
        path = _binary(outcomes)
        decision = self.decide(path, every, most)
        looks = looks_at(path, every, most)[: decision.looks]
        counts = np.cumsum(path)[looks - 1]
        trials, hits = (int(looks[-1]), int(counts[-1])) if decision.looks else (0, 0)
        return conclude(
            decision,
            self._interval(decision, counts, looks),
            (self.at_least, self.tolerance),
            trials,
            hits,
            hits / trials if trials else None,
        )

    def _interval(
        self, decision: Decision, hits: Floats, looks: npt.NDArray[np.intp]
    ) -> tuple[float, float]:
        """The probabilities that neither e-process rejected at any of the looks."""

        def too_low(b: float) -> bool:
            log_e = log_e_above(hits, looks, b, min(b + self.tolerance, 1.0))
            return bool(rejects(log_e, self.levels.false_support).any())

        def too_high(b: float) -> bool:
            log_e = log_e_below(hits, looks, b, max(b - self.tolerance, 0.0))
            return bool(rejects(log_e, self.levels.false_refute).any())

        between = (self.at_least - self.tolerance, self.at_least)
        return interval(decision, too_low, too_high, between, (0.0, 1.0))


def screen(
    outcomes: npt.ArrayLike, at_least: float, tolerance: float, level: float = 0.001
) -> bool:
    """Whether these trials, looked at once, reject P >= at_least: a suspect, nothing more."""
    check_probability(at_least, tolerance, "screen")
    path = _binary(outcomes)
    return bool(rejects(log_e_refute(path.sum(), path.size, at_least, tolerance), level))


def check_probability(at_least: float, tolerance: float, where: str) -> None:
    """Refuse the numbers that no claim about a probability can have."""
    if not 0 < at_least <= 1:
        raise ValueError(f"at_least = {at_least:g}, but should be in (0, 1] [{where}]")
    if not 0 < tolerance < at_least:
        raise ValueError(
            f"tolerance = {tolerance:g}, but should be in (0, at_least = {at_least:g}) [{where}]"
        )


def _binary(outcomes: npt.ArrayLike) -> Floats:
    path = np.asarray(outcomes, dtype=np.float64)
    if path.ndim != 1:
        raise ValueError(f"outcomes.ndim = {path.ndim}, but should be 1, one value a trial [Walk]")
    wrong = np.flatnonzero((path != 0) & (path != 1))
    if wrong.size:
        i = int(wrong[0])
        raise ValueError(f"outcomes[{i}] = {path[i]:g}, but should be 0 or 1 [Walk]")
    return path
