"""A run as a whole: the same verdicts however it is run, nothing lost, one sentence if refused."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

pytest_plugins = ("pytester",)

TRUE = """
@given(setup=coins())
@claimed
def test_true(setup, trials):
    return toss(setup, trials, 0.98)
"""

SLOW = """
import time

@given(setup=coins())
@claimed
def test_quick_one(setup, trials):
    return toss(setup, trials, 0.98)

@given(setup=coins())
@claimed
def test_slow_one(setup, trials):
    if trials.first >= 48:
        time.sleep(60)
    return toss(setup, trials, 0.9)
"""


def timeless(report):
    """What a run recorded, but for its seconds."""
    verdicts = json.loads((report / "verdicts.json").read_text())
    evidence = [json.loads(line) for line in (report / "evidence.jsonl").read_text().splitlines()]
    for row in [*verdicts["claims"], *evidence]:
        row.pop("seconds")
    return verdicts, evidence, (report / "trials.csv").read_text()


def test_two_workers_and_one_process_record_the_same_and_nothing_is_overwritten(
    run, pytester, monkeypatch
):
    run()
    latest = pytester.path / "reports" / "latest"
    first = timeless(latest)
    monkeypatch.setenv("CI", "true")
    found = run("-n2", "--hypothesis-seed=77", "-v", subprocess=True)
    assert found.ret == 1
    found.stdout.fnmatch_lines(
        [
            "*mrpcheck: torch *, cpu (* step), 2 processes of 1 thread, seed 0, profile quick",
            "--hypothesis-seed has no say in claims; --mrp-seed has",
            "*SUPPORTED test_coins.py::test_true*",
            "*= 1 failed, * in *",
        ]
    )
    text = found.stdout.str()
    assert text.count("mrpcheck: torch") == text.count("= claims =") == 1
    assert timeless(latest) == first
    manifest = json.loads((latest / "manifest.json").read_text())
    assert (manifest["workers"], manifest["ended"]) == (2, "completed")
    [earlier] = [p for p in latest.parent.iterdir() if p != latest]
    assert timeless(earlier) == first
    assert not (latest / ".lock").exists()


def test_a_selection_changes_no_verdict(run):
    run()
    everything = run.rows()
    run("-k", "false or refuted", "-p", "no:randomly")
    some = run.rows()
    assert set(some) == {"test_false", "test_refuted"}
    for name, row in some.items():
        assert {**row, "seconds": 0} == {**everything[name], "seconds": 0}


def test_a_run_that_stops_early_judges_nobody_else(run, pytester):
    found = run("-x")
    rows = run.rows()
    assert [row["verdict"] for row in rows.values()].count("UNDECIDED") == 4
    assert rows["test_control"]["reason"] == "not judged"
    found.stdout.fnmatch_lines(["the run was not completed: stopped early"])
    assert "NOT REFUTED" not in found.stdout.str()


def test_another_seed_is_another_run(run):
    estimates = []
    for seed in ("0", "1"):
        run("--mrp-seed", seed, claims=TRUE)
        estimates.append(run.rows()["test_true"]["estimate"])
        assert run.rows()["test_true"]["seed"] == int(seed)
    assert estimates[0] != estimates[1]


def test_the_report_goes_where_it_is_told(run, pytester):
    for _ in range(2):
        run("--mrp-report", "elsewhere/mine", claims=TRUE)
    names = sorted(p.name for p in (pytester.path / "elsewhere").iterdir())
    assert names[0] == "mine"
    assert names[1].startswith("mine-20")
    assert not (pytester.path / "reports").exists()


@pytest.mark.parametrize("what", ["a file", "foreign", "busy", "unwritable"])
def test_a_folder_that_cannot_be_used_is_one_sentence_before_anything_is_judged(
    run, pytester, what
):
    folder = pytester.path / "out"
    if what == "a file":
        folder.write_text("")
    elif what == "unwritable":
        (pytester.path / "file").write_text("")
        folder = pytester.path / "file" / "out"
    else:
        folder.mkdir()
        (folder / ("manifest.json" if what == "busy" else "thesis.tex")).write_text("{}")
    if what == "busy":
        from mrpcheck.plugin.folder import lock_folder

        held = lock_folder(folder)
    found = run("--mrp-report", str(folder), claims="@given(setup=coins())\n@claimed\n"
                "def test_x(setup, trials):\n    print('A TRIAL')")  # fmt: skip
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([f"ERROR: report folder = {folder}, but should *"])
    assert "A TRIAL" not in found.stdout.str()
    if what == "busy":
        held.close()
    if what == "foreign":
        assert [p.name for p in folder.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("options", "claims", "sentence"),
    [
        (("--mrp-claims=1",), TRUE + TRUE.replace("test_true", "test_too"),
         "claims = 2, but should be at most 1, *; --mrp-claims N takes a larger divisor"),
        (("--mrp-claims=0",), TRUE, "--mrp-claims = 0, but should be at least 1"),
        ((), TRUE.replace("@claimed", "@with_probability(at_least=0.99, tolerance=0.01)"),
         "test_coins.py::test_true: most = 384 trials, but should be at least 4*: even without "
         "a miss, *; --mrp-profile thorough allows more"),
        ((), "@claimed\ndef test_x(setup, trials): pass\n@pytest.fixture\ndef setup(): pass",
         "test_coins.py::test_x: what it draws = nothing, but should be said by @given above it"),
        ((), "import hypothesis\nfrom coins import *\n@hypothesis.settings(deadline=None)" + TRUE,
         "test_coins.py::test_true: @settings = above a claim, but should be left out: *"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused_at_collection(run, pytester, options, claims, sentence):
    found = run(*options, claims=claims)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([f"ERROR: {sentence}"])
    assert not (pytester.path / "reports").exists()


def test_smoke_is_exempt_from_what_its_budget_could_decide(run):
    hard = TRUE.replace("@claimed", "@with_probability(at_least=0.99, tolerance=0.01)")
    assert run("--mrp-profile=smoke", claims=hard).ret == 0


def test_a_refusal_under_xdist_is_the_same_sentence(run):
    found = run("-n1", "--mrp-claims=1", claims=TRUE + TRUE.replace("true", "too"), subprocess=True)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines(["ERROR: claims = 2, but should be at most 1, *"])


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("tpu", "--mrp-device = 'tpu', but should be auto, cpu, cuda or cuda:N"),
        ("cuda:99", "--mrp-device = 'cuda:99', but should be there: torch sees * CUDA device*"),
    ],
)
def test_a_device_that_is_not_there_is_one_sentence(run, device, sentence):
    found = run("--mrp-device", device, claims=TRUE, subprocess=True)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([f"ERROR: {sentence}"])


def test_an_interrupt_keeps_what_was_recorded(run, pytester):
    found = run(claims=SLOW.replace("time.sleep(60)", "raise KeyboardInterrupt"))
    assert found.ret == pytest.ExitCode.INTERRUPTED
    found.stdout.fnmatch_lines(
        ["*= claims =*", "the run was not completed: interrupted", "report: */reports/latest"]
    )
    rows = run.rows()
    assert rows["test_quick_one"]["verdict"] == "SUPPORTED"
    assert rows["test_slow_one"]["verdict"] == "UNDECIDED"
    assert rows["test_slow_one"]["reason"].startswith("interrupted, ")
    manifest = json.loads((pytester.path / "reports/latest/manifest.json").read_text())
    assert manifest["ended"] == "interrupted"


def test_a_worker_that_is_killed_costs_its_claim_alone(run):
    deadly = SLOW.replace("import time", "import os").replace("time.sleep(60)", "os._exit(3)")
    found = run("-n1", claims=deadly, subprocess=True)
    assert found.ret == 1
    rows = run.rows()
    assert rows["test_quick_one"]["verdict"] == "SUPPORTED"
    assert rows["test_slow_one"]["error"] == "its worker crashed before there was a verdict"


def heeding():
    """A shell's background job ignores interrupts, and would leave that to its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(pytester, *options):
    """pytest in a process of its own, stopped in the middle of its slow claim."""
    pytester.makepyfile(test_coins="import pytest\nfrom coins import *\n" + SLOW)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--mrp-device=cpu", *options],
        cwd=pytester.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=heeding,
    )
    parts, until = pytester.path / "reports" / "latest" / "parts", time.monotonic() + 30
    while time.monotonic() < until:
        text = "".join(p.read_text() for p in parts.glob("*.jsonl")) if parts.exists() else ""
        judged = '"verdict", "claim": "test_coins.py::test_quick_one"' in text
        if judged and '"block", "claim": "test_coins.py::test_slow_one"' in text:
            return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError(process.communicate()[0].decode())


