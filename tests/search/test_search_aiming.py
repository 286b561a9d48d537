"""Aiming finds what few noisy scores point to, whatever their unit."""

import numpy as np
import pytest

from mrpcheck.aiming import aim


def seen(score, cases=16, size=4, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.random((cases, size))
    return points, np.array([score(p) for p in points]) + 0.02 * rng.normal(size=cases)


def aimed(points, scores, count=20):
    return np.array([aim(points, scores, np.random.default_rng(s)) for s in range(count)])


def test_it_goes_where_scores_rise_and_beyond_what_was_seen():
    points, scores = seen(lambda p: p[0] - p[1])
    found = aimed(points, scores)
    worst = points[np.argmax(scores)]
    assert ((found >= 0) & (found <= 1)).all()
    assert (found[:, 0] - found[:, 1]).mean() > worst[0] - worst[1]
    away = aimed(points, -scores)
    assert (away[:, 0] - away[:, 1]).mean() < -0.5


def test_it_goes_to_a_peak_inside():
    points, scores = seen(lambda p: -abs(p[0] + p[1] - 1), cases=60)
    found = aimed(points, scores)
    assert abs(found[:, 0] + found[:, 1] - 1).mean() < 0.1 < abs(points[:, :2].sum(1) - 1).mean()


def test_neither_unit_nor_outlier_matters():
    points, scores = seen(lambda p: p[0])
    wild = np.exp(20 * scores)
    wild[np.argmin(wild)] = -1e6
    np.testing.assert_array_equal(aimed(points, scores, 5), aimed(points, wild, 5))


def test_scores_that_say_nothing_and_points_seen_twice_are_no_trouble():
    points = np.tile(np.random.default_rng(0).random((4, 3)), (4, 1))
    found = aimed(points, np.zeros(16))
    assert np.isfinite(found).all()
    assert len({tuple(p) for p in found}) > 5


@pytest.mark.parametrize("size", [1, 17])
def test_any_number_of_coordinates(size):
    points, scores = seen(lambda p: p[0], size=size)
    assert aimed(points, scores, 3).shape == (3, size)
