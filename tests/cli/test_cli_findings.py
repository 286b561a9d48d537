"""`mrpcheck findings`: questions and what verdicts answer, from records alone."""

import json
import re
import shutil

import pytest

from mrpcheck.answering import answers
from mrpcheck.claims import at, claim_of, control, with_probability
from mrpcheck.cli import main
from mrpcheck.judging import judge

ASKING = '''
"""Coins that are asked about."""

import numpy as np

from mrpcheck import answers, at, control, phase_diagram, refuted, with_probability

QUESTION = "12. How often do | coins land?"
claimed = with_probability(at_least=0.9, tolerance=0.1)


def toss(p, trials):
    tosses = [trials.generator(repr(p), t, "toss").random() for t in trials.numbers]
    return np.array(tosses) < p


@answers(yes="a good coin lands", no="a good coin does not land", headline=True)
@at(p=0.99)
@claimed
def test_good(p, trials):
    """A good coin lands."""
    return toss(p, trials)


@answers(yes="a bad coin lands", no="a bad coin does not land", against="what was stated")
@refuted(because="it is bad")
@at(p=0.3)
@claimed
def test_bad(p, trials):
    """A bad coin lands."""
    return toss(p, trials)


@answers(yes="it lands there", no="it does not")
@phase_diagram(p=[0.1, 0.99], coin=["red", "green"])
@claimed
def test_map(p, coin, trials):
    """Coins by colour."""
    return toss(p, trials)


@control(p=0.2)
@claimed
def test_control(p, trials):
    """A coin that must not land."""
    return toss(p, trials)
'''
EARLIER = ASKING.replace("12. How often do | coins", "2. How seldom do coins")


