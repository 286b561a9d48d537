"""Efficiency: mean trials to a verdict, against Wald's SPRT and against the information bound.

Everything is exact: the stopped binomial walk, by dynamic programming. The SPRT tells the same two
points apart at the same levels, looked at as often; no test is faster if the truth is one of the
two. Between them it takes longer, and it gives no interval and no right to go on after its verdict.
The bound is Wald's, on the mean of any sequential test with these errors at these two points.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from common import everywhere, head, options, save, show

from mrpcheck.stats import Budget, Levels, log_e_refute, log_e_support

CELLS = [(p, e) for p in (0.5, 0.8, 0.9, 0.95, 0.99) for e in (0.01, 0.05, 0.1)]
QUICK = [(p, e) for p in (0.5, 0.8, 0.9, 0.95, 0.99) for e in (0.05, 0.1)]
ELSEWHERE = [(0.9, 0.1), (0.95, 0.05)]
LEVELS = {"0.05, 0.001": Levels(0.05, 0.001), "a run's": Budget().levels}
GOAL = 1.6
TINY = 1e-15  # probability of a count of hits that the programme may forget
COLUMNS = (
    "levels", "at_least", "tolerance", "true_p", "ours_16", "sprt_16", "ratio_16",
    "ours_1", "sprt_1", "ratio_1", "bound", "to_bound", "reason",
)  # fmt: skip
COLUMNS_ELSEWHERE = (
    "levels", "at_least", "tolerance", "true_p", "ours", "ours_false", "sprt", "sprt_false",
)  # fmt: skip
NOTE = """ours, sprt   mean trials to a verdict; _16 and _1: with a look after so many trials
bound        Wald's lower bound on the mean trials of any test with these two errors
..._false    rate of SUPPORTED where P <= at_least - tolerance, of REFUTED where P >= at_least;
             between the two both verdicts are true of something, and none is counted"""

Counts = npt.NDArray[np.int64]
Fences = tuple[Counts, Counts]  # at each look: the fewest hits that support, that do not refute


@dataclass(frozen=True)
class Ending:
    """How a stopped walk ends: rates, and the mean of its trials."""

    supported: float
    refuted: float
    trials: float


def ours(at_least: float, tolerance: float, levels: Levels, every: int, most: int) -> Fences:
    """The walk that judges claims."""
    looks = every * np.arange(1, most // every + 1)
    support = _fewest(
        lambda k: log_e_support(k, looks, at_least, tolerance) >= -math.log(levels.false_support),
        looks,
    )
    tenable = _fewest(
        lambda k: log_e_refute(k, looks, at_least, tolerance) < -math.log(levels.false_refute),
        looks,
    )
    return support, tenable


def sprt(at_least: float, tolerance: float, levels: Levels, every: int, most: int) -> Fences:
    """Wald's test of the two boundaries, his cut-offs."""
    null, looks = at_least - tolerance, every * np.arange(1, most // every + 1)
    a, b = levels.false_support, levels.false_refute
    hit, miss = math.log(at_least / null), math.log((1 - at_least) / (1 - null))
    up = (math.log((1 - b) / a) - looks * miss) / (hit - miss)
    down = (math.log(b / (1 - a)) - looks * miss) / (hit - miss)
    return np.ceil(up - 1e-9).astype(int), (np.floor(down + 1e-9) + 1).astype(int)


def ending(fences: Fences, true_p: float, every: int) -> Ending:
    """The walk between its fences, one look after the other; only likely counts are kept."""
    block = np.array(
        [math.comb(every, j) * true_p**j * (1 - true_p) ** (every - j) for j in range(every + 1)]
    )
    alive, lowest, supported, refuted, trials = np.ones(1), 0, 0.0, 0.0, 0.0
    for up, down in zip(*fences, strict=True):
        trials += every * alive.sum()
        alive = np.convolve(alive, block)
        up, down = max(up, down) - lowest, max(down - lowest, 0)
        supported += alive[max(up, 0) :].sum()
        refuted += alive[: min(down, len(alive))].sum()
        alive[max(up, 0) :] = 0
        alive[:down] = 0
        kept = np.flatnonzero(alive > TINY)
        if not kept.size:
            break
        alive, lowest = alive[kept[0] : kept[-1] + 1], lowest + int(kept[0])
    return Ending(float(supported), float(refuted), float(trials))


def bound(at_least: float, tolerance: float, levels: Levels, true_p: float) -> float:
    """Wald's lower bound on the mean trials, at one of the two points."""
    null, a, b = at_least - tolerance, levels.false_support, levels.false_refute
    if true_p == at_least:
        return _divergence(1 - b, a) / _divergence(at_least, null)
    return _divergence(a, 1 - b) / _divergence(null, at_least)


def _divergence(p: float, q: float) -> float:
    """Of one coin from another, in nats."""
    return sum(x * math.log(x / y) for x, y in ((p, q), (1 - p, 1 - q)) if x)


def row(at_least: float, tolerance: float, name: str, at_claim: bool) -> dict[str, Any]:
    """Both tests at one of the two points that they tell apart."""
    levels = LEVELS[name]
    true_p = at_least if at_claim else round(at_least - tolerance, 12)
    least = bound(at_least, tolerance, levels, true_p)
    most = 16 * math.ceil(12 * least / 16 + 20)
    found: dict[str, Any] = {
        "levels": name, "at_least": at_least, "tolerance": tolerance, "true_p": true_p,
        "bound": least,
    }  # fmt: skip
    for every in (16, 1):
        for test in (ours, sprt):
            end = ending(test(at_least, tolerance, levels, every, most), true_p, every)
            found[f"{test.__name__}_{every}"] = end.trials
        found[f"ratio_{every}"] = found[f"ours_{every}"] / found[f"sprt_{every}"]
    found["to_bound"] = found["ours_16"] / least
    return found | {"reason": _reason(found)}


def _reason(found: dict[str, Any]) -> str:
    if found["ratio_16"] <= GOAL:
        return ""
    return "looks every 16" if found["ratio_1"] <= GOAL else "mixture"


def elsewhere(at_least: float, tolerance: float, name: str, true_p: float) -> dict[str, Any]:
    """Both tests where the truth is neither of the two points."""
    levels, null = LEVELS[name], round(at_least - tolerance, 12)
    found: dict[str, Any] = {
        "levels": name, "at_least": at_least, "tolerance": tolerance, "true_p": true_p,
    }  # fmt: skip
    for test in (ours, sprt):
        end = ending(test(at_least, tolerance, levels, 16, 16384), true_p, 16)
        false = end.supported if true_p <= null else end.refuted if true_p >= at_least else None
        found |= {test.__name__: end.trials, f"{test.__name__}_false": false}
    return found


def _fewest(holds: Any, looks: Counts) -> Counts:
    """The fewest hits for which `holds`, at each look, by bisection; looks + 1 where none do."""
    low, high = np.full_like(looks, -1), looks + 1
    while np.any(high - low > 1):
        middle = (low + high) // 2
        good = holds(np.clip(middle, 0, looks)) & (middle >= 0)
        low, high = np.where(good, low, middle), np.where(good, middle, high)
    return np.asarray(high, dtype=np.int64)


def main() -> int:
    """One table at the design points, one elsewhere."""
    chosen = options(__doc__ or "")
    grid = QUICK if chosen.quick else CELLS
    jobs = [(*cell, name, claim) for name in LEVELS for cell in grid for claim in (True, False)]
    rows = list(everywhere(row, jobs))
    others = [(*cell, name, p) for name in LEVELS for cell in ELSEWHERE for p in _points(*cell)]
    told = list(everywhere(elsewhere, others))
    show("mean trials to a verdict, at the two points told apart", rows, COLUMNS)
    show("the same away from them, looks every 16", told, COLUMNS_ELSEWHERE)
    print(NOTE)
    worst = max(rows, key=lambda r: r["ratio_16"])
    beyond = [r for r in rows if r["ratio_16"] > GOAL]
    print(f"largest ratio {worst['ratio_16']:.2f}; {len(beyond)} of {len(rows)} beyond {GOAL}")
    save(chosen.json, head(goal=GOAL), rows, elsewhere=told)
    return int(any(not r["reason"] for r in beyond))


def _points(at_least: float, tolerance: float) -> Sequence[float]:
    """Below, between and above the two points."""
    null = at_least - tolerance
    shares = (null - tolerance, null + tolerance / 2, at_least + (1 - at_least) / 2, 1.0)
    return [round(p, 12) for p in shares]


if __name__ == "__main__":
    sys.exit(main())
