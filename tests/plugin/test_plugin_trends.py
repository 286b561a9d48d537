"""Claims at named setups, and that something falls, under pytest: printed, recorded, planned."""

import json

import pytest

pytest_plugins = ("pytester",)

TRENDS = '''
"""Coins along a ladder.

Origin: ours.
"""

from coins import *
from mrpcheck.claims import at
from mrpcheck.trends import Ladder, falls

LADDER = Ladder((4, 8, 16), lambda coin, k: Coin(coin.x / k, k))


@pytest.fixture
def certain():
    return 1.0


@at(setup=Coin(4.0))
@falls(along=LADDER, by=0.3, tolerance=0.3)
def test_falls(setup, trials):
    """Heads grow rarer."""
    trials.note(half=[setup.x / 2] * trials.count)
    return toss(setup, trials, setup.x)


@at(setup=Coin(0.0))
@falls(along=LADDER, by=0.3, tolerance=0.3)
def test_stays(setup, trials):
    """Nothing falls from nothing."""
    return toss(setup, trials, setup.x)


@at(setup=[Coin(1.0), Coin(2.0), Coin(3.0)])
@claimed
def test_named(setup, trials, certain):
    """A sure coin lands."""
    trials.note(x=[setup.x] * trials.count)
    return toss(setup, trials, certain)


@control(setup=Coin(0.0))
@falls(along=LADDER, by=0.3, tolerance=0.3)
def test_control(setup, trials):
    """Nothing falls from nothing."""
    return toss(setup, trials, setup.x)
'''


def test_trends_and_named_setups_are_printed_and_recorded(run, pytester):
    found = run("-v", claims="import pytest\n" + TRENDS)
    assert found.ret == 1
    found.stdout.fnmatch_lines(
        [
            "*::test_falls SUPPORTED*",
            "*::test_stays REFUTED *",
            "*::test_named SUPPORTED*",
            "REFUTED: fall per doubling in [[]*[]] from 16 trials, but should be >= 0.3 [[]test_s*",
            "refuted at: rungs 4, 8, 16 made from setup = Coin(x=0.0, y=0.0)",
            "*= claims =*",
            "  SUPPORTED        1     fall/16 *  test_falls",
            "    measured: at 4 1, half at 4 0.5, at 8 0.*, half at 8 0.25, at 16 0.*",
            "  SUPPORTED        3       48/48  1.000 *  test_named",
            "    measured: x 1 (all 2)",
            "  REFUTED          1     fall/16 *  test_stays",
            "    refuted at: rungs 4, 8, 16 made from setup = Coin(x=0.0, y=0.0)",
            "*= 1 failed, 2 supported, 1 refuted as expected in *",
        ]
    )
    ours = found.stdout.str().split("= claims =")[1].split("= short test summary")[0]
    assert "panel" not in ours
    assert "confidence" not in ours
    rows = run.rows()
    falls, named = rows["test_falls"], rows["test_named"]
    assert (falls["quantity"], falls["named"], falls["setups"]) == ("fall per doubling", True, 1)
    assert falls["bounds"] == pytest.approx([-0.5, 0.5])
    assert (named["quantity"], named["setups"], named["panel_supported"]) == ("P", 3, 3)
    assert named["share"] is None
    assert rows["test_stays"]["counterexample"] == {"x": 0.0, "y": 0.0}
    report = pytester.path / "reports" / "latest"
    lines = [json.loads(line) for line in (report / "evidence.jsonl").read_text().splitlines()]
    at_names = [line["index"] for line in lines if line["stage"] == "named"]
    assert at_names == [0, 0, 1, 2, 0]  # falls, the three named ones, stays
    assert {line["stream"] for line in lines} == {"named", "confirm", "control"}
    assert ",at 16,at 4,at 8," in (report / "trials.csv").read_text().splitlines()[0]


def test_smoke_trains_two_rungs_and_two_named_setups(run):
    found = run("--mrp-profile", "smoke", claims="import pytest\n" + TRENDS)
    found.stdout.fnmatch_lines(["*= 4 not judged in *"])
    rows = run.rows()
    assert set(rows["test_falls"]["measures"]) == {"at 4", "at 8", "half at 4", "half at 8"}
    assert rows["test_named"]["setups"] == 2


def test_given_does_not_stand_above_named_setups(run):
    claims = "@given(x=hypothesis_strategies.just(1))\n@at(setup=Coin(1.0))\n@claimed\n"
    found = run(
        claims=f"from mrpcheck.claims import at\n{claims}def test_x(setup, x, trials): pass"
    )
    assert found.ret != 0
    found.stderr.fnmatch_lines(["*test_x: @given = above a claim that names its setups, but *"])


def test_a_trend_that_the_trials_cannot_show_is_refused_at_collection(run):
    claims = "import pytest\n" + TRENDS.replace("by=0.3, tolerance=0.3", "by=0.49, tolerance=0.001")
    found = run(claims=claims)
    found.stderr.fnmatch_lines(["*test_falls: most = 384 trials, but should be at least *"])
    assert found.ret != 0
