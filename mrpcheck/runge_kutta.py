"""Steps of an embedded Runge-Kutta pair, and the cubic between a step's two ends.

Bogacki and Shampine (1989), order 3 with an error of order 2; the last gradient of a step is the
first of the next, so that a step costs three. Where stability and not accuracy bounds the step,
`chebyshev` takes over. Leading axis trial; each trial has a step of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mrpcheck.chebyshev import counts, table
from mrpcheck.late import torch
from mrpcheck.products import norms
from mrpcheck.slopes import Parameters, Slopes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Bridge", "State", "Steps"]

SMALL = 1e-4  # norm of a row below which errors count absolutely: heads begin at zero
LOOK = 16  # steps of the pair between two looks at the curvature
ROUNDS = 6  # of the power method at each of them
FRESH = 0.1  # share of any direction at each round: what has settled may stir again
CALM = 0.6  # step times curvature below which many stages give way to the pair again ...
STIFF = 1.8  # ... and above which they take over from it, which is stable up to 2.5
INNER = (1 / 2, 3 / 4)  # where in the step its second and third gradient are taken
WEIGHTS = (2 / 9, 1 / 3, 4 / 9)  # of the gradients in the step of order 3 ...
ERROR = (-5 / 72, 1 / 12, 1 / 9, -1 / 8)  # ... and in its difference from that of order 2


class State:
    """All trained parameters of a group in one tensor, (trial, entry), and by name as views of it.

    What is not trained (a frozen teacher, a fixed head) is held by name alone.
    """

    def __init__(self, parameters: Parameters, trained: Sequence[str]) -> None:
        self.trained = list(trained)
        self.flat = torch.cat([parameters[name].flatten(1) for name in trained], 1)
        self.named = dict(parameters)
        low = 0
        for name in trained:
            shape = parameters[name].shape
            high = low + shape[1:].numel()
            self.named[name] = self.flat[:, low:high].view(shape)
            low = high

    def like(self) -> State:
        """A copy with a tensor of its own."""
        return State(self.named, self.trained)

    def kept(self, keep: Tensor) -> State:
        """The trials whose indices `keep` holds."""
        return State({name: value[keep] for name, value in self.named.items()}, self.trained)

    def put(self, values: Parameters) -> None:
        """Copy what is trained from `values`."""
        for name in self.trained:
            self.named[name].copy_(values[name])

    def sizes(self) -> Tensor:
        """The norm of every kernel and of every other parameter's rows, (trial, row)."""
        sizes = [norms(self.named[name]) for name in self.trained]
        return sizes[0] if len(sizes) == 1 else torch.cat(sizes, 1)


@dataclass(frozen=True, eq=False)
class Bridge:
    """One trial from one end of a step to the other: the cubic with the flow's slopes at both.

    start, end, first, last  (1, entry): the state and its change at the flow's pace, per step
    """

    state: State
    start: Tensor
    end: Tensor
    first: Tensor
    last: Tensor

    def at(self, share: float) -> Parameters:
        """The parameters a `share` in [0, 1] of the way, leading axis 1; exact at both ends."""
        if share == 1:
            flat = self.end
        else:
            a, b = 1 - share, share
            flat = self.start * (a * a * (1 + 2 * b)) + self.end * (b * b * (1 + 2 * a))
            flat += self.first * (a * a * b) - self.last * (a * b * b)
        found = {**self.state.named}
        low = 0
        for name in self.state.trained:
            shape = (1, *found[name].shape[1:])
            high = low + found[name][0].numel()
            found[name] = flat[:, low:high].view(shape)
            low = high
        return found


