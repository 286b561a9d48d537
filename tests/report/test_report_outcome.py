"""What a run is summed up as: the same plain words everywhere, what is unexpected first."""

import json

import pytest

from mrpcheck import glossary, load, report
from mrpcheck.setups import Setup
from mrpcheck.showing import read_run, show
from mrpcheck.symbols import label, symbol
from mrpcheck.tables.markdown import markdown
from mrpcheck.tables.outcome import outcome
from mrpcheck.tables.setting import line_of, parts_of, refuted_at, sentence, uncut

HELD = {"kind": "claim", "verdict": "SUPPORTED", "expected": True, "error": None}
KNOWN = HELD | {"kind": "refuted", "verdict": "REFUTED"}
CONTROL = HELD | {"kind": "control", "verdict": "REFUTED"}
OPEN = HELD | {"verdict": "UNDECIDED"}
MAP = HELD | {"kind": "diagram", "verdict": "MAPPED"}
LOST = HELD | {"verdict": "REFUTED", "expected": False}
FOUND = KNOWN | {"verdict": "UNDECIDED", "expected": False}
POWERLESS = CONTROL | {"verdict": "SUPPORTED", "expected": False}
TRIED = {"verdict": "NOT JUDGED", "expected": True}

OUTCOMES = [
    ([HELD, HELD, KNOWN, OPEN, CONTROL, MAP],
     "2 of 4 claims hold, 1 fails as known, 1 undecided; 1 of 1 control fails as it should; "
     "1 phase diagram."),
    ([KNOWN, KNOWN, CONTROL, CONTROL],
     "2 of 2 claims fail as known; 2 of 2 controls fail as they should."),
    ([HELD, LOST, CONTROL],
     "1 of 2 claims fails unexpectedly, 1 holds; 1 of 1 control fails as it should."),
    ([HELD, FOUND], "1 of 2 claims known to fail was not refuted, 1 holds."),
    ([HELD, HELD | {"error": "it broke", "expected": False}],
     "1 of 2 claims ended in an error, 1 holds."),
    ([HELD, CONTROL, POWERLESS],
     "1 of 2 controls did not fail, so trust no verdict; 1 of 1 claim holds."),
    ([HELD | TRIED, KNOWN | TRIED, CONTROL | TRIED],
     "2 of 2 claims not judged; 1 control not judged."),
    ([], "no claims."),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "said"), OUTCOMES, ids=[said[:40] for _, said in OUTCOMES])
def test_what_a_run_came_to(rows, said):
    assert outcome(rows) == said


def test_page_table_terminal_and_frame_say_the_same(small, parse):
    folder = small(3, 2, lambda row: row | ({"kind": "refuted", "verdict": "REFUTED"}
                                            if row["claim"].endswith("_1") else {}))  # fmt: skip
    said = "2 of 3 claims hold, 1 fails as known."
    found = parse(report.html(folder))
    assert said in found.text and "Claims that fail, as known" in found.text
    assert "Controls" not in [a.get("aria-label") for a in found.all("div")]
    assert said in markdown(read_run(folder)) and said in show(folder)[0]
    assert said in str(load(folder))


def test_a_setup_that_was_cut_is_shown_whole():
    content = Setup().to_json()
    whole = f"setup = {Setup()}"
    cut = whole[:80] + "..."
    assert uncut(cut, content) == line_of(content) == whole
    assert uncut(cut, None) == cut  # older records may not tell
    assert uncut("the heart of masked pixels", content) == "the heart of masked pixels"
    row = {"claim": "f.py::test_a", "text": f"P in [0.1, 0.2], but should be [test_a, {cut}]"}
    assert sentence(row, content) == f"P in [0.1, 0.2], but should be [test_a, {whole}]"
    assert sentence({"claim": "f::t", "text": "6 cells [t]"}, content) == "6 cells [t]"
    assert line_of({"side": 0.5, "setup": content}) == f"side = 0.5; {whole}"


def test_a_ladder_names_its_rungs():
    row = {"quantity": "fall per doubling", "measures": {"at 4": 1.0, "error at 4": 1.0, "at 6": 1},
           "counterexample_text": "setup = k...", "counterexample": Setup().to_json()}  # fmt: skip
    assert refuted_at(row) == f"rungs 4, 6 made from setup = {Setup()}"
    assert refuted_at(row | {"quantity": "mean"}) == f"setup = {Setup()}"
    assert refuted_at(row | {"counterexample_text": None}) is None


