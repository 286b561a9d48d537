"""A claim about digits from its run to its page: what needs features is left out, nothing fails."""

import json

import pytest

from mrpcheck import Recipe, Setup
from mrpcheck.cli import main
from mrpcheck.data.digits import Digits
from mrpcheck.seeds import Trials
from mrpcheck.tracing import trace

pytest_plugins = ["pytester"]

CLAIMS = """
from mrpcheck import Recipe, Setup, accuracy, at, control, finetune, pretrain, with_probability
from mrpcheck.data.digits import Digits

SMALL = Setup(
    data=Digits(patch=4, stride=4),
    recipe=Recipe(samples=20, labels=10, rate=0.05, steps=2, tune_rate=0.5, tune_steps=2),
)

def right(setup, trials):
    tuned = finetune(pretrain(setup, trials), setup, trials)
    return accuracy(tuned, setup, trials, "multi-view")

@at(setup=[SMALL])
@with_probability(at_least=0.9, tolerance=0.2)
def test_digits_are_read_perfectly(setup, trials):
    return right(setup, trials) == 1

@control(setup=SMALL)
@with_probability(at_least=0.9, tolerance=0.2)
def test_control(setup, trials):
    return right(setup, trials) == 1
"""


@pytest.fixture
def ran(pytester, monkeypatch):
    """The folder of a judged run of a refuted claim about digits, and of a control."""
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    pytester.makepyfile(test_digits=CLAIMS)
    found = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")
    assert found.ret == 1
    return pytester.path / "reports" / "latest"


def test_a_run_on_digits_is_reported_shown_and_replayed(ran, capsys):
    assert "Digits" in (ran / "report.html").read_text()
    assert not list((ran / "traces").glob("*.npz"))
    assert main(["show", str(ran)]) == 1
    assert main(["show", str(ran), "test_digits_are_read_perfectly"]) == 1
    said = capsys.readouterr()
    assert "no picture: the features of Digits are not known" in said.out
    assert "Digits k=10 d=20 P=4 (4x4 of 8x8, stride 4, places)" in said.out
    assert main(["report", str(ran)]) == 0
    assert main(["replay", str(ran)]) == 0
    assert not list((ran / "counterexamples").glob("*"))  # a script would know no such data


def test_a_setup_on_digits_is_shown_in_words_without_a_picture(tmp_path, capsys):
    setup = Setup(data=Digits(), recipe=Recipe(samples=50, labels=20))
    file = tmp_path / "setup.json"
    file.write_text(json.dumps(setup.to_json()))
    assert main(["show", str(file)]) == 0
    said = capsys.readouterr().out
    assert "N=50 labels=20" in " ".join(said.split())
    assert "no picture: the features of Digits are not known" in said
    assert main(["show", str(file), "--out", str(tmp_path / "there.svg")]) == 2
    with pytest.raises(ValueError, match=r"data = Digits, but should be MultiView"):
        trace(setup, Trials(1), what="setup")
