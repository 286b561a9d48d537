"""Whole runs err as rarely as promised, and what would break the promise is seen to break it.

Each rate is compared with its level 0.05 by a one-sided binomial test at 0.001; seeds are fixed.
"""

import functools
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import beta, binomtest

from mrpcheck import judging
from mrpcheck.claims import Claim
from mrpcheck.stats import Levels, Walk
from mrpcheck.stats.stopping import decide, looks_at

RUNS = 80


@functools.cache
def found(at_least, tolerance, truth, runs=RUNS):
    import calibration

    cell = calibration.Cell(at_least, tolerance, truth)
    return calibration.row(cell, calibration.runs(cell, range(runs)), rows=10)


@pytest.fixture
def afresh():
    """Nothing kept from a run that was not broken, or kept for one that is not."""
    found.cache_clear()
    yield
    found.cache_clear()


@pytest.mark.parametrize(
    ("at_least", "tolerance", "truth"),
    [
        (0.9, 0.1, "P = at_least, screenings miss"),
        (0.5, 0.1, "P = at_least, screenings miss"),
        (0.9, 0.1, "P = null at one of the panel"),
        (0.8, 0.05, "P = null at one of the panel"),
        (0.95, 0.05, "P = null"),
    ],
)
def test_false_verdicts_stay_within_their_level(at_least, tolerance, truth):
    row = found(at_least, tolerance, truth)
    assert row["within"], row
    assert row["supported"] + row["refuted"] + row["undecided"] == pytest.approx(1)


def test_what_is_true_is_supported_and_what_is_false_refuted():
    assert found(0.9, 0.1, "clearly true", 40)["supported"] > 0.95
    assert found(0.9, 0.1, "clearly false in half", 40)["refuted"] > 0.5


def test_confirming_on_the_stream_of_the_search_would_be_seen(monkeypatch, afresh):
    """The suspects that luck made are then all confirmed by the same luck."""
    path = judging.Path

    def reused(hearing, draw, stage, index, stream, **more):
        stream = "search" if stage == "confirm" else stream
        return path(hearing, draw, stage, index, stream, **more)

    monkeypatch.setattr(judging, "Path", reused)
    row = found(0.9, 0.1, "P = at_least, screenings miss", 40)
    assert row["false_rate"] == 1
    assert not row["within"]


@dataclass(frozen=True)
class Peeking(Walk):
    """Looks at the Clopper-Pearson bound of fixed n after every block, and stops when it can."""

    def decide(self, outcomes, every=16, most=1024):
        path = np.asarray(outcomes, dtype=float)
        looks = looks_at(path, every, most)
        hits = np.cumsum(path)[looks - 1]
        lower = beta.ppf(self.levels.false_support, np.maximum(hits, 0.5), looks - hits + 1)
        above = (hits > 0) & (lower > self.at_least - self.tolerance)
        return decide(99.0 * above, 0.0 * hits, self.levels, most // every)


def test_a_walk_that_peeks_would_be_seen(monkeypatch, afresh):
    monkeypatch.setattr(Claim, "walk", lambda self, levels: Peeking(0.9, 0.1, levels))
    row = found(0.9, 0.1, "P = null at one of the panel")
    assert row["false_rate"] > 0.12
    assert not row["within"]


def test_the_bounds_are_those_of_the_binomial():
    import calibration

    for wrong, n in ((0, 40), (3, 40), (40, 40)):
        test = binomtest(wrong, n, alternative="less")
        high = test.proportion_ci(0.95, method="exact").high
        assert calibration.upper(wrong, n) == pytest.approx(high)
        chance = binomtest(wrong, n, 0.05, alternative="greater").pvalue
        assert calibration.explained(wrong, n, 0.05, chance * 0.999)
        assert not calibration.explained(wrong, n, 0.05, chance * 1.001)


def test_the_laws_have_the_means_that_they_are_asked_for():
    """A million values each, within 5 deviations, and within the claim's bounds."""
    import walks

    rng = np.random.default_rng(0)
    for law in walks.LAWS:
        for mean in (0.0, 0.1):
            values = law(rng, mean, 10**6)
            assert -1 <= values.min() <= values.max() <= 1
            assert abs(values.mean() - mean) < 5 * values.std() / 1000, law.__name__


def test_walks_keep_their_levels_exactly_and_a_looser_one_is_seen(monkeypatch):
    import walks

    cells = [(0.5, 0.1), (0.9, 0.05), (0.99, 0.01)]
    assert all(row["within"] for row in walks.exact(cells))
    exact = walks.operating
    loose = Levels(4 * 0.05 / 64, 4 * 0.001 / 64)
    monkeypatch.setattr(walks, "operating", lambda p, e, levels, *more: exact(p, e, loose, *more))
    assert not all(row["within"] for row in walks.exact(cells))
