"""The step that every method takes: its data, its start, and what it should come to, in float64.

Axes: trial, sample, patch, dim, kernel; the leading axis is always trial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from mrpcheck.nets import Net, initial_kernels
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.views import TRAINING, MultiView, sample

__all__ = ["KEEP", "POWER", "SHAPES", "TEACHER", "THRESHOLD", "Problem", "Shape"]

POWER, THRESHOLD = 3, 0.3
START = 0.2  # of the kernels: patches then lie below 0, on the power and on the line
KEEP, TEACHER = 0.5, 1.4
RATE = 1.0
LARGE = 2.0**40  # a step so long that nothing is left of where it began: its gradient
CHECKED = 3  # steps whose displacement is compared with the reference
PRODUCTS = {"latents": 2, "pixels": 5}  # of samples x patches x dim x kernels, in one step


@dataclass(frozen=True)
class Shape:
    """Sizes of a training, how many trials are trained at once, and steps of one measurement."""

    samples: int
    patches: int
    dim: int
    classes: int
    kernels_per_class: int
    trials: int
    steps: int

    @property
    def kernels(self) -> int:
        return self.classes * self.kernels_per_class

    @property
    def flops(self) -> int:
        """Of one product of one trial."""
        return 2 * self.samples * self.patches * self.dim * self.kernels


SHAPES = {
    "S": Shape(200, 16, 64, 5, 10, trials=2, steps=96),
    "M": Shape(500, 32, 128, 10, 10, trials=2, steps=12),
    "L": Shape(1000, 32, 256, 10, 20, trials=2, steps=4),
}


@dataclass(frozen=True)
class Problem:
    """One cell of the table: a shape, a dtype and an objective ("latents" or "pixels")."""

    shape: str
    dtype: str
    objective: str

    @property
    def size(self) -> Shape:
        return SHAPES[self.shape]

    @property
    def flops(self) -> int:
        """Of one trial's step, the products alone."""
        return PRODUCTS[self.objective] * self.size.flops

    @property
    def trials(self) -> Trials:
        return Trials(self.size.trials, dtype=self.dtype)

    @property
    def setup(self) -> Setup:
        s = self.size
        objective = MaskedLatents(keep=KEEP, teacher_scale=TEACHER)
        return Setup(
            data=MultiView(classes=s.classes, dim=s.dim, patches=s.patches),
            net=Net(
                kernels_per_class=s.kernels_per_class,
                power=POWER,
                threshold=THRESHOLD,
                init_scale=START,
            ),
            objective=objective if self.objective == "latents" else MaskedPixels(keep=KEEP),
            recipe=Recipe(samples=s.samples, rate=RATE),
        )

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Patches (trial, sample, patch, dim) and kernels at the start (trial, kernel, dim)."""
        setup, trials = self.setup, self.trials
        size = setup.recipe.samples
        x = sample(setup.data, setup.key, trials, size, purpose=TRAINING).x
        start = initial_kernels(setup.net, setup.data.classes, setup.data.dim, setup.key, trials)
        return x.numpy(), start.numpy()

    def answer(self) -> tuple[np.ndarray, np.ndarray]:
        """The gradient at the start and the displacement after a few steps, in float64."""
        return _answer(self)

    def error(self, advance: Callable[[int, float], np.ndarray]) -> float:
        """How far `advance(steps, rate)` is off the answer, relative to its largest number."""
        _, start = self.data()
        gradient, moved = self.answer()
        found = (start - advance(1, LARGE).astype(np.float64)) / LARGE
        ended = advance(CHECKED, RATE).astype(np.float64) - start
        return max(_off(found, gradient), _off(ended, moved))


def _off(found: np.ndarray, wanted: np.ndarray) -> float:
    off = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    return off if np.isfinite(off) else float("inf")


@cache
def _answer(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    x, start = (array.astype(np.float64) for array in problem.data())
    slope = {"latents": _latents, "pixels": _pixels}[problem.objective]
    gradient, moved = [], []
    for patches, kernels in zip(x, start, strict=True):
        now = kernels
        for step in range(CHECKED):
            slope_now = slope(patches, now)
            if not step:
                gradient.append(slope_now)
            now = now - RATE * slope_now
        moved.append(now - kernels)
    return np.stack(gradient), np.stack(moved)


def _act(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The smoothed ReLU and its derivative, piece by piece."""
    q, r = POWER, THRESHOLD
    low, high = z <= 0, z >= r
    a = np.where(high, z - (1 - 1 / q) * r, z**q / (q * r ** (q - 1)))
    slope = np.where(high, 1.0, (z / r) ** (q - 1))
    return np.where(low, 0.0, a), np.where(low, 0.0, slope)


def _latents(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The gradient of E_mask (1/2) (sum_p m_p a_p / theta - sum_p A_p)^2, mean over samples."""
    z = x @ w.T  # (sample, patch, kernel)
    a, slope = _act(z)
    target, _ = _act(TEACHER * z)
    residual = (a - target).sum(1, keepdims=True)
    push = slope * (residual + (1 - KEEP) / KEEP * a)
    return np.einsum("npr,npd->rd", push, x, optimize=True) / len(x)


def _pixels(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The gradient of E_mask (1/2) |m_p a_p w / theta - x_p|^2 over patches, mean over samples."""
    a, slope = _act(x @ w.T)  # (sample, patch, kernel)
    error = a @ w / KEEP - x  # (sample, patch, dim): E[m^2] / theta^2 = 1 / theta
    push = slope * (error @ w.T)
    both = np.einsum("npr,npd->rd", push, x, optimize=True)
    return (both + np.einsum("npr,npd->rd", a, error, optimize=True)) / len(x)
