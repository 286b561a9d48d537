"""Objectives: losses and their gradients, one file each; a system is one file more."""

from __future__ import annotations

from dataclasses import is_dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from mrpcheck.objectives.base import Objective
from mrpcheck.objectives.classification import CrossEntropy
from mrpcheck.objectives.latents import MaskedLatents
from mrpcheck.objectives.own import OwnObjective
from mrpcheck.objectives.pixels import MaskedPixels

__all__ = ["CrossEntropy", "MaskedLatents", "MaskedPixels", "Objective", "OwnObjective", "systems"]


@cache
def systems() -> dict[str, type[Objective]]:
    """Every objective of pretraining in this package, by the name that setups write."""
    found: dict[str, type[Objective]] = {}
    for module in iter_modules(__path__):
        content = vars(import_module(f"{__name__}.{module.name}"))
        found |= {name: kind for name, kind in content.items() if _is_system(kind)}
    return dict(sorted(found.items()))


def _is_system(kind: object) -> bool:
    if not isinstance(kind, type) or not issubclass(kind, Objective) or kind is OwnObjective:
        return False
    labelled: bool = kind.labelled
    return is_dataclass(kind) and not labelled
