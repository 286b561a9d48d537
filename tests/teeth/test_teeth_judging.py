"""From setups to a claim: what no lucky order, number or name of a setup may change."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mrpcheck.claims import with_probability
from mrpcheck.judging import judge
from mrpcheck.plugin.search import search_of
from mrpcheck.profiles import PROFILES, Profile
from mrpcheck.stats import Budget, panel_share

QUICK = PROFILES["quick"]


@dataclass(frozen=True)
class Point:
    """A setup in the unit square; `key` names its random numbers, as a derived setup's may."""

    x: float
    y: float
    key: str = ""

    def to_json(self):
        return {"x": self.x, "y": self.y}


class Square:
    """The regime: the unit square, its heart at (0, 0)."""

    name = "square"

    def sample(self, n, seed):
        points = np.random.default_rng(seed).random((n, 2)).round(3).tolist()
        return [Point(x, y, f"{x} {y}") for x, y in points]

    def violations(self, point):
        return []

    def toward_heart(self, point):
        return iter(())

    def describe(self, point):
        return f"x = {point.x:.3g}, y = {point.y:.3g}"


def points(key=lambda x, y: f"{x} {y}"):
    @st.composite
    def drawn(draw):
        x, y = (draw(st.integers(0, 1000)) / 1000 for _ in range(2))
        return Point(x, y, key(x, y))

    strategy = drawn()
    strategy.regime = Square()
    return strategy


def judged(event, strategy=None, profile=QUICK, **more):
    claim = with_probability(at_least=0.9, tolerance=0.1)(event)
    test = given(setup=points() if strategy is None else strategy)(claim)
    return judge(test, profile=profile, search=search_of(test, 0, profile), **more)


def sevenths(trials):
    """P = 6/7, without luck: between the two boundaries, so never decided."""
    return [t % 7 > 0 for t in trials.numbers]


@pytest.mark.parametrize("place", range(QUICK.panel))
def test_no_setup_of_the_panel_is_passed_over(place):
    """One undecided setup, wherever it stands, leaves the claim undecided and its share smaller."""
    odd = Square().sample(QUICK.panel, 0)[place]

    def event(setup, trials):
        return sevenths(trials) if setup == odd else [True] * trials.count

    verdict = judged(event)
    assert verdict.verdict == "UNDECIDED"
    assert verdict.panel_supported == QUICK.panel - 1
    level = Budget().levels.false_support
    assert verdict.share == panel_share(QUICK.panel, 1, level) < panel_share(QUICK.panel, 0, level)


@pytest.mark.parametrize("place", range(QUICK.panel))
def test_one_refuted_setup_outranks_undecided_ones(place):
    odd = Square().sample(QUICK.panel, 0)[place]
    verdict = judged(
        lambda setup, trials: [False] * trials.count if setup == odd else sevenths(trials)
    )
    assert verdict.verdict == "REFUTED"
    assert verdict.counterexample == odd.to_json()


@pytest.mark.parametrize("source", ["panel", "search"])
def test_a_suspect_has_one_confirmation_on_one_stream(source):
    """Whatever stream it might be judged on a second time, nothing there is looked at."""
    odd = Square().sample(QUICK.panel, 0)[2]

    def event(setup, trials):
        if trials.stream == "panel":
            return [setup != odd or source == "search"] * trials.count
        return [trials.stream == "confirm"] * trials.count

    records = []
    verdict = judged(event, record=records.append)
    assert verdict.verdict == "UNDECIDED"
    assert verdict.reason.startswith("a suspect was not confirmed")
    assert {r.stream for r in records} == {"panel", "search", "confirm"} - (
        {"search"} if source == "panel" else set()
    )
    confirmed = [r for r in records if r.stage == "confirm" and hasattr(r, "verdict")]
    assert [(r.index, r.stream, r.verdict) for r in confirmed] == [(0, "confirm", "SUPPORTED")]


@pytest.mark.parametrize("most", [0, 1, 5])
def test_shrinking_what_the_search_found_is_bounded(most):
    profile = Profile("any", panel=2, most=64, search=8, shrink=most, doubled=0)
    seen = []

    def event(setup, trials):
        if trials.stream == "search":
            seen.append(setup)
        return [trials.stream == "panel" or setup.x + setup.y < 0.2] * trials.count

    verdict = judged(event, profile=profile)
    assert verdict.verdict == "REFUTED"
    assert verdict.shrunk == most
    assert len(seen) == len(set(seen)) == verdict.screened + verdict.shrunk
    assert verdict.screened <= profile.search


def test_setups_that_share_their_trials_are_screened_apart():
    """Derived setups have their parent's key: one's answer is not the other's."""

    def event(setup, trials):
        return [trials.stream == "panel" or setup.x < 0.5] * trials.count

    verdict = judged(event, points(key=lambda x, y: "shared"))
    assert verdict.verdict == "REFUTED"
    assert verdict.counterexample["x"] >= 0.5


def test_levels_are_those_of_the_runs_budget():
    def event(setup, trials):
        return [True] * trials.count

    trials = [judged(event, budget=Budget(claims=claims)).trials for claims in (1, 64, 4096)]
    assert trials == [32, 48, 64]
