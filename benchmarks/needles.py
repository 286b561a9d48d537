"""Needles: planted claims that hold everywhere but in a small part of a regime, and who finds it.

Six coordinates. The event hits with P = 0.99 and more, but in the needle with 0.3; it returns a
signed margin or, to the blind, a truth value. Each method may screen as many setups, 16 trials
each: Hypothesis steered by the margin, Hypothesis blind to it, setups at random, and two grids of
two levels a coordinate in random order (in the middle of each half, and at the ends).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from common import HEART, Coin, Coins, coins, everywhere, head, normals, options, save, show
from hypothesis import given

from mrpcheck.claims import with_probability
from mrpcheck.judging import judge
from mrpcheck.plugin.search import search_of
from mrpcheck.profiles import PROFILES
from mrpcheck.records import Evidence
from mrpcheck.seeds import Trials, generator
from mrpcheck.stats import screen

SIZE = 6
AT_LEAST, TOLERANCE = 0.9, 0.1
DEEP, CLEAR = -0.524, 2.326  # normal quantiles: P = 0.3 in the needle, 0.99 where it is over
EDGE, SLOPE = 0.02, 4.0  # how far P takes to rise, and what the margin gains per unit beyond
SHARES = (0.2, 0.05, 0.01)
METHODS = ("steered", "blind", "random", "grid", "grid of ends")
COLUMNS = (
    "needle", "method", "found", "runs", "mean_trials", "found_of_8",
    "confirmed", "shrunk", "moved_before", "moved_after",
)  # fmt: skip
NOTE = """found        rate of runs in which a setup became suspect (found_of_8: among the first 8,
             all that the quick profile screens); mean_trials until then, all if none did
confirmed    rate of runs that came out REFUTED; shrunk: setups screened while shrinking, of 64
moved_...    coordinates off the heart, before and after shrinking
flat         the margin says nothing until the needle is met
misleading   the margin falls toward the end of a coordinate that has nothing to do with it"""


@dataclass(frozen=True)
class Needle:
    """Where the claim fails: `share` of the regime's volume, shaped by its first coordinates."""

    shape: str
    share: float
    margin: str = "sloping"

    @property
    def name(self) -> str:
        kind = "" if self.margin == "sloping" else f", {self.margin}"
        return f"{self.shape} {100 * self.share:g} %{kind}"


def edge(x: Sequence[float], share: float) -> float:
    """One coordinate near its end: how far outside, 0 or less inside."""
    return 1 - share - x[0]


def slab(x: Sequence[float], share: float) -> float:
    """One coordinate near 0.6."""
    return abs(x[0] - 0.6) - share / 2


def corner_of_2(x: Sequence[float], share: float) -> float:
    """Two coordinates near their ends."""
    return 1 - math.sqrt(share) - min(x[:2])


def corner_of_3(x: Sequence[float], share: float) -> float:
    """Three coordinates near their ends."""
    return 1 - math.cbrt(share) - min(x[:3])


def band(x: Sequence[float], share: float) -> float:
    """An interaction: two coordinates add up to 1."""
    return abs(x[0] + x[1] - 1) - (1 - math.sqrt(1 - share))


def product(x: Sequence[float], share: float) -> float:
    """An interaction: the product of two coordinates is large."""
    low, high = 1e-9, 1.0
    while high - low > 1e-9:
        c = (low + high) / 2
        low, high = (c, high) if 1 - c + c * math.log(c) > share else (low, c)
    return low - x[0] * x[1]


SHAPES: dict[str, Callable[[Sequence[float], float], float]] = {
    "edge": edge,
    "slab": slab,
    "corner of 2": corner_of_2,
    "corner of 3": corner_of_3,
    "band": band,
    "product": product,
}
NEEDLES = [Needle(shape, share) for shape in SHAPES for share in SHARES]
NEEDLES += [
    Needle(shape, 0.05, margin)
    for margin in ("flat", "misleading")
    for shape in ("slab", "corner of 2")
]
QUICK = [Needle(shape, 0.01) for shape in ("edge", "corner of 2", "band")]
QUICK += [Needle("corner of 2", 0.05), Needle("slab", 0.05, "flat")]


def margins(needle: Needle, coin: Coin, trials: Trials) -> np.ndarray:
    """The event's signed margin: noise of deviation 1 about a mean that falls into the needle."""
    away = max(SHAPES[needle.shape](coin.at, needle.share), 0.0)
    mean = DEEP + (CLEAR - DEEP) * min(away / EDGE, 1.0)
    if needle.margin == "sloping":
        mean += SLOPE * max(away - EDGE, 0.0)
    elif needle.margin == "misleading" and away:
        mean += SLOPE * (1 - coin.at[-1])
    return mean + normals(coin, trials)