needs_entry_point = pytest.mark.skipif(
    not any(
        e.value == "mrpcheck.plugin"
        for e in __import__("importlib.metadata").metadata.entry_points(group="pytest11")
    ),
    reason="the package is not installed",
)


@needs_entry_point
def test_kill_9_leaves_what_was_recorded_readable(run, pytester):
    from mrpcheck.merging import merge

    process = start(pytester)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    latest = pytester.path / "reports" / "latest"
    [row] = merge(latest)
    assert (row["claim"], row["verdict"]) == ("test_coins.py::test_quick_one", "SUPPORTED")
    assert "slow_one" in (latest / "trials.csv").read_text()
    found = run(claims=TRUE)  # the lock died with its holder, and the run moves aside
    assert found.ret == 0
    assert len(list(latest.parent.iterdir())) == 2


def interrupted(process):
    """What it printed; an interrupt that falls into a finaliser is lost, and sent again."""
    for _ in range(3):
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=12)[0].decode()
    os.killpg(process.pid, signal.SIGKILL)
    raise AssertionError(process.communicate()[0].decode())


@needs_entry_point
def test_ctrl_c_under_xdist_merges_what_the_workers_recorded(run, pytester):
    text = interrupted(start(pytester, "-n2"))
    rows = run.rows()
    assert rows["test_quick_one"]["verdict"] == "SUPPORTED"
    assert rows["test_slow_one"]["verdict"] == "UNDECIDED"
    assert "report: " in text


