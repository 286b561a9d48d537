"""Ours, by the path that training takes: `descend`, on as many threads as torch has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from problems import Problem

from mrpcheck.descent import descend
from mrpcheck.nets import initial_kernels


def prepare(problem: Problem) -> Callable[[int, float], np.ndarray]:
    setup, trials = problem.setup, problem.trials
    start = initial_kernels(setup.net, setup.data.classes, setup.data.dim, setup.key, trials)

    def advance(steps: int, rate: float) -> np.ndarray:
        total = [steps] * trials.count
        arrays = descend(setup.objective, {"kernels": start}, setup, trials, rate=rate, total=total)
        return arrays["kernels"]

    return advance
