"""`mrpcheck show RUN CLAIM` and `mrpcheck show SETUP.json`."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from mrpcheck import MultiView, Net, Recipe, Setup, traces
from mrpcheck.cli import main

ROOT = Path(__file__).parents[2]
CLAIM = "properties/test_theorem_2.py::test_beats_supervised_learning_with_a_fixed_head"
TINY = Setup(
    data=MultiView(classes=2, dim=4, patches=6, sparsity=0.5, single_view=0.3),
    net=Net(kernels_per_class=2, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=8, steps=20, tune_steps=10),
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    place = tmp_path_factory.mktemp("recorded") / "run"
    return shutil.copytree(ROOT / "reports" / "reference" / "native-step", place)


@pytest.fixture
def setup_file(tmp_path):
    file = tmp_path / "setup.json"
    file.write_text(json.dumps(TINY.to_json()))
    return file


def show(capsys, *words):
    code = main(["show", *map(str, words)])
    found = capsys.readouterr()
    return code, found.out or found.err


def test_a_claim_is_shown_with_the_trace_of_its_counterexample(recorded, fused, capsys, tmp_path):
    run = shutil.copytree(recorded, tmp_path / "run")
    traces.write(run, dataclasses.replace(fused, claim=CLAIM))
    code, text = show(capsys, run, CLAIM.rpartition("::")[2], "--out", tmp_path / "a.svg")
    assert code == 0  # REFUTED as expected
    assert text.startswith(CLAIM)
    assert "REFUTED AS EXPECTED: P in [" in text
    assert "trial 7 of stream confirm, seed 3" in text
    assert "     7 |#.|.#|..|  holds 2" in text
    assert "     0 |..|..|##|  holds 2" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["features", "captured", "6", "of", "6", "6", "of", "6", "6", "of", "6"] in rows
    assert ["that", "hold", "two", "or", "more", "2", "2", "0"] in rows
    assert f"pictures: {tmp_path / 'a.svg'}" in text
    assert (tmp_path / "a.svg").read_text().startswith("<svg")


def test_a_claim_without_a_single_setup_says_why_there_is_no_picture(recorded, capsys, tmp_path):
    claim = "test_a_fixed_head_nears_its_idealised_single_view_error"  # skipped in that run
    code, text = show(capsys, recorded, claim)
    assert code == 0
    assert "no picture: its verdict rests on no single setup" in text
    code, text = show(capsys, recorded, claim, "--out", tmp_path / "a.svg")
    assert code == 2
    assert text.startswith("mrpcheck: --out = ") and text.count("\n") == 1


def test_a_setup_is_trained_and_shown(setup_file, capsys, tmp_path):
    words = (setup_file, "--trials", 2, "--seed", 5, "--out", tmp_path / "a.png")
    code, text = show(capsys, *words)
    assert code == 0
    assert "masked pixels at its heart but for classes = 2 (heart 5)" in " ".join(text.split())
    assert "trial 0 of stream show, seed 5" in text
    assert "accuracy, single-view, 2 trials" in text
    assert "MRP, fine-tuned: kernels down" in text
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    line = {"claim": "x", "setup": TINY.to_json()}  # a line of evidence
    setup_file.write_text(json.dumps(line))
    assert show(capsys, setup_file, "--trials", 2, "--seed", 5)[1] in text
    assert "accuracy" not in show(capsys, setup_file, "--trials", 0)[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.json"], "SETUP = nowhere.json, but should be a file of JSON"),
        (["SETUP", "claim"], "CLAIM = claim, but should come with a run"),
        (["SETUP", "--trials", "-1"], "--trials = -1, but should be at least 0"),
        (["SETUP", "--out", "a.jpg"], "--out = a.jpg, but should end in one of"),
        (["RUN", "--out", "a.svg"], "--out = a.svg, but should come with a CLAIM"),
        (["SETUP", "--out", "no/a.svg"], "--out = no/a.svg, but should be a file to write"),
        (["RUN", "--seed", "3"], "--seed = 3, but should come with a setup's file"),
        (["RUN", "no such"], "CLAIM = no such, but should be (part of) one of"),
        (["RUN", "x", "--out", "a"], "--out = a, but should end in one of"),
    ],
)
def test_bad_input_is_one_sentence(recorded, setup_file, capsys, words, sentence):
    names = {"SETUP": str(setup_file), "RUN": str(recorded)}
    code, text = show(capsys, *(names.get(word, word) for word in words))
    assert code == 2
    assert text.startswith(f"mrpcheck: {sentence}") and text.count("\n") == 1


@pytest.mark.parametrize("content", ["[", "3", "{}", '{"setup": {"schema": 3}}', "[" * 10**5])
def test_a_file_that_holds_no_setup_is_one_sentence(setup_file, capsys, content):
    setup_file.write_text(content)
    code, text = show(capsys, setup_file)
    assert code == 2
    assert "but should be" in text and text.count("\n") == 1


def test_a_phase_diagram_is_shown_in_letters_and_drawn(recorded, capsys, tmp_path):
    run = shutil.copytree(recorded, tmp_path / "run")
    rows = json.loads((run / "verdicts.json").read_text())
    row = next(row for row in rows["claims"] if row["claim"] == CLAIM)
    axes = {name: {"name": name, "values": [1, 2]} for name in ("x", "y")}
    verdicts = ["SUPPORTED", "REFUTED", "UNDECIDED", "REFUTED"]
    row |= {"kind": "diagram", "verdict": "MAPPED", "text": "4 cells"}
    row["diagram"] = {"title": "a map", **axes, "lines": [], "verdicts": verdicts}
    (run / "verdicts.json").write_text(json.dumps(rows))
    code, text = show(capsys, run, CLAIM, "--out", tmp_path / "map.svg")
    assert code == 0, text
    assert "2 | . R" in text and "1 | S R" in text
    assert "a map" in (tmp_path / "map.svg").read_text()
    row["diagram"] = {"x": 3}
    (run / "verdicts.json").write_text(json.dumps(rows))
    code, text = show(capsys, run, CLAIM, "--out", tmp_path / "map.svg")
    assert code == 2 and text.count("\n") == 1