def test_the_profile_is_known_before_strategies_are_made(run):
    found = run(
        "--mrp-profile=smoke",
        claims="from mrpcheck.claims import current_profile\nfrom coins import *\n"
        "name = current_profile().name\ndef test_name(): assert name == 'smoke'\n",
    )
    assert found.ret == 0
    from mrpcheck.profiles import current_profile

    assert current_profile().name == "quick"


PLAIN = """
from hypothesis import given, settings, strategies as st

def test_plain():
    assert "mrpcheck" not in settings.get_current_profile_name()

@settings(max_examples=5)
@given(x=st.integers())
def test_hypothesis(x):
    assert settings.default.max_examples == 5
    assert len(settings.default.suppress_health_check) <= 1  # under CI Hypothesis drops one

@given(x=st.integers())
def test_fails(x):
    assert x < 10
"""


def test_other_tests_are_left_alone(run, pytester):
    """Beside a claim, plain tests and plain Hypothesis tests run as they always do."""
    found = run(claims=PLAIN + "from coins import *\n" + TRUE)
    found.assert_outcomes(passed=2, failed=1)
    found.stdout.fnmatch_lines(["E*test_fails(", "*1 failed, 2 passed, 1 supported*"])
    assert set(run.rows()) == {"test_true"}


def test_without_claims_nothing_is_imported_written_or_said(run, pytester):
    found = run(
        "-s",
        claims="import sys\ndef test_plain():\n    print({'torch', 'hypothesis', 'scipy', 'numpy', "
        "'rich', 'mrpcheck.claims'} & set(sys.modules))",
        subprocess=True,
    )
    assert found.ret == 0
    found.stdout.fnmatch_lines(["*set()*"])
    assert "mrpcheck:" not in found.stdout.str()
    assert not (pytester.path / "reports").exists()


def test_a_script_is_written_where_the_report_knows_how(run, pytester, monkeypatch):
    import types

    script = types.ModuleType("mrpcheck.report.script")
    script.write = lambda path, row: path.write_text(f"# {row['counterexample']}\n")
    monkeypatch.setitem(sys.modules, "mrpcheck.report", types.ModuleType("mrpcheck.report"))
    monkeypatch.setitem(sys.modules, "mrpcheck.report.script", script)
    found = run()
    place = run.rows()["test_false"]["script"]
    assert re.fullmatch(r"counterexamples/of_test_coins_test_false_\w{6}\.py", place)
    path = pytester.path / "reports" / "latest" / place
    assert path.read_text().startswith("# {'x': ")
    found.stdout.fnmatch_lines([f"script: {path}", f"    script: {place}"])


def test_collect_only_opens_no_run(run, pytester):
    assert run("--collect-only", claims=TRUE).ret == 0
    assert not (pytester.path / "reports").exists()
