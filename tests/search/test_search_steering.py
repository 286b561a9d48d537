"""The margin steers the search to needles that it would miss blindly, and nothing else."""

import random
import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mrpcheck.claims import with_probability
from mrpcheck.judging import judge
from mrpcheck.plugin.search import search_of
from mrpcheck.profiles import PROFILES

SEARCH = replace(PROFILES["thorough"], search=40, shrink=12)


def numbers(size=5):
    """Coordinates -64 to 64, simplest at 0."""
    return st.tuples(*[st.integers(-64, 64) for _ in range(size)])


def searched(margin, seed=0, strategy=None, truth=False, **sizes):
    """What was screened, in order, and the verdict of a claim without a panel."""
    order = []

    @given(at=numbers() if strategy is None else strategy)
    @with_probability(at_least=0.9, tolerance=0.1)
    def claim(at, trials):
        if trials.stream == "search" and repr(at) not in map(repr, order):
            order.append(at)
        noise = trials.generator(repr(at), trials.first, "noise").normal(size=trials.count)
        found = margin(at) + noise
        return found >= 0 if truth else found

    profile = replace(SEARCH, **sizes)
    verdict = judge(claim, seed=seed, profile=profile, search=search_of(claim, seed, profile))
    return order, verdict


def corner(at):
    """P = 0.3 in a thousandth of the space, and a margin that falls toward it."""
    away = max(0.0, 54 - min(at[0], at[1])) / 64
    return -0.524 + 2.85 * min(away / 0.05, 1) + 3 * away


def test_the_margin_finds_a_needle_that_the_blind_miss():
    """Five seeds: a corner of 0.8 % of five coordinates."""
    steered = [searched(corner, seed)[1] for seed in range(5)]
    blind = [searched(corner, seed, truth=True)[1] for seed in range(5)]
    assert [v.verdict for v in steered].count("REFUTED") >= 4
    assert [v.verdict for v in blind].count("REFUTED") <= 2
    assert sum(v.screened for v in steered) < 0.7 * sum(v.screened for v in blind)


def test_the_counterexample_is_simpler_than_the_suspect():
    order, verdict = searched(corner, seed=1, shrink=64)
    first = order[verdict.screened - 1]
    at = verdict.counterexample["at"]
    assert min(at[:2]) >= 50
    assert sum(x != 0 for x in at) < sum(x != 0 for x in first)
    assert verdict.shrunk <= 64


def test_the_search_screens_as_many_as_it_may_and_the_simplest_first():
    order, verdict = searched(lambda at: 5.0)
    assert verdict.screened == len(order) == SEARCH.search
    assert order[0] == (0,) * 5
    few, verdict = searched(lambda at: 5.0, search=8)
    assert few == order[:8]


def test_a_setup_drawn_again_costs_nothing():
    """Eleven setups: all of them are seen, though most draws repeat one."""
    order, verdict = searched(lambda at: 5.0, strategy=st.integers(-5, 5), search=11)
    assert verdict.screened == 11
    assert sorted(order) == list(range(-5, 6))


def test_without_a_margin_nothing_is_aimed():
    """Truth values, and a profile that does not steer: the same setups."""
    by_truth, _ = searched(lambda at: 5 - at[0] / 32, truth=True)
    unsteered, _ = searched(lambda at: 5 - at[0] / 32, steer=False)
    steered, _ = searched(lambda at: 5 - at[0] / 32)
    assert by_truth == unsteered != steered


def test_a_margin_is_followed_by_half_of_the_search():
    """The margin falls with the first coordinate: up go those that are aimed, and no others."""
    order, _ = searched(lambda at: 8 - at[0] / 16)
    late = np.array([at[0] for at in order[12:]])
    assert np.mean(late > 48) > 0.4
    assert np.mean(late < 32) > 0.2


def test_the_same_seed_gives_the_same_search_and_another_one_another():
    first, _ = searched(lambda at: 5 - at[0] / 32)
    assert searched(lambda at: 5 - at[0] / 32)[0] == first
    assert searched(lambda at: 5 - at[0] / 32, seed=1)[0] != first


@pytest.mark.parametrize(
    "strategy",
    [
        st.lists(st.integers(0, 9), max_size=4),
        st.tuples(st.floats(0, 1), st.booleans(), st.sampled_from("abc")),
        st.text(max_size=3),
        st.integers(),
        st.one_of(st.floats(-1, 1), st.tuples(st.integers(0, 3), st.floats(0, 1))),
    ],
)
def test_any_strategy_can_be_steered(strategy):
    """Choices without bounds, of other kinds, and in varying number are drawn as ever."""
    order, verdict = searched(lambda at: 5 - len(repr(at)) / 50, strategy=strategy, search=24)
    assert verdict.error is None
    assert verdict.screened == len(order) == 24


@st.composite
def beside_a_thread(draw):
    """A draw during which another thread uses Python's own generator, as Dask's does."""
    thread = threading.Thread(target=random.random)
    thread.start()
    thread.join()
    return draw(numbers())


def test_numbers_that_another_thread_draws_disturb_no_search():
    order, verdict = searched(lambda at: 5 - at[0] / 32, strategy=beside_a_thread(), search=8)
    assert verdict.error is None
    assert verdict.screened == len(order) == 8
