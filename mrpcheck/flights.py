"""A block on its way to workers and back: whole, or divided among them by its trials."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mrpcheck.calls import Arrays, Call, arrays_of

__all__ = ["Flight", "divided"]


@dataclass
class Flight:
    """One block on its way: a future for each of its parts, in the order of its trials."""

    call: Call
    trials: int
    futures: list[Future[bytes]]

    def done(self) -> bool:
        """Whether every part has come back, or will not."""
        return all(future.done() for future in self.futures)

    def arrays(self) -> Arrays:
        """The block, once done; raises what a part ended with."""
        parts = [arrays_of(future.result(timeout=0)) for future in self.futures]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def divided(call: Call, workers: int) -> list[Call]:
    """The call in as many parts as there are workers: its trials do not depend on each other.

    A GPU is the better used the more trials it has: there the block stays whole.
    """
    trials = call.trials
    count = min(trials.count, workers)
    if count < 2 or not (call.divides and trials.device.startswith("cpu")):
        return [call]
    ends = np.linspace(0, trials.count, count + 1).round().astype(int).tolist()
    return [call.part(begin, end) for begin, end in pairwise(ends)]
