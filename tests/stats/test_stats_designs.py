"""Designs, panels and budgets: the arithmetic that is printed before anything is paid for."""

import numpy as np
import pytest
from scipy.stats import beta

from mrpcheck.stats import (
    Budget,
    Levels,
    MeanWalk,
    Walk,
    detectable,
    most_hits_suspected,
    operating,
    panel_share,
    refusal,
    screen,
    screen_mean,
    trials_to_decide,
    trials_without_miss,
)

RUN = Budget().levels


@pytest.mark.parametrize(
    ("at_least", "tolerance", "alone", "in_a_run"),
    [(0.9, 0.1, 20, 41), (0.9, 0.05, 28, 56), (0.95, 0.05, 41, 86), (0.99, 0.01, 213, 447)],
)
def test_trials_without_a_miss(at_least, tolerance, alone, in_a_run):
    assert trials_without_miss(at_least, tolerance, 0.05) == alone
    assert trials_without_miss(at_least, tolerance, 0.05 / 64) == in_a_run
    looked = trials_without_miss(at_least, tolerance, 0.05 / 64, every=16)
    judged = Walk(at_least, tolerance, RUN).judge(np.ones(1024))
    assert judged.trials == looked == -(-in_a_run // 16) * 16


def test_trials_without_a_miss_for_a_mean():
    needed = trials_without_miss(0.05, 0.05, RUN.false_support, 16, (-1.0, 1.0))
    walk = MeanWalk(0.05, 0.05, (-1.0, 1.0), RUN)
    assert walk.judge(np.ones(256)).trials == needed
    assert walk.judge(np.ones(256)[: needed - 16]).verdict is None


@pytest.mark.parametrize(("at_least", "tolerance", "most"), [(0.9, 0.1, 256), (0.95, 0.05, 1024)])
def test_the_detectable_discrepancy_is_detected_and_a_smaller_one_is_not(at_least, tolerance, most):
    p = detectable(at_least, tolerance, RUN, most=most, power=0.8)
    assert p < at_least
    assert operating(at_least, tolerance, RUN, p, most=most).refuted >= 0.8
    assert operating(at_least, tolerance, RUN, p + 2e-4, most=most).refuted < 0.8


def test_nothing_is_detectable_within_too_few_trials():
    assert detectable(0.05, 0.02, RUN, most=32) is None
    assert detectable(0.05, 0.02, RUN, most=1024) is not None


def test_a_detectable_mean_is_inside_its_bounds():
    mean = detectable(0.05, 0.05, RUN, most=1024, bounds=(-1.0, 1.0))
    assert -1 < mean < 0
    assert operating(0.05, 0.05, RUN, mean, bounds=(-1.0, 1.0)).refuted >= 0.8


def test_trials_to_decide():
    needed = trials_to_decide(0.9, 0.1, RUN, 0.85, power=0.8)
    assert operating(0.9, 0.1, RUN, 0.85, most=needed).undecided <= 0.2
    assert operating(0.9, 0.1, RUN, 0.85, most=needed - 16).undecided > 0.2
    assert trials_to_decide(0.9, 0.01, RUN, 0.895, cap=1024) is None


def test_operating_rates_add_up():
    found = operating(0.9, 0.1, RUN, 0.86)
    assert found.supported + found.refuted + found.undecided == pytest.approx(1, abs=1e-12)
    certain = operating(0.9, 0.1, RUN, 1.0)
    assert (certain.supported, certain.mean_trials, certain.sd_trials) == (1, 48, 0)
    with pytest.raises(ValueError, match=r"true_p = 1\.1, but should be in \[0, 1\]"):
        operating(0.9, 0.1, RUN, 1.1)


def test_a_budget_that_cannot_support_is_refused_with_its_numbers():
    assert refusal(0.9, 0.1, RUN, most=48) is None
    words = refusal(0.9, 0.1, RUN, most=32)
    assert words.startswith("most = 32 trials, but should be at least 48")
    assert "P > 0.8 at level 0.00078" in words
    assert "mean > 0.8 " in refusal(0.9, 0.1, RUN, most=16, bounds=(0.0, 1.0))


@pytest.mark.parametrize("at_least", [0.3, 0.5, 0.8, 0.9, 0.95, 0.99, 1.0])
def test_most_hits_suspected_is_where_screening_turns(at_least):
    k = most_hits_suspected(at_least, 0.1)
    suspects = [screen([1] * h + [0] * (16 - h), at_least, 0.1) for h in range(17)]
    assert suspects == [k is not None and h <= k for h in range(17)]
    k = most_hits_suspected(at_least, 0.1, bounds=(0.0, 1.0))
    suspects = [screen_mean([1] * h + [0] * (16 - h), at_least, 0.1, (0, 1)) for h in range(17)]
    assert suspects == [k is not None and h <= k for h in range(17)]


def test_panel_share_reproduces_the_stated_ones():
    assert [round(100 * panel_share(n, 0, 0.005)) for n in (8, 28, 59)] == [69, 90, 95]
    for n in (1, 8, 59):
        assert panel_share(n, 0, 0.01) == pytest.approx(max(0, (0.05 ** (1 / n) - 0.01) / 0.99))


@pytest.mark.parametrize(("setups", "misses"), [(8, 0), (8, 1), (28, 3), (5, 5)])
def test_panel_share_has_its_confidence(setups, misses):
    """Were the share any smaller, so few misses would come with probability < 5 %: exactly."""
    level = 0.01
    share = panel_share(setups, misses, level)
    supported = share + (1 - share) * level
    chance = beta.cdf(supported, setups - misses, misses + 1) if misses < setups else 0.05
    assert chance == pytest.approx(0.05)
    assert panel_share(setups, misses, level, confidence=0.99) <= share


@pytest.mark.parametrize(("setups", "misses"), [(0, 0), (8, 9), (8, -1)])
def test_impossible_panels_are_refused(setups, misses):
    with pytest.raises(ValueError, match=r"misses = .* but should be in \[0, setups\]"):
        panel_share(setups, misses, 0.005)


def test_levels_are_a_fixed_share_of_the_budget():
    assert Levels(0.05 / 64, 0.001 / 64) == RUN
    assert Budget(0.05, 0.05, claims=1).levels == Levels(0.05, 0.05)
    assert Budget().refusal(64) is None
    assert Budget().refusal(65).startswith("claims = 65, but should be at most 64")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"false_support": 0.0}, r"false_support = 0, but should be in \(0, 0\.5\) \[Budget\]"),
        ({"false_refute": 0.7}, r"false_refute = 0\.7, but should be in \(0, 0\.5\) \[Budget\]"),
        ({"claims": 0}, r"claims = 0, but should be at least 1 \[Budget\]"),
    ],
)
def test_impossible_budgets_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        Budget(**arguments)
