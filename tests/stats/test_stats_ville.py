"""No walk errs more often than its level: exactly, by dynamic programming at the boundary.

The programme here follows the rule of `Walk` trial by trial and shares no code with `designs`.
"""

import numpy as np
import pytest
from scipy.stats import beta

from mrpcheck.stats import Levels, Walk, log_e_refute, log_e_support, operating

LOOSE = Levels(0.05, 0.05)
RUN = Levels(0.05 / 64, 0.001 / 64)
CELLS = [
    (0.5, 0.01),
    (0.5, 0.1),
    (0.8, 0.05),
    (0.9, 0.05),
    (0.9, 0.1),
    (0.95, 0.05),
    (0.99, 0.01),
    (0.9, 0.85),
    (0.02, 0.01),
    (1.0, 0.1),
]


def stopped(rule, true_p, every, most):
    """Rates of the rule's endings: `rule(hits, trials)` is -1, 0 or 1 for each count of hits."""
    alive, ended = np.zeros(most + 1), {-1: 0.0, 1: 0.0}
    alive[0] = 1
    for trials in range(1, most + 1):
        alive[1:] = alive[1:] * (1 - true_p) + alive[:-1] * true_p
        alive[0] *= 1 - true_p
        if trials % every == 0:
            verdict = rule(np.arange(trials + 1), trials)
            for sign in ended:
                ended[sign] += alive[: trials + 1][verdict == sign].sum()
            alive[: trials + 1][verdict != 0] = 0
    return ended[1], ended[-1], alive.sum()


def walk_rule(at_least, tolerance, levels):
    def rule(hits, trials):
        refuted = log_e_refute(hits, trials, at_least, tolerance) >= -np.log(levels.false_refute)
        supported = log_e_support(hits, trials, at_least, tolerance) >= -np.log(
            levels.false_support
        )
        return np.where(refuted, -1, np.where(supported, 1, 0))

    return rule


@pytest.mark.parametrize("every", [1, 16])
@pytest.mark.parametrize("levels", [LOOSE, RUN], ids=["0.05", "run"])
@pytest.mark.parametrize(("at_least", "tolerance"), CELLS)
def test_errors_stay_below_their_levels(at_least, tolerance, levels, every):
    """Null: P at the boundary. Computed to rounding, so the allowance is rounding only."""
    false_support = operating(at_least, tolerance, levels, at_least - tolerance, every, 1024)
    false_refute = operating(at_least, tolerance, levels, at_least, every, 1024)
    assert false_support.supported <= levels.false_support * (1 + 1e-9), false_support
    assert false_refute.refuted <= levels.false_refute * (1 + 1e-9), false_refute


@pytest.mark.parametrize(("at_least", "tolerance"), [(0.9, 0.1), (0.9, 0.05), (0.95, 0.05)])
def test_errors_use_a_fair_part_of_their_levels(at_least, tolerance):
    """A bound kept by never deciding would be worth nothing: a fifth of each level is spent."""
    levels = Levels(0.05, 0.05)
    assert operating(at_least, tolerance, levels, at_least - tolerance, every=1).supported > 0.01
    assert operating(at_least, tolerance, levels, at_least, every=1).refuted > 0.01


@pytest.mark.parametrize(
    ("at_least", "tolerance", "levels", "true_p", "every"),
    [
        (0.9, 0.1, LOOSE, 0.85, 16),
        (0.95, 0.05, RUN, 0.93, 16),
        (0.9, 0.1, RUN, 0.8, 1),
        (0.9, 0.85, LOOSE, 0.5, 16),
        (1.0, 0.1, LOOSE, 0.995, 16),
    ],
)
def test_operating_is_the_programme_trial_by_trial(at_least, tolerance, levels, true_p, every):
    expected = stopped(walk_rule(at_least, tolerance, levels), true_p, every, 512)
    found = operating(at_least, tolerance, levels, true_p, every, 512)
    actual = (found.supported, found.refuted, found.undecided)
    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_the_programme_catches_an_unsound_rule():
    """Peeking at Clopper-Pearson bounds of 95 % supports P > 0.8 far too often at P = 0.8."""

    def peeking(hits, trials):
        bound = beta.ppf(0.05, np.maximum(hits, 0.5), trials - hits + 1)
        return np.where((hits > 0) & (bound > 0.8), 1, 0)

    for every, rate in ((1, 0.31), (16, 0.25)):
        assert stopped(peeking, 0.8, every, 1000)[0] == pytest.approx(rate, abs=0.01)
        assert stopped(walk_rule(0.9, 0.1, LOOSE), 0.8, every, 1000)[0] <= 0.05


def test_walks_end_as_operating_says():
    """4000 coins against the exact rates; each of three rates within 4.5 deviations (1e-5)."""
    at_least, tolerance, levels, p, runs = 0.9, 0.1, LOOSE, 0.85, 4000
    walk = Walk(at_least, tolerance, levels)
    coins = np.random.default_rng(7).random((runs, 256)) < p
    ends = [walk.decide(path, most=256) for path in coins]
    exact = operating(at_least, tolerance, levels, p, most=256)
    for verdict, rate in (
        ("SUPPORTED", exact.supported),
        ("REFUTED", exact.refuted),
        ("UNDECIDED", exact.undecided),
    ):
        seen = np.mean([end.verdict == verdict for end in ends])
        assert abs(seen - rate) < 4.5 * np.sqrt(rate * (1 - rate) / runs), verdict
    trials = np.mean([16 * end.looks for end in ends])
    assert abs(trials - exact.mean_trials) < 4.5 * exact.sd_trials / np.sqrt(runs)


# true P, supported, refuted, undecided, mean trials: 4000 repetitions, at most 1024 trials
TABLE_95 = [
    (1.00, 1.000, 0.000, 0.000, 48),
    (0.99, 1.000, 0.000, 0.000, 64),
    (0.95, 0.998, 0.000, 0.002, 216),
    (0.93, 0.673, 0.126, 0.202, 551),
    (0.90, 0.026, 0.961, 0.013, 379),
    (0.85, 0.000, 1.000, 0.000, 139),
    (0.70, 0.000, 1.000, 0.000, 40),
]
TABLE_90 = [
    (1.00, 1.000, 0.000, 0.000, 48),
    (0.95, 1.000, 0.000, 0.000, 96),
    (0.90, 1.000, 0.000, 0.000, 220),
    (0.85, 0.432, 0.366, 0.203, 737),
    (0.80, 0.000, 1.000, 0.000, 286),
    (0.70, 0.000, 1.000, 0.000, 95),
]
ROWS = [(0.95, 0.05, Levels(0.05, 0.001), row) for row in TABLE_95]
ROWS += [(0.9, 0.1, RUN, row) for row in TABLE_90]


@pytest.mark.parametrize(("at_least", "tolerance", "levels", "row"), ROWS)
def test_reference_behaviour(at_least, tolerance, levels, row):
    """Within 4 deviations of 4000 repetitions, and the rounding of the printed digits."""
    true_p, *rates, mean_trials = row
    exact = operating(at_least, tolerance, levels, true_p)
    for name, printed in zip(("supported", "refuted", "undecided"), rates, strict=True):
        rate = getattr(exact, name)
        allowance = 4 * np.sqrt(rate * (1 - rate) / 4000) + 0.0005
        assert abs(rate - printed) < allowance, (name, rate, printed)
    assert abs(exact.mean_trials - mean_trials) < 4 * exact.sd_trials / np.sqrt(4000) + 1
