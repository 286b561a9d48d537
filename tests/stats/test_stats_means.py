"""Betting on a bounded mean: valid for any distribution, exact for two points, and with power."""

import numpy as np
import pytest

from mrpcheck.stats import (
    Budget,
    Levels,
    MeanWalk,
    log_wealth_above,
    log_wealth_below,
    operating,
    screen_mean,
)
from mrpcheck.stats.betting import STAKES, log_wealth_of_counts

LEVELS = Levels(0.05, 0.05)
BOUNDS = (-1.0, 1.0)


def wealth_by_hand(values, mean, design):
    """The gambler against `mean` or less, bet by bet, in plain products."""
    stakes = [min((design - mean) / (1 - mean), 1.0), *STAKES]
    purses = [0.5, *[0.5 / len(STAKES)] * len(STAKES)]
    for x in values:
        purses = [w * (1 - c + c * x / mean) for w, c in zip(purses, stakes, strict=True)]
    return sum(purses)


def test_wealth_is_the_product_of_bets():
    values = np.random.default_rng(0).random(40)
    looks = np.array([1, 16, 40])
    above = log_wealth_above(values, looks, 0.3, 0.45)
    below = log_wealth_below(values, looks, 0.7, 0.55)
    for i, n in enumerate(looks):
        assert above[i] == pytest.approx(np.log(wealth_by_hand(values[:n], 0.3, 0.45)))
        assert below[i] == pytest.approx(np.log(wealth_by_hand(1 - values[:n], 0.3, 0.45)))


def test_a_bet_is_fair_at_its_mean_and_never_in_debt():
    """Nonnegative for every outcome within the bounds, mean 1 at the null's boundary."""
    past = np.random.default_rng(1).random(10)
    for mean, design in ((0.3, 0.5), (0.02, 0.5), (0.95, 1.0)):
        before = wealth_by_hand(past, mean, design)
        next_ = [wealth_by_hand(np.append(past, x), mean, design) for x in (0.0, 1.0)]
        assert min(next_) >= 0
        assert (1 - mean) * next_[0] + mean * next_[1] == pytest.approx(before)
        assert (0.99 - mean) * next_[0] + (mean + 0.01) * next_[1] > before


