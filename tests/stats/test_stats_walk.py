"""A walk's verdict, interval and sentence are three views of the same evidence."""

from dataclasses import replace

import numpy as np
import pytest

from mrpcheck.stats import (
    Budget,
    Decision,
    Levels,
    Walk,
    log_e_refute,
    log_e_support,
    screen,
    sentence,
)
from mrpcheck.stats.eprocess import log_e_above, log_e_below
from mrpcheck.stats.stopping import interval

LEVELS = Levels(0.05, 0.001)


def coins(p, n, seed=0):
    return (np.random.default_rng(seed).random(n) < p).astype(int)


def step_by_step(walk, outcomes, every, most):
    """The rule in words: after each multiple of `every`, stop at the first null rejected."""
    hits = 0
    for trial, hit in enumerate(outcomes[:most], start=1):
        hits += int(hit)
        if trial % every == 0:
            refute = log_e_refute(hits, trial, walk.at_least, walk.tolerance)
            support = log_e_support(hits, trial, walk.at_least, walk.tolerance)
            if refute >= np.log(1 / walk.levels.false_refute):
                return "REFUTED", trial, hits
            if support >= np.log(1 / walk.levels.false_support):
                return "SUPPORTED", trial, hits
    counted = min(len(outcomes), most) // every * every
    return "UNDECIDED" if counted + every > most else None, counted, int(sum(outcomes[:counted]))


