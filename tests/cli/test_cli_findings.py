"""`mrpcheck findings`: questions and what verdicts answer, from records alone."""

import json
import re
import shutil

import pytest

from mrpcheck.answering import answers
from mrpcheck.claims import at, claim_of, control, with_probability
from mrpcheck.cli import main
from mrpcheck.findings import places
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


@answers(yes="a good coin lands", no="a good coin does not land")
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
    assert table[2].startswith("| 2. How seldom do coins land?")  # 2 before 12
    said = "| A bad coin does not land (against what was stated).<br>A good coin lands.<br>"
    assert said in table[2] and said in table[3]
    assert (
        "It lands there: coin red, green at p 0.99; it does not: coin red, green at p 0.1."
        in (table[2])
    )
    assert "1 REFUTED, 1 SUPPORTED, 1 MAPPED" in table[2]
    rows = json.loads((run / "verdicts.json").read_text())["claims"]
    good = next(row for row in rows if row["claim"].endswith("earlier.py::test_good"))
    figures = f"{good['estimate']:.3f} ["
    assert any("A good coin lands." in line and figures in line for line in table)
    assert "| red | REFUTED | SUPPORTED |" in text and "| green | REFUTED | SUPPORTED |" in text
    assert text.count("Counterexample to test\\_bad") == 2  # and none to the controls
    assert f"`pytest test_earlier.py --mrp-seed {good['seed']} --mrp-profile quick`" in text
    assert "do \\| coins" in text


def test_a_changed_record_is_a_changed_answer(run, capsys):
    path = run / "verdicts.json"
    content = json.loads(path.read_text())
    for row in content["claims"]:
        if row["claim"].endswith("test_control"):
            row.update(verdict="UNDECIDED", expected=False)
        if row["claim"].endswith("test_good"):
            row.update(verdict="UNDECIDED", answer="")
    path.write_text(json.dumps(content))
    assert main(["findings", str(run)]) == 0
    text = capsys.readouterr().out
    assert len(re.findall("Undecided: A good coin lands.<br>", text)) == 2
    assert "1 CONTROL NOT REFUTED: no power" in text


def test_runs_without_questions_are_refused(asked, capsys):
    assert main(["findings", str(asked / "silent")]) == 2
    assert "should have judged a file with a QUESTION" in capsys.readouterr().err
    assert main(["findings", str(asked / "none")]) == 2


def test_places_of_a_map_are_told_line_by_line():
    def row(*verdicts):
        x = {"name": "p", "values": [1, 2.5]}
        y = {"name": "coin", "values": ["a", "b", "c"]}
        return {"diagram": {"x": x, "y": y, "verdicts": verdicts}}

    mixed = row("S", "R", "S", "S", "S", "R")
    assert places(mixed, "S") == "coin a, c at p 1; coin b at every p"
    assert places(mixed, "R") == "coin a, c at p 2.5"
    assert places(mixed, "U") == ""
    assert places(row(*"SSSSSS"), "S") == "everywhere"


def test_an_answer_is_that_of_the_verdict():
    def claimed(p):
        def lands(p, trials):
            return [trials.generator("coin", t, "toss").random() < p for t in trials.numbers]

        mark = with_probability(at_least=0.9, tolerance=0.1)
        return answers(yes="it lands", no="it does not")(at(p=p)(mark(lands)))

    assert judge(claimed(0.99)).answer == "it lands"
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
