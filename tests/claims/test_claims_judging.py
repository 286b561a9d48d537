"""From setups to a claim, with coins: pairs of a truth that is accepted and a lie that is not.

The coins' own errors are at the run's levels, 0.05/64 and 0.001/64 a claim: at a fixed seed these
tests are deterministic; over seeds, fewer than one in a thousand would fail.
"""

import sys
import types
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mrpcheck.claims import control, on_average, refuted, with_probability
from mrpcheck.judging import judge
from mrpcheck.plugin.search import search_of
from mrpcheck.profiles import PROFILES, Profile
from mrpcheck.stats import Budget

QUICK = PROFILES["quick"]


@dataclass(frozen=True)
class Coin:
    """A setup with two hyperparameters in [0, 1], whose heart is (0, 0)."""

    x: float
    y: float

    @property
    def key(self):
        return f"{self.x!r} {self.y!r}"

    def to_json(self):
        return {"x": self.x, "y": self.y}


class Coins:
    """The regime: the unit square."""

    name = "coins"

    def sample(self, n, seed):
        return [Coin(*xy) for xy in np.random.default_rng(seed).random((n, 2)).tolist()]

    def violations(self, coin):
        return [f"x = {coin.x:g}, but should be <= 1"] if coin.x > 1 else []

    def toward_heart(self, coin):
        yield from (Coin(x, coin.y) for x in (0.0, coin.x / 2) if x != coin.x)
        yield from (Coin(coin.x, y) for y in (0.0, coin.y / 2) if y != coin.y)

    def describe(self, coin):
        return f"x = {coin.x:.3g}, y = {coin.y:.3g}"


def coins(regime=Coins):
    @st.composite
    def drawn(draw):
        return Coin(draw(st.floats(0, 1)), draw(st.floats(0, 1)))

    strategy = drawn()  # never a cached one: its regime would be everybody's
    if regime is not None:
        strategy.regime = regime()
    return strategy


def toss(setup, trials, p):
    tosses = [trials.generator(setup.key, t, "toss").random() for t in trials.numbers]
    return np.array(tosses) < p


def claimed(function, at_least=0.9, tolerance=0.1, strategy=None):
    claim = with_probability(at_least=at_least, tolerance=tolerance)(function)
    return given(setup=coins() if strategy is None else strategy)(claim)


def judged(function, seed=0, profile="quick", **more):
    test = claimed(function) if not hasattr(function, "mrpcheck_claim") else function
    sizes = profile if isinstance(profile, Profile) else PROFILES[profile]
    return judge(test, seed=seed, profile=sizes, search=search_of(test, seed, sizes), **more)


def test_a_true_claim_is_supported():
    verdict = judged(lambda setup, trials: toss(setup, trials, 0.98))
    assert verdict.verdict == "SUPPORTED"
    assert (verdict.setups, verdict.panel_supported, verdict.screened) == (8, 8, QUICK.search)
    assert verdict.lower > 0.8
    assert verdict.counterexample is None
    assert verdict.share == pytest.approx(0.69, abs=0.01)
    assert 0.5 < verdict.detectable < 0.9
    assert "supported at 8 of 8 panel setups; 8 more screened, none suspect" in verdict.text


def test_a_false_claim_is_refuted_at_a_simple_setup():
    records = []
    verdict = judged(
        lambda setup, trials: toss(setup, trials, 0.98 if setup.x < 0.5 else 0.3),
        record=records.append,
    )
    assert verdict.verdict == "REFUTED"
    assert verdict.counterexample["x"] >= 0.5
    assert verdict.counterexample["y"] == 0  # y does not matter, so it shrinks to its heart
    assert verdict.stage == "confirm"
    assert verdict.float64 == "REFUTED"
    assert verdict.upper < 0.9
    assert verdict.screened == 0  # the panel had a suspect already
    streams = {r.stage: r.stream for r in records}
    assert streams["panel"] == "panel"
    assert streams["shrink"] == "search"
    assert streams["confirm"] == streams["float64"] == "confirm"
    confirmations = [r for r in records if r.stage == "confirm" and hasattr(r, "verdict")]
    assert len(confirmations) == 1


