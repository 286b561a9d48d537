"""Draws for the search: Hypothesis' own, or aimed at where its targets say the worst may be.

A backend of Hypothesis, so that strategies, seed and shrinking stay Hypothesis'. Without a target
every choice is drawn as Hypothesis draws it, but for the copies of earlier choices that it fills
most of its examples with. With one, every other setup is aimed, so that a margin which misleads
costs half of the search at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from hypothesis.internal.conjecture.choice import choice_permitted
from hypothesis.internal.conjecture.data import ConjectureData
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

from mrpcheck.aiming import aim
from mrpcheck.seeds import generator

__all__ = ["BACKEND", "Seen", "searching"]

BACKEND = "mrpcheck"
FIRST = 8  # targets seen before the first setup is aimed

Shares = tuple[float, ...]


class Seen:
    """What one search has drawn: the choices of each setup as shares of their ranges, and its
    target."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.asked = 0
        self.cases: list[tuple[Shares, float]] = []

    def plan(self) -> Shares:
        """The shares to choose for the next setup; none where it is to be drawn at random."""
        self.asked += 1
        if len(self.cases) < FIRST or self.asked % 2:
            return ()
        size = len(max(self.cases, key=lambda case: case[1])[0])
        alike = [case for case in self.cases if len(case[0]) == size]
        points, scores = np.array([c[0] for c in alike]), np.array([c[1] for c in alike])
        if not points.size:
            return ()
        return tuple(aim(points, scores, generator(self.seed, "aim", self.asked)).tolist())


class Aimed(HypothesisProvider):
    """Chooses the numbers of one setup as planned; what was not planned, as Hypothesis does."""

    seen: ClassVar[Seen] = Seen(0)

    def __init__(self, conjecturedata: ConjectureData | None, /) -> None:
        super().__init__(conjecturedata)
        self.plan, self.shares = self.seen.plan(), list[float]()
        self.drawing = False

    @contextmanager
    def per_test_case_context_manager(self) -> Iterator[None]:
        """Keep what was chosen, if the setup turned out to have a target."""
        yield
        targets = getattr(self._cd, "target_observations", {})
        if targets:
            self.seen.cases.append((tuple(self.shares), float(max(targets.values()))))

    def draw_boolean(self, *args: Any, **limits: Any) -> bool:
        """A truth value: the upper half of its range is true."""
        drawn = super().draw_boolean
        return bool(self._choose(drawn, lambda s: s >= 0.5, (0, 1), args, limits))

    def draw_integer(self, *args: Any, **limits: Any) -> int:
        """A whole number between bounds."""
        ends = limits.get("min_value"), limits.get("max_value")

        def at(share: float) -> int:
            low, high = int(ends[0] or 0), int(ends[1] or 0)
            return min(low + int(share * (high - low + 1)), high)

        return int(self._choose(super().draw_integer, at, ends, args, limits))

    def draw_float(self, *args: Any, **limits: Any) -> float:
        """A number between bounds."""
        low, high = limits.get("min_value", -math.inf), limits.get("max_value", math.inf)
        drawn = super().draw_float
        return float(
            self._choose(drawn, lambda s: low + s * (high - low), (low, high), args, limits)
        )

    def _choose(
        self,
        drawn: Callable[..., Any],
        at: Callable[[float], Any],
        ends: tuple[Any, Any],
        args: Any,
        limits: Any,
    ) -> Any:
        """The planned value, if the limits permit it; only bounded ones can be planned."""
        low, high = ends
        bounded = low is not None and high is not None and 0 < high - low < math.inf
        if self.drawing or args or not bounded:  # the setup's own choices come by keyword
            return drawn(*args, **limits)
        place = len(self.shares)
        value = at(self.plan[place]) if place < len(self.plan) else None
        if value is None or not choice_permitted(value, limits):
            value = self._drawn(drawn, args, limits)
        self.shares.append(min(max((value - low) / (high - low), 0.0), 1.0))
        return value

    def _drawn(self, drawn: Callable[..., Any], args: tuple[Any, ...], limits: Any) -> Any:
        """What Hypothesis draws; the choices it makes on the way are no choices of the setup."""
        self.drawing = True
        try:
            return drawn(*args, **limits)
        finally:
            self.drawing = False


@contextmanager
def searching(seed: int) -> Iterator[None]:
    """Make the backend known, with nothing seen."""
    AVAILABLE_PROVIDERS[BACKEND] = f"{Aimed.__module__}.{Aimed.__name__}"
    Aimed.seen, before = Seen(seed), Aimed.seen
    try:
        yield
    finally:
        Aimed.seen = before
