"""The fast part of benchmarks/faults.py: two kills, hostile files, and the checks themselves."""

import json
import random
import shutil
import sys
from pathlib import Path

import pytest

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")
if not Path(BENCHMARKS).is_dir():
    pytest.skip("benchmarks/ is not beside tests/", allow_module_level=True)


@pytest.fixture(scope="module")
def faults():
    """The program, imported as it runs."""
    sys.path.insert(0, BENCHMARKS)
    try:
        import faults

        yield faults
    finally:
        sys.path.remove(BENCHMARKS)


@pytest.fixture(scope="module")
def run(faults):
    """A folder with an undisturbed run in it."""
    with faults.place() as there:
        found = there.run("--mrp-report=run", PAUSE="0")
        assert found.returncode == 1, found.stdout
        yield there


@pytest.fixture(scope="module")
def expected(faults, run):
    return faults.whole(run)


@pytest.mark.parametrize("name", ["kill -9 of the run", "kill -9 of a worker"])
def test_nothing_is_lost_and_no_verdict_is_wrong(faults, expected, name):
    outcome = faults.FAULTS[name][0](expected, random.Random(3))
    assert (outcome.lost, outcome.wrong) == (0, 0), outcome


@pytest.fixture
def copy(run, tmp_path):
    return Path(shutil.copytree(run.report(), tmp_path / "copy"))


def test_a_lost_record_would_be_seen(faults, run, expected, copy):
    part = copy / "parts" / "main.jsonl"
    whole, before = part.read_text(), faults.records(copy)
    assert faults.unrecorded(run, copy) == 0
    assert faults.against(copy, expected, before) == faults.Outcome()
    block = next(line for line in whole.splitlines(keepends=True) if '"block"' in line)
    part.write_text(whole.replace(block, "", 1))
    assert faults.unrecorded(run, copy) == 1
    assert faults.against(copy, expected, before).lost == 1
    part.write_text(whole)
    merged = (copy / "evidence.jsonl").read_text()
    (copy / "evidence.jsonl").write_text(merged.partition("\n")[2])
    assert faults.against(copy, expected).lost == 1


def test_a_wrong_verdict_would_be_seen(faults, expected, copy):
    content = json.loads((copy / "verdicts.json").read_text())
    content["claims"][2]["hits"] += 1
    (copy / "verdicts.json").write_text(json.dumps(content))
    assert faults.against(copy, expected).wrong == 1
    content["claims"].pop()
    (copy / "verdicts.json").write_text(json.dumps(content))
    assert faults.against(copy, expected).wrong == 2
    (copy / "verdicts.json").unlink()
    assert faults.against(copy, expected).wrong == len(expected.rows)


def hostile():
    sys.path.insert(0, BENCHMARKS)
    try:
        from fault_habits import HOSTILE
    finally:
        sys.path.remove(BENCHMARKS)
    return HOSTILE


@pytest.mark.parametrize("name", hostile())
def test_records_that_somebody_else_made_are_opened_in_sentences(run, copy, name, capsys):
    from mrpcheck.cli import main
    from mrpcheck.remembering import earlier_runs

    hostile()[name](copy)
    for words in (["show", str(copy)], ["compare", str(run.report()), str(copy)]):
        assert main(words) in (0, 1, 2)
        found = capsys.readouterr()
        assert "\x1b[2J" not in found.out + found.err
        assert found.err.count("\n") <= 1
    earlier_runs(copy.parent / "mine", ["test_coins.py::test_false"], 0)
    for path in copy.parent.rglob("*"):
        assert not path.name.startswith("executed")
        assert path.name != "outside" or not path.stat().st_size