def test_the_search_finds_and_shrinks_what_the_panel_misses():
    verdict = judged(
        lambda setup, trials: toss(setup, trials, 0.98 if setup.x < 0.95 else 0.1), seed=1
    )
    assert verdict.verdict == "REFUTED"
    assert verdict.panel_supported == 8
    assert 0 < verdict.screened <= QUICK.search
    assert 0 < verdict.shrunk <= QUICK.shrink
    assert verdict.counterexample == {"x": 1.0, "y": 0.0}


def test_the_borderline_is_undecided_with_the_trials_it_would_take():
    verdict = judged(lambda setup, trials: toss(setup, trials, 0.86))
    assert verdict.verdict == "UNDECIDED"
    assert verdict.lower < 0.8 < 0.9 < verdict.upper
    assert verdict.needed > QUICK.most
    assert "undecided at" in verdict.reason


def test_a_suspect_that_is_not_confirmed_leaves_the_claim_undecided():
    def unlucky(setup, trials):
        return toss(setup, trials, 0.0 if trials.stream == "search" else 0.99)

    verdict = judged(unlucky)
    assert verdict.verdict == "UNDECIDED"
    assert verdict.panel_supported == 8
    assert "a suspect was not confirmed: 16 trials of the search" in verdict.reason
    assert "which shows P > 0.8" in verdict.reason
    assert verdict.counterexample is None


def test_a_panel_suspect_that_is_not_confirmed_is_shown_with_both_pieces_of_evidence():
    def unlucky(setup, trials):
        return toss(setup, trials, 0.0 if trials.stream == "panel" and setup.x > 0.8 else 0.99)

    verdict = judged(unlucky)
    assert verdict.verdict == "UNDECIDED"
    assert verdict.reason.startswith("a suspect was not confirmed: P in [0.00, ")
    assert "but should be >= 0.9; then P in [" in verdict.reason


def test_one_undecided_setup_leaves_the_claim_undecided():
    worst = Coins().sample(8, 0)[3]
    seventh = [t % 7 > 0 for t in range(QUICK.most)]  # P = 0.857, without luck

    def event(setup, trials):
        if setup == worst:
            return [seventh[t] for t in trials.numbers]
        return toss(setup, trials, 0.99)

    verdict = judged(event)
    assert verdict.verdict == "UNDECIDED"
    assert verdict.reason == "undecided at 1 of 8 panel setups"
    assert verdict.trials == QUICK.most


def test_without_a_regime_there_is_no_panel_and_the_claim_says_so():
    test = claimed(lambda setup, trials: toss(setup, trials, 1.0), strategy=coins(None))
    verdict = judge(test, search=search_of(test, 0, QUICK))
    assert verdict.verdict == "UNDECIDED"
    assert verdict.reason == "no panel: what it draws from has no regime"
    assert verdict.screened == QUICK.search


def test_verdicts_do_not_depend_on_the_size_of_blocks():
    def event(setup, trials):
        trials.note(third=[t / 3 for t in trials.numbers])
        return toss(setup, trials, 0.93 if setup.y < 0.7 else 0.88)

    a, b = (
        judged(event, profile=Profile("any", 8, 256, 12, 12, 1, block=block)) for block in (16, 112)
    )
    assert vars(a) | {"seconds": 0} == vars(b) | {"seconds": 0}


def test_what_an_event_notes_is_averaged_over_the_trials_that_count():
    def event(setup, trials):
        trials.note(number=trials.numbers, x=[setup.x] * trials.count)
        return toss(setup, trials, 0.98)

    verdict = judged(event, profile=Profile("any", 8, 256, 12, 12, 1, block=112))
    xs = [coin.x for coin in Coins().sample(8, 0)]
    assert verdict.measures["number"] == (verdict.trials - 1) / 2  # not of the whole block
    assert any(verdict.measures["x"] == pytest.approx(x, rel=1e-5) for x in xs)
    assert verdict.measures_panel["x"] == pytest.approx(sum(xs) / 8, rel=1e-5)


def test_what_a_control_notes_has_no_panel():
    def event(setup, trials):
        trials.note(one=[1] * trials.count)
        return [False] * trials.count

    claim = with_probability(at_least=0.9, tolerance=0.1)(event)
    verdict = judge(control(setup=Coin(2.0, 2.0))(claim))
    assert (verdict.measures, verdict.measures_panel) == ({"one": 1.0}, {})


