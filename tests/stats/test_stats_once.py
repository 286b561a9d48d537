"""The interval of a mean from values looked at once: sound, and nearly as tight as can be."""

import numpy as np
import pytest
from scipy.stats import beta

from mrpcheck.stats import Levels, MeanWalk, mean_interval

TIMES, LEVEL = 400, 0.2  # a level at which misses would show in few repetitions


def flat(rng, size):
    return rng.random((TIMES, size))


def coins(p):
    return lambda rng, size: (rng.random((TIMES, size)) < p).astype(float)


def steady(rng, size):
    return np.clip(0.6 + 0.05 * rng.standard_normal((TIMES, size)), 0, 1)


SAMPLES = {"even coins": (coins(0.5), 0.5), "rare tails": (coins(0.9), 0.9),
           "flat": (flat, 0.5), "steady": (steady, 0.6)}  # fmt: skip


@pytest.mark.parametrize("size", [8, 32])
@pytest.mark.parametrize("name", SAMPLES)
def test_it_misses_no_more_often_than_it_says(name, size):
    """400 repetitions; at a rate of 0.1 a side, more than 64 misses come with probability 1e-4."""
    draw, mean = SAMPLES[name]
    found = [mean_interval(v, (0.0, 1.0), LEVEL) for v in draw(np.random.default_rng(7), size)]
    lower, upper = np.transpose(found)
    assert (lower > mean).sum() <= 64 and (upper < mean).sum() <= 64


def test_a_neighbour_of_the_mean_is_left_out_where_there_are_enough_trials():
    draws = coins(0.5)(np.random.default_rng(8), 256)
    found = [mean_interval(v, (0.0, 1.0), 0.05) for v in draws[:40]]
    assert np.mean([lower > 0.35 for lower, _ in found]) > 0.7
    assert np.mean([upper < 0.65 for _, upper in found]) > 0.7


def test_alike_values_come_near_what_no_test_can_beat():
    """Sixteen ones: any test that never rejects a coin's p too often has its end at 0.794."""
    best = beta.ppf(0.025, 16, 1)
    lower, upper = mean_interval(np.ones(16), (0.0, 1.0), 0.05)
    assert best - 0.03 < lower <= best and upper == 1.0
    looked = MeanWalk(1.0, 0.5, (0.0, 1.0), Levels(0.025, 0.025))
    assert lower > looked.judge(np.ones(16), every=16, most=16).lower


def test_units_and_sides_do_not_matter():
    values = np.random.default_rng(9).beta(8, 2, 24)
    lower, upper = mean_interval(values, (0.0, 1.0), 0.05)
    scaled = mean_interval(2 * values - 1, (-1.0, 1.0), 0.05)
    assert scaled == pytest.approx((2 * lower - 1, 2 * upper - 1))
    assert mean_interval(1 - values, (0.0, 1.0), 0.05) == pytest.approx((1 - upper, 1 - lower))
    assert lower < values.mean() < upper


def test_the_mean_of_the_values_lies_in_it():
    falling = np.linspace(1, 0, 64) ** 8  # in an order that misleads whoever bets by what was
    for values in (falling, 1 - falling, falling[::-1], np.zeros(3), np.ones(1)):
        lower, upper = mean_interval(values, (0.0, 1.0), 0.05)
        assert 0 <= lower <= values.mean() <= upper <= 1


@pytest.mark.parametrize("values", [[], [0.5, 1.1], [np.nan], [[0.5]]])
def test_what_are_no_values_within_the_bounds_is_refused(values):
    with pytest.raises(ValueError, match=r"but should be numbers in \[0, 1\]"):
        mean_interval(values, (0.0, 1.0), 0.05)
