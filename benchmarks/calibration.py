"""Calibration: how often whole runs come out falsely SUPPORTED or falsely REFUTED.

Coins whose probability depends on the setup go through all of it: the panel, Hypothesis drawing,
the search, shrinking, and the confirmation; at levels 0.05 and 0.05, where a rate can be seen by
repetition. At a run's own levels the stopped walk is computed exactly. Exits 1 where a false rate
exceeds its level by more than luck explains (one-sided binomial, 0.01 over all rows).
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import walks
from common import Coin, Coins, coins, everywhere, head, options, save, show, uniforms
from hypothesis import given
from scipy.stats import beta, binom

from mrpcheck.claims import with_probability
from mrpcheck.judging import judge
from mrpcheck.plugin.search import search_of
from mrpcheck.profiles import Profile
from mrpcheck.records import Evidence
from mrpcheck.seeds import Trials
from mrpcheck.stats import Budget, operating

SIZE = 2
PART = 250  # runs of one piece of work
MANY, FEWER = 2000, 500  # runs of a truth that one walk alone decides on, and of any other
LEVEL = 0.05
BUDGET = Budget(LEVEL, LEVEL, claims=1)
PROFILE = Profile("calibration", panel=2, most=512, search=3, shrink=3, doubled=0, block=512)
CELLS = [(p, e) for p in (0.5, 0.8, 0.9, 0.95, 0.99) for e in (0.01, 0.05, 0.1)]
QUICK = [(p, e) for p in (0.5, 0.9, 0.99) for e in (0.01, 0.1)]
COLUMNS = (
    "at_least", "tolerance", "truth", "true_p", "runs", "supported", "refuted", "undecided",
    "mean_trials", "suspects", "false_rate", "false_at_most", "exact", "within",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One claim and one truth about it."""

    at_least: float
    tolerance: float
    truth: str

    @property
    def null(self) -> float:
        return round(self.at_least - self.tolerance, 12)


@dataclass(frozen=True)
class Truth:
    """P at a coin in a stream of a run, its smallest value, and the verdict that would be false."""

    chance: Callable[[Cell, Coin, Trials], float]
    worst: Callable[[Cell], float]
    false: str | None
    one_walk: bool = False  # the false verdict is that of a single walk, and so known exactly


def _clear(cell: Cell) -> float:
    return (1 + cell.at_least) / 2


def _claimed(cell: Cell) -> float:
    return cell.at_least


def _null(cell: Cell) -> float:
    return cell.null


def _low(cell: Cell) -> float:
    return max(cell.at_least - 3 * cell.tolerance, 0.0)


def _half(cell: Cell, coin: Coin, trials: Trials) -> float:
    return cell.at_least if coin.at[0] > 0.5 else _clear(cell)


def _one_of_the_panel(cell: Cell, coin: Coin, trials: Trials) -> float:
    return cell.null if coin == _first(trials.seed) else 1.0


def _search_lies(cell: Cell, coin: Coin, trials: Trials) -> float:
    return 0.0 if trials.stream == "search" else cell.at_least


def _false_in_half(cell: Cell, coin: Coin, trials: Trials) -> float:
    return _low(cell) if coin.at[0] > 0.5 else _clear(cell)


@functools.lru_cache(maxsize=4)
def _first(seed: int) -> Coin:
    return Coins(SIZE).sample(PROFILE.panel, seed)[0]


TRUTHS = {
    "P = at_least in half": Truth(_half, _claimed, "refuted"),
    "P = at_least": Truth(lambda c, *_: c.at_least, _claimed, "refuted"),
    "P = at_least, screenings miss": Truth(_search_lies, _claimed, "refuted", True),
    "P = null at one of the panel": Truth(_one_of_the_panel, _null, "supported", True),
    "P = null": Truth(lambda c, *_: c.null, _null, "supported"),
    "clearly true": Truth(lambda c, *_: _clear(c), _clear, None),
    "clearly false in half": Truth(_false_in_half, _low, None),
}
NOTE = """truth         null = at_least - tolerance; screenings miss: the coin of the search stream
              never hits: every run has a suspect, and the confirmation alone protects
mean_trials   asked in a whole run; suspects: rate of runs whose panel or search had one
false_rate    of falsely REFUTED (P = at_least) or falsely SUPPORTED (null); the other verdicts
              of these rows are true or undecided. false_at_most: its 95 % upper bound
exact         what false_rate should be, where one walk alone decides; within 4.5 deviations"""


def runs(cell: Cell, seeds: range) -> list[tuple[str, int, bool]]:
    """Verdict, asked trials and whether there was a suspect, of one run a seed."""
    chance = TRUTHS[cell.truth].chance

    @given(setup=coins(SIZE))
    @with_probability(at_least=cell.at_least, tolerance=cell.tolerance)
    def claim(setup: Coin, trials: Trials) -> np.ndarray:
        return uniforms(setup, trials) < chance(cell, setup, trials)

    return [_run(claim, seed) for seed in seeds]


