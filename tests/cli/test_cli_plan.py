"""`mrpcheck plan`: what each claim will take, said before anything is asked of it."""

import json
import re
from pathlib import Path

import pytest

from mrpcheck.claims import claim_of, control, on_average, refuted, with_probability
from mrpcheck.collecting import Collected
from mrpcheck.planning import Measured, measure, plan_of
from mrpcheck.plugin.options import Options
from mrpcheck.profiles import PROFILES
from mrpcheck.stats import Budget, operating

LEVELS = Budget().levels


def event(setup, trials):
    """Something happens."""


def found(test, profile="quick", panel=True):
    nowhere = Path("nowhere")
    options = Options(PROFILES[profile], 0, "cpu", nowhere, False, Budget(), nowhere)
    return Collected({"x": claim_of(test)}, {"x"} if panel else set(), options)


TRUE = with_probability(at_least=0.9, tolerance=0.1)(event)
MEAN = on_average(at_least=0.05, tolerance=0.05, bounds=(-1, 1))(event)


def test_a_claim_is_planned_at_certainty_and_at_its_own_boundary():
    plan = plan_of("x", found(TRUE), None, None)
    assert plan.needed == 48
    assert [o.value for o in plan.outlooks] == [1.0, 0.9]
    certain, boundary = plan.outlooks
    assert certain.a_setup == pytest.approx(48)
    assert certain.in_all == pytest.approx(8 * 48 + 8 * 16)
    exact = operating(0.9, 0.1, LEVELS, 0.9, 16, PROFILES["quick"].most)
    assert boundary.a_setup == exact.mean_trials
    assert certain.seconds is None


def test_what_it_can_refute_is_refuted_in_80_percent_and_no_more():
    plan = plan_of("x", found(TRUE), None, None)
    most = PROFILES["quick"].most
    at, beyond = (operating(0.9, 0.1, LEVELS, plan.refutes + d, 16, most) for d in (0, 0.001))
    assert beyond.refuted < 0.8 <= at.refuted


def test_a_true_p_is_the_users_for_events_and_nobodys_for_means():
    assert [o.value for o in plan_of("x", found(TRUE), [0.95, 0.5], None).outlooks] == [0.95, 0.5]
    assert [o.value for o in plan_of("x", found(MEAN), [0.95, 0.5], None).outlooks] == [1, 0.05]


def test_a_claim_that_is_false_everywhere_is_shrunk_and_confirmed():
    [false] = plan_of("x", found(TRUE), [0.0], None).outlooks
    assert false.in_all == pytest.approx((8 + 2) * 16 + 12 * 16)


def test_what_should_be_refuted_is_planned_the_other_way_round():
    claimed = with_probability(at_least=0.9, tolerance=0.1)
    lie = plan_of("x", found(refuted(because="why not")(claimed(event))), None, None)
    assert lie.needed == 16
    assert [o.value for o in lie.outlooks] == [0, 0.8]
    one = plan_of("x", found(control(setup=1)(claimed(event)), panel=False), None, None)
    assert one.outlooks[0].in_all == pytest.approx(16)


def test_without_a_regime_there_is_only_the_search():
    assert plan_of("x", found(TRUE, panel=False), None, None).outlooks[0].in_all == 8 * 16


def test_smoke_is_planned_at_its_own_sizes():
    assert plan_of("x", found(TRUE, "smoke"), None, None).outlooks[0].in_all == 2 + 2


def test_a_cost_is_trials_times_measured_seconds():
    measured = Measured({"x": 0.5}, frozenset(), 48, "a run")
    certain = plan_of("x", found(TRUE), None, measured).outlooks[0]
    assert certain.seconds == pytest.approx(0.5 * (8 * 48 + 8 * 16))
    twice = Measured({"x": 0.5}, frozenset({"x"}), 48, "a run")
    assert plan_of("x", found(TRUE), None, twice).outlooks[0].in_all == 9 * 48 + 8 * 16


