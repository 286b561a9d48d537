"""`mrpcheck compare`: runs side by side, and whether a verdict worsened."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mrpcheck.cli import main

FIRST, LATER, THIRD = "reports/latest", "reports/later", "reports/third"


@pytest.fixture
def compare(coins, capsys):
    """Compare runs that are all copies of one, but for what a test changes."""
    for name in (LATER, THIRD):
        shutil.copytree(FIRST, name)

    def run(*words):
        code = main(["compare", *(words or (FIRST, LATER))])
        out, err = capsys.readouterr()
        assert not (out and err)
        return code, out + err

    return run


def change(run, claim=None, file="verdicts.json", **fields):
    path = Path(run, file)
    content = json.loads(path.read_text())
    for part in content["claims"] if file == "verdicts.json" else [content]:
        if claim is None or part["claim"] == f"test_coins.py::{claim}":
            part.update(fields)
    path.write_text(json.dumps(content))


def drop(run, claim):
    path = Path(run, "verdicts.json")
    content = json.loads(path.read_text())
    content["claims"] = [r for r in content["claims"] if not r["claim"].endswith(claim)]
    path.write_text(json.dumps(content))


def test_the_same_run_twice_is_no_worse(compare):
    code, text = compare()
    assert code == 0
    rows = json.loads(Path(FIRST, "verdicts.json").read_text())["claims"]
    manifest = json.loads(Path(FIRST, "manifest.json").read_text())
    seconds = sum(row["seconds"] for row in rows)
    for name, folder in (("A", FIRST), ("B", LATER)):
        [head] = [line for line in text.splitlines() if line.startswith(f"{name}: {folder}: ")]
        assert f"torch {manifest['versions']['torch']}, python " in head
        assert ", device cpu, step " in head
        assert ", seed 0, profile quick, date 20" in head
        assert head.endswith(f", seconds {seconds:.0f}, trainings 0 (0 trained)")
    assert "test_coins.py\n" in text
    for row in rows:
        short = row["claim"].rpartition("::")[2]
        [line] = [line for line in text.splitlines() if line.endswith(f"| {short}")]
        first, later, _ = line.split("|")
        assert first.strip() == later.strip()
        assert first.split()[0] == row["verdict"]
        assert first.split()[1] == f"{row['estimate']:.3f}"
        assert first.split()[-2] == str(row["trials"])
    assert text.endswith("0 of 4 verdicts worsened\n")


UNDECIDED = {"verdict": "UNDECIDED"}
WRONG = {"verdict": "REFUTED", "expected": False}
ERROR = {"verdict": "UNDECIDED", "expected": False, "error": "it raised"}
GOOD = {"verdict": "SUPPORTED", "expected": True}


@pytest.mark.parametrize(
    ("before", "after"),
    [(GOOD, UNDECIDED), (GOOD, WRONG), (GOOD, ERROR), (UNDECIDED, WRONG), (UNDECIDED, ERROR)],
)
def test_a_verdict_that_worsened_fails_and_one_that_improved_does_not(compare, before, after):
    change(FIRST, "test_true", **before)
    change(LATER, "test_true", **after)
    code, text = compare()
    assert code == 1
    assert "| test_true: WORSENED in B\n" in text
    assert "1 of 4 verdicts worsened" in text
    code, text = compare(LATER, FIRST)
    assert code == 0
    assert "| test_true: better in B\n" in text


@pytest.mark.parametrize("same", [GOOD, UNDECIDED, WRONG, ERROR])
def test_a_verdict_that_stays_as_it_was_is_no_worse(compare, same):
    for run in (FIRST, LATER):
        change(run, "test_true", **same)
    assert compare()[0] == 0


def test_every_later_run_is_compared_with_the_first(compare):
    change(THIRD, "test_mean", **UNDECIDED)
    assert compare(FIRST, LATER)[0] == 0
    code, text = compare(FIRST, LATER, THIRD)
    assert code == 1
    assert "| test_mean: WORSENED in C\n" in text
    assert compare(THIRD, FIRST, LATER)[0] == 0


def test_a_claim_that_is_missing_is_worse_and_one_that_is_new_is_not(compare):
    drop(LATER, "test_control")
    code, text = compare()
    assert code == 1
    assert "| test_control: missing in B\n" in text
    assert text.endswith("\n1 of 4 verdicts worsened, 1 of them missing\n")
    code, text = compare(LATER, FIRST)
    assert code == 0
    assert "| test_control: new in B\n" in text
    assert text.endswith("\n0 of 3 verdicts worsened; 1 not in the first run\n")


def test_intervals_without_a_value_in_common_are_marked(compare):
    change(FIRST, "test_true", lower=0.8, upper=0.9)
    change(LATER, "test_true", lower=0.91, upper=1.0)
    code, text = compare()
    assert code == 0
    assert "| test_true: intervals apart in B\n" in text
    assert "| test_true: intervals apart in B\n" in compare(LATER, FIRST)[1]
    change(LATER, "test_true", lower=0.9)
    assert "apart" not in compare()[1]


def test_an_edited_claim_is_marked(compare):
    change(LATER, "test_true", source="2-" + "0" * 32)
    assert "| test_true: edited in B\n" in compare()[1]
    change(LATER, "test_true", source="0" * 32)  # made in another way
    assert "edited" not in compare()[1]


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"seed": 7}, "seed: 0 / 7; verdicts are not compared like for like"),
        ({"profile": {"name": "quick", "panel": 8}}, "profile: quick (panel 8, "),
        ({"levels": {"false_support": 0.05, "false_refute": 0.01}}, "levels: 0.000781, 1.56e-05 /"),
        ({"ended": "interrupted"}, "reports/later was not completed: interrupted"),
    ],
)
def test_runs_under_other_terms_are_said_to_be(compare, fields, note):
    assert note not in compare()[1]
    change(LATER, file="manifest.json", **fields)
    assert note in compare()[1]


def test_the_markdown_has_a_column_a_version(compare):
    change(LATER, "test_true", **WRONG, text="x | y")
    manifest = json.loads(Path(LATER, "manifest.json").read_text())
    versions = {**manifest["versions"], "torch": "2.6.0|x"}
    change(LATER, file="manifest.json", versions=versions)
    code, _ = compare(FIRST, LATER, "--markdown", "table.md")
    assert code == 1
    lines = Path("table.md").read_text().splitlines()
    [head] = [line for line in lines if line.startswith("| claim |")]
    assert r" | B: torch 2.6.0\|x | remarks |" in head
    tables = [line.replace(r"\|", "").count("|") for line in lines if line.startswith("|")]
    assert set(tables) == {4, 5}  # two tables, each with as many cells in every row
    [true] = [line for line in lines if "test\\_true" in line]
    assert true.startswith(r"| test\_coins.py::test\_true | SUPPORTED 0.948 [0.802, 0.998], 96 tr")
    assert " s | REFUTED 0.948 [0.802, 0.998], 96 trials, " in true
    assert true.endswith(" | WORSENED in B |")
    assert lines[-1] == "1 of 4 verdicts worsened"


def test_a_record_writes_no_markup(compare):
    evil = "<script>x</script>[a](http://b)\x1b[2J|`"
    change(LATER, "test_true", verdict=evil)
    _, text = compare(FIRST, LATER, "--markdown", "table.md")
    assert "\x1b" not in text
    table = Path("table.md").read_text()
    assert "<script>" not in table.replace(r"\<", "")
    assert "](" not in table
    assert "\x1b" not in table


def test_a_killed_run_is_compared(compare):
    for name in ("verdicts.json", "evidence.jsonl", "trials.csv"):
        Path(LATER, name).unlink()
    change(LATER, file="manifest.json", ended=None)
    code, text = compare()
    assert code == 0
    assert "reports/later was not completed: killed" in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((FIRST,), "the following arguments are required: RUN [mrpcheck compare --help]"),
        ((FIRST, FIRST), "RUN = reports/latest, but should be named once"),
        ((FIRST, LATER, "reports/../reports/later"), "RUN = reports/../reports/later, but should "),
        ((FIRST, "nowhere"), "RUN = nowhere, but should hold a run's manifest.json of schema 1"),
        ((FIRST, THIRD), "RUN = reports/third, but should hold some claim of reports/latest"),
        ((FIRST, LATER, "--markdown", "no/table.md"), "--markdown = no/table.md, but should be a "),
    ],
)
def test_bad_input_is_one_sentence(compare, capsys, words, sentence):
    path = Path(THIRD, "verdicts.json")
    path.write_text(path.read_text().replace("test_coins.py::", "elsewhere.py::"))
    with pytest.raises(SystemExit) as exit:
        sys.exit(main(["compare", *words]))
    assert exit.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mrpcheck: {sentence}")
    assert error.count("\n") == 1


def test_nothing_but_pytest_is_needed(compare):
    code = f"from mrpcheck.cli import main; main(['compare', '{FIRST}', '{LATER}'])"
    check = "import sys; print({'torch', 'numpy', 'scipy', 'hypothesis'} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", f"{code}; {check}"], capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines()[-1] == "set()"