def test_two_points_need_their_counts_only():
    values = (np.random.default_rng(2).random(64) < 0.6).astype(float)
    looks = np.arange(1, 65)
    for mean, design in ((0.5, 0.6), (0.9, 1.0), (0.0, 0.1)):
        by_path = log_wealth_above(values, looks, mean, design)
        by_count = log_wealth_of_counts(np.cumsum(values), looks, mean, design)
        np.testing.assert_allclose(by_path, by_count, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("true_mean", [0.0, 0.05, 0.15, 0.25])
def test_two_point_walks_end_as_the_exact_programme_says(true_mean):
    """1500 walks against exact rates; three rates within 4.5 deviations (false alarm 2e-5)."""
    at_least, tolerance, runs, most = 0.15, 0.15, 1500, 256
    walk = MeanWalk(at_least, tolerance, BOUNDS, LEVELS)
    rng = np.random.default_rng(3)
    paths = np.where(rng.random((runs, most)) < (1 + true_mean) / 2, 1.0, -1.0)
    ends = [walk.decide(path, most=most).verdict for path in paths]
    exact = operating(at_least, tolerance, LEVELS, true_mean, most=most, bounds=BOUNDS)
    for verdict in ("supported", "refuted", "undecided"):
        rate, seen = getattr(exact, verdict), ends.count(verdict.upper()) / runs
        assert abs(seen - rate) < 4.5 * np.sqrt(rate * (1 - rate) / runs) + 1e-9, verdict


@pytest.mark.parametrize("levels", [LEVELS, Budget().levels], ids=["0.05", "run"])
@pytest.mark.parametrize(
    ("at_least", "tolerance", "bounds"),
    [
        (0.05, 0.05, (-1.0, 1.0)),
        (0.2, 0.1, (-1.0, 1.0)),
        (0.9, 0.1, (0.0, 1.0)),
        (0.02, 0.01, (0.0, 1.0)),
        (1.0, 0.1, (0.0, 1.0)),
    ],
)
def test_two_point_errors_stay_below_their_levels(at_least, tolerance, bounds, levels):
    """Null: the mean at the boundary; exact, so the allowance is rounding only."""
    for every in (1, 16):
        at = {"every": every, "most": 1024, "bounds": bounds}
        support = operating(at_least, tolerance, levels, at_least - tolerance, **at)
        refute = operating(at_least, tolerance, levels, at_least, **at)
        assert support.supported <= levels.false_support * (1 + 1e-9)
        assert refute.refuted <= levels.false_refute * (1 + 1e-9)


def skewed_up(rng, mean, shape):
    """Beta(0.2 m, 0.2 (1 - m)) stretched to the bounds: mostly near the ends, mean `mean`."""
    m = (mean + 1) / 2
    return 2 * rng.beta(0.2 * m, 0.2 * (1 - m), shape) - 1


def rare_gain(rng, mean, shape):
    """Slightly below the mean most of the time, at the upper bound now and then."""
    chance = 0.03
    low = (mean - chance) / (1 - chance)
    return np.where(rng.random(shape) < chance, 1.0, low)


def rare_loss(rng, mean, shape):
    return -rare_gain(rng, -mean, shape)


def nearly_constant(rng, mean, shape):
    return mean + rng.uniform(-0.002, 0.002, shape)


@pytest.mark.parametrize("law", [skewed_up, rare_gain, rare_loss, nearly_constant])
def test_calibrated_on_awkward_laws(law):
    """Null: rate <= 0.05 at each boundary. 1000 walks of 256; fails by chance with p < 0.001."""
    at_least, tolerance, runs = 0.1, 0.1, 1000
    walk, rng = MeanWalk(at_least, tolerance, BOUNDS, LEVELS), np.random.default_rng(4)
    for mean, wrong in ((at_least - tolerance, "SUPPORTED"), (at_least, "REFUTED")):
        values = law(rng, mean, (runs, 256))
        ends = [walk.decide(path, most=256).verdict for path in values]
        rate = ends.count(wrong) / runs
        assert rate <= 0.05 + 3.1 * np.sqrt(0.05 * 0.95 / runs), (wrong, rate)


@pytest.mark.parametrize(("mean", "verdict"), [(0.3, "SUPPORTED"), (-0.4, "REFUTED")])
@pytest.mark.parametrize("law", [skewed_up, nearly_constant])
def test_an_obvious_effect_is_seen(law, mean, verdict):
    """At the levels of a run, at most 512 trials; 40 walks, all of them decided rightly."""
    walk = MeanWalk(0.05, 0.05, BOUNDS, Budget().levels)
    values = law(np.random.default_rng(5), mean, (40, 512))
    assert [walk.decide(path, most=512).verdict for path in values] == [verdict] * 40


def test_steady_values_are_cheaper_than_noisy_ones():
    walk, rng = MeanWalk(0.05, 0.05, BOUNDS, LEVELS), np.random.default_rng(6)
    steady = walk.judge(nearly_constant(rng, 0.3, 1024))
    noisy = walk.judge(skewed_up(rng, 0.3, 1024))
    assert steady.verdict == noisy.verdict == "SUPPORTED"
    assert steady.trials < noisy.trials


def test_the_interval_agrees_with_the_verdict_and_inverts_the_wealth():
    rng, seen = np.random.default_rng(8), set()
    for _ in range(120):
        bounds = (-1.0, 1.0) if rng.random() < 0.5 else (0.0, 3.0)
        middle, width = sum(bounds) / 2, bounds[1] - bounds[0]
        at_least = middle + width * rng.uniform(-0.2, 0.2)
        walk = MeanWalk(at_least, 0.05 * width, bounds, LEVELS)
        spread = rng.choice([0.01, 0.1, 0.5]) * width
        centre = middle + width * rng.uniform(-0.3, 0.3)
        path = np.clip(rng.normal(centre, spread, rng.integers(0, 200)), *bounds)
        judged = walk.judge(path, most=128)
        above, below = judged.lower > at_least - walk.tolerance, judged.upper < at_least
        assert (judged.verdict == "REFUTED") == below, judged
        assert (judged.verdict == "SUPPORTED") == (above and not below), judged
        counted = path[: judged.trials]
        assert judged.hits is None and judged.trials % 16 == 0
        assert judged.estimate == (counted.mean() if counted.size else None)
        assert bounds[0] <= judged.lower <= judged.upper <= bounds[1]
        inverts(walk, path, judged)
        seen.add(judged.verdict)
    assert seen == {"SUPPORTED", "REFUTED", "UNDECIDED", None}


def inverts(walk, path, judged):
    """Just outside the interval a mean is rejected, just inside it is not."""
    (low, high), looks = walk.bounds, np.arange(16, judged.trials + 1, 16)
    scaled = (path - low) / (high - low)
    step = 1e-6 * (high - low)
    for end, sign, wealth, level in (
        (judged.lower, 1, log_wealth_above, walk.levels.false_support),
        (judged.upper, -1, log_wealth_below, walk.levels.false_refute),
    ):
        for mean, expected in ((end - sign * step, True), (end + sign * step, False)):
            if low < mean < high and len(looks):
                m = (mean - low) / (high - low)
                design = np.clip(m + sign * walk.tolerance / (high - low), 0, 1)
                assert (wealth(scaled, looks, m, design).max() >= -np.log(level)) == expected


def test_the_upper_bound_as_claim_is_refuted_by_any_less():
    values = np.ones(64)
    values[20] = 0.999
    judged = MeanWalk(1.0, 0.1, BOUNDS, Budget().levels).judge(values)
    assert (judged.verdict, judged.trials) == ("REFUTED", 32)
    assert MeanWalk(1.0, 0.5, BOUNDS, LEVELS).judge(np.ones(64)).verdict == "SUPPORTED"


def test_the_sentence_speaks_of_a_mean():
    text = MeanWalk(0.05, 0.05, BOUNDS, LEVELS).judge([-0.5, -0.3] * 64).text
    assert text.startswith("mean in [-0.") and text.endswith("trials, but should be >= 0.05")


def test_screen_mean():
    assert screen_mean([-0.9] * 16, 0.5, 0.1, BOUNDS)
    assert not screen_mean([0.55, 0.4] * 8, 0.5, 0.1, BOUNDS)


@pytest.mark.parametrize(
    ("at_least", "tolerance", "bounds", "words"),
    [
        (0.1, 0.1, (1.0, -1.0), r"bounds = \(1, -1\), but should be finite, low first"),
        (0.1, 0.1, (-1.0, float("inf")), r"bounds = \(-1, inf\), but should be finite"),
        (1.5, 0.1, BOUNDS, r"at_least = 1\.5, but should be in \(-1, 1\], the bounds"),
        (0.1, 1.1, BOUNDS, r"tolerance = 1\.1, but should be in \(0, 1\.1\)"),
        (0.1, 0.0, BOUNDS, r"tolerance = 0, but should be in \(0, 1\.1\)"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(at_least, tolerance, bounds, words):
    with pytest.raises(ValueError, match=words):
        MeanWalk(at_least, tolerance, bounds, LEVELS)


def test_values_beyond_the_declared_bounds_are_refused_but_rounding_is_not():
    walk = MeanWalk(0.1, 0.1, BOUNDS, LEVELS)
    for bad, shown in ((1.2, r"1\.2"), (float("nan"), "nan")):
        with pytest.raises(ValueError, match=rf"values\[2\] = {shown}, but should be in \[-1, 1\]"):
            walk.judge([0.0, 1.0, bad])
    with pytest.raises(ValueError, match=r"values\.ndim = 2, but should be 1"):
        walk.judge([[0.0, 1.0]])
    assert walk.judge(np.full(32, np.float32(1) + np.finfo(np.float32).eps)).verdict == "SUPPORTED"
