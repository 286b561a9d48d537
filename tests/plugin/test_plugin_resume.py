"""A run that was cut off goes on: the verdicts of an undisturbed one, and nothing is lost."""

import json
import shutil

import pytest

from mrpcheck.parts import parts
from mrpcheck.recorder import read_lines

pytest_plugins = ("pytester",)

CLAIMS = """
from pathlib import Path

def tossed(name, setup, trials, p):
    with open("tossed", "a") as file:
        file.write(name)
    if name == "u" and Path("stop").exists() and trials.first >= 48 and setup.x > 0.6:
        raise KeyboardInterrupt
    return toss(setup, trials, p)

@given(setup=coins())
@claimed
def test_true(setup, trials):
    return tossed("t", setup, trials, 0.98)

@given(setup=coins())
@claimed
def test_slower(setup, trials):
    return tossed("u", setup, trials, 0.94)

@refuted(because="it is a fair coin")
@given(setup=coins())
@claimed
def test_refuted(setup, trials):
    return tossed("r", setup, trials, 0.5)
"""

MERGED = ("evidence.jsonl", "trials.csv", "verdicts.json")


@pytest.fixture
def cut(run, pytester):
    """A run that was interrupted in the middle of its second claim, beside an undisturbed one."""

    def cut(*options, report="cut"):
        run("--mrp-report=whole", *options, claims=CLAIMS)
        (pytester.path / "stop").touch()
        found = run(f"--mrp-report={report}", *options, claims=CLAIMS)
        assert found.ret == pytest.ExitCode.INTERRUPTED
        (pytester.path / "stop").unlink()
        (pytester.path / "tossed").unlink()
        return found

    return cut


def content(report):
    """What was merged, without what two runs on a seed never share."""
    verdicts = json.loads((report / "verdicts.json").read_text())
    evidence = [json.loads(line) for line in (report / "evidence.jsonl").read_text().splitlines()]
    for row in [*verdicts["claims"], *evidence]:
        row.pop("seconds")
        row.pop("edited", None)
    return verdicts, evidence, (report / "trials.csv").read_text()


def manifest_of(report):
    return json.loads((report / "manifest.json").read_text())


def killed(report):
    """Leave the folder as a kill would: no merged file, and no end."""
    for name in MERGED:
        (report / name).unlink()
    edit(report, lambda m: m.update(ended=None, finished=None))


