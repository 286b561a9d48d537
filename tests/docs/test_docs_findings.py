"""The page of findings is what the committed records say, question by question."""

import re
from pathlib import Path

import pytest

from mrpcheck.findings import findings
from mrpcheck.showing import read_run

ROOT = Path(__file__).parents[2]
RUNS = sorted((ROOT / "reports/reference/questions").glob("*/verdicts.json"))
QUESTIONS = {
    path.stem.removeprefix("test_")
    for path in (ROOT / "properties").glob("test_*.py")
    if "\nQUESTION = " in path.read_text()
}


def test_the_page_is_generated_from_the_records():
    page = findings([read_run(run.parent) for run in RUNS])
    assert (ROOT / "docs/findings.md").read_text() == page
    assert len(re.findall(r"^## \d+", page, re.MULTILINE)) == len(RUNS)


def test_every_committed_run_is_of_a_file_that_asks():
    assert {run.parent.name for run in RUNS} <= QUESTIONS
    assert len(RUNS) >= 16


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.parent.name)
def test_every_run_was_judged_to_its_end_with_power(run):
    reading = read_run(run.parent)
    assert reading.manifest["ended"] == "completed"
    controls = [row for row in reading.rows if row["kind"] == "control"]
    assert controls and all(row["verdict"] == "REFUTED" for row in controls)
    assert all(row["question"] for row in reading.rows)
    assert {row["profile"] for row in reading.rows} == {"quick"}
