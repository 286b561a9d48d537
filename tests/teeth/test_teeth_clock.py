"""Nothing that decides looks at a clock: where hours pass between two looks, all is the same."""

import time
from itertools import count

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mrpcheck.claims import with_probability
from mrpcheck.judging import judge
from mrpcheck.plugin.search import search_of
from mrpcheck.profiles import Profile

SIZES = Profile("any", panel=3, most=128, search=8, shrink=40, doubled=0)


class Line:
    """The regime: numbers from 0 to 1, the heart at 0."""

    name = "line"

    def sample(self, n, seed):
        return np.random.default_rng(seed).random(n).round(3).tolist()

    def violations(self, x):
        return []

    def toward_heart(self, x):
        yield from (y for y in (0.0, x / 2) if y != x)

    def describe(self, x):
        return f"x = {x:.3g}"


def judged(event):
    """The verdict and every record but for the seconds it took."""
    strategy = st.integers(0, 1000).map(lambda i: i / 1000)
    strategy.regime = Line()
    test = given(x=strategy)(with_probability(at_least=0.9, tolerance=0.1)(event))
    found, search = [], search_of(test, 3, SIZES)
    verdict = judge(test, seed=3, profile=SIZES, search=search, record=found.append)
    return verdict.verdict, [vars(each) | {"seconds": 0} for each in [*found, verdict]]


def holds(x, trials):
    return toss(x, trials, 0.97)


def fails_beyond_the_panel(x, trials):
    return toss(x, trials, 0.0 if trials.stream != "panel" and x > 0.3 else 0.99)


def fails(x, trials):
    return toss(x, trials, 0.5)


def toss(x, trials, p):
    return [trials.generator(repr(x), t, "toss").random() < p for t in trials.numbers]


@pytest.mark.parametrize(
    ("event", "verdict"),
    [(holds, "SUPPORTED"), (fails, "REFUTED"), (fails_beyond_the_panel, "REFUTED")],
)
def test_a_clock_that_jumps_changes_nothing(event, verdict, monkeypatch):
    before = judged(event)
    for name in ("time", "monotonic", "perf_counter"):
        hours = count(0, 3600)
        monkeypatch.setattr(time, name, lambda hours=hours: float(next(hours)))
    after = judged(event)
    monkeypatch.undo()
    assert after == before
    assert after[0] == verdict
