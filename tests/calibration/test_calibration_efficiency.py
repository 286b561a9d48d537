"""Exact costs: the programme agrees with the package's own, and the walk with Wald's test."""

import numpy as np
import pytest

from mrpcheck.stats import Levels, operating

LEVELS = Levels(0.05, 0.001)


@pytest.mark.parametrize("every", [1, 16])
@pytest.mark.parametrize("true_p", [0.78, 0.85, 0.93, 1.0])
def test_the_programme_is_the_packages(true_p, every):
    import efficiency

    end = efficiency.ending(efficiency.ours(0.9, 0.1, LEVELS, every, 512), true_p, every)
    told = operating(0.9, 0.1, LEVELS, true_p, every, 512)
    assert (end.supported, end.refuted) == pytest.approx((told.supported, told.refuted), abs=1e-9)
    assert end.trials == pytest.approx(told.mean_trials, rel=1e-9)


def test_the_sprt_is_walds():
    """4000 walks of likelihood ratios, step by step; each figure within 4.5 deviations."""
    import efficiency

    end = efficiency.ending(efficiency.sprt(0.9, 0.1, LEVELS, 16, 1024), 0.8, 16)
    rng, ends, trials = np.random.default_rng(0), [], []
    for _ in range(4000):
        hits = rng.random(1024) < 0.8
        ratio = np.cumsum(np.where(hits, np.log(0.9 / 0.8), np.log(0.1 / 0.2)))[15::16]
        up, down = ratio >= np.log(0.999 / 0.05), ratio <= np.log(0.001 / 0.95)
        stop = int(np.argmax(up | down))
        ends.append(up[stop])
        trials.append(16 * (stop + 1))
    assert abs(np.mean(ends) - end.supported) < 4.5 * np.sqrt(0.05 * 0.95 / 4000)
    assert abs(np.mean(trials) - end.trials) < 4.5 * np.std(trials) / np.sqrt(4000)
    assert end.supported <= LEVELS.false_support


@pytest.mark.parametrize(("at_least", "tolerance"), [(0.5, 0.1), (0.9, 0.1), (0.99, 0.1)])
@pytest.mark.parametrize("levels", ["0.05, 0.001", "a run's"])
@pytest.mark.parametrize("at_claim", [True, False])
def test_the_walk_costs_little_more_than_walds(at_least, tolerance, levels, at_claim):
    import efficiency

    row = efficiency.row(at_least, tolerance, levels, at_claim)
    assert row["ratio_16"] <= efficiency.GOAL
    assert row["ratio_1"] <= 1.2
    assert row["bound"] <= row["sprt_1"] <= row["sprt_16"]


def test_a_wasteful_walk_is_seen():
    """The same walk at levels far below those it is asked for."""
    import efficiency

    row = efficiency.row(0.9, 0.1, "0.05, 0.001", True)
    tight = efficiency.ours(0.9, 0.1, Levels(1e-5, 1e-5), 16, 4096)
    assert efficiency.ending(tight, 0.9, 16).trials > efficiency.GOAL * row["sprt_16"]


def test_between_the_two_points_walds_test_takes_longer():
    import efficiency

    row = efficiency.elsewhere(0.9, 0.1, "a run's", 0.85)
    assert row["ours"] < row["sprt"]
    assert row["ours_false"] is None
