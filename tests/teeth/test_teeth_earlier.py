"""What earlier runs found may refute, on trials that none of them saw, and in the regime alone."""

import types

import numpy as np
import pytest

from mrpcheck.claims import claim_of, with_probability
from mrpcheck.judging import hear
from mrpcheck.plugin.snooping import History
from mrpcheck.profiles import Profile
from mrpcheck.remembering import Earlier
from mrpcheck.runs import Run

SIZES = Profile("any", panel=3, most=128, search=0, shrink=4, doubled=0)


class Line:
    """The regime: numbers from 0 to 1."""

    name = "line"

    def sample(self, n, seed):
        return np.random.default_rng(seed).random(n).tolist()

    def violations(self, x):
        return [f"x = {x:g}, but should be <= 1"] if x > 1 else []

    def toward_heart(self, x):
        return iter(())

    def describe(self, x):
        return f"x = {x:.3g}"


def heard(place, *fails_on):
    """The verdict on a claim that fails at the remembered `place`, on some streams alone."""

    def event(x, trials):
        return [x != place or trials.stream not in fails_on] * trials.count

    claim = claim_of(with_probability(at_least=0.9, tolerance=0.1)(event))
    earlier = [Earlier("an older run", {"x": place})]
    return hear(claim, Run(profile=SIZES), "claim", {"x": Line()}, earlier=earlier)


@pytest.mark.parametrize(
    ("fails_on", "verdict"),
    [
        ((), "SUPPORTED"),
        (("search", "remembered"), "REFUTED"),
        (("search", "confirm"), "UNDECIDED"),
    ],
)
def test_a_remembered_counterexample_is_confirmed_where_no_earlier_run_looked(fails_on, verdict):
    """A run on the same seed chose it by its stream of confirmation."""
    assert heard(0.7, *fails_on).verdict == verdict


@pytest.mark.parametrize(("place", "verdict"), [(0.7, "REFUTED"), (1.7, "SUPPORTED")])
def test_what_lies_outside_the_regime_refutes_nothing(place, verdict):
    assert heard(place, "search", "remembered").verdict == verdict


def test_a_claim_that_was_edited_on_its_seed_is_told(tmp_path):
    def version(source, seed=0):
        return types.SimpleNamespace(
            claim="a::b", seed=seed, profile="quick", source=source, panel="p", verdict="SUPPORTED"
        )

    assert History(tmp_path).add(version("first"), "now")
    again = History(tmp_path)
    assert again.edited(version("first")) == 0
    assert again.edited(version("second")) == 1
    assert again.edited(version("second", seed=1)) == 0
