"""Claims that misbehave, and folders that cannot be written: one clear row, and the run goes on."""

import errno
import json

import pytest

from mrpcheck.recorder import Recorder

pytest_plugins = ("pytester",)

TWO = """
@given(setup=coins())
@claimed
def test_one(setup, trials):
    return toss(setup, trials, 0.98)

@given(setup=coins())
@claimed
def test_two(setup, trials):
    return toss(setup, trials, 0.97)
"""


def bad(body):
    return (
        "import os, sys, time\n@given(setup=coins())\n@claimed\n"
        f"def test_bad(setup, trials):\n    {body}\n{TWO}"
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("time.sleep(30)", "block = not done after 0.2 s, but should take at most --mrp-limit "),
        ("while True:\n        try: time.sleep(9)\n        except Exception: pass",
         "block = not done after 0.2 s, but should take at most --mrp-limit "),
        ("sys.exit(0)", "SystemExit = 0, but should be one value a trial "),
        ("pytest.skip('no')", "Skipped = no, but should be one value a trial "),
        ("pytest.exit('no')", "Exit = no, but should be one value a trial "),
        ("raise BaseException", "BaseException = no message, but should be one value a trial "),
        ("return [[1], [1, 2]]", "ValueError = *, but should be one value a trial "),
        ("return ['x'] * trials.count", "dtype = <U1, but should be bool, or a floating margin "),
        ("return [1j] * trials.count", "dtype = complex128, but should be bool, or a floating *"),
    ],
)  # fmt: skip
def test_a_claim_that_misbehaves_leaves_a_row_and_the_others_go_on(run, body, sentence):
    found = run("--mrp-limit=0.2", claims=bad(body))
    assert found.ret == 1
    row, *others = (run.rows()[f"test_{name}"] for name in ("bad", "one", "two"))
    assert row["verdict"] == "UNDECIDED"
    found.stdout.fnmatch_lines([f"UNDECIDED: {sentence}*test_coins.py::test_bad*"])
    assert [other["verdict"] for other in others] == ["SUPPORTED", "SUPPORTED"]


def test_no_limit_and_a_wrong_one(run, pytester):
    assert run("--mrp-limit=0", claims=TWO).ret == 0
    manifest = json.loads((pytester.path / "reports/latest/manifest.json").read_text())
    assert manifest["limit"] is None
    for wrong in ("-1", "nan", "inf"):
        found = run(f"--mrp-limit={wrong}", claims=TWO)
        assert found.ret == pytest.ExitCode.USAGE_ERROR
        found.stderr.fnmatch_lines(["ERROR: --mrp-limit = *, but should be *"])


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_tensor_of_any_device_is_an_answer_on_any(device):
    """What a claim returns is read where it lies: a CPU tensor on a GPU's run is as good."""
    import torch

    from mrpcheck.claims import with_probability
    from mrpcheck.judging import judge

    @with_probability(at_least=0.9, tolerance=0.1)
    def test_x(side, trials):
        assert trials.device == device
        tosses = [trials.generator("coin", t, "toss").random() for t in trials.numbers]
        return torch.tensor(tosses) < side

    assert judge(test_x, [{"side": 0.99}], device=device).verdict == "SUPPORTED"


def test_memory_is_shown(run, pytester):
    found = run(claims=TWO)
    found.stdout.fnmatch_lines(["peak memory: * GB a process"])
    manifest = json.loads((pytester.path / "reports/latest/manifest.json").read_text())
    assert 10**7 < manifest["peak_memory"] < 10**11
    assert manifest["limit"] == 3600


@pytest.fixture
def full(monkeypatch):
    """A disk that is full after so many lines, until it is emptied."""
    room = [10**9]
    append = Recorder._append

    def short(self, line):
        room[0] -= 1
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, line)

    monkeypatch.setattr(Recorder, "_append", short)
    return room


@pytest.mark.parametrize("lines", [0, 3, 40, 87])
def test_a_full_disk_leaves_undecided_and_resuming_makes_it_good(run, pytester, full, lines):
    assert run("--mrp-report=whole", claims=TWO).ret == 0
    total = len((pytester.path / "whole/parts/main.jsonl").read_text().splitlines())
    full[0] = min(lines, total - 1)
    found = run("--mrp-report=cut", claims=TWO)
    assert found.ret == 1
    assert "Traceback" not in found.stdout.str() + found.stderr.str()
    why = "records = main.jsonl, but should be writable: No space left on device"
    found.stdout.fnmatch_lines(
        [f"UNDECIDED: {why} [[]{pytester.path / 'cut'}[]]", "  UNDECIDED *", "to go on: pytest *"]
    )
    part = pytester.path / "cut" / "parts" / "main.jsonl"
    before = part.read_text() if part.exists() else ""
    assert len(before.splitlines()) == min(lines, total - 1)
    full[0] = 10**9
    assert run("--mrp-resume=cut", claims=TWO).ret == 0
    assert verdicts(pytester.path / "cut") == verdicts(pytester.path / "whole")
    assert not before or part.read_text() == before


def verdicts(report):
    rows = json.loads((report / "verdicts.json").read_text())["claims"]
    return [{k: v for k, v in row.items() if k not in ("seconds", "edited")} for row in rows]


def test_merged_files_that_cannot_be_written_are_said_and_the_parts_are_kept(
    run, pytester, monkeypatch
):
    def full(folder, *rows):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("mrpcheck.plugin.ledger.merge", full)
        found = run("--mrp-report=cut", claims=TWO)
    assert found.ret == 1
    found.stdout.fnmatch_lines(
        ["  SUPPORTED *test_one", "*cut = No space left on device, but should take the merged *"]
    )
    from mrpcheck.showing import show

    text, code = show(pytester.path / "cut")
    assert code == 0
    assert text.count("  SUPPORTED ") == 2


def test_a_folder_that_cannot_be_begun_is_one_sentence(run, pytester, monkeypatch):
    def full(path, value):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("mrpcheck.plugin.ledger.write_json", full)
    found = run("--mrp-report=cut", claims=TWO)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines(["ERROR: report folder = *cut, but should be a folder to write *"])


def test_two_runs_never_share_a_folder_that_moves_aside(pytester):
    """Whoever holds a lock that went away with its folder holds nothing."""
    from mrpcheck.plugin.folder import give_back, lock_folder, open_folder

    folder = pytester.path / "out"
    first = open_folder(folder)
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(pytest.UsageError, match="should not be in use"):
        open_folder(folder)
    give_back(first, folder)
    second = open_folder(folder)
    assert len(list(folder.parent.glob("out*"))) == 2
    with pytest.raises(pytest.UsageError, match="should not be in use"):
        lock_folder(folder)
    give_back(second, folder)
    assert not (folder / ".lock").exists()
    (folder / ".lock").symlink_to(pytester.path / "elsewhere")
    with pytest.raises(OSError):
        lock_folder(folder)
    assert not (pytester.path / "elsewhere").exists()
