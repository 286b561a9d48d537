"""Three outcomes in pytest's output: letters, words, categories, exit codes, what failing says."""

import json
import types

import pytest

pytest_plugins = ("pytester",)

ONE = """
@given(setup=coins())
@claimed
def test_one(setup, trials):
    return toss(setup, trials, {p})
"""


def test_every_outcome_is_visible(run):
    found = run("-v")
    assert found.ret == 1
    found.stdout.fnmatch_lines(
        [
            "*mrpcheck: torch *, cpu (* step), 1 process of 1 thread, seed 0, profile quick",
            "*error budget: 0.05 falsely SUPPORTED and 0.001 falsely REFUTED over 64 claims *",
            "*::test_true SUPPORTED*",
            "*::test_false REFUTED *",
            "*::test_borderline UNDECIDED*",
            "*::test_mean SUPPORTED*",
            "*::test_refuted REFUTED AS EXPECTED*",
            "*::test_control REFUTED AS EXPECTED*",
            "REFUTED: P in */16 trials, but should be >= 0.9 [[]test_false, x = *, y = 0[]]",
            "claim: A bad coin lands.",
            "smallest setup: x = *, y = 0",
            "again: pytest 'test_coins.py::test_false' --mrp-seed 0 --mrp-profile quick",
            "*= claims =*",
            "  verdict     setups hits/trials   estimate [[]interval[]]  detects  claim",
            "  UNDECIDED      8+8     329/384  0.857 [[]*[]] *  test_borderline",
            "    undecided at 8 of 8 panel setups; if P were 0.857, * trials would likely decide",
            "  REFUTED          8 *  test_false",
            "    smallest setup: x = *, y = 0",
            "    again: pytest 'test_coins.py::test_false' --mrp-seed 0 --mrp-profile quick",
            "  SUPPORTED      8+8     mean/* <=*  test_mean",
            "  SUPPORTED      8+8 * <=0.802  test_true",
            "    measured: size 0.* (panel 0.*)",
            "*- claims that fail, as known -*",
            "  REFUTED          8 *  test_refuted",
            "    smallest setup: *",
            "    because it is a fair coin",
            "*- controls -*",
            "  REFUTED          1 *  test_control",
            "1 of 5 claims fails unexpectedly, 2 hold, 1 fails as known, 1 undecided; 1 of 1*",
            "SUPPORTED at a panel of 8: it holds in at least 68% of its regime, at 95 %*",
            "detects: the largest P (or mean) at which judging a setup once refutes in 80 *",
            "report: */reports/latest",
            "*= 1 failed, 2 supported, 1 undecided, 2 refuted as expected in *",
        ]
    )
    text = found.stdout.str()
    assert "Traceback" not in text
    assert "Falsifying" not in text
    ours = text.split("= claims =")[1].split("= short test summary")[0]  # pytest's own may be wide
    assert all(len(line) <= 100 for line in ours.splitlines())


def true_panel(pytester):
    """The panel that the true coins were judged at."""
    report = pytester.path / "reports" / "latest"
    lines = [json.loads(line) for line in (report / "evidence.jsonl").read_text().splitlines()]
    return [
        types.SimpleNamespace(**line["setup"])
        for line in lines
        if line["claim"].endswith("test_true") and line["stage"] == "panel"
    ]


def test_letters(run):
    found = run()
    found.stdout.fnmatch_lines(["test_coins.py SRUSrr *"])


