"""A descent on CUDA as one recorded step, replayed: launched at once instead of one by one.

A step of a small setup is a dozen kernels of a few microseconds each, about what it takes to start
them; a graph starts them together, and the host looks only now and then whether trials still move.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mrpcheck.late import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Recorded", "capture", "descend_recorded"]

LOOK = 16  # steps between two looks at whether any trial still moves
PROOF = 2  # steps that a recording must repeat bit by bit before it is trusted

Step = Callable[[], object]
_log = logging.getLogger("mrpcheck")


def descend_recorded(
    step: Step,
    parameters: Sequence[Tensor],
    steps: Tensor,
    last: Tensor,
    *,
    sane: Callable[[], Tensor],
    arrived: Callable[[], Tensor] | None = None,
    reached: Tensor | None = None,
) -> Tensor:
    """Take `step` for every trial until `last`, its event or divergence; which have arrived.

    step        moves all `parameters` (trial, ...) in place, reading nothing that changes but them
    steps       (trial,) taken, counted on in place
    sane        which trials are finite, (trial,); arrived: which have reached their event, or None
                where there is none to look for
    reached     (trial,) which had arrived before

    A trial that is done is put back after each step, so that the others need not be looked at.
    """
    done = torch.zeros_like(steps, dtype=torch.bool) if reached is None else reached.clone()
    active = (steps < last) & sane() & ~done

    def guarded() -> None:
        before = [value.clone() for value in parameters]
        step()
        for value, old in zip(parameters, before, strict=True):
            moves = active.view(-1, *(1,) * (value.ndim - 1))
            value.copy_(torch.where(moves, value, old))
        steps.add_(active)
        if arrived is not None:
            done.logical_or_(active & arrived())
        active.logical_and_((steps < last) & sane() & ~done)

    take = Recorded(guarded, [*parameters, steps, done, active])
    while bool(active.any()):
        for _ in range(LOOK):
            take()
    return done


class Recorded:
    """A step that is recorded when it is first taken, and replayed once it is proved.

    The proof: replayed from the same `state`, it leaves the same bits there as when it is taken
    plainly, `PROOF` times in a row. Without it every step is taken plainly, after one warning.
    """

    def __init__(self, step: Step, state: Sequence[Tensor]) -> None:
        self.step, self.state = step, state
        self._take: Step | None = None

    def __call__(self) -> None:
        """Take the step, in place."""
        self._take = self._take or self._proved()
        self._take()

    def _proved(self) -> Step:
        """The recording, or the step itself; the state is left as it was found."""
        start = self._copy()
        plain = self._ends(self.step)
        self._restore(start)
        try:
            replay = capture(self.step)
            same = all(map(_same_bits, plain, self._ends(replay)))
            reason = None if same else "a replay differs from the step itself"
        except torch.OutOfMemoryError:
            raise  # for whoever sizes the group
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
        self._restore(start)
        if reason is None:
            return replay
        _warn(f"CUDA graph = not used, but should be for speed: {reason}")
        return self.step

    def _ends(self, step: Step) -> list[Tensor]:
        """The state after each of `PROOF` steps."""
        ends = []
        for _ in range(PROOF):
            step()
            ends += self._copy()
        return ends

    def _copy(self) -> list[Tensor]:
        return [value.clone() for value in self.state]

    def _restore(self, state: Sequence[Tensor]) -> None:
        for value, old in zip(self.state, state, strict=True):
            value.copy_(old)


def capture(step: Step) -> Step:
    """The step as a CUDA graph, to be replayed; it was taken plainly before, which warms it up."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def _same_bits(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.uint8), b.contiguous().view(torch.uint8))


_warned: set[str] = set()


def _warn(sentence: str) -> None:
    """Once a process for each sentence."""
    if sentence not in _warned:
        _warned.add(sentence)
        _log.warning(sentence)
