"""What the parts of a page say: warnings, evidence as it grew, counterexamples, pictures, maps."""

import json
import shutil

import numpy as np
import pytest
from scipy.stats import spearmanr

from mrpcheck import report, traces
from mrpcheck.report import charts
from mrpcheck.report.columns import setups_of
from mrpcheck.report.contents import gather
from mrpcheck.report.dependence import dependences
from mrpcheck.report.growth import growths, thresholds
from mrpcheck.report.hyperparameters import differences, flat, table_of
from mrpcheck.report.script import render
from mrpcheck.symbols import label

FOUND = "coins at its heart but for side = 0.5 (heart 1); x = a, b (heart c). Outside: it is: 2"
SCRIPTED = "properties/test_theorem_2.py::test_gains_over_a_fixed_head_on_average"


def section(page, slug):
    """The part of a page that is about one claim."""
    return page.partition(f'<section id="{slug}"')[2].partition('<section id="claim')[0]


def test_evidence_grows_to_what_was_recorded(native):
    contents = gather(native)
    seen = 0
    for row in contents.rows:
        for grown in growths(contents, row):
            assert max(grown.support) == pytest.approx(grown.line["log_e_support"], abs=1e-9)
            assert min(max(grown.refute), 1e9) == pytest.approx(grown.line["log_e_refute"])
            assert grown.trials[-1] == grown.line["trials"]
            seen += grown.deciding
    judged = sum(row["stage"] is not None for row in contents.rows)
    assert seen == judged > 30


def test_evidence_decides_where_the_page_says(native):
    contents = gather(native)
    support, refute = thresholds(contents)
    for row in contents.rows:
        deciding = [g for g in growths(contents, row) if g.deciding]
        for grown in deciding:
            assert (grown.support[-1] >= support) == (row["verdict"] == "SUPPORTED")
            assert (grown.refute[-1] >= refute) == (row["verdict"] == "REFUTED")


def test_rank_correlations_are_scipys():
    rng = np.random.default_rng(0)
    columns = {f"x{i}": rng.integers(0, 5, 30).tolist() for i in range(4)}
    outcome = (np.array(columns["x2"]) * 2 + rng.integers(0, 4, 30)).tolist()
    found = dependences({**columns, "alike": [1] * 30, "word": ["a", "b"] * 15}, outcome)
    assert sorted(each.name for each in found) == sorted(columns)
    assert found[0].name == "x2"
    for each in found:
        expected = spearmanr(columns[each.name], outcome).statistic
        assert each.correlation == pytest.approx(expected, abs=1e-6)
    assert dependences(columns, [1.0] * 30) == []
    assert dependences({"x": [1, 2, 3, 4]}, [1, 2, 3, 4]) == []  # too few to say anything


def test_what_margins_depend_on_is_found(small):
    contents = gather(small(1, 10))
    (row,) = contents.rows
    setups = setups_of(contents, row, "s")
    assert setups.by_margin and setups.leading[0].name == "width 0"
    assert setups.pairs()[0][0][0] == "width 0" and len(setups.pairs()) == 3
    assert "kind" in setups.fixed and "kind" not in setups.varying


def test_hyperparameters_of_any_draw():
    setup = {"schema": "s", "data": {"own": [1, 2], "k": 3}, "recipe": {"k": 4}, "parent": "p"}
    assert flat(setup) == {"own 1": 1, "own 2": 2, "data.k": 3, "recipe.k": 4}
    assert flat({"x": 1, "y": "a"}) == {"x": 1, "y": "a"}
    assert flat(0.5) == {"value": 0.5}
    assert table_of([{"x": 1, "y": 2}, {"x": 1, "y": 3}]) == ({"y": [2, 3]}, {"x": 1})


def test_what_differs_is_read_from_the_words():
    assert differences(FOUND) == [("side", "0.5", "1"), ("x", "a, b", "c")]
    assert differences("x = 3, y = 4") == []


def test_counterexample_says_how_to_see_it_again(native, page, parse):
    contents = gather(native)
    row = next(row for row in contents.rows if row["claim"] == SCRIPTED)
    mine = section(page, "claim-" + SCRIPTED.replace("/", "-").replace(".py::", "-")
                   .replace("_", "-"))  # fmt: skip
    parsed = parse(mine)
    assert f"pytest '{SCRIPTED}' --mrp-seed 0 --mrp-profile quick" in parsed.text
    assert f"mrpcheck replay RUN '{SCRIPTED}'" in parsed.text
    assert " ".join(render(row).split()) in parsed.text
    assert "masked pixels at its heart, but for" in parsed.text
    for name, here, heart in differences(row["counterexample_text"]):
        assert f"{label(name)} {here} {heart}" in parsed.text


