"""Claims that something falls along a ladder, with coins: a planted trend, and none.

The fall per doubling is compared with `numpy.polyfit`; error rates are counted over whole runs at
levels 0.05, at the two boundaries of the claim.
"""

import functools
import inspect
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mrpcheck.claims import at, claim_of, control, refuted, with_probability
from mrpcheck.judging import judge
from mrpcheck.profiles import PROFILES, Profile, use_profile
from mrpcheck.seeds import Trials, generator
from mrpcheck.stats import Budget, Levels, refusal
from mrpcheck.trends import QUANTITY, Ladder, falls, slope_weights

KS = (4, 6, 8, 12)
LEVELS = Budget(false_support=0.05, false_refute=0.05, claims=1)
TINY = Profile("tiny", panel=1, most=64, search=0, shrink=0, doubled=0)


def tossed(key, p, trials):
    """Coins that land with probability `p`; 16 of them have one generator."""
    blocks = range(trials.first // 16, -(-(trials.first + trials.count) // 16))
    throws = [generator(trials.seed, key, trials.stream, block).random(16) for block in blocks]
    skip = trials.first % 16
    return np.concatenate(throws)[skip : skip + trials.count] < p


def line(start, fall):
    """A ladder of coins whose P falls by `fall` a doubling, from `start` at the first rung."""
    return Ladder(KS, lambda setup, k: (setup, k, start - fall * math.log2(k / KS[0])))


def coin(setup, trials):
    name, k, p = setup
    return tossed((name, k), p, trials)


def falling(ladder, function=coin, by=0.2, tolerance=0.2, **more):
    marked = falls(along=ladder, by=by, tolerance=tolerance, **more)
    return marked(lambda setup, trials: function(setup, trials))


def judged(ladder, function=coin, setup="heads", more=None, **rest):
    return judge(at(setup=setup)(falling(ladder, function, **(more or {}))), **rest)


def asked(test, trials):
    """What the whole ladder's function returns for `trials`."""
    return claim_of(test).function(setup="heads", trials=trials)


def test_a_planted_trend_is_supported_and_says_so():
    verdict = judged(line(0.9, 0.4))
    assert (verdict.verdict, verdict.quantity, verdict.hits) == ("SUPPORTED", QUANTITY, None)
    assert verdict.lower > 0
    assert verdict.estimate == pytest.approx(0.4, abs=0.15)
    assert verdict.text.startswith(f"{QUANTITY} in [0.")
    assert f"trials, which shows {QUANTITY} > 0 [" in verdict.text
    assert verdict.measures["at 4"] > verdict.measures["at 6"] > verdict.measures["at 12"]


def test_a_flat_ladder_is_refuted():
    verdict = judged(line(0.5, 0.0))
    assert (verdict.verdict, verdict.expected) == ("REFUTED", False)
    assert verdict.upper < 0.2
    assert "but should be >= 0.2 [" in verdict.text
    assert verdict.counterexample == "heads"


def test_a_rising_ladder_is_refuted():
    assert judged(line(0.1, -0.4)).verdict == "REFUTED"


def test_weights_are_those_of_a_least_squares_line():
    rng = np.random.default_rng(1)
    for numbers in (KS, (1, 2), (3, 5, 100), tuple(np.cumsum(rng.random(9)) + 0.1)):
        values = rng.random(len(numbers))
        slope = np.polyfit(np.log2(numbers), values, 1)[0]
        assert slope_weights(numbers) @ values == pytest.approx(slope, rel=1e-9)
        shifted = slope_weights([7 * n for n in numbers])  # doublings are doublings
        assert shifted == pytest.approx(slope_weights(numbers), rel=1e-9)


def test_a_trial_is_the_fall_of_its_own_line():
    values = {k: np.random.default_rng(k).random(16) for k in KS}
    test = falling(Ladder(KS, lambda setup, k: k), lambda k, trials: values[k])
    table = np.stack([values[k] for k in KS])  # (rung, trial)
    expected = -np.polyfit(np.log2(KS), table, 1)[0]
    assert asked(test, Trials(16)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("low", [0.0, -2.0])
def test_the_bounds_of_the_fall_are_reached_and_not_exceeded(low):
    """The worst a trial can do: highest where the line weighs most against a fall."""
    weights, bounds = slope_weights(KS), (low, 1.0)
    rungs = dict(zip(KS, weights, strict=True))
    ladder = Ladder(KS, lambda setup, k: rungs[k])
    worst = falling(ladder, lambda w, t: [1.0 if w > 0 else low] * t.count, bounds=bounds)
    bottom, top = claim_of(worst).bounds
    assert top == -bottom == pytest.approx((1 - low) / 2 * np.abs(weights).sum())
    assert asked(worst, Trials(4)) == pytest.approx([bottom] * 4)
    assert (asked(worst, Trials(4)) >= bottom).all()
    best = falling(ladder, lambda w, t: [low if w > 0 else 1.0] * t.count, bounds=bounds)
    assert asked(best, Trials(4)) == pytest.approx([top] * 4)


def test_a_value_that_rounding_takes_past_its_bound_is_the_bound():
    def function(k, trials):
        return np.full(trials.count, 0.7, np.float32)  # 0.69999999

    test = falling(Ladder(KS, lambda setup, k: k), function, by=0.1, bounds=(0.7, 1.0))
    assert asked(test, Trials(4)).tolist() == [0.0] * 4


@functools.cache
def runs(start, fall):
    """Whole runs of the claim that P falls by 0.2 a doubling (or by more than 0)."""
    test = at(setup="heads")(falling(line(start, fall)))
    return [judge(test, seed=seed, profile=TINY, budget=LEVELS) for seed in range(160)]


@pytest.mark.parametrize(
    ("start", "fall", "wrong"), [(0.5, 0.0, "SUPPORTED"), (0.8, 0.2, "REFUTED")]
)
def test_false_verdicts_are_as_rare_as_promised(start, fall, wrong):
    """Levels 0.05, at each boundary: over 18 of 160 would happen in 0.1 %."""
    verdicts = [run.verdict for run in runs(start, fall)]
    assert verdicts.count(wrong) <= 18
    assert verdicts.count("UNDECIDED") < 160


@pytest.mark.parametrize(("start", "fall"), [(0.5, 0.0), (0.8, 0.2)])
def test_the_interval_holds_the_true_fall(start, fall):
    """Each end at level 0.05 and at any stopping: over 28 of 160 misses would happen in 0.1 %."""
    missed = [not run.lower <= fall <= run.upper for run in runs(start, fall)]
    assert sum(missed) <= 28


def lost(where, how):
    """A flat ladder of which every fourth trial fails at the rung `where`, one way or another."""

    def function(setup, trials):
        values = np.full(trials.count, 0.5)
        fourth = np.arange(trials.first, trials.first + trials.count) % 4 == 0
        if setup[1] == where and how == "fails":
            trials.fail(fourth)
        elif setup[1] == where:
            values[fourth] = how
        return values

    return function


@pytest.mark.parametrize("how", ["fails", math.nan, math.inf])
def test_a_trial_that_fails_at_a_rung_takes_the_worst_fall(how):
    flat, records = line(0.5, 0), []
    verdict = judged(flat, lost(8, how), profile=TINY, record=records.append)
    bottom = claim_of(falling(flat)).bounds[0]
    blocks = [r for r in records if not hasattr(r, "verdict")]
    assert blocks
    assert all(list(r.outcomes) == [bottom, 0, 0, 0] * 4 for r in blocks)
    assert verdict.failed == verdict.asked / 4
    assert verdict.measures["at 8"] == 0.5  # of the trials that have a value there
    whole = judged(flat, lost(5, how), profile=TINY)  # there is no rung 5
    assert (whole.failed, whole.estimate) == (0, 0)


def test_every_rung_is_asked_for_the_same_trials_and_tells_its_own_facts():
    seen = []

    def function(k, trials):
        seen.append((k, trials))
        trials.note(error=[k / 100] * trials.count)
        trials.facts.end_state |= k == 8
        return [0.5] * trials.count

    trials = Trials(4, first=8, seed=3, stream="named", dtype="float64", horizon=2, patient=False)
    asked(falling(Ladder(KS, lambda setup, k: k), function), trials)
    assert [k for k, _ in seen] == list(KS)
    assert all(t == trials for _, t in seen)
    assert len({id(t.facts) for _, t in seen} | {id(trials.facts)}) == len(KS) + 1
    assert trials.facts.notes["error at 12"] == [0.12] * 4
    assert trials.facts.notes["at 12"] == [0.5] * 4
    assert set(trials.facts.notes) == {f"{what}at {k}" for k in KS for what in ("", "error ")}
    assert trials.facts.end_state


def test_a_busy_rung_is_busy_for_the_ladder():
    def busy(setup, trials):
        raise KeyError("being trained")

    with pytest.raises(KeyError, match="being trained"):
        asked(falling(line(0.5, 0), busy), Trials(4))


def test_blocks_of_any_size_come_to_the_same():
    rows = [
        vars(judged(line(0.9, 0.3), profile=Profile("any", 1, 128, 0, 0, 0, block=block)))
        for block in (16, 64)
    ]
    assert rows[0] | {"seconds": 0} == rows[1] | {"seconds": 0}
    whole = asked(falling(line(0.9, 0.3)), Trials(16))
    alone = [asked(falling(line(0.9, 0.3)), Trials(1, first=t))[0] for t in range(16)]
    assert whole.tolist() == alone


class Heads:
    """A regime of setups by name."""

    def sample(self, n, seed):
        return [f"{seed} {i}" for i in range(n)]

    def violations(self, setup):
        return []

    def toward_heart(self, setup):
        return iter(())

    def describe(self, setup):
        return setup


@pytest.mark.parametrize(("fall", "verdict"), [(0.4, "SUPPORTED"), (0.0, "REFUTED")])
def test_drawn_setups_have_ladders_too(fall, verdict):
    @st.composite
    def names(draw):
        return draw(st.text())

    strategy = names()
    strategy.regime = Heads()
    found = judge(given(setup=strategy)(falling(line(0.9, fall))))
    assert found.verdict == verdict
    assert found.setups == PROFILES["quick"].panel
    assert (found.share is None) == (found.verdict == "NOT JUDGED")


def test_controls_and_refuted_claims_may_fall_too():
    still = Ladder(KS, lambda setup, k: (setup, 4, 0.5))
    found = judge(control(setup="heads")(falling(still)))
    assert (found.verdict, found.expected, found.estimate) == ("REFUTED", True, 0)
    lie = refuted(because="it is flat")(at(setup="heads")(falling(line(0.5, 0))))
    assert judge(lie).expected


def test_the_profile_says_how_many_rungs_are_trained():
    before = use_profile("smoke")
    try:
        ladder = line(0.9, 0.2)
        test = at(setup="heads")(falling(ladder))
        assert list(ladder("heads")) == [4, 6]
        verdict = judge(test, profile="smoke")
    finally:
        use_profile(before)
    assert verdict.verdict == "NOT JUDGED"
    assert list(verdict.measures) == ["at 4", "at 6"]
    assert list(ladder("heads")) == list(KS)


def test_a_trend_that_no_luck_could_show_is_refused_by_the_same_arithmetic():
    levels = Levels(0.05 / 64, 0.001 / 64)
    hopeless = claim_of(falling(line(0.5, 0), by=0.7, tolerance=0.04))
    easy = claim_of(falling(line(0.5, 0)))
    for claim, fits in ((hopeless, False), (easy, True)):
        why = refusal(claim.at_least, claim.tolerance, levels, most=16, bounds=claim.bounds)
        assert (why is None) == fits


def test_the_claim_keeps_its_name_and_hides_its_trials():
    @falls(along=line(0.5, 0), by=0.2, tolerance=0.2)
    def test_it(setup, trials):
        """It falls.

        Origin: ours.
        """

    claim = claim_of(test_it)
    assert (test_it.__name__, claim.statement, claim.origin) == ("test_it", "It falls.", "ours.")
    assert list(inspect.signature(test_it).parameters) == ["setup"]
    assert not hasattr(test_it, "__wrapped__")
    other = claim_of(falls(along=line(0.5, 0), by=0.3, tolerance=0.2)(claim.function))
    assert claim.source != other.source


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Ladder((4,), max), r"numbers = \(4,\), but should be at least 2 finite numbers"),
        (lambda: Ladder((), max), r"numbers = \(\), but should be"),
        (lambda: Ladder((0, 4), max), "but should be at least 2 finite numbers above 0"),
        (lambda: Ladder((4, 4), max), "each larger than the one before"),
        (lambda: Ladder((8, 4), max), "each larger than the one before"),
        (lambda: Ladder((4, math.inf), max), "finite"),
        (lambda: Ladder((4, math.nan), max), "finite"),
        (lambda: falling(line(1, 0), by=1.0), "by = 1, but should be at most 0.745, the largest"),
        (lambda: falling(line(1, 0), by=-1.0), "by = -1, but should be"),
        (lambda: falling(line(1, 0), tolerance=0), r"tolerance = 0, but should be in \(0, 0.945\)"),
        (lambda: falling(line(1, 0), tolerance=1), r"tolerance = 1, but should be in \(0, 0.945\)"),
        (lambda: falling(line(1, 0), bounds=(1, 0)), r"bounds = \(1, 0\), but should be finite"),
    ],
)
def test_numbers_that_no_trend_can_have_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_what_has_no_rung_is_refused():
    marked = falls(along=line(1, 0), by=0.2, tolerance=0.2)
    with pytest.raises(TypeError, match="no `setup`, but should have it, the rung"):
        marked(lambda side, trials: None)
    with pytest.raises(TypeError, match="no `trials`, but should have it"):
        marked(lambda setup: None)
    with pytest.raises(TypeError, match="@given = inside the claim, but should be outside"):
        marked(given(setup=st.just(1))(lambda setup, trials: None))
    with pytest.raises(TypeError, match="should be above a claim"):
        at(setup=1)(coin)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (
            lambda s, t: [2.0 if s[1] == 8 else 0.5] * t.count,
            r"^at 8: value = 2, but should be within the bo",
        ),
        (
            lambda s, t: [0.5] * (3 if s[1] == 6 else t.count),
            r"^at 6: shape = \(3,\), but should be",
        ),
        (lambda s, t: None, "^at 4: value = None, but should be one"),
        (lambda s, t: 1 / 0, r"^ZeroDivisionError = division by zero.*, line \d+, named 0, setup"),
        (lambda s, t: [1] * t.count, "^at 4: dtype = int64, but should be fl"),
    ],
)
def test_what_a_rung_may_not_return_is_one_sentence(function, words):
    verdict = judged(line(0.5, 0), function)
    assert verdict.verdict == "UNDECIDED"
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(verdict.error)


def test_the_failure_rate_at_every_rung_is_a_claim_at_the_rungs():
    steady, slipping = line(0.98, 0), line(0.98, 0.4)
    event = with_probability(at_least=0.9, tolerance=0.1)(lambda setup, trials: coin(setup, trials))
    held = judge(at(setup=[*steady("heads").values()])(event))
    assert (held.verdict, held.setups) == ("SUPPORTED", len(KS))
    broken = judge(at(setup=[*slipping("heads").values()])(event))
    assert broken.verdict == "REFUTED"
    assert broken.counterexample[1] == 12  # the worst of those refuted is the suspect