def _run(claim: Any, seed: int) -> tuple[str, int, bool]:
    lines: list[Any] = []
    search = search_of(claim, seed, PROFILE)
    verdict = judge(
        claim, seed=seed, profile=PROFILE, budget=BUDGET, search=search, record=lines.append
    )
    suspect = any(isinstance(line, Evidence) and line.stage == "confirm" for line in lines)
    return verdict.verdict, verdict.asked, suspect


def row(cell: Cell, told: Sequence[tuple[str, int, bool]], rows: int) -> dict[str, Any]:
    """Rates of a cell; `within` is false where only a bad implementation explains them."""
    truth, n = TRUTHS[cell.truth], len(told)
    count = Counter(verdict.lower() for verdict, *_ in told)
    wrong = count[truth.false] if truth.false else None
    exact = _exact(cell) if truth.one_walk else None
    within = wrong is None or explained(wrong, n, LEVEL, 0.01 / rows)
    if exact is not None and wrong is not None:
        within &= abs(wrong / n - exact) <= 4.5 * (exact * (1 - exact) / n) ** 0.5 + 1 / n
    return {
        "at_least": cell.at_least,
        "tolerance": cell.tolerance,
        "truth": cell.truth,
        "true_p": truth.worst(cell),
        "runs": n,
        **{verdict: count[verdict] / n for verdict in ("supported", "refuted", "undecided")},
        "mean_trials": float(np.mean([asked for _, asked, _ in told])),
        "suspects": float(np.mean([suspect for *_, suspect in told])),
        "false": truth.false,
        "false_rate": None if wrong is None else wrong / n,
        "false_at_most": None if wrong is None else upper(wrong, n),
        "exact": exact,
        "within": within,
    }


def _exact(cell: Cell) -> float:
    """The rate of the one false verdict that the truth allows, of a single walk."""
    truth, levels = TRUTHS[cell.truth], BUDGET.levels
    worst = truth.worst(cell)
    ends = operating(cell.at_least, cell.tolerance, levels, worst, most=PROFILE.most)
    return float(getattr(ends, truth.false or ""))


def upper(wrong: int, n: int) -> float:
    """The Clopper-Pearson upper bound of a rate, at 95 %."""
    return 1.0 if wrong == n else float(beta.ppf(0.95, wrong + 1, n - wrong))


def explained(wrong: int, n: int, level: float, chance: float) -> bool:
    """Whether so many or more would come with at least this chance if the rate were the level."""
    return bool(binom.sf(wrong - 1, n, level) >= chance)


def main() -> int:
    """Every cell through the whole path, then the walks alone; 1 where a level is exceeded."""
    chosen = options(__doc__ or "")
    grid, many, fewer = (QUICK, 30, 30) if chosen.quick else (CELLS, MANY, FEWER)
    cells = [Cell(p, e, truth) for p, e in grid for truth in TRUTHS]
    counts = {c: many if TRUTHS[c.truth].one_walk else fewer for c in cells}
    jobs = [(c, range(i, min(i + PART, n))) for c, n in counts.items() for i in range(0, n, PART)]
    told: dict[Cell, list[tuple[str, int, bool]]] = {cell: [] for cell in cells}
    for (cell, _), found in zip(jobs, everywhere(runs, jobs), strict=True):
        told[cell] += found
    rows = [row(cell, told[cell], len(cells)) for cell in cells]
    show(f"whole runs at levels {LEVEL} and {LEVEL}", rows, COLUMNS)
    print(NOTE, end="\n\n")
    exact, tables, means = _walks(400 if chosen.quick else 4000, grid)
    bad = [each for each in (*rows, *exact, *tables, *means) if not each["within"]]
    print(f"{len(bad)} rows beyond their level or off the exact answer")
    power = [each for each in rows if each["false"] is None]
    save(
        chosen.json, head(false_support=LEVEL, false_refute=LEVEL, profile=str(PROFILE)),
        [each for each in rows if each["false"] is not None],
        power=power, exact=exact, tables=tables, means=means,
    )  # fmt: skip
    return int(bool(bad))


def _walks(count: int, grid: Sequence[tuple[float, float]]) -> tuple[list[Any], ...]:
    levels = Budget().levels
    exact, tables, means = walks.exact(grid), walks.tables(count), walks.means(count)
    title = f"exact, levels {levels.false_support:.3g} and {levels.false_refute:.3g}"
    show(f"{title}: at P = null and at P = at_least", exact, tuple(exact[0]))
    show("the reference tables, and deviations from the exact answer", tables, tuple(tables[0]))
    show("means between -1 and 1, exactly at a boundary, levels 0.05", means, tuple(means[0]))
    return exact, tables, means


if __name__ == "__main__":
    sys.exit(main())
