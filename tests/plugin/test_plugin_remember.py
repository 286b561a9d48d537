"""Earlier counterexamples and edited claims: what one run may know of those before it."""

import json
from dataclasses import replace

import pytest

from mrpcheck.claims import with_probability
from mrpcheck.judging import hear
from mrpcheck.profiles import Profile
from mrpcheck.remembering import MOST, Earlier, earlier_runs
from mrpcheck.runs import Run
from mrpcheck.stats import Budget

pytest_plugins = ("pytester",)

NEEDLE = Earlier("then", {"x": 0.9})
SMALL = Profile("small", panel=2, most=384, search=0, shrink=4, doubled=0)


class Coin:
    def __init__(self, x):
        self.x, self.key = x, repr(x)

    def to_json(self):
        return {"x": self.x}


class Coins:
    """Coins in [0, 1] whose panel never goes beyond 1/2."""

    def sample(self, n, seed):
        return [Coin(i / n / 2) for i in range(n)]

    def violations(self, coin):
        return [] if coin.x <= 1 else ["x is too large"]

    def toward_heart(self, coin):
        return iter(())

    def describe(self, coin):
        return f"x = {coin.x}"

    def from_json(self, content):
        return Coin(float(content["x"]))


def heard(p, *earlier, search=None, sizes=SMALL, regimes=None, unlucky=None):
    """The verdict on an event of probability p(x), and every line it recorded.

    No trial of the `unlucky` stream hits.
    """

    @with_probability(at_least=0.9, tolerance=0.1)
    def test_x(setup, trials):
        if p(setup.x) is None:
            raise RuntimeError("this setup alone")
        chance = 0 if trials.stream == unlucky else p(setup.x)
        return [trials.generator(setup.key, t, "toss").random() < chance for t in trials.numbers]

    records = []
    run = Run(0, sizes, Budget(claims=1), record=records.append)
    regimes = {"setup": Coins()} if regimes is None else regimes
    verdict = hear(test_x.mrpcheck_claim, run, "x", regimes, search, earlier=earlier)
    return verdict, [r for r in records if hasattr(r, "verdict")]


def needle(x):
    return 0.99 if x < 0.75 else 0.3


def test_an_earlier_counterexample_is_screened_and_confirmed_on_a_stream_of_its_own():
    verdict, lines = heard(needle, NEEDLE)
    assert (verdict.verdict, verdict.remembered) == ("REFUTED", "then")
    assert verdict.counterexample == {"x": 0.9}
    assert [(ln.stage, ln.stream) for ln in lines if ln.setup == {"x": 0.9}] == [
        ("remembered", "search"), ("confirm", "remembered"), ("float64", "remembered"),
    ]  # fmt: skip
    assert heard(needle)[0].verdict == "SUPPORTED"


def test_one_that_is_none_any_more_changes_nothing():
    verdict, lines = heard(lambda x: 0.99, NEEDLE, Earlier("before", {"x": 0.8}))
    assert (verdict.verdict, verdict.remembered) == ("SUPPORTED", None)
    assert [ln.index for ln in lines if ln.stage == "remembered"] == [0, 1]
    assert verdict.screened == 0  # listed apart


def test_a_true_claim_is_not_refuted_by_luck_in_screening():
    """The stream that refutes has not seen the luck by which a setup became suspect."""
    verdict, _ = heard(lambda x: 0.99, NEEDLE, unlucky="search")
    assert verdict.verdict == "UNDECIDED"
    assert verdict.reason.startswith(
        "a suspect was not confirmed: an earlier counterexample (then): P in "
    )
    assert heard(lambda x: 0.99, NEEDLE, unlucky="confirm")[0].verdict == "SUPPORTED"


@pytest.mark.parametrize(
    ("setup", "p"),
    [
        ({"x": 1.5}, needle),  # the regime was narrowed meanwhile
        ({"y": 0.9}, needle),
        ("nonsense", needle),
        ({"x": 0.9}, lambda x: 0.99 if x < 0.75 else None),  # raises there alone
    ],
)
def test_what_cannot_be_tried_costs_no_verdict(setup, p):
    assert heard(p, Earlier("then", setup))[0].verdict == "SUPPORTED"


def test_without_a_regime_nobody_knows_whether_it_is_drawn_still():
    _, lines = heard(needle, NEEDLE, regimes={})
    assert not [ln for ln in lines if ln.stage == "remembered"]


def test_what_the_run_finds_itself_comes_first():
    found = Coin(0.8)

    def search(screen):
        return {"setup": found} if screen({"setup": found}).suspect else None

    verdict, lines = heard(needle, NEEDLE, search=search, sizes=replace(SMALL, search=4))
    assert (verdict.counterexample, verdict.remembered) == ({"x": 0.8}, None)
    assert not [ln for ln in lines if ln.stage == "remembered"]


def run_of(folder, name, started, *rows):
    (folder / name).mkdir()
    (folder / name / "manifest.json").write_text(json.dumps({"schema": 1, "started": started}))
    rows = [{"claim": "a", "verdict": "REFUTED", "seed": 0, **row} for row in rows]
    (folder / name / "verdicts.json").write_text(json.dumps({"schema": 1, "claims": rows}))


