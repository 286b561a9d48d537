"""The page of findings is what the committed records say, question by question."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from mrpcheck.claims import claim_of
from mrpcheck.findings import findings
from mrpcheck.showing import read_run
from mrpcheck.sourcing import SCHEME

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


def claims_of(file):
    """The claims of a file of questions, by name."""
    spec = importlib.util.spec_from_file_location(f"asked_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {name: claim_of(value) for name, value in vars(module).items()}
    return {name: claim for name, claim in found.items() if claim}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.parent.name)
def test_what_was_judged_is_what_the_file_claims_today(run):
    reading = read_run(run.parent)
    if reading.manifest["versions"]["python"].split(".")[:2] != list(
        map(str, sys.version_info[:2])
    ):
        pytest.skip("a claim's digest is of its code as this version of Python writes it")
    claims = claims_of(ROOT / "properties" / f"test_{run.parent.name}.py")
    judged = {row["claim"].rpartition("::")[2]: row["source"] for row in reading.rows}
    if not all(source.startswith(SCHEME) for source in judged.values()):
        pytest.skip("this run was made before digests went through a claim's helpers")
    assert judged == {name: claim.source for name, claim in claims.items()}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.parent.name)
def test_every_run_was_judged_to_its_end_with_power(run):
    reading = read_run(run.parent)
    assert reading.manifest["ended"] == "completed"
    controls = [row for row in reading.rows if row["kind"] == "control"]
    assert controls and all(row["verdict"] == "REFUTED" for row in controls)
    assert all(row["question"] for row in reading.rows)
    assert {row["profile"] for row in reading.rows} == {"quick"}