def edit(report, change):
    manifest = manifest_of(report)
    change(manifest)
    (report / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("how", ["interrupted", "killed", "killed and shown"])
def test_a_run_goes_on_to_the_verdicts_of_an_undisturbed_one(run, cut, pytester, how):
    found, report = cut("--mrp-seed=5", "--mrp-claims=32"), pytester.path / "cut"
    found.stdout.fnmatch_lines(
        ["the run was not completed: interrupted", "to go on: pytest * --mrp-resume cut"]
    )
    if how != "interrupted":
        killed(report)
    if how == "killed and shown":
        from mrpcheck.showing import show

        assert "to go on: pytest " in show(report)[0]
    before = {part: part.read_bytes() for part in parts(report)}
    found = run("--mrp-resume=cut", claims=CLAIMS)  # its own seed, and its own budget
    assert found.ret == 0
    found.stdout.fnmatch_lines(
        ["resumed: 1 of 3 claims keep their verdict", "*2 supported, 1 refuted as expected*"]
    )
    assert content(report) == content(pytester.path / "whole")
    assert "t" not in (pytester.path / "tossed").read_text()  # its verdict was kept
    assert {part: part.read_bytes() for part in before} == before
    manifest, undisturbed = manifest_of(report), manifest_of(pytester.path / "whole")
    assert (manifest["ended"], len(manifest["resumed"])) == ("completed", 1)
    for name in ("seed", "profile", "budget", "device", "strict", "claims", "levels"):
        assert manifest[name] == undisturbed[name]


def test_a_run_may_be_cut_off_twice(run, cut, pytester):
    cut()
    report = pytester.path / "cut"
    (pytester.path / "stop").touch()
    assert run("--mrp-resume=cut", claims=CLAIMS).ret == pytest.ExitCode.INTERRUPTED
    (pytester.path / "stop").unlink()
    assert run("--mrp-resume=cut", claims=CLAIMS).ret == 0
    assert content(report) == content(pytester.path / "whole")
    assert [part.name for part in parts(report)] == [
        "main.jsonl", "main.2.jsonl", "main.3.jsonl",
    ]  # fmt: skip


def test_a_run_that_is_complete_is_told_again_and_nothing_is_judged(run, pytester):
    run("--mrp-report=whole", claims=CLAIMS.replace("0.98", "0.3"))
    before = content(pytester.path / "whole")
    (pytester.path / "tossed").unlink()
    found = run("--mrp-resume=whole", claims=CLAIMS.replace("0.98", "0.3"))
    assert found.ret == 1  # test_true is refuted, as it was
    found.stdout.fnmatch_lines(["resumed: 3 of 3 claims keep their verdict", "*1 failed*"])
    assert not (pytester.path / "tossed").exists()
    assert content(pytester.path / "whole") == before


@pytest.mark.parametrize(
    ("change", "judged"),
    [
        (lambda text: text.replace("0.98)", "0.97 )"), "t"),
        (lambda text: text.replace('return tossed("t"', '# why\n    return tossed("t"'), ""),
    ],
)
def test_a_claim_that_was_edited_meanwhile_is_judged_again(run, cut, pytester, change, judged):
    cut()
    found = run("--mrp-resume=cut", claims=change(CLAIMS))
    keep = 0 if judged else 1
    found.stdout.fnmatch_lines([f"resumed: {keep} of 3 claims keep their verdict"])
    assert ("t" in (pytester.path / "tossed").read_text()) == bool(judged)
    same = content(pytester.path / "cut") == content(pytester.path / "whole")
    assert same == (not judged)
    said = "edited once since seed 0 was first used" in found.stdout.str()
    assert said == bool(judged)


def test_an_edited_regime_counts_as_edited_too(run, cut, pytester):
    cut()
    coins = (pytester.path / "coins.py").read_text()
    pytester.makepyfile(coins=coins.replace("default_rng(seed)", "default_rng(seed + 1)"))
    run("--mrp-resume=cut", claims=CLAIMS)
    assert "t" in (pytester.path / "tossed").read_text()


def test_a_verdict_whose_evidence_was_damaged_is_come_to_again(run, cut, pytester):
    cut()
    part = pytester.path / "cut" / "parts" / "main.jsonl"
    lines = part.read_text().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if '"block"' in line and "test_true" in line)
    lines[at] = lines[at].replace('"outcomes": [1.0', '"outcomes": [0.0')
    part.write_text("".join(lines))
    run("--mrp-resume=cut", claims=CLAIMS)
    assert "t" in (pytester.path / "tossed").read_text()
    assert content(pytester.path / "cut") == content(pytester.path / "whole")


def test_what_is_not_selected_stays_in_the_books(run, cut, pytester):
    cut()
    run("--mrp-resume=cut", "-k", "slower", claims=CLAIMS)
    rows = run.rows("cut")
    assert [rows[f"test_{n}"]["verdict"] for n in ("true", "slower", "refuted")] == [
        "SUPPORTED", "SUPPORTED", "UNDECIDED",
    ]  # fmt: skip
    assert rows["test_refuted"]["reason"] == "not judged"
    assert manifest_of(pytester.path / "cut")["ended"] == "stopped early"
    run("--mrp-resume=cut", claims=CLAIMS)
    assert content(pytester.path / "cut") == content(pytester.path / "whole")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--mrp-seed=6"], "--mrp-seed = 6, but should be 5, as when the run began"),
        (["--mrp-profile=thorough"], "--mrp-profile = thorough, but should be quick, as *"),
        (["--mrp-claims=7"], "--mrp-claims = 7, but should be 64, as when the run began"),
        (["--mrp-strict"], "--mrp-strict = True, but should be False, as when the run began"),
        (["--mrp-remember"], "--mrp-remember = True, but should be False, as when *"),
        (["--mrp-device=cuda"], "--mrp-device = cuda, but should be cpu, as when the run began"),
        (["--mrp-report=x"], "--mrp-report = x, but should be left out"),
        ({"versions": {"torch": "2.5"}}, "torch = *, but should be 2.5, which the run began with"),
        ({"versions": {}}, "mrpcheck = *, but should be None, which the run began with"),
        ({"profile": {"name": "quick"}}, "profile = quick, but should be as large as when *"),
        ({"profile": {"name": ["x"]}}, "profile = *, but should be as large as when the run *"),
        ({"budget": {"claims": 64}}, "budget = *, but should be what this version has"),
        ({"budget": {"claims": -1}}, "claims = -1, but should be at least 1"),
        ({"seed": "5"}, "seed = 5, but should be a int"),
        ({"resumed": None}, "resumed = None, but should be a list"),
    ],
)
def test_what_cannot_be_gone_on_with_is_one_sentence(run, pytester, options, sentence):
    report = pytester.path / "cut"
    (report / "parts").mkdir(parents=True)
    (report / "parts" / "unjudged.json").write_text("[]")
    (report / "manifest.json").write_text(json.dumps(fresh_manifest()))
    if isinstance(options, dict):
        if "versions" in options:
            kept = fresh_manifest()["versions"] if options["versions"] else {}
            options = {"versions": {**kept, **options["versions"]}}
        edit(report, lambda m: m.update(options))
        options = []
    before = (report / "manifest.json").read_text()
    given = [] if "--mrp-device=cuda" in options else ["--mrp-device=cpu"]
    found = pytester.runpytest_inprocess(*given, *options, "--mrp-resume=cut")
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([f"ERROR: {sentence} [[]--mrp-resume cut[]]"])
    assert (report / "manifest.json").read_text() == before