def test_smoke_takes_a_few_trials_and_judges_nothing():
    seen = []

    def event(setup, trials):
        seen.append((trials.stream, trials.count))
        return toss(setup, trials, 0.98)

    verdict = judged(event, profile="smoke")
    assert verdict.verdict == "NOT JUDGED"
    assert (verdict.setups, verdict.screened, verdict.trials, verdict.asked) == (1, 1, 2, 4)
    assert seen == [("panel", 2), ("search", 2)]


def test_a_busy_block_is_left_for_later_and_changes_nothing(monkeypatch):
    class Busy(Exception):
        pass

    store = types.SimpleNamespace(Busy=Busy)
    monkeypatch.setitem(sys.modules, "mrpcheck.store", store)
    turned_away, order = set(), []

    def event(setup, trials):
        if not trials.patient and setup.x > 0.5 and (setup, trials.first) not in turned_away:
            turned_away.add((setup, trials.first))
            raise Busy
        order.append(setup)
        return toss(setup, trials, 0.97)

    busy, records = judged(event, record=(seen := []).append), seen
    assert turned_away
    monkeypatch.setitem(sys.modules, "mrpcheck.store", types.SimpleNamespace(Busy=KeyError))
    turned_away.clear()
    alone = judged(lambda setup, trials: toss(setup, trials, 0.97))
    same = ("verdict", "trials", "hits", "estimate", "lower", "upper", "asked", "screened")
    assert [getattr(busy, n) for n in same] == [getattr(alone, n) for n in same]
    panel = sorted((r.index, r.hits) for r in records if hasattr(r, "hits") and r.stage == "panel")
    assert [index for index, _ in panel] == list(range(8))


def test_when_every_block_is_busy_it_waits(monkeypatch):
    class Busy(Exception):
        pass

    monkeypatch.setitem(sys.modules, "mrpcheck.store", types.SimpleNamespace(Busy=Busy))

    def event(setup, trials):
        if not trials.patient:
            raise Busy
        return toss(setup, trials, 0.99)

    assert judged(event).verdict == "SUPPORTED"


def test_shrinking_is_bounded():
    seen = []

    def event(setup, trials):
        if trials.stream == "search":
            seen.append(setup)
        return toss(setup, trials, 0.1)

    verdict = judged(event)
    assert verdict.verdict == "REFUTED"
    assert len(seen) == len(set(seen)) == verdict.shrunk <= QUICK.shrink


def test_a_control_is_judged_once_at_its_setup():
    seen = []

    def event(setup, trials):
        seen.append((setup, trials.stream))
        return toss(setup, trials, 0.5)

    claim = with_probability(at_least=0.9, tolerance=0.1)(event)
    verdict = judge(control(setup=Coin(2.0, 2.0))(claim))
    assert (verdict.kind, verdict.verdict, verdict.expected) == ("control", "REFUTED", True)
    assert set(seen) == {(Coin(2.0, 2.0), "control")}
    assert verdict.setups == 1


def test_a_control_that_holds_is_not_as_expected():
    claim = with_probability(at_least=0.9, tolerance=0.1)(
        lambda setup, trials: toss(setup, trials, 0.99)
    )
    verdict = judge(control(setup=Coin(2.0, 2.0))(claim))
    assert (verdict.verdict, verdict.expected) == ("SUPPORTED", False)


def test_refuted_is_strict():
    lie = refuted(because="x")(claimed(lambda setup, trials: toss(setup, trials, 0.5)))
    truth = refuted(because="x")(claimed(lambda setup, trials: toss(setup, trials, 0.99)))
    assert judged(lie).expected
    assert not judged(truth).expected


@pytest.mark.parametrize(("shift", "verdict"), [(0.1, "SUPPORTED"), (-0.1, "REFUTED")])
def test_means_are_judged_too(shift, verdict):
    def event(setup, trials):
        tosses = [trials.generator(setup.key, t, "toss").random() for t in trials.numbers]
        return np.array(tosses) * 0.5 - 0.25 + shift

    test = given(setup=coins())(on_average(at_least=0.05, tolerance=0.1, bounds=(-1, 1))(event))
    found = judged(test)
    assert found.verdict == verdict
    assert found.hits is None
    assert found.estimate == pytest.approx(shift, abs=0.05)


