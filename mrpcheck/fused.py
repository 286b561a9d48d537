"""The native step for the package's objectives: gradients and whole descents of trials on the CPU.

A trial's samples are laid out once (patches padded to whole vectors); its parameters are read and
written where they lie. Formulas are those of `objectives`; `step.cpp` says how.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mrpcheck import native
from mrpcheck.data import late_words
from mrpcheck.events import Captured, Plateau, Until
from mrpcheck.late import torch
from mrpcheck.nets import PLAIN, SMOOTHED
from mrpcheck.objectives import CrossEntropy, MaskedLatents, MaskedPixels
from mrpcheck.objectives.masks import CONTEXTS
from mrpcheck.objectives.probe import HeadOnly
from mrpcheck.setups import Setup

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Fused", "Stop", "fused"]

KINDS = (MaskedLatents, MaskedPixels, CrossEntropy, HeadOnly)
EVENTS = {"all": 1, "first": 2, "plateau": 3}  # as `step.cpp` numbers them
PAGE = 512  # bytes: rows that far apart, or a multiple, would crowd into few places of a cache

Parameters = dict[str, "Tensor"]


def fused(objective: Any, setup: Setup, x: Tensor, label: Tensor) -> Fused | None:
    """The native step of trials whose samples are x (trial, sample, patch, dim), or None.

    None where there is no library, on another device, and for what it has no formulas of: another
    body or activation of the encoder, or another objective.
    """
    library = native.library()
    known = x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64)
    fits = known and isinstance(objective, KINDS) and setup.net.body == PLAIN
    fits = fits and setup.net.activation == SMOOTHED and not late_words(objective)
    return Fused(library, objective, setup, x, label) if library and fits else None


@dataclass(frozen=True)
class Stop:
    """Where a trial's descent ended: `steps` taken, whether the event was `reached`, or blew up."""

    steps: int
    reached: bool
    diverged: bool


class Fused:
    """Trials of one setup under the native step."""

    def __init__(
        self, library: ctypes.CDLL, objective: Any, setup: Setup, x: Tensor, label: Tensor
    ) -> None:
        self.library, self.objective, self.setup = library, objective, setup
        self.wide = x.dtype == torch.float64
        self.x, self.dim = _padded(x, library.mrp_lanes(self.wide)), x.shape[-1]
        self.label = label.contiguous()
        self.second, self.trained = _second(objective), _trained(objective)
        self.problems = [self._fixed(trial) for trial in range(len(x))]

    def gradient(
        self, parameters: Parameters, mask: Tensor | None = None, *, with_loss: bool = False
    ) -> tuple[Tensor | None, Parameters]:
        """The mean loss, (trial,) or None, and its gradient by every parameter that is trained."""
        parameters = {name: value.contiguous() for name, value in parameters.items()}
        slopes = {name: torch.empty_like(parameters[name]) for name in self.trained}
        seen = None if mask is None else mask.contiguous()
        losses = []
        for t in range(len(self.x)):
            problem = self._problem(parameters, t, seen)
            problem.to_kernels = _at(slopes.get("kernels"), t)
            problem.to_second = _at(slopes.get(self.second), t)
            losses.append(self.library.mrp_gradient(ctypes.byref(problem), self.wide, with_loss))
        return (torch.tensor(losses, dtype=self.x.dtype) if with_loss else None), slopes

    def descend(
        self,
        parameters: Parameters,
        trial: int,
        steps: int,
        *,
        rate: float,
        until: Until | None,
        features: Tensor,
        bound: float,
    ) -> Stop:
        """Descend one trial in place, `steps` steps or to its event; `bound`: see DIVERGED."""
        problem = self._problem(parameters, trial, None)
        problem.features = features.shape[1]
        stop, losses = native.Until(diverged=bound), torch.empty(0, dtype=torch.float64)
        stop.features = _at(features, trial)
        if isinstance(until, Captured):
            stop.event = EVENTS[until.features]
        elif isinstance(until, Plateau):
            losses = torch.empty(steps, dtype=torch.float64)
            stop.event, stop.fall, stop.over = EVENTS["plateau"], until.fall, until.over
            stop.losses = losses.data_ptr()
        reached = ctypes.c_int64(0)
        taken = self.library.mrp_descend(
            ctypes.byref(problem),
            self.wide,
            rate,
            steps,
            ctypes.byref(stop),
            ctypes.byref(reached),
        )
        return Stop(abs(taken), bool(reached.value), taken < 0)

    def _problem(self, parameters: Parameters, trial: int, mask: Tensor | None) -> native.Problem:
        """The trial's problem, with its parameters where they lie now."""
        problem = self.problems[trial]
        problem.mask, problem.w = _at(mask, trial), _at(parameters["kernels"], trial)
        problem.second = _at(parameters.get(self.second), trial)
        return problem

    def _fixed(self, trial: int) -> native.Problem:
        """What does not change from step to step."""
        samples, patches, stride = self.x.shape[1:]
        net = self.setup.net
        problem = native.Problem(
            samples=samples,
            patches=patches,
            dim=self.dim,
            stride=stride,
            kernels=self.setup.kernels,
            classes=self.setup.data.classes,
            objective=next(i for i, kind in enumerate(KINDS) if isinstance(self.objective, kind)),
            power=net.power,
            threshold=net.threshold,
            keep=1.0,
            train_head=1,
        )
        _write[type(self.objective)](problem, self.objective)
        problem.x, problem.label = _at(self.x, trial), _at(self.label, trial)
        return problem


