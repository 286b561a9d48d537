"""The path that a recipe's clock takes: steps of descent, or the gradient flow for their time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mrpcheck.descent import descend
from mrpcheck.events import Until
from mrpcheck.flow import follow
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.slopes import Parameters
from mrpcheck.store import Arrays

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["train"]


def train(
    objective: object,
    start: Parameters,
    setup: Setup,
    trials: Trials,
    *,
    rate: float,
    total: Sequence[float],
    done: tuple[Tensor, Tensor] | None = None,
    until: Until | None = None,
) -> Arrays:
    """Descend from `start` to `total` steps, or follow the flow for the time that they take.

    done  steps taken and time passed before, (trial,) each. Returns what `descend` and `follow`
          do, `steps` and `time` among it.
    """
    flow = setup.recipe.flow
    if flow is None:
        whole = [int(count) for count in total]
        steps = done and done[0].tolist()
        arrays = descend(
            objective, start, setup, trials, rate=rate, total=whole, done=steps, until=until
        )
        return {**arrays, "time": rate * arrays["steps"]}
    return follow(
        objective,
        start,
        setup,
        trials,
        tolerance=flow.tolerance,
        end=[rate * count for count in total],
        done=done and done[1].tolist(),
        until=until,
    )