UNEXPECTED = [
    ({"kind": "control", "verdict": "SUPPORTED", "expected": False}, "This run has no power"),
    ({"verdict": "REFUTED", "expected": False}, "REFUTED: test_claim_0."),
    ({"kind": "refuted", "verdict": "UNDECIDED", "expected": False}, "NO LONGER REFUTED"),
    ({"edited": 2}, "EDITED 2 times since seed 3 was first used"),
    ({"edited": None}, "Whether claims were edited until their seed agreed is not known"),
    ({"error": "it broke", "expected": False}, "ERROR in test_claim_0: it broke"),
]


@pytest.mark.parametrize(("change", "said"), UNEXPECTED, ids=[said for _, said in UNEXPECTED])
def test_warnings(small, parse, change, said):
    assert said in parse(report.html(small(1, 2, lambda row: row | change))).text


def controlled(row):
    """The second claim of a run turned into a control that did its work."""
    if not row["claim"].endswith("_1"):
        return row
    return row | {"kind": "control", "verdict": "REFUTED", "expected": True}


def test_no_warning_without_a_cause(small):
    assert 'class="cautions"' not in report.html(small(2, 2, controlled))


def test_a_file_without_a_control_is_warned_of(small, parse):
    said = "NO CONTROL of properties/test_made_up.py was part of the run"
    assert said in parse(report.html(small(1, 2))).text


def test_a_control_that_was_not_judged_is_warned_of(small, parse):
    def skipped(row):
        return controlled(row) | ({"verdict": "UNDECIDED"} if row["claim"].endswith("_1") else {})

    text = parse(report.html(small(2, 2, skipped))).text
    assert "NO CONTROL of properties/test_made_up.py was judged" in text


def test_a_run_without_an_end(small, parse):
    folder = small(1, 2, ended=None)
    (folder / "parts").mkdir()
    row = json.loads((folder / "verdicts.json").read_text())["claims"][0]
    unjudged = row | {"verdict": "UNDECIDED", "reason": "not judged", "text": "not judged"}
    (folder / "parts" / "unjudged.json").write_text(json.dumps([unjudged]))
    found = parse(report.html(folder))
    assert "The run was not completed: killed." in found.text
    assert "--mrp-resume RUN" in found.text


def test_pictures_of_what_happened(small, traced, parse):
    folder = small(3, 3, lambda row: row | {"counterexample_text": FOUND})
    names = [f"properties/test_made_up.py::test_claim_{c}" for c in range(3)]
    traces.write(folder, traced(claim=names[0], words=FOUND))
    traces.write(folder, traced(claim=names[1], words=FOUND))  # the same trial
    traces.write(folder, traced(claim=names[2], first=5, words=f"{FOUND}; trained with m = 2"))
    traces.write(folder, traced("heart"))
    page = report.html(folder)
    found = parse(page)
    assert [s["id"] for s in found.all("section") if s.get("id") in ("arms", "heart-coins")] == [
        "arms", "heart-coins",
    ]  # fmt: skip
    first, second, third = (
        section(page, f"claim-properties-test-made-up-test-claim-{c}") for c in range(3)
    )
    pictures = first.count("<figure>")
    assert pictures >= 4 and third.count("<figure>") >= 4
    assert second.count("<figure>") == 0
    assert 'href="#claim-properties-test-made-up-test-claim-0-pictures"' in second
    for figure in page.split("<figure>")[1:]:
        figure = figure.partition("</figure>")[0]
        assert figure.count("<svg") == 1 and 'role="img"' in figure and "<table>" in figure
    told = "As the claim asks, it is trained with m = 2."
    assert told in parse(third).text and "As the claim asks" not in parse(first).text
    ids = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    shutil.rmtree(folder / "traces")
    assert "<figure>" not in report.html(folder)
    traces.write(folder, traced(claim=names[0], words="what another version was refuted at"))
    assert "<figure>" not in report.html(folder)


def test_one_trial_looked_at_at_two_moments_is_two_pictures(small, traced, parse):
    folder = small(2, 3, lambda row: row | {"counterexample_text": FOUND})
    names = [f"properties/test_made_up.py::test_claim_{c}" for c in range(2)]
    moments = ["the moment at which every feature is captured", "10 times that moment"]
    for name, until in zip(names, moments, strict=True):
        traces.write(folder, traced(claim=name, words=FOUND, until=until))
    page = report.html(folder)
    for c, until in enumerate(moments):
        mine = section(page, f"claim-properties-test-made-up-test-claim-{c}")
        assert mine.count("<figure>") >= 4
        said = f"pretraining goes to where the claim looks, {until}, if it gets there"
        assert said in parse(mine).text