def test_seconds_a_trial_are_measured_in_a_run_merged_or_not(coins):
    latest = coins / "reports" / "latest"
    lines = [json.loads(line) for line in (latest / "evidence.jsonl").read_text().splitlines()]
    mine = [line for line in lines if line["claim"] == "test_coins.py::test_true"]
    rate = sum(e["seconds"] for e in mine) / sum(e["trials"] for e in mine)
    merged = measure(latest)
    assert merged.seconds["test_coins.py::test_true"] == pytest.approx(rate)
    assert set(merged.seconds) == {line["claim"] for line in lines}
    (latest / "evidence.jsonl").unlink()
    assert measure(latest).seconds == pytest.approx(merged.seconds)


@pytest.fixture
def plan(coins, mrpcheck):
    """Run the command here; the coins must stay where they are."""
    (coins / "tossed").unlink()
    yield lambda *words: mrpcheck("plan", *words, cwd=coins)
    assert not (coins / "tossed").exists()


def test_the_plan_of_a_file(plan, coins):
    ran = plan()
    assert ran.returncode == 0
    lines = [line.split() for line in ran.stdout.splitlines()]
    [true] = [words for words in lines if words[-1] == "test_true"]
    assert true[:9] == ["48", "48", "at", "1,", "215", "at", "0.9", "<=", "0.802"]
    assert true[9].startswith("512-")
    assert true[10] != "-"  # measured in reports/latest
    [last] = [words for words in lines if words[-1] == "test_control"]
    assert last[:7] == ["16", "16", "at", "0,", "265", "at", "0.8"]
    assert "measured in reports/latest: profile quick, cpu" in ran.stdout
    assert [p.name for p in (coins / "reports").iterdir()] == ["latest"]


def test_a_plan_without_an_earlier_run_has_no_costs(plan, coins):
    (coins / "reports").rename(coins / "elsewhere")
    ran = plan("--profile", "thorough", "--true-p", "0.95", "test_coins.py::test_true")
    assert "seconds: not known without an earlier run (--from RUN)" in ran.stdout
    assert "28 setups of the panel to a verdict, 64 more screened" in ran.stdout
    assert " at 0.95  " in ran.stdout
    assert "test_false" not in ran.stdout


def test_costs_measured_in_small_blocks_are_called_too_many(plan, coins):
    manifest = coins / "reports" / "latest" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"block": 16', '"block": 2'))
    assert "too many: measured in blocks of 2 trials, not of 16" in plan().stdout


def test_a_claim_that_its_budget_cannot_decide_is_planned_and_told(plan, coins):
    path = coins / "test_coins.py"
    path.write_text(path.read_text().replace("at_least=0.9, tolerance=0.1", "at_least=0.99, "
                                             "tolerance=0.01"))  # fmt: skip
    ran = plan()
    assert ran.returncode == 1
    assert "      448  384 at 1, 384 at 0.99" in ran.stdout
    assert "pytest would refuse: test_coins.py::test_true: most = 384 trials, but" in ran.stdout
    assert "should be at least 448: even without a miss" in ran.stdout
    assert re.search(r"they refute P <= 0\.9\d+ in 80 % of runs", ran.stdout)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nope.py"], "file or directory not found: nope.py"),
        (
            ["test_broken.py"],
            "test_broken.py = ModuleNotFoundError: No module named 'nothing', but ",
        ),
        (["test_plain.py"], "PATH = test_plain.py, but should hold claims"),
        (["--from", "nowhere"], "RUN = nowhere, but should hold a run's manifest.json of schema 1"),
        (["--true-p", "2"], "argument --true-p: P = 2, but should be in [0, 1] "),
    ],
)
def test_bad_input_is_one_sentence(plan, coins, words, sentence):
    (coins / "test_broken.py").write_text("import nothing")
    (coins / "test_plain.py").write_text("def test_x(): pass")
    ran = plan(*words)
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"mrpcheck: {sentence}")
    assert (ran.stderr.count("\n"), ran.stdout) == (1, "")
