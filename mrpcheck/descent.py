"""Full-batch gradient descent on a group of independent trials at once.

A trial's path depends on nothing but its own data and start: finished trials are frozen, and a CPU
trains one trial at a time, with its intermediates in cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mrpcheck.batches import training_samples
from mrpcheck.cuda_graphs import descend_recorded
from mrpcheck.events import Plateau, Until, watch
from mrpcheck.fused import Fused
from mrpcheck.late import torch
from mrpcheck.native import library
from mrpcheck.products import full_precision
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.slopes import INTERMEDIATES, WORKSPACE, Parameters, Slopes
from mrpcheck.store import Arrays

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["DIVERGED", "descend", "group_size", "in_groups"]

MEMORY = 2**33  # bytes that trials which step together may take, beside one trial at least
GROUP = {"cpu": 1}  # trials that step together at most; elsewhere as many as fit
DIVERGED = 1e3  # a parameter beyond it has left the world: features have norm 1, strengths 2
LOOK = 16  # steps between two looks for divergence, where there is no event to look for


def descend(
    objective: Any,
    start: Parameters,
    setup: Setup,
    trials: Trials,
    *,
    rate: float,
    total: Sequence[int],
    done: Sequence[int] | None = None,
    until: Until | None = None,
) -> Arrays:
    """Descend every trial from `done` steps to `total`, or to its event; trial axis leading.

    Returns the parameters by name and, one value a trial, `steps` taken, `reached` (the event, or
    the total where there is none) and `diverged`. Trials that do not fit into the device's memory
    at once are descended in groups; no trial's path depends on its group.
    """
    full_precision(trials.device)
    before = done or [0] * trials.count

    def group(at: slice) -> Arrays:
        some = replace(trials, first=trials.first + at.start, count=len(total[at]))
        parameters = {
            name: value[at].clone(memory_format=torch.contiguous_format)
            for name, value in start.items()
        }
        return _Group(objective, parameters, setup, some, rate, until).run(total[at], before[at])

    return in_groups(group, trials, group_size(start, setup, trials))


def in_groups(group: Callable[[slice], Arrays], trials: Trials, size: int) -> Arrays:
    """What `group` returns for `size` trials after the other, or fewer where they do not fit.

    Where a group is one trial of the native step, as many threads as torch has take one each.
    """
    threads = torch.get_num_threads()
    if size == 1 and threads > 1 and torch.device(trials.device).type == "cpu" and library():
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(group, [slice(t, t + 1) for t in range(trials.count)]))
    else:
        parts, low = [], 0
        while low < trials.count:
            try:
                parts.append(group(slice(low, low + size)))
                low += size
            except torch.OutOfMemoryError:
                size = _smaller(size, trials)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def group_size(start: Parameters, setup: Setup, trials: Trials) -> int:
    """How many trials step together: as many as `MEMORY` holds, one at least."""
    kind = torch.device(trials.device).type
    weights = sum(value[0].numel() * value.element_size() for value in start.values())
    inputs = setup.recipe.samples * setup.data.patches * setup.data.dim
    inputs *= next(iter(start.values())).element_size()
    workspace = INTERMEDIATES * WORKSPACE[kind]
    fit = MEMORY // (2 * inputs + 4 * weights + workspace)  # drawn and prepared; slopes and copies
    return max(1, min(fit, GROUP.get(kind, fit), trials.count))


def _smaller(size: int, trials: Trials) -> int:
    """Half the trials at once, where the device has less memory than `MEMORY` says."""
    if size == 1:
        raise MemoryError(
            f"memory of {trials.device} = too little for one trial, but should hold it [descend]"
        ) from None
    torch.cuda.empty_cache()
    return size // 2


class _Group:
    """Trials that step together, and what does not change from step to step."""

    def __init__(
        self,
        objective: Any,
        parameters: Parameters,
        setup: Setup,
        trials: Trials,
        rate: float,
        until: Until | None,
    ) -> None:
        samples = training_samples(setup, trials, objective)
        self.objective, self.parameters, self.setup, self.trials = (
            objective,
            parameters,
            setup,
            trials,
        )
        self.rate = rate
        self.slopes = Slopes(objective, setup, parameters, samples.x, samples.label)
        self.until, self.features = until, samples.features.contiguous()
        self.arrived = watch(until, samples.features, setup.net) if until else None
        self.with_loss = isinstance(until, Plateau)
        self.sampled, self.seen = objective.masks == "sampled", samples.x.shape[1:3]

    def run(self, total: Sequence[int], done: Sequence[int]) -> Arrays:
        device = self.parameters["kernels"].device
        steps = torch.tensor(list(done), device=device)
        last = torch.tensor(list(total), device=device)
        reached = self._arrived(None)
        if self._recordable():
            return self._arrays(steps, self._descend_recorded(steps, last, reached))
        active = (steps < last) & self._sane() & ~(reached & (self.arrived is not None))
        if self.slopes.fused and not self.sampled:
            return self._run_fused(self.slopes.fused, steps, last, reached, active)
        loss: Tensor | None = None
        while bool(active.any()):
            for _ in range(self._stride(steps, last, active)):
                loss = self._guarded_step(steps, active)
                steps += active
            if self.arrived is not None:
                reached |= active & self._arrived(loss)
                active = active & ~reached
            active = active & (steps < last) & self._sane()
        return self._arrays(steps, reached)

    def _run_fused(
        self, fused: Fused, steps: Tensor, last: Tensor, reached: Tensor, active: Tensor
    ) -> Arrays:
        """Each trial from first to last in native code; all parameters lie in one piece."""
        for trial in active.nonzero()[:, 0].tolist():
            stop = fused.descend(
                self.parameters,
                trial,
                int(last[trial] - steps[trial]),
                rate=self.rate,
                until=self.until,
                features=self.features,
                bound=DIVERGED,
            )
            steps[trial] += stop.steps
            reached[trial] |= stop.reached
        return self._arrays(steps, reached)

    def _recordable(self) -> bool:
        """Whether every step is the same work on CUDA, so that a graph can hold it."""
        own = not self.objective.closed_form(self.setup.net) or self.objective.whole
        return self.parameters["kernels"].is_cuda and not (self.sampled or self.with_loss or own)

    def _descend_recorded(self, steps: Tensor, last: Tensor, reached: Tensor) -> Tensor:
        event = self.arrived is not None
        ended = descend_recorded(
            lambda: self._step(steps),
            list(self.parameters.values()),
            steps,
            last,
            sane=self._sane,
            arrived=(lambda: self._arrived(None)) if event else None,
            reached=reached if event else None,
        )
        return ended if event else reached

    def _stride(self, steps: Tensor, last: Tensor, active: Tensor) -> int:
        """Steps until something must be looked at: an event, a trial's end, or divergence."""
        if self.arrived is not None:
            return 1
        return min(LOOK, int((last - steps)[active].min()))

    def _guarded_step(self, steps: Tensor, active: Tensor) -> Tensor | None:
        """One step that leaves the parameters of finished trials as they are."""
        if len(active) == 1:
            return self._step(steps)
        before = {name: value.clone() for name, value in self.parameters.items()}
        loss = self._step(steps)
        for name, value in self.parameters.items():
            shape = (-1,) + (1,) * (value.ndim - 1)
            value.copy_(torch.where(active.view(shape), value, before[name]))
        return loss

    def _arrived(self, loss: Tensor | None) -> Tensor:
        kernels = self.parameters["kernels"]
        if self.arrived is None:
            return torch.ones(len(kernels), dtype=torch.bool, device=kernels.device)
        return self.arrived(kernels, loss)

    def _step(self, steps: Tensor) -> Tensor | None:
        """One step of gradient descent, in place; the loss before it where it is wanted."""
        mask = self._mask(steps) if self.sampled else None
        loss, slopes = self.slopes.at(self.parameters, mask, with_loss=self.with_loss)
        for name, slope in slopes.items():
            self.parameters[name].sub_(slope, alpha=self.rate)
        advance = getattr(self.objective, "advance", None)
        if advance:
            advance(self.parameters)
        return loss

    def _mask(self, steps: Tensor) -> Tensor:
        """Each trial's masks at its own step, (trial, sample, patch, masking)."""
        shape = (*self.seen, self.objective.maskings)
        rows = [
            self.trials.generator(self.setup.key, t, f"mask {step}").random(shape)
            for t, step in zip(self.trials.numbers, steps.tolist(), strict=True)
        ]
        kept = np.stack(rows) < self.objective.keep
        return torch.from_numpy(kept.astype(self.trials.dtype)).to(self.trials.device)

    def _sane(self) -> Tensor:
        """Which trials have finite parameters of a plausible size, (trial,)."""
        sane = [
            (value.flatten(1).abs().amax(1) <= DIVERGED) for value in self.parameters.values()
        ]  # NaN compares False
        return torch.stack(sane).all(0)

    def _arrays(self, steps: Tensor, reached: Tensor) -> Arrays:
        sane = self._sane()
        arrays = {name: value.cpu().numpy() for name, value in self.parameters.items()}
        arrays["steps"] = steps.cpu().numpy()
        arrays["reached"] = (reached & sane).cpu().numpy()
        arrays["diverged"] = (~sane).cpu().numpy()
        return arrays
