"""Tyche: each line is one that Hypothesis' schema and the viewer accept, and is true."""

import copy
import csv
import json
from collections import Counter
from pathlib import Path

import jsonschema
import pytest

from mrpcheck import tyche

SCHEMA = json.loads(Path(__file__).with_name("observations.json").read_text())
VALID = jsonschema.Draft202012Validator(SCHEMA)


@pytest.fixture
def run(made):
    return made() / "reports" / "latest"


@pytest.fixture
def lines(run):
    return [json.loads(line, parse_constant=pytest.fail) for line in tyche.text(run).splitlines()]


def test_the_schema_accepts_every_line(lines):
    for line in lines:
        VALID.validate(line)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "SUPPORTED"}, {"features": {"x": None}}, {"timing": {"a": -1}}, {"more": 1},
        {"arguments": 0.5}, {"run_start": "now"}, {"how_generated": None},
    ],
)  # fmt: skip
def test_the_schema_refuses_what_is_nearly_so(lines, change):
    line = next(copy.deepcopy(line) for line in lines if line["type"] == "test_case")
    line.update(change)
    assert not VALID.is_valid(line)


def test_a_test_case_for_each_setup_and_a_message_for_each_claim(run, lines):
    evidence = [json.loads(line) for line in (run / "evidence.jsonl").read_text().splitlines()]
    told = [line for line in lines if line["type"] == "test_case" and line["features"]]
    assert len(told) == len(evidence) > 20
    for line, judged in zip(told, evidence, strict=True):
        assert line["property"] == judged["claim"]
        assert line["features"]["trials"] == judged["trials"]
        assert line["features"].get("estimate") == judged["estimate"]
        assert line["arguments"] == judged["setup"]
    counts = Counter(line["property"] for line in lines if line["type"] != "test_case")
    rows = json.loads((run / "verdicts.json").read_text())["claims"]
    assert counts == {row["claim"]: 1 for row in rows}
    alerts = {line["property"] for line in lines if line["type"] == "alert"}
    assert alerts == {row["claim"] for row in rows if row["error"] or not row["expected"]}
    assert any(name.endswith("::test_false") for name in alerts)


def test_tyche_says_passed_or_failed_of_no_claim_that_is_undecided(run, lines):
    """As its viewer reckons: failed if any test case is, a warning from a third invalid."""
    shown = {}
    for line in lines:
        if line["type"] == "test_case":
            shown.setdefault(line["property"], []).append(line["status"])
    words = {}
    for row in json.loads((run / "verdicts.json").read_text())["claims"]:
        status = shown[row["claim"]]
        word = "warning" if status.count("gave_up") > 0.33 * len(status) else "passed"
        words.setdefault(row["verdict"], set()).add("failed" if "failed" in status else word)
    assert words == {"SUPPORTED": {"passed"}, "REFUTED": {"failed"}, "UNDECIDED": {"warning"}}


def test_figures_are_those_of_the_trials(run, lines):
    """Counted again from trials.csv."""
    hits, sides = Counter(), {}
    with (run / "trials.csv").open() as file:
        for row in csv.DictReader(file):
            place = row["claim"], f"{row['stage']} {row['index']}"
            hits[place] += int(row["counted"]) * float(row["outcome"])
            sides[place] = row["side"]
    checked = 0
    for line in lines:
        if line["type"] == "test_case" and "hits" in line["features"]:
            place = line["property"], line["how_generated"]
            assert line["features"]["hits"] == hits[place]
            if sides[place]:
                assert line["features"]["setup.side"] == float(sides[place])
                assert line["features"]["estimate - at_least"] == pytest.approx(
                    line["features"]["estimate"] - 0.9
                )
            checked += 1
    assert checked > 20


def test_no_two_setups_count_as_duplicates(lines):
    """Tyche warns of properties with many equal representations, and compares them across all."""
    words = [line["representation"] for line in lines if line["type"] == "test_case"]
    assert len(set(words)) == len(words)


def test_no_run_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="but should hold a run's manifest"):
        tyche.text(tmp_path)
