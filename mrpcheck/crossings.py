"""Where within a step of the flow an event happens.

A share of the step in [0, 1], found by Brent's method on the cubic between the step's ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING

from mrpcheck.events import Captured, Plateau, Until, lead
from mrpcheck.nets import Net
from mrpcheck.runge_kutta import Bridge, Steps

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Captures", "Plateaus", "crossings"]

CLOSE = 1e-12  # share of a step to which an event is located
LOOKS = 16  # places within a step at which a plateau is looked for


class Captures:
    """Captures of features in a group of trials; features (trial, feature, dim)."""

    with_loss = False

    def __init__(self, until: Captured, features: Tensor, net: Net) -> None:
        self.until, self.features, self.net = until, features, net

    def keep(self, keep: Tensor) -> None:
        """Go on with the trials whose indices `keep` holds."""
        self.features = self.features[keep]

    def begun(self, steps: Steps) -> list[bool]:
        """Which trials have arrived before the first step."""
        return (lead(self.until, steps.now.named["kernels"], self.features, self.net) >= 0).tolist()

    def within(self, steps: Steps, step: list[float], good: list[bool]) -> dict[int, float]:
        """The trials whose event lies in the step just tried, and where in it."""
        leads = lead(self.until, steps.next.named["kernels"], self.features, self.net).tolist()
        return {
            trial: self._share(steps.bridge(trial, step[trial]), trial)
            for trial, ahead in enumerate(leads)
            if good[trial] and ahead >= 0
        }

    def _share(self, bridge: Bridge, trial: int) -> float:
        features = self.features[trial : trial + 1]

        def ahead(share: float) -> float:
            return float(lead(self.until, bridge.at(share)["kernels"], features, self.net))

        return _first(ahead)


class Plateaus:
    """Plateaus of the loss in a group of trials: its means over two windows of time.

    Between the ends of steps the loss counts as linear in time; `knots` holds, for each trial,
    (time, loss, integral of the loss).
    """

    with_loss = True

    def __init__(self, until: Plateau, window: float) -> None:
        self.until, self.window = until, window
        self.knots: list[list[tuple[float, float, float]]] = []

    def keep(self, keep: Tensor) -> None:
        """Go on with the trials whose indices `keep` holds."""
        self.knots = [self.knots[trial] for trial in keep.tolist()]

    def begun(self, steps: Steps) -> list[bool]:
        """Which trials have arrived before the first step: none has seen a loss fall."""
        assert steps.losses[0] is not None
        self.knots = [[(0.0, loss, 0.0)] for loss in steps.losses[0].tolist()]
        return [False] * len(self.knots)

    def within(self, steps: Steps, step: list[float], good: list[bool]) -> dict[int, float]:
        """The trials whose event lies in the step just tried, and where in it."""
        assert steps.losses[1] is not None
        found: dict[int, float] = {}
        for trial, loss in enumerate(steps.losses[1].tolist()):
            if good[trial]:
                start, before, total = self.knots[trial][-1]
                rise = step[trial] * (before + loss) / 2
                self.knots[trial].append((start + step[trial], loss, total + rise))
                share = self._share(trial, start, step[trial])
                found |= {} if share is None else {trial: share}
        return found

    def _share(self, trial: int, start: float, step: float) -> float | None:
        flat = lambda share: self._flatness(trial, start + share * step)  # noqa: E731
        looks = [look / LOOKS for look in range(1, LOOKS + 1)]
        ripe = (2 * self.window - start) / step  # when both windows are full
        if 0 < ripe < 1:
            looks = sorted({*looks, ripe})
        low = 0.0
        for look in looks:
            if flat(look) >= 0:
                return _first(flat, low, look)
            low = look
        return None

    def _flatness(self, trial: int, time: float) -> float:
        """By how much the loss has fallen too little; below 0 while it falls or is too young."""
        if time < 2 * self.window * (1 - CLOSE):
            return -1.0
        ends = [self._integral(trial, time - n * self.window) for n in (0, 1, 2)]
        recent, before = ends[0] - ends[1], ends[1] - ends[2]
        return self.until.fall * abs(before) - (before - recent)

    def _integral(self, trial: int, time: float) -> float:
        knots = self.knots[trial]
        place = min(max(bisect_right(knots, (time,)), 1), len(knots) - 1)
        (start, low, total), (end, high, _) = knots[place - 1 : place + 1]
        part = max(time - start, 0.0)
        return total + part * (low + (high - low) * part / (end - start) / 2)


def crossings(until: Until, features: Tensor, net: Net, rate: float) -> Captures | Plateaus:
    """What looks for the event `until` in a group with these features (trial, feature, dim)."""
    if isinstance(until, Captured):
        return Captures(until, features, net)
    return Plateaus(until, until.over * rate)


def _first(ahead: Callable[[float], float], low: float = 0.0, high: float = 1.0) -> float:
    """Where `ahead` turns positive, from its right side; it is not negative at `high`."""
    from scipy.optimize import brentq  # late: few runs flow

    if ahead(low) >= 0:
        return low
    share = high if ahead(high) == 0 else float(brentq(ahead, low, high, xtol=CLOSE))
    more = CLOSE
    while ahead(share) < 0:  # the root's left side, or a state rounded to it
        share, more = min(share + more, high), 4 * more
    return share