def test_the_row_of_a_claim(run, pytester):
    run("-q")
    rows = run.rows()
    assert set(rows) == {
        "test_true", "test_false", "test_borderline", "test_mean", "test_refuted", "test_control",
    }  # fmt: skip
    true, false = rows["test_true"], rows["test_false"]
    assert (true["kind"], true["verdict"]) == ("claim", "SUPPORTED")
    assert (true["at_least"], true["tolerance"]) == (0.9, 0.1)
    assert (true["setups"], true["panel_supported"], true["screened"]) == (8, 8, 8)
    assert true["hits"] <= true["trials"]
    assert true["lower"] > 0.8
    assert true["statement"] == "A good coin lands."
    assert true["origin"] == "statement stated; setting ours."
    assert true["counterexample"] is None
    panel = [coin.x for coin in true_panel(pytester)]
    assert true["measures"]["size"] in [float(f"{x:.6g}") for x in panel]
    assert true["measures_panel"] == {"size": pytest.approx(sum(panel) / 8, rel=1e-5)}
    assert false["measures"] == {}
    assert false["counterexample"]["x"] >= 0.5
    assert false["float64"] == "REFUTED"
    assert rows["test_control"]["kind"] == "control"
    assert rows["test_refuted"]["kind"] == "refuted"
    assert rows["test_mean"]["hits"] is None
    report = pytester.path / "reports" / "latest"
    manifest = json.loads((report / "manifest.json").read_text())
    assert (manifest["seed"], manifest["device"], manifest["ended"]) == (0, "cpu", "completed")
    assert manifest["profile"]["name"] == "quick"
    assert manifest["levels"]["false_support"] == 0.05 / 64
    assert {c["claim"] for c in manifest["claims"]} == {r["claim"] for r in rows.values()}
    lines = [json.loads(line) for line in (report / "evidence.jsonl").read_text().splitlines()]
    assert {line["stage"] for line in lines} >= {"panel", "search", "shrink", "confirm", "control"}
    head, first, *_ = (report / "trials.csv").read_text().splitlines()
    assert head.endswith(",size")
    assert first.startswith("test_coins.py::test_borderline,panel,0,")


@pytest.mark.parametrize(("option", "code"), [((), 0), (("--mrp-strict",), 1)])
def test_undecided_is_neither_pass_nor_skip_and_strict_makes_it_fail(run, option, code):
    found = run(*option, claims=ONE.format(p="0") .replace("toss(setup, trials, 0)",
                "[t % 7 > 0 for t in trials.numbers]"))  # fmt: skip
    assert found.ret == code
    words = "UNDECIDED, and --mrp-strict: *" if code else "*= 1 undecided in *"
    found.stdout.fnmatch_lines([words])


def test_supported_alone_is_a_success(run):
    found = run(claims=ONE.format(p=0.99))
    assert found.ret == 0
    found.stdout.fnmatch_lines(["*= 1 supported in *"])


def test_a_control_that_is_not_refuted_says_that_the_run_has_no_power(run):
    found = run(
        claims="""
@control(setup=Coin(2.0))
@claimed
def test_lost(setup, trials):
    return toss(setup, trials, 0.99)

@refuted(because="it was so once")
@given(setup=coins())
@claimed
def test_mended(setup, trials):
    return toss(setup, trials, 0.99)
"""
    )
    assert found.ret == 1
    found.stdout.fnmatch_lines(
        [
            "CONTROL NOT REFUTED: this run has no power; trust none of its verdicts",
            "NO LONGER REFUTED, though expected to be, because it was so once",
            "CONTROL NOT REFUTED: test_coins.py::test_lost. This run has no power.",
            "*= 2 failed in *",
        ]
    )


def test_smoke_judges_nothing(run):
    found = run("-v", "--mrp-profile=smoke")
    assert found.ret == 0
    found.stdout.fnmatch_lines(["*::test_true NOT JUDGED*", "*= 6 not judged in *"])
    assert "SUPPORTED " not in found.stdout.str().split("error budget")[1].split("\n", 1)[1]
    rows = run.rows()
    assert {row["verdict"] for row in rows.values()} == {"NOT JUDGED"}
    assert rows["test_false"]["setups"] == rows["test_false"]["screened"] == 1
    assert rows["test_false"]["trials"] == 2
    assert rows["test_control"]["asked"] == 2


def test_the_last_line_is_green_when_everything_came_out_as_it_should(run):
    plain = "\n\ndef test_plain():\n    pass\n"
    green, yellow, red = "\x1b[32m", "\x1b[33m", "\x1b[31m"
    for claims, color in (
        (ONE.format(p=0.99) + plain, green),
        ("@refuted(because='x')" + ONE.format(p=0.1), green),
        (ONE.format(p=0.86), yellow),
        (ONE.format(p=0.1), red),
    ):
        *_, last = run("--color=yes", claims=claims).outlines
        assert last.startswith(f"{color}==="), last
        assert last.endswith("\x1b[0m")