def _padded(x: Tensor, lanes: int) -> Tensor:
    """x with rows of whole vectors, and not a whole number of pages apart."""
    stride = -(-x.shape[-1] // lanes) * lanes
    if stride * x.element_size() % PAGE == 0:
        stride += lanes
    padded = x.new_zeros(*x.shape[:-1], stride)
    padded[..., : x.shape[-1]] = x
    return padded


def _at(values: Tensor | None, trial: int) -> int | None:
    """The address of one trial's values, which lie in one piece."""
    if values is None:
        return None
    assert values.is_contiguous()
    return values.data_ptr() + trial * values.stride(0) * values.element_size()


def _second(objective: Any) -> str:
    """The name of the parameter beside the kernels, where there is one."""
    if isinstance(objective, (CrossEntropy, HeadOnly)):
        return "head"
    return "decoder" if isinstance(objective, MaskedPixels) else "teacher"


def _trained(objective: Any) -> list[str]:
    if isinstance(objective, HeadOnly):
        return ["head"]
    if isinstance(objective, CrossEntropy):
        return ["kernels", "head"] if objective.head else ["kernels"]
    free = isinstance(objective, MaskedPixels) and objective.decoder == "free"
    return ["kernels", "decoder"] if free else ["kernels"]


def _latents(problem: native.Problem, objective: MaskedLatents) -> None:
    problem.keep, problem.context = objective.keep, CONTEXTS.index(objective.context)
    problem.other_teacher = objective.teacher != "scaled"
    problem.teacher_scale = objective.teacher_scale
    problem.momentum = objective.momentum if objective.teacher == "ema" else 1.0


def _pixels(problem: native.Problem, objective: MaskedPixels) -> None:
    problem.keep, problem.context = objective.keep, CONTEXTS.index(objective.context)
    problem.free_decoder = objective.decoder == "free"


def _classes(problem: native.Problem, objective: CrossEntropy) -> None:
    problem.train_head = objective.head


def _probe(problem: native.Problem, objective: HeadOnly) -> None:
    problem.dim = problem.kernels  # the encoder's outputs are the samples


_write: dict[type, Callable[[native.Problem, Any], None]] = {
    MaskedLatents: _latents,
    MaskedPixels: _pixels,
    CrossEntropy: _classes,
    HeadOnly: _probe,
}
