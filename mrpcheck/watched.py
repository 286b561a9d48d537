"""One trial's training, a piece at a time, with stops to look in: to the end, or to an event.

Axes: point (of training), kernel, feature; the leading axis of parameters is trial, of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mrpcheck import events
from mrpcheck.batches import training_samples
from mrpcheck.descent import LOOK
from mrpcheck.events import Captured, Until
from mrpcheck.late import torch
from mrpcheck.models import Encoder
from mrpcheck.paths import train
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.slopes import Parameters, Slopes
from mrpcheck.views import Samples

__all__ = ["POINTS", "Watched", "said", "watched", "watched_to"]

POINTS = 33  # at which training is looked at, its start and its end among them
EARLY = 1.5  # the power of their spacing: half of them in the first third, where features grow


@dataclass(frozen=True, eq=False)
class Watched:
    """One trial's training: what was seen at each point, and the parameters at its end.

    steps, loss (point,), correlations (point, kernel, feature); NaN from where it `diverged`.
    """

    steps: np.ndarray
    loss: np.ndarray
    correlations: np.ndarray
    end: Parameters
    diverged: bool

    def finite(self) -> Watched:
        """What was seen before it diverged."""
        seen = slice(int(np.isfinite(self.loss).sum()))
        parts = self.steps[seen], self.loss[seen], self.correlations[seen]
        return Watched(*parts, self.end, False)


def watched(
    objective: Any, start: Parameters, setup: Setup, one: Trials, *, rate: float, steps: float
) -> Watched:
    """Train one trial from `start`, a piece at a time, and look at it between the pieces.

    A descent in pieces is the descent in one, bit for bit; a flow is so to its tolerance.
    """
    counts, look = _counts(setup, steps), _look(objective, start, setup, one)
    now, done, diverged = dict(start), None, False
    seen = [look(now)]
    for count in counts[1:]:
        arrays = train(objective, now, setup, one, rate=rate, total=[count], done=done)
        diverged = bool(arrays["diverged"][0])
        if diverged:
            break
        now = {name: torch.from_numpy(arrays[name]).to(one.device) for name in now}
        done = (torch.tensor([count]), torch.tensor([rate * count], dtype=torch.float64))
        seen.append(look(now))
    missing = [tuple(np.full_like(part, np.nan) for part in seen[0])] * (len(counts) - len(seen))
    loss, correlations = zip(*seen, *missing, strict=True)
    return Watched(np.array(counts, float), np.stack(loss), np.stack(correlations), now, diverged)


def _counts(setup: Setup, steps: float) -> list[float]:
    """The steps after which to look: whole ones of descent."""
    shares = [(i / (POINTS - 1)) ** EARLY for i in range(POINTS)]
    if setup.recipe.flow is not None:
        return [share * steps for share in shares]
    return sorted({round(share * steps) for share in shares})


def _look(
    objective: Any, start: Parameters, setup: Setup, one: Trials
) -> Callable[[Parameters], tuple[np.ndarray, ...]]:
    """A function of the parameters: their mean loss, and the kernels' correlations."""
    samples = training_samples(setup, one, objective)
    slopes = Slopes(objective, setup, start, samples.x, samples.label)
    mask = _mask(objective, setup, one, samples)

    def look(now: Parameters) -> tuple[np.ndarray, ...]:
        loss, _ = slopes.at(now, mask, with_loss=True)
        assert loss is not None
        correlations = events.correlations(now["kernels"], samples.features)
        return np.asarray(float(loss[0])), correlations[0].cpu().numpy()

    return look


def _mask(objective: Any, setup: Setup, one: Trials, samples: Samples) -> torch.Tensor | None:
    """The same masks at every look, where the loss has no closed form to be looked at."""
    if objective.masks != "sampled" or objective.closed_form(setup.net):
        return None
    shape = (*samples.x.shape[1:3], objective.maskings)
    kept = one.generator(setup.key, one.first, "mask shown").random(shape) < objective.keep
    return torch.from_numpy(kept[None].astype(one.dtype)).to(one.device)


def watched_to(
    stop: Encoder, objective: Any, start: Parameters, setup: Setup, one: Trials
) -> tuple[Watched, str]:
    """Train to where `stop`, the same trial, was stopped; and what is to be said of that.

    Where it diverged on the way, to its last finite step, or as near as there is a point.
    """
    rate, flow = setup.recipe.rate, setup.recipe.flow is not None
    steps = float(stop.time[0]) / rate if flow else int(stop.steps[0])

    def follow(to: float) -> Watched:
        return watched(objective, start, setup, one, rate=rate, steps=max(to, 0))

    if not bool(stop.diverged[0]):
        reached = bool(stop.reached[0])
        return follow(steps), "" if reached else "the event was not reached: shown to the end"
    near, far = (steps * (1 - 1e-6), steps * (1 - 1e-3)) if flow else (steps - 1, steps - LOOK)
    path = follow(near)
    path = follow(far).finite() if path.diverged else path
    return path, f"pretraining diverged: shown until shortly before, step {path.steps[-1]:.4g}"


def said(until: Until | None) -> str:
    """An event in words; "" for the recipe's end.

    >>> said(Captured(times=3, features="first"))
    '3 times the moment at which the first feature is captured'
    """
    if until is None:
        return ""
    if not isinstance(until, Captured):
        return "the moment at which the loss stops falling"
    which = "every feature" if until.features == "all" else "the first feature"
    times = "" if until.times == 1 else f"{until.times:g} times "
    return f"{times}the moment at which {which} is captured"
