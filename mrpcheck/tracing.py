"""Looking closely at what happens at one setup: one trial trained again, with stops to look in.

Axes: point (of training), kernel, feature, sample, patch, class, trial; see `traces.Arm`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from mrpcheck import events
from mrpcheck.asking import first_line
from mrpcheck.encoders import body_parameters, outputs, scores, start_body
from mrpcheck.events import Captured, Until
from mrpcheck.late import torch
from mrpcheck.measures import accuracy, features_captured
from mrpcheck.nets import initial_kernels
from mrpcheck.objectives import CrossEntropy
from mrpcheck.paths import train
from mrpcheck.seeds import Facts, Trials
from mrpcheck.setups import Setup
from mrpcheck.slopes import Parameters
from mrpcheck.traces import Arm, Trace
from mrpcheck.training import Classifier, finetune, pretrain, supervise
from mrpcheck.views import Samples, sample
from mrpcheck.watched import Watched, said, watched, watched_to

__all__ = ["trace"]

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
    until: Until | None = None,
) -> Trace:
    """Train trial `trials.first` in both arms and look in on the way.

    until  the event at which pretraining stops; None: the recipe's end. Of what runs away before,
           the last that is finite is shown; with None, where every feature is captured.

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
    for side, train_one in (("mrp", partial(_mrp, until=until)), ("sl", _sl)):
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
        until=said(until),
        **arms,
    )


Both = tuple[Watched, "Parameters | None", str, "Callable[[Trials], Classifier]"]


def _mrp(setup: Setup, one: Trials, until: Until | None) -> Both:
    """Pretraining, what fine-tuning makes of its end, what is to be said, and how to do it again.

    Without an event, what runs away is followed to where every feature is captured; what runs away
    before its event is not fine-tuned.
    """
    recipe, objective, note, away = setup.recipe, setup.objective, "", False
    begin = _begin(setup, one)
    start = begin | objective.start(begin["kernels"], setup, one)
    if until is not None:
        stop = pretrain(setup, one, until)
        path, note = watched_to(stop, objective, start, setup, one)
        away = bool(stop.diverged[0])
    else:
        path = watched(objective, start, setup, one, rate=recipe.rate, steps=recipe.steps)
    if path.diverged:
        note, stop = "pretraining diverged", pretrain(setup, one, Captured())
        if bool(stop.reached[0]):
            until, note = Captured(), f"{note}: shown until every feature is captured"
            path, _ = watched_to(stop, objective, start, setup, one)
    tuned = None if path.diverged or away else _tuned(path.end, setup, one)
    if tuned is None and not path.diverged and not away:
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