def test_the_newest_come_first_and_each_once(tmp_path):
    run_of(tmp_path, "old", "2026-01-01", *({"counterexample": i} for i in range(9)))
    run_of(tmp_path, "new", "2026-02-01", {"counterexample": 5}, {"counterexample": "s"},
           {"claim": "b", "counterexample": 1}, {"verdict": "UNDECIDED", "counterexample": 77},
           {"counterexample": None})  # fmt: skip
    run_of(tmp_path, "mine", "2026-03-01", {"counterexample": "mine"})
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "verdicts.json").write_bytes(b"[" * 100_000)
    (tmp_path / "file").touch()
    found = earlier_runs(tmp_path / "mine", ["a"], seed=0)
    assert [(each.run, each.setup) for each in found["a"]] == [
        ("new", 5), ("new", "s"), *(("old", i) for i in (0, 1, 2, 3, 4, 6)),
    ]  # fmt: skip
    assert len(found["a"]) == MOST
    assert earlier_runs(tmp_path / "mine", ["c"], seed=0) == {}


def test_what_this_seed_has_confirmed_as_remembered_is_not_confirmed_by_it_again(tmp_path):
    run_of(tmp_path, "then", "2026-01-01", {"counterexample": 1, "remembered": "before"})
    assert earlier_runs(tmp_path / "mine", ["a"], seed=0) == {}
    assert earlier_runs(tmp_path / "mine", ["a"], seed=1) == {"a": [Earlier("then", 1)]}


CLAIM = """
import coins as module
module.Coins.from_json = lambda self, content: Coin(**content)

@given(setup=coins())
@claimed
def test_needle(setup, trials):
    return toss(setup, trials, 0.98 if setup.x < 0.95 else 0.3)
"""


def test_a_run_that_remembers_finds_what_one_that_does_not_misses(run, pytester):
    seeds, verdicts = iter(range(20)), []
    while "REFUTED" not in verdicts:  # until one finds it by itself
        run("--mrp-seed", str(next(seeds)), claims=CLAIM)
        verdicts.append(run.rows()["test_needle"]["verdict"])
    seed = str(verdicts.index("SUPPORTED"))
    run("--mrp-seed", seed, claims=CLAIM)
    plain = run.rows()["test_needle"]
    found = run("--mrp-seed", seed, "--mrp-remember", claims=CLAIM)
    row = run.rows()["test_needle"]
    assert (plain["verdict"], row["verdict"], found.ret) == ("SUPPORTED", "REFUTED", 1)
    found.stdout.fnmatch_lines(
        [
            "counterexamples of earlier runs that are tried: 1",
            "    an earlier counterexample (20*), confirmed afresh",
        ]
    )
    assert (pytester.path / "reports" / row["remembered"]).is_dir()


EDITED = """
@given(setup=coins())
@claimed
def test_x(setup, trials):
    {body}
"""


def test_a_claim_edited_on_its_seed_is_told_and_a_comment_or_a_fresh_seed_is_not(run, pytester):
    def edited(body, *options):
        found = run(*options, claims=EDITED.format(body=body)).stdout.str()
        row = run.rows()["test_x"]
        told = "was first used: its error rates need a fresh seed (--mrp-seed ...)" in found
        assert told == bool(row["edited"])
        assert ("edited since their seed was first used: 1 of 1 claims" in found) == told
        return row["edited"]

    first, second = "return toss(setup, trials, 0.98)", "return toss(setup, trials, 0.985)"
    assert edited(first) == 0
    assert edited(first) == 0
    assert edited(f'"""Words."""\n    # why\n    {first}') == 0
    assert edited(second) == 1
    assert edited(f"x = 1\n    {second}") == 2
    assert edited(first) == 2  # going back does not undo it
    assert edited(first, "--mrp-profile=smoke") == 0
    assert edited(second, "--mrp-seed=1") == 0
    lines = (pytester.path / ".mrpcheck" / "claims.jsonl").read_text().splitlines()
    assert len(lines) == 7  # the smoke profile judges nothing
    assert json.loads(lines[0])["verdict"] == "SUPPORTED"
    coins = (pytester.path / "coins.py").read_text()
    pytester.makepyfile(coins=coins.replace("default_rng(seed)", "default_rng(seed + 1)"))
    assert edited(second, "--mrp-seed=1") == 1  # its regime was edited


@pytest.mark.parametrize("what", ["a folder", "a file"])
def test_a_history_that_cannot_be_kept_is_said_once_and_costs_nothing(run, pytester, what):
    if what == "a folder":
        (pytester.path / ".mrpcheck" / "claims.jsonl").mkdir(parents=True)
    else:
        (pytester.path / ".mrpcheck").write_text("")
    claims = EDITED.format(body="return toss(setup, trials, 0.98)")
    found = run(claims=claims + claims.replace("test_x", "test_y"))
    assert found.ret == 0
    assert found.stdout.str().count(".mrpcheck/claims.jsonl = not writable, but should be") == 1
    assert run.rows()["test_x"]["edited"] is None