def hunt(needle: Needle, method: str, seed: int) -> dict[str, Any]:
    """One run of one method: setups screened until one was suspect, and what became of it."""
    if method in ("steered", "blind"):
        return _hunt_through_the_judge(needle, method, seed)
    most = PROFILES["thorough"].search
    for count, coin in enumerate(_setups(method, most, seed), start=1):
        seen = margins(needle, coin, Trials(16, seed=seed, stream="search")) >= 0
        if screen(seen, AT_LEAST, TOLERANCE):
            return {"found": True, "screened": count}
    return {"found": False, "screened": most}


def _hunt_through_the_judge(needle: Needle, method: str, seed: int) -> dict[str, Any]:
    """The whole path but for the panel: search, shrink, confirm."""

    @given(setup=coins(SIZE))
    @with_probability(at_least=AT_LEAST, tolerance=TOLERANCE)
    def claim(setup: Coin, trials: Trials) -> np.ndarray:
        found = margins(needle, setup, trials)
        return found if method == "steered" else found >= 0

    lines: list[Any] = []
    profile = PROFILES["thorough"]
    search = search_of(claim, seed, profile)
    verdict = judge(
        claim, [], seed=seed, profile=profile, search=search, record=lines.append
    ).verdict
    told = [line for line in lines if isinstance(line, Evidence)]
    search_, shrink = ([e for e in told if e.stage == stage] for stage in ("search", "shrink"))
    found = {"found": search_[-1].verdict == "SUSPECT", "screened": len(search_)}
    if not found["found"]:
        return found
    (confirmed,) = (e for e in told if e.stage == "confirm")
    return {
        **found,
        "confirmed": verdict == "REFUTED",
        "shrunk": len(shrink),
        "moved_before": _moved(search_[-1].setup),
        "moved_after": _moved(confirmed.setup),
    }


def _moved(setup: Any) -> int:
    return sum(x != HEART for x in setup)


def _setups(method: str, most: int, seed: int) -> Iterator[Coin]:
    if method == "random":
        yield from Coins(SIZE).sample(most, seed)
        return
    levels = (0.25, 0.75) if method == "grid" else (0.0, 1.0)
    points = list(itertools.product(levels, repeat=SIZE))
    order = generator(seed, "grid").permutation(len(points))
    yield from (Coin(points[i]) for i in order[:most])


def row(needle: Needle, method: str, runs: int) -> dict[str, Any]:
    """Rates and means over `runs` seeds."""
    hunts = [hunt(needle, method, seed) for seed in range(runs)]

    def mean(key: str, of: list[dict[str, Any]]) -> float | None:
        known = [h[key] for h in of if key in h]
        return float(np.mean(known)) if known else None

    found = [h for h in hunts if h["found"]]
    told = method in ("steered", "blind")
    return {
        "needle": needle.name,
        "method": method,
        "found": len(found) / runs,
        "runs": runs,
        "mean_trials": 16 * float(np.mean([h["screened"] for h in hunts])),
        "found_of_8": sum(h["screened"] <= PROFILES["quick"].search for h in found) / runs,
        "confirmed": sum(h["confirmed"] for h in found) / runs if told else None,
        **{key: mean(key, found) for key in ("shrunk", "moved_before", "moved_after")},
    }


def main() -> None:
    """Hunt every needle by every method."""
    chosen = options(__doc__ or "")
    needles, runs = (QUICK, 12) if chosen.quick else (NEEDLES, 50)
    jobs = [(needle, method, runs) for needle in needles for method in METHODS]
    rows = list(everywhere(row, jobs))
    most = PROFILES["thorough"].search
    show(f"needles in {SIZE} coordinates, at most {most} setups of 16 trials", rows, COLUMNS)
    print(NOTE)
    pairs = [(rows[i], rows[i + 1]) for i in range(0, len(rows), len(METHODS))]
    pairs = [(a, b) for a, b in pairs if "," not in a["needle"]]
    wins = sum(a["mean_trials"] < b["mean_trials"] for a, b in pairs)
    print(
        f"sloping needles: steered took fewer trials than blind at {wins} of {len(pairs)}; found "
        f"{np.mean([a['found'] for a, _ in pairs]):.2f} against "
        f"{np.mean([b['found'] for _, b in pairs]):.2f}, in "
        f"{np.mean([a['mean_trials'] for a, _ in pairs]):.0f} trials against "
        f"{np.mean([b['mean_trials'] for _, b in pairs]):.0f}"
    )
    save(chosen.json, head(search=most, at_least=AT_LEAST, tolerance=TOLERANCE), rows)


if __name__ == "__main__":
    main()
