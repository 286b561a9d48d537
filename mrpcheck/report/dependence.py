"""Which hyperparameters an outcome goes with: rank correlations, to be explored, not believed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mrpcheck.report.hyperparameters import Table, Value

__all__ = ["FEWEST", "Dependence", "dependences"]

Floats = npt.NDArray[np.float64]

FEWEST = 5  # setups; below, ranks say nothing


@dataclass(frozen=True)
class Dependence:
    """Spearman's rank correlation of a hyperparameter with the outcome over n setups."""

    name: str
    correlation: float
    n: int


def dependences(columns: Table, outcome: Sequence[float | None]) -> list[Dependence]:
    """For each numeric column that varies together with the outcome; the strongest first."""
    found = [
        each for name, column in columns.items() if (each := _dependence(name, column, outcome))
    ]
    return sorted(found, key=lambda each: (-abs(each.correlation), each.name))


def _dependence(
    name: str, column: Sequence[Value], outcome: Sequence[float | None]
) -> Dependence | None:
    pairs = [
        (float(x), float(y))
        for x, y in zip(column, outcome, strict=True)
        if isinstance(x, (int, float)) and y is not None and math.isfinite(x) and math.isfinite(y)
    ]
    if len(pairs) < FEWEST or any(len(set(side)) < 2 for side in zip(*pairs, strict=True)):
        return None
    x, y = (_ranks(np.array(side)) for side in zip(*pairs, strict=True))
    return Dependence(name, round(float(np.corrcoef(x, y)[0, 1]), 6), len(pairs))


def _ranks(values: Floats) -> Floats:
    """Ranks from 1, the mean of them where values are equal; scipy.stats takes longer to import."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: Floats = counts.cumsum() - (counts - 1) / 2
    return means[places]