def test_a_claim_that_cannot_be_judged_fails_and_the_others_go_on(run):
    found = run(
        claims="""
@given(setup=coins())
@claimed
def test_raises(setup, trials):
    raise RuntimeError("tensors on cpu and cuda:0\\nmore")

@given(setup=coins())
@claimed
def test_wrong_shape(setup, trials):
    return [True] * (trials.count - 1)

@given(setup=coins())
@claimed
def test_wrong_type(setup, trials):
    return [1] * trials.count

@given(setup=coins())
@claimed
def test_nan(setup, trials):
    return toss(setup, trials, 0.99) + np.where(np.arange(trials.count) == 0, np.nan, 0)

@hypothesis_strategies.composite
def impossible(draw):
    draw(hypothesis_strategies.booleans())
    raise ValueError("patches = 3, but should be more [setup]")

@given(setup=impossible())
@claimed
def test_impossible_strategy(setup, trials):
    return [True] * trials.count

@given(setup=coins())
@claimed
def test_good(setup, trials):
    return toss(setup, trials, 0.99)
"""
    )
    assert found.ret == 1
    assert "Traceback" not in found.stdout.str()
    at = "[[]test_coins.py::{}, *panel 0, x = 0.637, y = 0.27[]]"
    found.stdout.fnmatch_lines(
        [
            "UNDECIDED: RuntimeError = tensors on cpu and cuda:0, but should be one value a trial "
            + at.format("test_raises, line 7"),
            "UNDECIDED: shape = (15,), but should be (16,), one value a trial "
            + at.format("test_wrong_shape"),
            "UNDECIDED: dtype = int64, but should be bool, or a floating margin "
            + at.format("test_wrong_type"),
            "UNDECIDED: ValueError = patches = 3, but should be more [[]setup[]], "
            "but should be a draw [[]test_coins.py::test_impossible_strategy[]]",
            "    diverged: * trials, counted as misses",
        ]
    )
    rows = run.rows()
    assert rows["test_good"]["verdict"] == "SUPPORTED"
    assert rows["test_nan"]["failed"] > 0
    for name in ("raises", "wrong_shape", "wrong_type", "impossible_strategy"):
        assert rows[f"test_{name}"]["verdict"] == "UNDECIDED"
        assert rows[f"test_{name}"]["error"]


def test_parameters_fixtures_and_methods_work(run):
    found = run(
        claims="""
@pytest.mark.parametrize("p", [0.98, 0.2])
@given(setup=coins())
@claimed
def test_parameter(setup, trials, p):
    return toss(setup, trials, p)

@given(setup=coins())
@claimed
def test_fixture(setup, trials, tmp_path):
    assert tmp_path.exists()
    return toss(setup, trials, 0.99)

class TestCoins:
    @given(setup=coins())
    @claimed
    def test_method(self, setup, trials):
        assert isinstance(self, TestCoins)
        return toss(setup, trials, 0.99)

    @control(setup=Coin(2.0))
    @claimed
    def test_control(self, setup, trials):
        return toss(setup, trials, 0.5)
"""
    )
    assert run.rows().keys() == {
        "test_parameter[0.98]", "test_parameter[0.2]", "test_fixture", "test_method",
        "test_control",
    }  # fmt: skip
    found.stdout.fnmatch_lines(["*= 1 failed, 3 supported, 1 refuted as expected in *"])


def test_skipped_claims_and_broken_fixtures_have_rows_that_say_so(run):
    run(
        claims="""
@pytest.mark.skip(reason="takes a day")
@given(setup=coins())
@claimed
def test_skipped(setup, trials):
    return toss(setup, trials, 0.99)

@pytest.fixture
def broken():
    raise ValueError

@given(setup=coins())
@claimed
def test_broken(setup, trials, broken):
    return toss(setup, trials, 0.99)
"""
    )
    rows = run.rows()
    assert rows["test_skipped"]["reason"] == rows["test_skipped"]["text"] == "skipped: takes a day"
    assert rows["test_broken"]["error"] == "setup failed before there was a verdict"