def fresh_manifest():
    """What a run would have begun with here."""
    import dataclasses

    from mrpcheck.jsonfiles import dumps
    from mrpcheck.plugin.manifest import manifest_of
    from mrpcheck.plugin.options import Options
    from mrpcheck.profiles import PROFILES
    from mrpcheck.stats import Budget

    options = Options(PROFILES["quick"], 5, "cpu", None, False, Budget())
    manifest = manifest_of(dataclasses.replace(options), 1, [], [], [])
    return json.loads(dumps(manifest))


@pytest.mark.parametrize("what", ["nothing", "a folder", "a list", "no parts"])
def test_what_is_no_run_is_one_sentence(run, pytester, what):
    if what != "nothing":
        (pytester.path / "cut").mkdir()
    if what == "a list":
        (pytester.path / "cut" / "manifest.json").write_text("[]")
    if what == "no parts":
        (pytester.path / "cut" / "manifest.json").write_text(json.dumps(fresh_manifest()))
    found = run("--mrp-resume=cut", claims=CLAIMS)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines(["ERROR: *, but should *"])


def test_a_run_under_way_is_not_gone_on_with(run, cut, pytester):
    from mrpcheck.plugin.folder import give_back, lock_folder

    cut()
    lock = lock_folder(pytester.path / "cut")
    found = run("--mrp-resume=cut", claims=CLAIMS)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines(["ERROR: report folder = *, but should not be in use: *"])
    give_back(lock, pytester.path / "cut")
    assert run("--mrp-resume=cut", claims=CLAIMS).ret == 0


def test_workers_go_on_too(run, cut, pytester):
    cut("--mrp-seed=3")
    found = run("--mrp-resume=cut", "-n2", claims=CLAIMS, subprocess=True)
    assert found.ret == 0
    assert content(pytester.path / "cut") == content(pytester.path / "whole")
    assert {p.name for p in parts(pytester.path / "cut")} > {"main.jsonl", "gw0.2.jsonl"}


def test_a_forged_row_is_no_row(run, cut, pytester):
    """A row of another shape, or of another seed, is none of this run's; escapes are shown."""
    cut()
    report = pytester.path / "cut"
    [verdict] = [ln for ln in read_lines(parts(report)[0]) if ln.get("line") == "verdict"]
    for change in ({"violations": 5}, {"seed": 9}, {"verdict": "REFUTED", "text": "\x1b[2J"}):
        from mrpcheck.recorder import Recorder

        shutil.copytree(report, pytester.path / "copy")
        with Recorder(pytester.path / "copy" / "parts" / "main.jsonl") as record:
            record.line("verdict", {**verdict, **change, "expected": False})
        found = run("--mrp-resume=copy", claims=CLAIMS)
        assert "\x1b" not in found.stdout.str()
        assert found.ret == ("text" in change)
        shutil.rmtree(pytester.path / "copy")


def test_claims_that_the_run_did_not_begin_with_are_counted(cut, run):
    cut()
    more = (
        CLAIMS
        + """
@given(setup=coins())
@claimed
def test_later(setup, trials):
    return tossed("l", setup, trials, 0.98)
"""
    )
    found = run("--mrp-resume=cut", claims=more)
    found.stdout.fnmatch_lines(
        ["resumed: 1 of 4 claims keep their verdict; 1 more than the run began with"]
    )
