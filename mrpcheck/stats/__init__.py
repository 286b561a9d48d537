"""E-processes and bounds for probabilities and means, their error budgets and their designs."""

from .betting import log_wealth_above, log_wealth_below
from .budget import Budget, Levels
from .designs import (
    Operating,
    detectable,
    most_hits_suspected,
    operating,
    refusal,
    trials_to_decide,
    trials_without_miss,
)
from .eprocess import log_e_refute, log_e_support
from .judgement import Judgement, Verdict, sentence
from .means import MeanWalk, screen_mean
from .once import mean_interval
from .panel import panel_share
from .stopping import Decision
from .walk import Walk, screen

__all__ = [
    "Budget",
    "Decision",
    "Judgement",
    "Levels",
    "MeanWalk",
    "Operating",
    "Verdict",
    "Walk",
    "detectable",
    "log_e_refute",
    "log_e_support",
    "log_wealth_above",
    "log_wealth_below",
    "mean_interval",
    "most_hits_suspected",
    "operating",
    "panel_share",
    "refusal",
    "screen",
    "screen_mean",
    "sentence",
    "trials_to_decide",
    "trials_without_miss",
]
