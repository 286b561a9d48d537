"""Looking closely at what happens at one setup: one trial trained again, with stops to look in.

Axes: point (of training), kernel, feature, sample, patch, class, trial; see `traces.Arm`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mrpcheck import events
from mrpcheck.asking import first_line
from mrpcheck.batches import training_samples
from mrpcheck.encoders import body_parameters, outputs, scores, start_body
from mrpcheck.events import Captured
from mrpcheck.late import torch
from mrpcheck.measures import accuracy, features_captured
from mrpcheck.nets import initial_kernels
from mrpcheck.objectives import CrossEntropy
from mrpcheck.paths import train
from mrpcheck.seeds import Facts, Trials
from mrpcheck.setups import Setup
from mrpcheck.slopes import Parameters, Slopes
from mrpcheck.traces import Arm, Trace
from mrpcheck.training import Classifier, finetune, pretrain, supervise
from mrpcheck.views import Samples, sample

if TYPE_CHECKING:
    pass

__all__ = ["POINTS", "Watched", "trace", "watched"]

POINTS = 33  # at which training is looked at, its start and its end among them
EARLY = 1.5  # the power of their spacing: half of them in the first third, where features grow
WORDS = {"mrp": "pretraining", "sl": "supervised learning"}


def trace(
    setup: Setup,
    trials: Trials,
    *,
    what: str,
    claim: str = "",
    regime: str = "",
    words: str = "",
    paired: int = 0,
) -> Trace:
    """Train trial `trials.first` in both arms and look in on the way.

    `paired` trials, the first of them that one, are measured too, in both arms on the same data. An
    arm whose training fails is None, and one that diverges has NaN from there on; `note` says so.
    Raises ValueError for data whose features are not known: they are what is looked at.
    """
    if not setup.data.views:
        setup.data.basis(setup.key, trials)
    one = replace(trials, count=1, facts=Facts())
    many = replace(trials, count=paired, facts=Facts()) if paired else None
    shown, notes = _shown(setup, one), []
    arms: dict[str, Arm | None] = {"mrp": None, "sl": None}
    for side, train_one in (("mrp", _mrp), ("sl", _sl)):
        try:
            path, tuned, note, again = train_one(setup, one)
            arms[side] = _arm(setup, path, tuned, shown, again(many) if many else None)
        except Exception as error:  # whatever the user's own objective does
            note = f"{WORDS[side]} failed: {type(error).__name__}: {first_line(error)}"
        notes += [note] if note else []
    return Trace(
        what=what,
        claim=claim,
        regime=regime,
        words=words,
        setup=setup.to_json(),
        trials={"seed": one.seed, "stream": one.stream, "dtype": one.dtype, "first": one.first},
        threshold=float(setup.net.threshold),
        views=setup.data.views,
        label=shown.label[0].cpu().numpy(),
        single_view=shown.single_view[0].cpu().numpy(),
        feature=shown.feature[0].cpu().numpy(),
        strength=shown.strength[0].cpu().numpy(),
        note="; ".join(notes),
        **arms,
    )


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


Both = tuple[Watched, "Parameters | None", str, "Callable[[Trials], Classifier]"]


def _mrp(setup: Setup, one: Trials) -> Both:
    """Pretraining, what fine-tuning makes of its end, what is to be said, and how to do it again.

    What runs away in the end, as latents may, is followed to where every feature is captured.
    """
    recipe, until, note = setup.recipe, None, ""
    begin = _begin(setup, one)
    start = begin | setup.objective.start(begin["kernels"], setup, one)
    path = watched(setup.objective, start, setup, one, rate=recipe.rate, steps=recipe.steps)
    if path.diverged:
        note, stop = "pretraining diverged", pretrain(setup, one, Captured())
        if bool(stop.reached[0]):
            until, note = Captured(), f"{note}: shown until every feature is captured"
            steps = float(stop.time[0]) / recipe.rate if recipe.flow else int(stop.steps[0])
            path = watched(setup.objective, start, setup, one, rate=recipe.rate, steps=steps)
    tuned = None if path.diverged else _tuned(path.end, setup, one)
    if tuned is None and not path.diverged:
        note = "; ".join(filter(None, [note, "fine-tuning diverged"]))
    again = lambda many: finetune(pretrain(setup, many, until), setup, many)  # noqa: E731
    return path, tuned, note, again


def _tuned(encoder: Parameters, setup: Setup, one: Trials) -> Parameters | None:
    """The classifier after fine-tuning; None where that diverges."""
    start, recipe = _with_head(encoder, setup), setup.recipe
    total = [recipe.tune_steps]
    arrays = train(CrossEntropy(), start, setup, one, rate=recipe.tune_rate, total=total)
    if arrays["diverged"][0]:
        return None
    return {name: torch.from_numpy(arrays[name]).to(one.device) for name in start}


def _sl(setup: Setup, one: Trials) -> Both:
    """Supervised learning of the same architecture, for as many steps as both take."""
    recipe, start = setup.recipe, _with_head(_begin(setup, one), setup)
    steps = recipe.steps + recipe.tune_steps
    path = watched(CrossEntropy(), start, setup, one, rate=recipe.tune_rate, steps=steps)
    note = "supervised learning diverged" if path.diverged else ""
    tuned = None if path.diverged else path.end
    return path, tuned, note, lambda many: supervise(setup, many, "trained")


def _begin(setup: Setup, one: Trials) -> Parameters:
    """The encoder at step 0."""
    kernels = initial_kernels(setup.net, setup.data.classes, setup.data.dim, setup.key, one)
    return {"kernels": kernels, **start_body(kernels, setup, one)}


def _with_head(encoder: Parameters, setup: Setup) -> Parameters:
    """The encoder's kernels and body, and a head from zero."""
    kernels = encoder["kernels"]
    head = kernels.new_zeros(1, setup.data.classes, setup.kernels)
    return {"kernels": kernels, "head": head, **body_parameters(encoder)}


