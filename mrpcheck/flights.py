"""A block on its way to workers and back: whole, or divided among them by its trials."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mrpcheck.calls import Arrays, Call, arrays_of

__all__ = ["Flight", "Landed", "divided"]

HELD = 2**28  # bytes of blocks that came back, kept beside the store


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


class Landed:
    """Blocks that came back, those used last, as many as there is room for."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[str, Arrays] = OrderedDict()
        self._size = 0  # bytes

    def __contains__(self, name: str) -> bool:
        return name in self._blocks

    def copy(self, name: str) -> Arrays:
        """A block, for its taker to write into."""
        self._blocks.move_to_end(name)
        return {key: array.copy() for key, array in self._blocks[name].items()}

    def add(self, name: str, arrays: Arrays) -> None:
        """Keep a block, at the price of those used longest ago."""
        self._size += _size(arrays) - _size(self._blocks.pop(name, {}))
        self._blocks[name] = arrays
        while self._size > HELD and len(self._blocks) > 1:
            _, oldest = self._blocks.popitem(last=False)
            self._size -= _size(oldest)


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


def _size(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays.values())