def test_a_setup_of_another_version_is_told_by_its_values():
    content = {"schema": "mrpcheck/setup/9", "data": {"off_class": 0.4, "new": 1}}
    assert line_of(content) == "setup = off_class (Gamma) 0.4, new 1"
    assert parts_of(content)[0] == ("Data", "off_class (Gamma) 0.4, new 1")
    assert parts_of({"x": 1}) == parts_of(None) == []


def test_symbols_are_those_of_the_theory():
    assert label("off_class") == "off_class (Gamma)" and label("setup.data.classes").endswith("(k)")
    assert symbol("steps") == "" and label("width") == "width"
    known = {name for name, _, _ in glossary.symbols()}
    assert {"off_class", "weak", "own", "init_scale"} <= known


def test_words_are_explained_on_the_page(parsed):
    for name in ("T1b", "AZL", "heart", "SUSPECT, CLEAR", "stream", "told from", "panel"):
        assert name in parsed.text
    assert "off_class Gamma the largest strength" in parsed.text


def test_evidence_that_was_cut_is_warned_of(small, parse):
    folder = small(2, 4)
    said = "RECORDS MISSING: test_claim_1 was judged and screened at 4 setups"
    assert said not in parse(report.html(folder)).text and said not in show(folder)[0]
    lines = (folder / "evidence.jsonl").read_text().splitlines(keepends=True)
    (folder / "evidence.jsonl").write_text("".join(lines[:-2]))
    for text in (parse(report.html(folder)).text, show(folder)[0]):
        assert f"{said}, of which evidence.jsonl holds 2." in text
    assert "RECORDS MISSING" in markdown(read_run(folder))


def test_code_is_shown_folded_and_only_where_it_is_known(small, parse):
    code = "@at(side=1)\ndef test_it(side, trials):\n    return side < 2  # <b>"
    folder = small(1, 2, lambda row: row | {"code": code})
    found = parse(report.html(folder))
    assert "return side < 2 # <b>" in found.text and "as it was judged" in found.text
    file = folder / "verdicts.json"
    rows = json.loads(file.read_text())
    del rows["claims"][0]["code"]
    file.write_text(json.dumps(rows))
    assert "as it was judged" not in parse(report.html(folder)).text


def test_a_map_shows_no_trials_of_its_own(small, parse):
    folder = small(1, 2, lambda row: row | {
        "kind": "diagram", "verdict": "MAPPED", "estimate": None, "hits": None, "trials": 0,
        "diagram": {"verdicts": ["SUPPORTED", "REFUTED"]},
    })  # fmt: skip
    text = parse(report.html(folder)).text
    assert "2 cells: 1 SUPPORTED, 1 REFUTED 2 –" in text and "in each cell" in text


def test_cost_says_where_the_store_was_used(small, parse):
    folder, said = small(1, 2), "Cost (store used)"
    assert said in parse(report.html(folder)).text
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"trained": manifest["asked"]}))
    text = parse(report.html(folder)).text
    assert said not in text and "trainings: 100 asked for, 100 trained" in text


def test_a_field_that_is_missing_is_named(small):
    folder = small(1, 2)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["versions"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"that this version can read: versions is missing$"):
        report.html(folder)


def test_a_trace_shows_itself_in_a_line(traced):
    text = repr(traced("heart"))
    assert text == (
        "<trace of a heart, coins: mrp <arm: 6 points, 9 kernels, 6 features>, "
        "sl <arm: 6 points, 9 kernels, 6 features>>"
    )


def test_what_came_out_at_twice_the_steps_is_told_in_full_where_it_is_another_verdict(small, parse):
    folder = small(1, 2)
    assert "At twice the steps the same verdict" in " ".join(
        parse(report.html(folder)).text.split()
    )
    rows = json.loads((folder / "verdicts.json").read_text())
    rows["claims"][0]["stable"] = False
    (folder / "verdicts.json").write_text(json.dumps(rows))
    line = json.loads((folder / "evidence.jsonl").read_text().splitlines()[0])
    found = dict(stage="doubled", verdict="REFUTED", hits=3, trials=16, estimate=0.1875)
    with (folder / "evidence.jsonl").open("a") as file:
        file.write(json.dumps({**line, **found, "lower": 0.004, "upper": 0.785}) + "\n")
    text = " ".join(parse(report.html(folder)).text.split())
    assert "At twice the steps REFUTED: 3/16, 0.188 [0.004, 0.785]" in text
