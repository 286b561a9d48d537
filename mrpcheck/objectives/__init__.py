"""Objectives: expected losses and their exact gradients, one file each."""

from mrpcheck.objectives.classification import CrossEntropy
from mrpcheck.objectives.latents import MaskedLatents
from mrpcheck.objectives.own import OwnObjective
from mrpcheck.objectives.pixels import MaskedPixels

__all__ = ["CrossEntropy", "MaskedLatents", "MaskedPixels", "Objective", "OwnObjective"]

Objective = MaskedPixels | MaskedLatents | OwnObjective
