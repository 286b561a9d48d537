"""The samples that a phase of training sees: those of pretraining, or the labelled ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.views import TRAINING, Samples, sample

__all__ = ["labelled_samples", "training_samples"]


def training_samples(setup: Setup, trials: Trials, objective: Any) -> Samples:
    """N samples of each trial; where the objective reads labels, the labelled ones."""
    data = setup.data if objective.labelled else setup.data.pretraining()
    samples = sample(data, setup.key, trials, setup.recipe.samples, purpose=TRAINING)
    if objective.labelled:
        samples = _with_labels(setup, samples)
    return replace(samples, label=objective.target(samples, data))


def labelled_samples(setup: Setup, trials: Trials) -> Samples:
    """Those of the N samples of each trial that have labels: the first ones, or all."""
    samples = sample(setup.data, setup.key, trials, setup.recipe.samples, purpose=TRAINING)
    return _with_labels(setup, samples)


def _with_labels(setup: Setup, samples: Samples) -> Samples:
    """The first `recipe.labels` samples of each trial; all where it is 0."""
    if not setup.recipe.labels:
        return samples
    names = ("x", "label", "single_view", "feature", "strength")
    first = slice(setup.recipe.labels)
    kept = {name: getattr(samples, name)[:, first].contiguous() for name in names}
    return Samples(**kept, features=samples.features)
