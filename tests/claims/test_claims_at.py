"""Claims at named setups, with coins: all of them supported, or one refuted on fresh trials.

Coins err at the run's levels, 0.05/64 and 0.001/64 a claim; the repeated runs at 0.05 each.
"""

import inspect

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mrpcheck.claims import at, claim_of, control, refuted, with_probability
from mrpcheck.judging import judge
from mrpcheck.profiles import PROFILES, Profile
from mrpcheck.seeds import generator
from mrpcheck.stats import Budget

claimed = with_probability(at_least=0.9, tolerance=0.1)


def toss(key, p, trials):
    """Coins that land with probability `p`; 16 of them have one generator."""
    blocks = range(trials.first // 16, (trials.first + trials.count) // 16)
    throws = [generator(trials.seed, key, trials.stream, block).random(16) for block in blocks]
    return np.concatenate(throws) < p


def fair(setup, trials):
    """A coin that lands as often as its setup says."""
    return toss(setup, setup, trials)


def named(setups, event=fair):
    return at(setup=setups)(claimed(lambda setup, trials: event(setup, trials)))


def judged(setups, event=fair, **more):
    records = []
    verdict = judge(named(setups, event), record=records.append, **more)
    return verdict, [r for r in records if hasattr(r, "verdict")]


def test_all_named_setups_supported_support_the_claim():
    verdict, records = judged([0.97, 0.98, 0.99])
    assert (verdict.verdict, verdict.expected, verdict.kind) == ("SUPPORTED", True, "claim")
    assert (verdict.setups, verdict.panel_supported, verdict.screened) == (3, 3, 0)
    assert (verdict.stage, verdict.share, verdict.named) == ("named", None, True)
    assert {(r.stage, r.stream) for r in records} == {("named", "named")}
    assert verdict.text.startswith("supported at 3 of 3 named setups; at the worst, P in [")
    assert "panel" not in verdict.text
    assert "[<lambda>, setup = 0.97]" in verdict.text or "setup = 0.9" in verdict.text


def test_one_false_setup_refutes_it_once_on_fresh_trials():
    verdict, records = judged([0.97, 0.5, 0.99, 0.6])
    assert (verdict.verdict, verdict.expected) == ("REFUTED", False)
    assert verdict.counterexample == 0.5
    assert (verdict.stage, verdict.float64, verdict.shrunk) == ("confirm", "REFUTED", 0)
    streams = {r.stage: r.stream for r in records}
    assert streams == {"named": "named", "confirm": "confirm", "float64": "confirm"}
    assert sum(r.stage == "confirm" for r in records) == 1


def test_one_undecided_setup_leaves_it_undecided():
    sevenths = np.arange(384) % 7 > 0  # P = 0.857, without luck

    def event(setup, trials):
        return fair(setup, trials) if setup > 0.9 else sevenths[list(trials.numbers)]

    verdict, _ = judged([0.99, 0.86, 0.98], event)
    assert (verdict.verdict, verdict.trials) == ("UNDECIDED", 384)
    assert verdict.reason == "undecided at 1 of 3 named setups"
    assert verdict.needed > 384


def test_a_suspect_that_fresh_trials_do_not_confirm_is_undecided():
    verdict, _ = judged([0.99, 0.98], lambda s, t: toss(s, 0.2 if t.stream == "named" else 1, t))
    assert verdict.verdict == "UNDECIDED"
    assert verdict.reason.startswith("a suspect was not confirmed: P in [0.00, ")
    assert verdict.counterexample is None


@pytest.mark.parametrize(
    ("setups", "wrong"), [([0.9] * 4, "REFUTED"), ([1, 0.8, 1, 1], "SUPPORTED")]
)
def test_false_verdicts_are_as_rare_as_promised_however_many_setups_are_named(setups, wrong):
    """One setup or all at a boundary, levels 0.05: over 11 of 80 would happen in 0.1 %."""
    profile = Profile("tiny", panel=1, most=64, search=0, shrink=0, doubled=0)
    levels = Budget(false_support=0.05, false_refute=0.05, claims=1)
    coins = at(setup=list(enumerate(setups)))(claimed(lambda setup, trials: toss(*setup, trials)))
    runs = [judge(coins, seed=s, profile=profile, budget=levels).verdict for s in range(80)]
    assert runs.count(wrong) <= 11


def test_what_is_refuted_as_expected_may_be_named_too():
    lie, truth = refuted(because="x")(named(0.5)), refuted(because="x")(named(0.99))
    assert (judge(lie).verdict, judge(lie).expected) == ("REFUTED", True)
    assert (judge(truth).verdict, judge(truth).expected) == ("SUPPORTED", False)


def test_end_states_are_judged_at_twice_the_steps():
    def event(setup, trials, slips):
        trials.facts.end_state = True
        return toss(setup, 0.2 if slips and trials.horizon == 2 else 0.99, trials)

    assert judged([1, 2], lambda s, t: event(s, t, slips=False))[0].stable is True
    assert judged([1, 2], lambda s, t: event(s, t, slips=True))[0].stable is False


def test_smoke_takes_the_first_named_setups_and_judges_nothing():
    seen = []

    def event(setup, trials):
        seen.append(setup)
        return [True] * trials.count

    verdict = judge(named([1, 2, 3, 4], event), profile="smoke")
    assert (verdict.verdict, verdict.setups) == ("NOT JUDGED", PROFILES["smoke"].rungs)
    assert seen == [1, 2]
    assert judge(named([1, 2, 3, 4], event)).setups == 4


def test_blocks_of_any_size_come_to_the_same():
    rows = [
        judged([0.97, 0.9, 0.93], profile=Profile("any", 1, 128, 0, 0, 0, block=block))[0]
        for block in (16, 64)
    ]
    assert vars(rows[0]) | {"seconds": 0} == vars(rows[1]) | {"seconds": 0}


def two(setup, side, trials):
    """Two coins."""
    return [True] * trials.count


def test_lists_go_together_and_other_values_with_all():
    test = at(setup=[1, 2], side=["a", "b"])(claimed(two))
    assert claim_of(test).named == ({"setup": 1, "side": "a"}, {"setup": 2, "side": "b"})
    test = at(setup=[1, 2], side=("a", "b"))(claimed(two))
    assert [draw["side"] for draw in claim_of(test).named] == [("a", "b"), ("a", "b")]
    assert claim_of(at(setup=3)(claimed(two))).named == ({"setup": 3},)


def test_what_is_named_is_no_fixture():
    assert list(inspect.signature(at(setup=[1, 2])(claimed(two))).parameters) == ["side"]
    assert list(inspect.signature(at(setup=1, side=2)(claimed(two))).parameters) == []


@pytest.mark.parametrize(
    ("error", "make", "words"),
    [
        (TypeError, lambda: at()(claimed(two)), "@at = names nothing, but should name what"),
        (TypeError, lambda: at(stup=1)(claimed(two)), "takes: setup, side"),
        (ValueError, lambda: at(setup=[])(claimed(two)), r"len\(setup\) = 0, but should be"),
        (ValueError, lambda: at(setup=[1], side=[1, 2])(claimed(two)), r"= 1, 2, but should be as"),
        (TypeError, lambda: at(setup=1)(two), "@at = above two, but should be above a claim"),
        (TypeError, lambda: at(setup=1)(at(side=1)(claimed(two))), "@at = above @at, but should"),
        (TypeError, lambda: control(setup=1)(at(setup=1)(claimed(two))), "@control = above @at"),
        (TypeError, lambda: at(setup=1)(control(setup=1)(claimed(two))), "@at = above @control"),
        (
            TypeError,
            lambda: at(setup=1)(given(setup=st.just(1))(claimed(two))),
            "@at = above @given, but should be without it",
        ),
    ],
)
def test_nonsense_is_one_sentence(error, make, words):
    with pytest.raises(error, match=words):
        make()
