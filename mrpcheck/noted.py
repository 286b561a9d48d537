"""What events noted beside their outcomes, as means: of one setup's trials, and over setups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

__all__ = ["Means", "Notes", "append", "means_of", "means_over"]

Notes = dict[str, list[float]]  # a value a trial, from trial 0 on; NaN where none was noted
Means = dict[str, float | None]  # None where no trial has a finite value


def append(notes: Notes, first: int, noted: Mapping[str, Sequence[float]]) -> None:
    """Add what the trials from number `first` on noted, each value at its trial's place."""
    for name, values in noted.items():
        column = notes.setdefault(name, [])
        column.extend([math.nan] * (first - len(column)))
        column.extend(values)


def means_of(notes: Notes, counted: int) -> Means:
    """The mean of each measure over the `counted` trials in which it is finite."""
    return {name: _mean(notes[name][:counted]) for name in notes}


def means_over(setups: Sequence[Means]) -> Means:
    """The mean of each measure over the setups that have one."""
    names = dict.fromkeys(name for means in setups for name in means)
    return {name: _mean([means.get(name) for means in setups]) for name in names}


def _mean(values: Sequence[float | None]) -> float | None:
    """Summed exactly, then rounded: the same digits whatever the order and the blocks."""
    finite = [v for v in values if v is not None and math.isfinite(v)]
    return float(f"{math.fsum(v / len(finite) for v in finite):.6g}") if finite else None