def test_claims_that_look_alike_share_no_name_of_a_picture(small, parse):
    found = parse(report.html(small(2, 1, lambda row: row | {"statement": "The same."})))
    ids = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    labels = [a.get("aria-label", "") for a in found.all("svg")]
    assert sum(label.startswith("The same. 0.") for label in labels) == 2


def test_pairs_are_coloured_around_what_is_claimed():
    middle = lambda scale: next(at for at, color in scale if color == charts.BETWEEN)  # noqa: E731
    axis = charts.Shade("estimate of P", 0.8, (0.0, 1.0)).axis
    assert (axis["cmin"], axis["cmax"], middle(axis["colorscale"])) == (0, 1, 0.8)
    axis = charts.Shade("mean margin", 0.0).axis
    assert axis["cmid"] == 0 and middle(axis["colorscale"]) == 0.5 and "cmin" not in axis


def test_a_claim_of_one_setup_has_a_chart_of_its_evidence(small, parse):
    (data,) = [
        d for name, d in parse(report.html(small(1, 1))).data().items() if name.endswith("-data")
    ]
    assert data["charts"]["evidence"]["layout"]["xaxis"]["dtick"] == 1
    assert "regime" not in data["charts"]


def test_a_trace_cut_short_is_said(small, traced, parse):
    folder = small(1, 2)
    file = traces.write(folder, traced("heart"))
    file.write_bytes(file.read_bytes()[:99])
    assert "1 traces could not be read" in parse(report.html(folder)).text


def mapped(row, **changes):
    return row | {
        "kind": "diagram", "verdict": "MAPPED", "stage": None, "estimate": None,
        "diagram": {
            "title": "A map", "x": {"name": "keep", "values": [0.1, 0.2]}, "around": "",
            "y": {"name": "tau", "values": [1.0, 2.0]}, "verdicts": ["SUPPORTED"] * 4,
            "lines": [{"label": "derived", "x": [0.1, 0.2], "y": [1.0, 2.0]}], **changes,
        },
    }  # fmt: skip


def celled(folder, fused=None):
    """The run's lines as cells of its map; `fused` is noted of every trial, cell by cell."""
    for name in ("evidence.jsonl", "trials.csv"):
        file = folder / name
        file.write_text(file.read_text().replace('"panel"', '"cell"').replace(",panel,", ",cell,"))
    if fused is not None:
        header, *rows = (folder / "trials.csv").read_text().splitlines()
        noted = [f"{row},{fused[int(row.split(',')[2])]}" for row in rows]
        (folder / "trials.csv").write_text("\n".join([f"{header},fused", *noted]))
    return folder


def test_phase_diagram_shows_each_cell(small, parse):
    folder = celled(small(1, 4, mapped))
    page = report.html(folder)
    map_ = page.partition('id="diagrams"')[2]
    lines = [json.loads(line) for line in (folder / "evidence.jsonl").read_text().splitlines()]
    text = parse(map_).text
    for (x, y), line in zip([(0.1, 1), (0.2, 1), (0.1, 2), (0.2, 2)], lines, strict=True):
        assert f"{x:g} {y:g} {line['estimate']:.4g}" in text
    assert "A map" in text and "derived" in map_
    assert "The mechanism." in text and "Lines are derived, not fitted." in text
    assert "derived line: derived" in text and "keep probability theta" in map_


def test_a_map_without_lines_says_nothing_of_them(small, parse):
    folder = celled(small(1, 4, lambda row: mapped(row, lines=[])))
    assert "Lines are derived" not in parse(report.html(folder)).text


def test_a_map_is_linked_to_and_a_file_of_its_own(small, parse):
    folder = celled(small(1, 4, mapped))
    report.write(folder)
    page = (folder / "report.html").read_text()
    mine = section(page, "claim-properties-test-made-up-test-claim-0").partition('id="arms"')[0]
    assert 'href="#claim-properties-test-made-up-test-claim-0-map"' in mine
    (file,) = (folder / "maps").glob("*.svg")
    assert f'href="maps/{file.name}"' in page and file.read_text().startswith("<svg")
    (folder / "maps").rename(folder.parent / "elsewhere")
    (folder / "maps").symlink_to(folder.parent / "elsewhere")  # laid by whoever sent the run
    (folder.parent / "elsewhere" / file.name).unlink()
    report.write(folder)
    assert not list((folder.parent / "elsewhere").iterdir())


@pytest.mark.parametrize(("fused", "told"), [([0, 0, 1, 1], True), ([1, 2, 1, 3], False)])
def test_misses_for_another_cause_than_fusion_are_hatched(small, parse, fused, told):
    text = parse(report.html(celled(small(1, 4, mapped), fused))).text
    assert ("Hatched: trials miss the event" in text) == told
    assert text.count("(misses, with no kernel fused)") == (2 if told else 0)
