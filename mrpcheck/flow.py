"""The gradient flow dw/dt = -grad(mean loss) of a group of trials, each at a pace of its own.

Steps are as long as their estimated error allows. A trial leaves the group at its event or end, and
then costs nothing; no trial's path depends on its group where, as on a CPU, that is one trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mrpcheck.batches import training_samples
from mrpcheck.crossings import crossings
from mrpcheck.descent import DIVERGED, group_size, in_groups
from mrpcheck.events import Until
from mrpcheck.late import torch
from mrpcheck.products import full_precision
from mrpcheck.runge_kutta import Steps
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.slopes import Parameters, Slopes
from mrpcheck.store import Arrays

__all__ = ["follow"]

SAME = 1e-12  # share of a time by which two written times of one event may differ
SAFETY, SHRINK, GROW = 0.9, 0.2, 5.0  # of a step's length, and its change from one to the next
MOST = 100_000  # steps taken or tried: a flow that needs more is too stiff, and counts as diverged


def follow(
    objective: Any,
    start: Parameters,
    setup: Setup,
    trials: Trials,
    *,
    tolerance: float,
    end: Sequence[float],
    done: Sequence[float] | None = None,
    until: Until | None = None,
) -> Arrays:
    """Follow every trial's flow from time `done` to `end`, or to its event; trial axis leading.

    Returns the parameters by name and, one value a trial, `time`, `steps` taken since `done`,
    `reached` (the event, or the end where there is none) and `diverged`.
    """
    full_precision(trials.device)
    before = done or [0.0] * trials.count

    def group(at: slice) -> Arrays:
        some = replace(trials, first=trials.first + at.start, count=len(end[at]))
        parameters = {name: value[at].clone() for name, value in start.items()}
        found = _Group(objective, parameters, setup, some, tolerance, until)
        return found.run(np.array(end[at]), np.array(before[at]))

    return in_groups(group, trials, group_size(start, setup, trials))


class _Group:
    """Trials that are followed together: one value a trial in every array."""

    def __init__(
        self,
        objective: Any,
        parameters: Parameters,
        setup: Setup,
        trials: Trials,
        tolerance: float,
        until: Until | None,
    ) -> None:
        samples = training_samples(setup, trials, objective)
        self.objective, self.setup = objective, setup
        self.x, self.label = samples.x, samples.label
        slopes = Slopes(objective, setup, parameters, self.x, self.label)
        rate = setup.recipe.rate
        self.events = crossings(until, samples.features, setup.net, rate) if until else None
        with_loss = self.events is not None and self.events.with_loss
        self.steps = Steps(slopes, parameters, tolerance, with_loss=with_loss)
        self.number = list(range(trials.count))
        self.left: list[Arrays] = [{} for _ in self.number]  # by number: what a trial ends as

    def run(self, end: np.ndarray, done: np.ndarray) -> Arrays:
        """Follow all trials from `done` to `end`, (trial,) each."""
        self.time = done.astype(float)
        self.end = np.where(end - done > SAME * end, end, done)
        self.taken, self.step = np.zeros(len(end), dtype=np.int64), self.steps.first()
        self.tried = 0
        begun = self.events.begun(self.steps) if self.events else [False] * len(end)
        arrived = {trial: self._here(trial) for trial, there in enumerate(begun) if there}
        self._leave(arrived, self.time >= self.end)
        while self.number:
            self._advance()
        return {name: np.stack([found[name] for found in self.left]) for name in self.left[0]}

    def _here(self, trial: int) -> Parameters:
        return {name: value[trial : trial + 1] for name, value in self.steps.now.named.items()}

    def _advance(self) -> None:
        """Try one step of every trial."""
        remaining = self.end - self.time
        step = np.minimum(self.step, remaining)
        error = self.steps.attempt(step)
        good = error <= 1  # NaN compares False
        arrived: dict[int, Parameters] = {}
        after = np.where(step < remaining, self.time + step, self.end)
        if self.events and good.any():
            found = self.events.within(self.steps, step.tolist(), good.tolist())
            for trial, share in found.items():
                arrived[trial] = self.steps.bridge(trial, step[trial]).at(share)
                after[trial] = self.time[trial] + share * step[trial]
        with np.errstate(divide="ignore"):
            change = np.where(np.isnan(error), SHRINK, SAFETY * error ** (-1 / 3))
        self.step = step * np.clip(change, SHRINK, np.where(good, GROW, SAFETY))
        self.tried += 1
        lost = ~(self.time + self.step > self.time) | (self.tried >= MOST)  # it does not move on
        self.time = np.where(good, after, self.time)
        self.taken += good
        self.steps.accept(good)
        self._leave(arrived, lost | (self.time >= self.end))

    def _leave(self, arrived: dict[int, Parameters], over: np.ndarray) -> None:
        """Keep what trials end as that have arrived, are over, or have left the world."""
        sane = (self.steps.sizes.amax(1) <= DIVERGED).cpu().numpy()
        done = over | ~sane
        done[list(arrived)] = True
        if not done.any():
            return
        for trial in np.flatnonzero(done).tolist():
            self._record(trial, arrived.get(trial), bool(sane[trial]))
        keep = np.flatnonzero(~done)
        self.number = [self.number[trial] for trial in keep.tolist()]
        self.time, self.end = self.time[keep], self.end[keep]
        self.taken, self.step = self.taken[keep], self.step[keep]
        if self.number:
            self._go_on(torch.from_numpy(keep).to(self.x.device))

    def _record(self, trial: int, arrived: Parameters | None, sane: bool) -> None:
        parameters = self._here(trial) if arrived is None else arrived
        found = {name: value[0].cpu().numpy().copy() for name, value in parameters.items()}
        there = arrived is not None if self.events else self.time[trial] >= self.end[trial]
        lost = arrived is None and self.time[trial] < self.end[trial]  # it does not move on
        found["time"], found["steps"] = np.array(self.time[trial]), np.array(self.taken[trial])
        found["reached"] = np.array(bool(there) and sane)
        found["diverged"] = np.array(lost or not sane)
        self.left[self.number[trial]] = found

    def _go_on(self, keep: torch.Tensor) -> None:
        """Go on with the trials whose indices `keep` holds; the others cost nothing from here."""
        self.x, self.label = self.x[keep], self.label[keep]
        named = {name: value[keep] for name, value in self.steps.now.named.items()}
        slopes = Slopes(self.objective, self.setup, named, self.x, self.label)
        self.steps.keep(keep, slopes)
        if self.events:
            self.events.keep(keep)