@pytest.fixture(scope="module")
def asked(tmp_path_factory, mrpcheck_pytest):
    """A run of a file that asks, of one that asks an earlier question, and one of neither."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "test_asking.py").write_text(ASKING)
    (folder / "test_earlier.py").write_text(EARLIER)
    (folder / "test_silent.py").write_text(ASKING.replace("QUESTION", "ASIDE"))
    for report, files in (("asked", ["test_asking.py", "test_earlier.py"]),
                          ("silent", ["test_silent.py"])):  # fmt: skip
        found = mrpcheck_pytest("--mrp-report", report, *files, cwd=folder)
        assert found.returncode == 0, found.stdout
    return folder


@pytest.fixture
def run(asked, tmp_path):
    return shutil.copytree(asked / "asked", tmp_path / "asked")


def test_questions_and_answers_come_from_the_records(run, capsys, tmp_path):
    out = tmp_path / "findings.md"
    assert main(["findings", str(run), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"findings: {out}\n"
    text = out.read_text()
    table = [line for line in text.splitlines() if line.startswith("| ")]
    question = "2-how-seldom-do-coins-land"
    assert table[2].startswith(f"| [2](#{question}) How seldom do coins land? | ")  # 2 before 12
    assert "| A good coin lands. | SUPPORTED: " in table[2] and "do \\| coins" in table[3]
    assert "<br>Other claims: 1 REFUTED, 1 MAPPED<br>`pytest test_earlier.py --mrp" in table[2]
    rows = json.loads((run / "verdicts.json").read_text())["claims"]
    named = {r["claim"].rpartition("_")[2]: r for r in rows if "earlier.py" in r["claim"]}
    good, bad = named["good"], named["bad"]
    assert (good["headline"], bad["headline"]) == (True, False)
    figures = f"{good['hits']}/{good['trials']} trials, P = {good['estimate']:.3f} ["
    assert figures in table[2]
    sections = text.partition("\n## ")[2]
    assert sections.startswith(
        "2. How seldom do coins land?\n\n`pytest test_earlier.py --mrp-seed "
    )
    assert sections.count("- SUPPORTED: A good coin lands.\n") == 2
    said = "- REFUTED: A bad coin does not land. This contradicts what was stated.\n"
    assert sections.count(said) == 2
    assert sections.count("- It lands there: p 0.99. It does not: p 0.1.\n") == 2
    asked = sum(row["asked"] for row in rows if "earlier.py" in row["claim"])
    assert f": {asked} trials asked for, " in sections
    counted = r" REFUTED<br>\d+/16 \[.*\] \| SUPPORTED<br>\d+/\d+ \["
    assert re.findall(rf"^\| (red|green) \|{counted}", text, re.MULTILINE) == ["red", "green"] * 2
    assert text.count("Counterexample to test\\_bad: ") == 2  # and none to the controls
    assert text.count("A cell that refutes test\\_map: p 0.1, coin red: ") == 2
    contradicted = re.findall(
        r"^- \[(\d+)\]\(#\S+\) What was stated: A bad coin", text, re.MULTILINE
    )
    assert contradicted == ["2", "12"]


def test_a_changed_record_is_a_changed_answer(run, capsys):
    path = run / "verdicts.json"
    content = json.loads(path.read_text())
    for row in content["claims"]:
        if row["claim"].endswith("test_control"):
            row.update(verdict="UNDECIDED", expected=False)
        if row["claim"].endswith("test_good"):
            row.update(verdict="UNDECIDED", answer="", edited=2)
        if row["claim"].endswith("test_bad"):
            row.update(stable=None)
    path.write_text(json.dumps(content))
    assert main(["findings", str(run)]) == 0
    text = capsys.readouterr().out
    assert text.count("| Not decided: A good coin lands. | UNDECIDED: ") == 2
    assert text.count("<br>1 CONTROL NOT REFUTED: no power<br>") == 2
    assert text.count("A good coin lands. (edited: 2 other judged on its seed before) |") == 2


def test_records_without_headlines_answer_by_a_map_and_without_evidence_by_verdicts(run, capsys):
    path = run / "verdicts.json"
    content = json.loads(path.read_text())
    for row in content["claims"]:
        del row["headline"]
    path.write_text(json.dumps(content))
    (run / "evidence.jsonl").write_text("")
    assert main(["findings", str(run)]) == 0
    text = capsys.readouterr().out
    answer = "| It lands there: p 0.99. REFUTED: p 0.1. | Of 4 cells, 2 SUPPORTED<br>2 REFUTED<br>"
    assert text.count(answer) == 2
    assert text.count("| red | REFUTED | SUPPORTED |") == 2


def test_what_was_found_at_twice_the_steps_is_shown(run, capsys):
    rows = json.loads((run / "verdicts.json").read_text())["claims"]
    bad = next(row for row in rows if row["claim"].endswith("earlier.py::test_bad"))
    path = run / "evidence.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    line = next(each for each in lines if each["claim"] == bad["claim"])
    again = dict(stage="doubled", verdict="UNDECIDED", trials=32, hits=27, estimate=27 / 32,
                 lower=0.5, upper=0.95)  # fmt: skip
    with path.open("a") as file:
        file.write(json.dumps({**line, **again}) + "\n")
    assert main(["findings", str(run)]) == 0
    text = capsys.readouterr().out
    assert text.count(" | at twice the steps |\n") == 1
    assert text.count("d = 0.1 | UNDECIDED: 27/32, 0.844 [0.500, 0.950] |\n") == 1


def test_runs_without_questions_are_refused(asked, capsys):
    assert main(["findings", str(asked / "silent")]) == 2
    assert "should have judged a file with a QUESTION" in capsys.readouterr().err
    assert main(["findings", str(asked / "none")]) == 2


def test_an_answer_is_that_of_the_verdict():
    def claimed(p):
        def lands(p, trials):
            return [trials.generator("coin", t, "toss").random() < p for t in trials.numbers]

        mark = with_probability(at_least=0.9, tolerance=0.1)
        short = p > 0.5
        return answers(yes="it lands", no="it does not", headline=short)(at(p=p)(mark(lands)))

    assert judge(claimed(0.99)).answer == "it lands"
    assert judge(claimed(0.99)).headline and not judge(claimed(0.2)).headline
    assert judge(claimed(0.2)).answer == "it does not"
    assert judge(claimed(0.99), profile="smoke").answer == ""
    plain = at(p=0.99)(with_probability(at_least=0.9, tolerance=0.1)(lambda p, trials: [True]))
    assert claim_of(plain).answers is None


def test_answers_stand_above_a_claim():
    with pytest.raises(TypeError, match=r"@answers = above .*lands, but should be above a claim"):

        @answers(yes="", no="")
        def lands(trials):
            return [True] * trials.count

    marked = answers(yes="a", no="b")
    mark = with_probability(at_least=0.9, tolerance=0.1)
    assert claim_of(control(p=1)(mark(lambda p, trials: [True]))).answers is None
    assert claim_of(marked(control(p=1)(mark(lambda p, trials: [True])))).answers == ("a", "b")
