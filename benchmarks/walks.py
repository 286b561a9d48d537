"""Walks alone, for `calibration.py`: exact error rates, the reference tables, and means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mrpcheck.seeds import generator
from mrpcheck.stats import Budget, Levels, MeanWalk, Walk, operating

BOUNDS = (-1.0, 1.0)
MEAN = (0.1, 0.1)  # at_least and tolerance of the claim about a mean, in units of its bounds
MOST = 1024
ALLOWED = 4.5  # deviations between a simulation and the exact answer

TABLES = {
    (0.95, 0.05, Levels(0.05, 0.001)): (1.0, 0.99, 0.95, 0.93, 0.9, 0.85, 0.7),
    (0.9, 0.1, Budget().levels): (1.0, 0.95, 0.9, 0.85, 0.8, 0.7),
}


def exact(cells: Sequence[tuple[float, float]]) -> list[dict[str, Any]]:
    """At the levels of a run, the rates at the two boundaries: no simulation, no luck."""
    levels, rows = Budget().levels, []
    for at_least, tolerance in cells:
        for every in (16, 1):
            null = operating(at_least, tolerance, levels, at_least - tolerance, every, MOST)
            edge = operating(at_least, tolerance, levels, at_least, every, MOST)
            a, b = null.supported / levels.false_support, edge.refuted / levels.false_refute
            rows.append({
                "at_least": at_least, "tolerance": tolerance, "every": every,
                "false_support": null.supported, "of_its_level": a,
                "false_refute": edge.refuted, "of_level": b, "within": max(a, b) <= 1,
            })  # fmt: skip
    return rows


def tables(runs: int) -> list[dict[str, Any]]:
    """The reference tables of the walk, simulated, and how far from the exact answer they are."""
    rows = []
    for (at_least, tolerance, levels), truths in TABLES.items():
        walk = Walk(at_least, tolerance, levels)
        for p in truths:
            rng = generator("table", at_least, p)
            ends = [walk.decide(rng.random(MOST) < p, most=MOST) for _ in range(runs)]
            told = operating(at_least, tolerance, levels, p, most=MOST)
            row = {"at_least": at_least, "tolerance": tolerance, "true_p": p, "runs": runs}
            row |= _rates([end.verdict or "" for end in ends])
            row["mean_trials"] = 16 * float(np.mean([end.looks for end in ends]))
            row["off"] = max(
                *(_off(row[v], getattr(told, v), runs) for v in _VERDICTS),
                abs(row["mean_trials"] - told.mean_trials) / (told.sd_trials / runs**0.5 + 1e-9),
            )
            rows.append(row | {"within": row["off"] <= ALLOWED})
    return rows


def means(runs: int, most: int = 512) -> list[dict[str, Any]]:
    """False verdicts about a mean exactly at a boundary, for awkward laws, at levels 0.05."""
    at_least, tolerance = MEAN
    walk, rows = MeanWalk(at_least, tolerance, BOUNDS, Levels(0.05, 0.05)), []
    for law in LAWS:
        for mean, wrong in ((at_least - tolerance, "supported"), (at_least, "refuted")):
            rng = generator("law", law.__name__, mean)
            ends = [walk.decide(law(rng, mean, most), most=most) for _ in range(runs)]
            row = {
                "law": law.__name__.replace("_", " "), "mean": mean, "runs": runs,
                **_rates([end.verdict or "" for end in ends]),
                "mean_trials": 16 * float(np.mean([end.looks for end in ends])),
            }  # fmt: skip
            row |= {"false": wrong, "false_rate": row[wrong], "off": None}
            row["within"] = row[wrong] <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5
            if law is two_points:
                told = operating(*MEAN, walk.levels, mean, most=most, bounds=BOUNDS)
                row["off"] = max(_off(row[v], getattr(told, v), runs) for v in _VERDICTS)
                row["within"] = row["within"] and row["off"] <= ALLOWED
            rows.append(row)
    return rows


def two_points(rng: np.random.Generator, mean: float, size: int) -> np.ndarray:
    """The bounds only: the largest variance there is."""
    return np.where(rng.random(size) < (1 + mean) / 2, 1.0, -1.0)


def skewed(rng: np.random.Generator, mean: float, size: int) -> np.ndarray:
    """A beta law with most of its weight near the bounds."""
    m = (mean + 1) / 2
    return 2 * rng.beta(0.2 * m, 0.2 * (1 - m), size) - 1


def rare_gain(rng: np.random.Generator, mean: float, size: int) -> np.ndarray:
    """Slightly below the mean, but for one trial in 50 at the upper bound."""
    return np.where(rng.random(size) < 0.02, 1.0, (mean - 0.02) / 0.98)


def rare_loss(rng: np.random.Generator, mean: float, size: int) -> np.ndarray:
    """Slightly above the mean, but for one trial in 50 at the lower bound."""
    return -rare_gain(rng, -mean, size)


def exponential(rng: np.random.Generator, mean: float, size: int) -> np.ndarray:
    """A long tail of gains, cut, and shifted so that the mean is right."""
    scale, cut = 0.15, 0.8
    return mean - scale * (1 - np.exp(-cut / scale)) + np.minimum(rng.exponential(scale, size), cut)


def nearly_constant(rng: np.random.Generator, mean: float, size: int) -> np.ndarray:
    """Within 0.002 of the mean."""
    return mean + rng.uniform(-0.002, 0.002, size)


LAWS: tuple[Callable[..., np.ndarray], ...] = (
    two_points, skewed, rare_gain, rare_loss, exponential, nearly_constant,
)  # fmt: skip
_VERDICTS = ("supported", "refuted", "undecided")


def _rates(ends: Sequence[str]) -> dict[str, float]:
    return {v: ends.count(v.upper()) / len(ends) for v in _VERDICTS}


def _off(seen: float, rate: float, runs: int) -> float:
    """Deviations between a rate seen and the exact one; a ten-thousandth is no difference."""
    return max(abs(seen - rate) - 1e-4, 0.0) / ((rate * (1 - rate) + 1e-9) / runs) ** 0.5