def _shown(setup: Setup, one: Trials) -> Samples:
    """Three new samples of the trial, (1, sample): a multi-view one and two single-view ones."""
    kinds: Sequence[tuple[Any, int]] = (("multi-view", 1), ("single-view", 2))
    multi, single = (
        sample(setup.data, setup.key, one, size, kind=kind, purpose=f"{kind} shown")
        for kind, size in kinds
    )
    names = ("x", "label", "single_view", "feature", "strength")
    both = {name: torch.cat([getattr(multi, name), getattr(single, name)], 1) for name in names}
    return Samples(**both, features=multi.features)


def _arm(
    setup: Setup, path: Watched, tuned: Parameters | None, shown: Samples, many: Classifier | None
) -> Arm:
    """What was seen of one arm; scores are NaN where there is no classifier."""
    model = tuned
    if model is None:
        model = _with_head(path.end, setup)
        model["head"] = torch.full_like(model["head"], math.nan)
        if path.diverged:
            model["kernels"] = torch.full_like(model["kernels"], math.nan)
    z = outputs(model, shown.x, setup.net)
    parts = torch.einsum("tnpr,tcr->tnpc", z, model["head"])  # (1, sample, patch, class)
    correlations = events.correlations(model["kernels"], shown.features)
    return Arm(
        steps=path.steps,
        loss=path.loss,
        correlations=path.correlations,
        tuned=correlations[0].cpu().numpy(),
        scores=scores(model, shown.x, setup.net)[0].cpu().numpy(),
        contributions=parts[0].cpu().numpy(),
        **_measured(setup, many),
    )


def _measured(setup: Setup, model: Classifier | None) -> dict[str, np.ndarray]:
    """Accuracies (trial,) and views captured (trial, class) of a batch; empty without one."""
    classes, views = setup.data.classes, setup.data.views
    if model is None:
        empty = np.zeros(0)
        return {"multi_view": empty, "single_view": empty, "captured": np.zeros((0, classes))}
    captured = features_captured(model, setup).view(-1, classes, views).sum(2).double()
    captured[model.diverged] = math.nan
    return {
        "multi_view": accuracy(model, setup, model.trials, "multi-view").double().cpu().numpy(),
        "single_view": accuracy(model, setup, model.trials, "single-view").double().cpu().numpy(),
        "captured": captured.cpu().numpy(),
    }
