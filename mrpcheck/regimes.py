"""`Regime`: named inequalities with written constants, and how to draw setups inside them.

A setup outside a regime is legal; `violations` lists where it is outside, in sentences. Draws hold
by construction: every hyperparameter is picked in its natural scale from the range that the ones
before it leave, and the recipe follows by formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mrpcheck.seeds import generator
from mrpcheck.setups import Setup

__all__ = ["Inequality", "Pick", "Range", "Regime"]


@dataclass(frozen=True)
class Range:
    """Values a hyperparameter may take: `low` to `high`, or one of `choices`.

    `log` says that its natural scale is logarithmic, `whole` that it counts something.
    """

    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False
    choices: tuple[Any, ...] = ()

    def at(self, share: float) -> Any:
        """The value a `share` in [0, 1] of the way, in the natural scale, three digits long."""
        if self.choices:
            return self.choices[min(int(share * len(self.choices)), len(self.choices) - 1)]
        if self.whole:
            low, high = self.ends
            return min(low + int(share * (high - low + 1)), high)
        if self.log:
            value = self.low * (self.high / self.low) ** share
        else:
            value = self.low + share * (self.high - self.low)
        return self.clip(float(f"{value:.3g}"))

    def clip(self, value: Any) -> Any:
        """The nearest value in the range."""
        if self.choices:
            return value if value in self.choices else self.choices[0]
        low, high = self.ends if self.whole else (self.low, self.high)
        return min(max(value, low), high)

    @property
    def ends(self) -> tuple[int, int]:
        """The first and the last whole number of the range."""
        return math.ceil(self.low), math.floor(self.high)

    def holds(self, value: Any) -> bool:
        """Whether `value` lies in the range (to 0.1 %, since values are rounded)."""
        if self.choices:
            return value in self.choices
        slack = 1e-3 * max(abs(self.low), abs(self.high))
        return bool(self.low - slack <= value <= self.high + slack)

    def __str__(self) -> str:
        if self.choices:
            return "one of " + ", ".join(map(str, self.choices))
        return f"{self.low:.3g} to {self.high:.3g}"


Pick = Callable[[str, Range, Any], Any]  # (name, range, the heart's value) -> a value in the range
Draw = Callable[[Pick], Setup]


@dataclass(frozen=True)
class Inequality:
    """One named condition on a setup, why it is asked for, and where it comes from.

    `sides(setup)` returns (left, right); the inequality holds where left <= right.
    """

    name: str
    sides: Callable[[Setup], tuple[float, float]]
    reason: str
    origin: str

    def violation(self, setup: Setup) -> str | None:
        """A sentence where the setup violates it, else None."""
        left, right = self.sides(setup)
        if left <= right * (1 + 1e-2) + 1e-12:
            return None
        return f"{self.name}: {left:.3g}, but should be <= {right:.3g} ({self.reason})"


@dataclass(frozen=True)
class Regime:
    """Where a theorem is claimed: inequalities, a heart deep inside, and draws outward from it.

    name          what reports call it
    heart         the setup that Hypothesis tries first and shrinks toward
    draw          builds a setup from picks, each within what the earlier ones leave
    inequalities  what makes a setup belong
    coordinates   the hyperparameters that are picked, in order
    note          one line for the header: where it is narrower than the full regime
    """

    name: str
    heart: Setup
    draw: Draw
    inequalities: tuple[Inequality, ...]
    coordinates: tuple[str, ...]
    note: str = ""

    def sample(self, n: int, seed: int) -> list[Setup]:
        """A panel: n setups i.i.d. from the reference distribution, uniform in natural scales."""
        rngs = [generator(seed, self.name, "panel", index) for index in range(n)]
        return [self.draw(_at_random(rng)) for rng in rngs]

    def violations(self, setup: Setup) -> list[str]:
        """A sentence for each inequality that the setup violates; none inside the regime."""
        found = [inequality.violation(setup) for inequality in self.inequalities]
        return [sentence for sentence in found if sentence]

    def toward_heart(self, setup: Setup) -> Iterator[Setup]:
        """Simpler setups: the heart; one hyperparameter at a time at its value; half-way there.

        The others stay where the ranges allow it; every setup yielded is inside by construction.
        """
        if setup != self.heart:
            yield self.heart
        mine, core = values(setup), values(self.heart)
        for half in (False, True):
            for name in self.coordinates:
                if mine[name] == core[name]:
                    continue
                wish = dict(mine)
                wish[name] = _half(mine[name], core[name]) if half else core[name]
                if wish[name] == mine[name]:
                    continue
                moved = self.draw(_as_near_as_allowed(wish))
                if moved != setup:
                    yield moved

    def describe(self, setup: Setup) -> str:
        """The setup in words: what differs from the heart, and which inequalities it violates."""
        mine, core = values(setup), values(self.heart)
        parts = [
            f"{name} = {_show(mine[name])} (heart {_show(core[name])})"
            for name in mine
            if mine[name] != core.get(name)
        ]
        text = (
            f"{self.name} at its heart but for " + "; ".join(parts)
            if parts
            else (f"the heart of {self.name}")
        )
        outside = self.violations(setup)
        return text + (". Outside: " + "; ".join(outside) if outside else "")


def _at_random(rng: np.random.Generator) -> Pick:
    return lambda name, range_, heart: range_.at(rng.random())


def _as_near_as_allowed(wish: dict[str, Any]) -> Pick:
    return lambda name, range_, heart: range_.clip(wish[name])


def values(setup: Setup) -> dict[str, Any]:
    """Every hyperparameter of a setup by name, the parts' fields side by side."""
    found: dict[str, Any] = {}
    parts: tuple[Any, ...] = (setup.data, setup.net, setup.objective, setup.recipe)
    for part in parts:
        found.update({f.name: getattr(part, f.name) for f in fields(part)})
    return found


def _half(mine: Any, core: Any) -> Any:
    if isinstance(mine, bool) or not isinstance(mine, (int, float)):
        return core
    middle = (mine + core) / 2
    return math.floor(middle) if isinstance(mine, int) else float(f"{middle:.3g}")


def _show(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