def test_a_margin_steers_the_thorough_search():
    """A corner of 1 % of the square, with a margin that slopes toward it."""

    def event(setup, trials):
        noise = [trials.generator(setup.key, t, "toss").normal() for t in trials.numbers]
        return 1.9 - setup.x - setup.y + 0.02 * np.array(noise)

    found = judged(event, profile="thorough", seed=3)
    assert found.verdict == "REFUTED"
    assert found.counterexample["x"] + found.counterexample["y"] > 1.8


def test_end_states_are_judged_at_twice_the_steps():
    def event(setup, trials, slips):
        trials.facts.end_state = True
        return toss(setup, trials, 0.2 if slips and trials.horizon == 2 else 0.99)

    stable = judged(lambda setup, trials: event(setup, trials, slips=False))
    unstable = judged(lambda setup, trials: event(setup, trials, slips=True))
    assert (stable.verdict, stable.stable) == ("SUPPORTED", True)
    assert (unstable.verdict, unstable.stable) == ("SUPPORTED", False)
    assert judged(lambda setup, trials: toss(setup, trials, 0.99)).stable is None


def test_failed_trials_are_misses_and_counted():
    def event(setup, trials):
        trials.fail(t % 2 == 0 for t in trials.numbers)
        return np.ones(trials.count, bool)

    verdict = judged(event)
    assert verdict.verdict == "REFUTED"
    assert verdict.failed == verdict.asked / 2


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            lambda setup, trials: 1 / 0,
            r"ZeroDivisionError = division by zero.*line \d+, panel 0, x",
        ),
        (lambda setup, trials: [True], r"shape = \(1,\), but should be \(16,\)"),
        (lambda setup, trials: None, "value = None"),
    ],
)
def test_an_event_that_fails_is_one_sentence(event, words):
    verdict = judged(event)
    assert verdict.verdict == "UNDECIDED"
    assert not verdict.expected
    assert "\n" not in verdict.error
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(verdict.error)


def test_an_event_that_fails_during_the_search_ends_it():
    calls = []

    def event(setup, trials):
        if trials.stream == "search":
            calls.append(setup)
            if len(calls) == 3:
                raise RuntimeError("mixed devices")
        return toss(setup, trials, 0.99)

    verdict = judged(event)
    assert verdict.error.startswith("RuntimeError = mixed devices, but should be")
    assert len(calls) == 3


def test_the_same_seed_gives_the_same_search_whatever_was_imported(monkeypatch, tmp_path):
    def event(setup, trials):
        seen.append(setup)
        return toss(setup, trials, 0.99)

    seen = []
    judged(event)
    first, seen = seen, []
    constants = tmp_path / "constants_seen_by_hypothesis.py"
    constants.write_text("x = [0.123, 0.4567, 0.89, 0.77]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    __import__("constants_seen_by_hypothesis")
    judged(event)
    assert seen == first


def test_two_arguments_never_share_random_numbers():
    seen = []

    @given(a=coins(), b=coins())
    @with_probability(at_least=0.9, tolerance=0.1)
    def test(a, b, trials):
        seen.append((a, b))
        return toss(a, trials, 0.99)

    verdict = judged(test)
    assert verdict.verdict == "SUPPORTED"
    assert all(a != b for a, b in seen[: verdict.setups])


TINY = Profile("tiny", panel=2, most=64, search=3, shrink=3, doubled=0, block=16)
LEVELS = Budget(false_support=0.05, false_refute=0.05, claims=1)


@pytest.mark.parametrize(("p", "wrong"), [(0.8, "SUPPORTED"), (0.9, "REFUTED")])
def test_false_verdicts_are_as_rare_as_promised(p, wrong):
    """100 whole runs at each boundary, levels 0.05: more than 12 wrong would happen in 0.1 %."""
    test = claimed(lambda setup, trials: toss(setup, trials, p))
    verdicts = [
        judge(test, seed=s, profile=TINY, budget=LEVELS, search=search_of(test, s, TINY)).verdict
        for s in range(100)
    ]
    assert verdicts.count(wrong) <= 12