class Steps:
    """A group of trials on the way: `now`, the end of the step tried last in `next`.

    The gradients at the beginning of a step, at two inner points and at its end are kept; the flow
    is dw/dt = -gradient. `losses` (trial,) are those at the two ends where they are wanted.
    """

    def __init__(
        self, slopes: Slopes, parameters: Parameters, tolerance: float, *, with_loss: bool
    ) -> None:
        self.slopes, self.tolerance, self.with_loss = slopes, tolerance, with_loss
        loss, first = slopes.at(parameters, with_loss=with_loss)
        self.losses = [loss, loss]
        self._begin(State(parameters, list(first)))
        self.gradients[0].put(first)
        self.probe = self.any = _any(self.now.flat)
        self.stiff, self.tried = np.zeros(len(self.probe), dtype=bool), 0

    def _begin(self, now: State) -> None:
        self.now, self.next, self.inner = now, now.like(), now.like()
        self.gradients = [now.like() for _ in range(4)]
        self.sizes = self.next_sizes = now.sizes()

    def keep(self, keep: Tensor, slopes: Slopes) -> None:
        """Go on with the trials whose indices `keep` holds; `slopes` are theirs."""
        first, self.slopes = self.gradients[0].kept(keep), slopes
        self._begin(self.now.kept(keep))
        self.gradients[0] = first
        self.probe, self.any = self.probe[keep], self.any[keep]
        self.stiff = self.stiff[keep.cpu().numpy()]
        self.losses = [None if loss is None else loss[keep] for loss in self.losses]

    def first(self) -> np.ndarray:
        """Steps to begin with: no row moves far, measured by its own norm; (trial,)."""
        speed = self.gradients[0].sizes()
        share = (SMALL + self.sizes) / speed.clamp_min(torch.finfo(speed.dtype).tiny)
        return self.tolerance ** (1 / 3) * share.amin(1).double().cpu().numpy()

    def attempt(self, step: np.ndarray) -> np.ndarray:
        """Put the end of each trial's `step` into `next`; the error per allowed error, (trial,)."""
        h = torch.from_numpy(step).to(self.now.flat)[:, None]
        stages = self._stages(step)
        many = torch.from_numpy(stages > 0).to(h.device)[:, None]
        if not stages.all():
            self._pair(h)
            off = _sum(ERROR, [gradient.flat for gradient in self.gradients[:3]])
        if stages.any():
            end = self._chebyshev(h, stages)
            self.next.flat.copy_(end if stages.all() else torch.where(many, end, self.next.flat))
        self.losses[1], last = self.slopes.at(self.next.named, with_loss=self.with_loss)
        self.gradients[3].put(last)
        g0, g3 = self.gradients[0].flat, self.gradients[3].flat
        if not stages.all():
            off.add_(g3, alpha=ERROR[3])
        if stages.any():
            other = ((self.now.flat - self.next.flat) * (2 / h) - g0 - g3) * 0.4
            off = other if stages.all() else torch.where(many, other, off)
        self.inner.flat.copy_(off)
        self.next_sizes = self.next.sizes()
        allowed = torch.maximum(self.sizes, self.next_sizes) + SMALL
        error = (self.inner.sizes() / allowed).amax(1).double().cpu().numpy()
        return error * step / self.tolerance

    def _pair(self, h: Tensor) -> None:
        """The step of order 3 into `next`."""
        now, inner = self.now.flat, self.inner.flat
        for place, share in enumerate(INNER):
            torch.addcmul(now, self.gradients[place].flat, h, value=-share, out=inner)
            self.gradients[place + 1].put(self.slopes.at(self.inner.named)[1])
        moved = _sum(WEIGHTS, [gradient.flat for gradient in self.gradients[:3]])
        torch.addcmul(now, moved, h, value=-1, out=self.next.flat)

    def _chebyshev(self, h: Tensor, stages: np.ndarray) -> Tensor:
        """The end of the step of order 2 with many stages, (trial, entry); 0 stages: no step."""
        now, inner, slope = self.now.flat, self.inner.flat, self.gradients[1]
        first, later = (torch.from_numpy(part).to(now) for part in table(stages))
        moved = self.gradients[0].flat * h
        before = now
        torch.addcmul(now, moved, first, value=-1, out=inner)
        for rest, mu, nu, late, early in later:
            slope.put(self.slopes.at(self.inner.named)[1])
            after = (now * rest).addcmul_(inner, mu).addcmul_(before, nu)
            after.addcmul_(moved, early, value=-1).addcmul_(slope.flat, h * late, value=-1)
            before = inner.clone()
            inner.copy_(after)
        return inner.clone()

    def _stages(self, step: np.ndarray) -> np.ndarray:
        """How many stages each step needs where stability bounds it; 0: the pair will do."""
        self.tried += 1
        stages = np.zeros(len(step), dtype=int)
        for looked, rounds, bound in ((self.stiff, 1, CALM), (~self.stiff, ROUNDS, STIFF)):
            if looked.any() and (rounds == 1 or self.tried % LOOK == 0):
                length = step * self._curvature(rounds, looked)
                stages = np.where(looked & (length > bound), counts(length), stages)
        self.stiff = stages > 0
        return stages

    def _curvature(self, rounds: int, looked: np.ndarray) -> np.ndarray:
        """The largest curvature from below, (trial,), of those `looked` at, by the power method."""
        now, first, slope = self.now.flat, self.gradients[0].flat, self.gradients[1]
        here = torch.from_numpy(looked).to(now.device)[:, None]
        reach = torch.finfo(now.dtype).eps ** 0.5 * (SMALL + now.norm(dim=1, keepdim=True))
        for _ in range(rounds):
            size = self.probe.norm(dim=1, keepdim=True).clamp_min(torch.finfo(now.dtype).tiny)
            probe = torch.lerp(self.probe / size, self.any, FRESH)
            probe /= probe.norm(dim=1, keepdim=True)
            torch.addcmul(now, probe, reach, out=self.inner.flat)
            slope.put(self.slopes.at(self.inner.named)[1])
            self.probe = torch.where(here, (slope.flat - first) / reach, self.probe)
        return self.probe.norm(dim=1).double().cpu().numpy()

    def accept(self, good: np.ndarray) -> None:
        """Let the trials that are `good` go on from the end of the step."""
        if good.all():
            self.now, self.next = self.next, self.now
            self.gradients[0], self.gradients[3] = self.gradients[3], self.gradients[0]
            self.sizes, self.losses[0] = self.next_sizes, self.losses[1]
        elif good.any():
            at = torch.from_numpy(np.flatnonzero(good)).to(self.now.flat.device)
            self.now.flat[at] = self.next.flat[at]
            self.gradients[0].flat[at] = self.gradients[3].flat[at]
            self.sizes[at] = self.next_sizes[at]
            before, after = self.losses
            if before is not None and after is not None:
                before[at] = after[at]

    def bridge(self, trial: int, step: float) -> Bridge:
        """From beginning to end of the step that was tried last; before it is accepted."""
        at = slice(trial, trial + 1)
        ends = self.now.kept(torch.tensor([trial], device=self.now.flat.device)), self.next.flat[at]
        first, last = (self.gradients[place].flat[at] * -step for place in (0, 3))
        return Bridge(ends[0], ends[0].flat, ends[1], first, last)


def _any(like: Tensor) -> Tensor:
    """A direction of no pattern, the same in every trial: none is orthogonal to it."""
    order = torch.arange(like.shape[1], dtype=torch.float64, device=like.device)
    values = torch.cos(order * order).to(like.dtype)
    return (values / values.norm()).expand_as(like)


def _sum(weights: Sequence[float], g: Sequence[Tensor]) -> Tensor:
    """The weighted sum of gradients; weights beyond them are left out."""
    total = g[0] * weights[0]
    for weight, gradient in zip(weights[1:], g[1:], strict=False):
        total.add_(gradient, alpha=weight)
    return total
