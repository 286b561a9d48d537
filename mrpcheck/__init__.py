"""mrpcheck: draw setups, train batches of small networks, return verdicts with error rates.

A *claim* says that an event happens with at least some probability in every *setup* of a regime.
Names below are imported when first asked for, so that `import mrpcheck` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = [
    "Captured",
    "GradientDescent",
    "GradientFlow",
    "Ladder",
    "MaskedLatents",
    "MaskedPixels",
    "MultiView",
    "Net",
    "Plateau",
    "Recipe",
    "Setup",
    "Trials",
    "accuracy",
    "answers",
    "at",
    "classes_ladder",
    "control",
    "falls",
    "finetune",
    "judge",
    "linear_probe",
    "load",
    "on_average",
    "phase_diagram",
    "pretrain",
    "refuted",
    "supervise",
    "with_probability",
]

_HOMES = {
    "answering": ("answers",),
    "claims": ("at", "control", "on_average", "refuted", "with_probability"),
    "clocks": ("GradientDescent", "GradientFlow"),
    "diagrams": ("phase_diagram",),
    "events": ("Captured", "Plateau"),
    "judging": ("judge",),
    "ladders": ("classes_ladder",),
    "loading": ("load",),
    "measures": ("accuracy",),
    "nets": ("Net",),
    "objectives": ("MaskedLatents", "MaskedPixels"),
    "seeds": ("Trials",),
    "setups": ("Recipe", "Setup"),
    "training": ("finetune", "linear_probe", "pretrain", "supervise"),
    "trends": ("Ladder", "falls"),
    "views": ("MultiView",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mrpcheck' has no attribute {name!r}")
    return getattr(import_module(f"mrpcheck.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
