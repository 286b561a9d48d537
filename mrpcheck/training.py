"""The ways to train: `pretrain`, `finetune`, `linear_probe`, `supervise`.

Axes: trial, sample, patch, dim, kernel, class; the leading axis is always trial.
Source: Pan, Zhou, Yan (ICLR 2023), pretraining and fine-tuning; Allen-Zhu & Li (ICLR 2023), SL.
Origin: recalled; constants ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from mrpcheck import native, store
from mrpcheck.calls import trains_block
from mrpcheck.encoders import body_parameters, start_body
from mrpcheck.events import Captured, Until
from mrpcheck.late import torch
from mrpcheck.models import Classifier, Encoder
from mrpcheck.nets import initial_kernels
from mrpcheck.objectives import CrossEntropy
from mrpcheck.objectives.augmented import MaskedCrossEntropy
from mrpcheck.objectives.masks import check_keep
from mrpcheck.objectives.probe import HeadOnly
from mrpcheck.paths import train
from mrpcheck.seeds import Trials, digest
from mrpcheck.setups import Setup

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Classifier",
    "Encoder",
    "add_head",
    "finetune",
    "from_scratch",
    "linear_probe",
    "pretrain",
    "supervise",
]


@trains_block
def pretrain(setup: Setup, trials: Trials, until: Until | None = None) -> Encoder:
    """Train the setup's objective from N(0, sigma_0^2 I), each trial on its own N samples.

    until  None: for the recipe's steps (times `trials.horizon`); `Captured()`: to the step at which
           every feature is captured; `Captured(times=3)`: to three times that step;
           `Plateau()`: until the loss stops falling. Along a gradient flow steps are time.

    A trial that leaves the finite numbers is a failed trial (`trials.facts.failed`).
    """
    if until is not None and not isinstance(until, Until):
        raise TypeError(
            f"until = {until!r}, but should be None, Captured(...) or Plateau(...) [pretrain]"
        )
    if isinstance(until, Captured) and not setup.data.views:
        setup.data.basis(setup.key, trials)  # which says that no features are known
    trials.facts.end_state |= until is None
    trials.facts.setups.append(setup)
    trials.facts.stops.append((setup, until))
    name = _name("pretrain", setup, trials, repr(until))
    parts = _fetch(name, trials, lambda: _pretrain(setup, trials, until))
    known = {key: parts.pop(key) for key in ("kernels", "steps", "time", "reached", "diverged")}
    return Encoder(setup=setup, trials=trials, **known, extra=parts, name=name)


@trains_block
def finetune(encoder: Encoder, setup: Setup, trials: Trials) -> Classifier:
    """Train kernels and a head from zero on the labels of the pretraining samples."""
    return add_head("finetune", CrossEntropy(), encoder, setup, trials)


@trains_block
def linear_probe(encoder: Encoder, setup: Setup, trials: Trials) -> Classifier:
    """Train a head from zero on the labels of the pretraining samples, the encoder fixed."""
    return add_head("linear probe", HeadOnly(), encoder, setup, trials)


@trains_block
def supervise(
    setup: Setup, trials: Trials, head: Literal["fixed", "trained"] = "fixed", keep: float = 1.0
) -> Classifier:
    """Supervised learning from scratch (SL) on the samples that pretraining sees, labelled.

    head  "fixed": each class is the sum of its own m kernels (AZL); "trained": the architecture of
          fine-tuning, head from zero. Both take as many steps as pretraining and fine-tuning.
    keep  below 1, masking is the augmentation: at every step each patch of each sample is kept with
          this probability, anew, and what is kept weighs 1/keep (see `MaskedCrossEntropy`). The
          masks of a step are those of sampled pretraining. Refused along a gradient flow.
    """
    if head not in ("fixed", "trained"):
        raise ValueError(f"head = {head!r}, but should be 'fixed' or 'trained' [supervise]")
    check_keep(keep, "supervise")
    if keep < 1 and setup.recipe.flow is not None:
        raise ValueError(
            f"keep = {keep!r}, but should be 1 along a gradient flow: masks change by the step "
            "[supervise]"
        )

    def begin() -> dict[str, Tensor]:
        kernels = _initial(setup, trials)
        body = start_body(kernels, setup, trials)
        return {"kernels": kernels, "head": _head(setup, kernels, head), **body}

    learned = head == "trained"
    objective = (
        CrossEntropy(head=learned) if keep == 1 else MaskedCrossEntropy(keep=keep, head=learned)
    )
    more = head if keep == 1 else f"{head}, keep {keep!r}"
    return from_scratch("supervise", more, objective, setup, trials, begin)


def from_scratch(
    how: str,
    more: str,
    objective: object,
    setup: Setup,
    trials: Trials,
    begin: Callable[[], dict[str, Tensor]],
) -> Classifier:
    """Train what `begin` makes, head among it, for as long as pretraining and fine-tuning take.

    how, more  name the way to train; at a later horizon it goes on from the end of the first.
    """
    trials.facts.end_state = True
    trials.facts.setups.append(setup)
    blind = setup.derive(objective=CrossEntropy())  # SL does not see the setup's objective

    def make() -> store.Arrays:
        before: Classifier | None = None
        if trials.horizon > 1:
            once = replace(trials, horizon=1)
            before = from_scratch(how, more, objective, setup, once, begin)
        recipe = setup.recipe
        return train(
            objective,
            begin() if before is None else before.parameters,
            setup,
            trials,
            rate=recipe.tune_rate,
            total=_steps(recipe.steps + recipe.tune_steps, trials),
            done=None if before is None else (before.steps, before.time),
        )

    return _classifier(_name(how, blind, trials, more), setup, trials, make)


def add_head(
    how: str,
    objective: object,
    encoder: Encoder,
    setup: Setup,
    trials: Trials,
    more: Callable[[], dict[str, Tensor]] = dict,
) -> Classifier:
    """Train `objective` for the steps of fine-tuning from an encoder and a head of zeros.

    more  makes further parameters at step 0, or another head than the one of k classes.
    """
    if _which(encoder.trials) != _which(trials):
        raise ValueError(
            f"the encoder's trials = {_which(encoder.trials)}, but should be {_which(trials)}, "
            f"those asked for [{how}]"
        )
    trials.facts.end_state = True

    def make() -> store.Arrays:
        return train(
            objective,
            {
                "kernels": encoder.kernels,
                "head": _head(setup, encoder.kernels, "trained"),
                **body_parameters(encoder.extra),
                **more(),
            },
            setup,
            trials,
            rate=setup.recipe.tune_rate,
            total=_steps(setup.recipe.tune_steps, trials),
        )

    return _classifier(_name(how, setup, trials, encoder.name), setup, trials, make)


def _classifier(
    name: str, setup: Setup, trials: Trials, make: Callable[[], store.Arrays]
) -> Classifier:
    parts = _fetch(name, trials, make)
    known = {key: parts[key] for key in ("kernels", "head", "steps", "time", "diverged")}
    extra = {key: value for key, value in parts.items() if key not in known | {"reached": 0}}
    return Classifier(setup=setup, trials=trials, **known, extra=extra, name=name)


def _pretrain(setup: Setup, trials: Trials, until: Until | None) -> store.Arrays:
    """Train from the start, or go on from the state on the same path that is known already."""
    total: Sequence[float] = _steps(setup.recipe.steps, trials)
    before: Encoder | None = None
    if until is None and trials.horizon > 1:
        before = pretrain(setup, replace(trials, horizon=1))
    elif isinstance(until, Captured) and until.times != 1:
        before = pretrain(setup, trials, replace(until, times=1.0))
        total = _multiples(before, until.times)
    if before is None:
        kernels = _initial(setup, trials)
        start = setup.objective.start(kernels, setup, trials) | start_body(kernels, setup, trials)
    else:
        start, until = {"kernels": before.kernels, **before.extra}, None
    arrays = train(
        setup.objective,
        start,
        setup,
        trials,
        rate=setup.recipe.rate,
        total=total,
        done=None if before is None else (before.steps, before.time),
        until=until,
    )
    if before is not None:
        arrays["reached"] &= before.reached.cpu().numpy()
    return arrays


def _multiples(before: Encoder, times: float) -> list[float]:
    """The steps at `times` the event that `before` stopped at; where it did not, its own."""
    whole = before.setup.recipe.flow is None
    steps = before.steps if whole else before.time / before.setup.recipe.rate
    return [
        (math.ceil(round(count * times, 6)) if whole else count * times) if reached else count
        for count, reached in zip(steps.tolist(), before.reached.tolist(), strict=True)
    ]


def _which(trials: Trials) -> str:
    """The trials in words; what is fixed or redrawn may differ between two arms."""
    ends = f"{trials.numbers[0]} to {trials.numbers[-1]}"
    return f"{ends} of {trials.stream!r}, seed {trials.seed}, {trials.dtype} on {trials.device}"


def _steps(steps: int, trials: Trials) -> list[int]:
    return [steps * trials.horizon] * trials.count


def _initial(setup: Setup, trials: Trials) -> Tensor:
    return initial_kernels(setup.net, setup.data.classes, setup.data.dim, setup.key, trials)


def _head(setup: Setup, kernels: Tensor, head: str) -> Tensor:
    """(trial, class, kernel): zeros, or ones from each class to its own m kernels."""
    classes = setup.data.classes
    if head == "trained":
        return kernels.new_zeros(len(kernels), classes, setup.kernels)
    own = torch.eye(classes, dtype=kernels.dtype, device=kernels.device)
    return own.repeat_interleave(setup.net.kernels_per_class, 1).repeat(len(kernels), 1, 1)


def _name(how: str, setup: Setup, trials: Trials, more: str) -> str:
    """What decides a block's content, as a digest: equal names, equal blocks."""
    return digest(
        how,
        more,
        setup.to_json(),
        setup.key,
        [trials.seed, trials.stream, trials.first, trials.count, trials.horizon, trials.dtype],
        [sorted(trials.fixed), sorted(trials.redrawn)],
        [torch.device(trials.device).type, native.name()],
        torch.__version__,
        store.source_digest(),
    )


def _fetch(name: str, trials: Trials, make: Callable[[], store.Arrays]) -> dict[str, Tensor]:
    """The block as tensors on the trials' device; diverged trials are failed ones."""
    arrays = store.fetch(name, make, trials=trials.count, patient=trials.patient)
    trials.fail(arrays["diverged"].tolist())
    return {key: torch.from_numpy(value).to(trials.device) for key, value in arrays.items()}