def random_walks(count, seed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        at_least = rng.choice([0.05, 0.5, 0.8, 0.9, 0.95, 0.99, 1.0])
        tolerance = min(rng.choice([0.01, 0.05, 0.1, 0.4, 0.85]), 0.9 * at_least)
        levels = rng.choice([Levels(0.05, 0.05), LEVELS, Budget().levels])
        drift = np.clip(
            rng.uniform(0, 1, 2) if rng.random() < 0.3 else [rng.uniform(0, 1)] * 2, 0, 1
        )
        if rng.random() < 0.5:
            drift = np.full(2, rng.uniform(at_least - 1.5 * tolerance, min(at_least + 0.05, 1)))
        chances = np.linspace(*drift, rng.integers(0, 300))
        yield (
            Walk(float(at_least), float(tolerance), levels),
            (rng.random(len(chances)) < chances).astype(int),
        )


def test_verdicts_follow_the_rule_and_the_interval_on_any_path():
    """300 random claims on paths of constant and of drifting coins, at random levels."""
    seen = set()
    for walk, path in random_walks(300, seed=1):
        judged = walk.judge(path, every=16, most=256)
        assert (judged.verdict, judged.trials, judged.hits) == step_by_step(walk, path, 16, 256)
        above = judged.lower > walk.at_least - walk.tolerance
        below = judged.upper < walk.at_least
        assert (judged.verdict == "REFUTED") == below, judged
        assert (judged.verdict == "SUPPORTED") == (above and not below), judged
        assert above == (judged.log_e_support >= -np.log(walk.levels.false_support))
        seen.add(judged.verdict)
    assert seen == {"SUPPORTED", "REFUTED", "UNDECIDED", None}


@pytest.mark.parametrize(("p", "n"), [(1.0, 64), (0.93, 64), (0.85, 256), (0.3, 64), (0.0, 16)])
def test_the_interval_inverts_the_running_evidence(p, n):
    """A grid of candidate probabilities, each tested by the e-process against it alone."""
    walk, path = Walk(0.9, 0.1, LEVELS), coins(p, n, seed=3)
    judged = walk.judge(path, every=16, most=n)
    looks = np.arange(16, judged.trials + 1, 16)
    hits = np.cumsum(path)[looks - 1]
    grid = np.linspace(0, 1, 1001)[1:-1]
    low = [
        b
        for b in grid
        if log_e_above(hits, looks, b, min(b + 0.1, 1)).max() >= -np.log(LEVELS.false_support)
    ]
    high = [
        b
        for b in grid
        if log_e_below(hits, looks, b, max(b - 0.1, 0)).max() >= -np.log(LEVELS.false_refute)
    ]
    assert low == [b for b in grid if b <= judged.lower]
    assert high == [b for b in grid if b >= judged.upper]


def test_rejection_is_monotone_in_the_boundary():
    """What bisection rests on, wherever the e-value is 2 or more."""
    grid = np.linspace(0, 1, 601)[1:-1]
    for n in (1, 3, 16, 128, 1024):
        for hits in {0, 1, n // 10, n // 2, n - 1, n}:
            logs = np.array([log_e_above(hits, n, b, min(b + 0.1, 1)) for b in grid])
            rejected = logs >= np.log(2)
            assert not (np.diff(rejected.astype(int)) > 0).any(), (hits, n)


def test_more_trials_narrow_the_interval():
    walk = Walk(0.5, 0.01, Budget().levels)
    path = coins(0.495, 1024, seed=5)
    short, long = walk.judge(path, most=256), walk.judge(path, most=1024)
    assert short.lower <= long.lower < long.estimate < long.upper <= short.upper


def test_an_e_value_exactly_at_its_threshold_still_shows_in_the_interval():
    """Rejected at the boundary and nowhere beyond it: the ends move by one floating number."""
    decision = Decision("REFUTED", 1, np.ones(1), np.ones(1), above=True, below=True)
    lower, upper = interval(decision, lambda b: b <= 0.8, lambda b: b >= 0.9, (0.8, 0.9), (0, 1))
    assert (lower, upper) == (np.nextafter(0.8, 1), np.nextafter(0.9, 0))


def test_intervals_cover_the_truth():
    """Null: an end beyond the truth has probability <= its level. 1000 coins, 4 deviations."""
    walk, p, runs = Walk(0.9, 0.1, Levels(0.05, 0.05)), 0.87, 1000
    rng = np.random.default_rng(11)
    judged = [walk.judge(rng.random(128) < p, most=128) for _ in range(runs)]
    allowance = 4 * np.sqrt(0.05 * 0.95 / runs)
    assert np.mean([j.lower > p for j in judged]) < 0.05 + allowance
    assert np.mean([j.upper < p for j in judged]) < 0.05 + allowance
    assert np.mean([j.upper - j.lower < 0.5 for j in judged]) > 0.9


def test_trials_beyond_the_decision_and_between_looks_do_not_count():
    walk, path = Walk(0.9, 0.1, LEVELS), coins(0.5, 200)
    whole = walk.judge(path)
    assert whole.verdict == "REFUTED" and whole.trials < 200
    assert walk.judge(path[: whole.trials + 7]) == whole
    assert walk.judge(np.append(path[: whole.trials], np.ones(500))) == whole


def test_an_open_walk_has_no_verdict_yet():
    walk = Walk(0.9, 0.1, Budget().levels)
    assert walk.judge(np.ones(40)).verdict is None
    assert walk.judge(np.ones(40)).trials == 32
    assert walk.judge(np.ones(40), most=32).verdict == "UNDECIDED"
    empty = walk.judge([])
    assert (empty.verdict, empty.trials, empty.estimate) == (None, 0, None)
    assert (empty.lower, empty.upper, empty.log_e_support) == (0, 1, 0)


def test_bools_lists_and_integers_are_the_same_path():
    walk, path = Walk(0.9, 0.1, LEVELS), coins(0.8, 64)
    assert walk.judge(path) == walk.judge(path.astype(bool)) == walk.judge(path.tolist())


def test_certainty_is_refuted_by_one_miss_and_its_evidence_fits_a_record():
    path = np.ones(64)
    path[40] = 0
    judged = Walk(1.0, 0.1, Budget().levels).judge(path)
    assert (judged.verdict, judged.trials, judged.log_e_refute) == ("REFUTED", 48, 1e9)
    assert Walk(1.0, 0.1, Budget().levels).judge(np.ones(96)).verdict == "SUPPORTED"


@pytest.mark.parametrize(
    ("at_least", "tolerance", "words"),
    [
        (1.2, 0.1, r"at_least = 1\.2, but should be in \(0, 1\] \[with_probability\]"),
        (0.0, 0.1, r"at_least = 0, but should be in \(0, 1\]"),
        (float("nan"), 0.1, r"at_least = nan, but should be"),
        (0.9, 0.0, r"tolerance = 0, but should be in \(0, at_least = 0\.9\)"),
        (0.1, 0.1, r"tolerance = 0\.1, but should be in \(0, at_least = 0\.1\)"),
        (0.9, float("nan"), r"tolerance = nan, but should be"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(at_least, tolerance, words):
    with pytest.raises(ValueError, match=words):
        Walk(at_least, tolerance, LEVELS)


@pytest.mark.parametrize(
    ("outcomes", "every", "most", "words"),
    [
        ([1, 0.5], 16, 1024, r"outcomes\[1\] = 0\.5, but should be 0 or 1"),
        ([1, float("nan")], 16, 1024, r"outcomes\[1\] = nan, but should be 0 or 1"),
        ([[1, 0]], 16, 1024, r"outcomes\.ndim = 2, but should be 1"),
        ([1, 0], 16, 8, r"every, most = 16, 8, but should be 1 <= every <= most"),
    ],
)
def test_a_malformed_path_is_refused_in_a_sentence(outcomes, every, most, words):
    with pytest.raises(ValueError, match=words):
        Walk(0.9, 0.1, LEVELS).judge(outcomes, every, most)


def test_screen_suspects_few_hits_only():
    suspects = [screen([1] * k + [0] * (16 - k), 0.9, 0.1) for k in range(17)]
    assert suspects == [True] * 8 + [False] * 9
    assert not screen([0] * 16, 0.3, 0.1)  # sixteen misses are too few against P >= 0.3


def test_sentences():
    walk = Walk(0.95, 0.05, Budget().levels)
    refuted = replace(walk.judge(coins(0.6, 64)), lower=0.321, upper=0.779, hits=36, trials=64)
    assert refuted.text == "P in [0.32, 0.78] from 36/64 trials, but should be >= 0.95"
    assert sentence(refuted, "test_x") == refuted.text + " [test_x]"
    supported = walk.judge(np.ones(96))
    assert supported.text == "P in [0.91, 1.00] from 96/96 trials, which shows P > 0.9"
    assert walk.judge(np.ones(32)).text.endswith("which shows neither P > 0.9 nor P < 0.95 yet")
    assert "nor P < 0.95" in walk.judge(np.ones(32), most=32).text


@pytest.mark.parametrize(("verdict", "lower", "upper", "shown"), [
    ("REFUTED", 0.5, 0.94999, "[0.50000, 0.94999]"),
    ("REFUTED", 0.5, 0.9, "[0.50, 0.90]"),
    ("SUPPORTED", 0.9004, 1.0, "[0.9004, 1.0000]"),
    ("UNDECIDED", 0.899, 0.951, "[0.89, 0.96]"),
])  # fmt: skip
def test_a_sentence_rounds_outward_and_never_hides_the_verdict(verdict, lower, upper, shown):
    judged = Walk(0.95, 0.05, LEVELS).judge(np.ones(16))
    assert shown in replace(judged, verdict=verdict, lower=lower, upper=upper).text
