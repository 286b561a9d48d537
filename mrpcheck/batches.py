"""The samples that a phase of training sees: those of pretraining, or the labelled ones."""

from __future__ import annotations

from typing import Any

from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.views import TRAINING, Samples, sample

__all__ = ["training_samples"]


def training_samples(setup: Setup, trials: Trials, objective: Any) -> Samples:
    """N samples of each trial; where the objective reads labels, the labelled ones."""
    data = setup.data if objective.labelled else setup.data.pretraining()
    return sample(data, setup.key, trials, setup.recipe.samples, purpose=TRAINING)
