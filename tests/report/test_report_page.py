"""The page of a run: whole, alone, the same again, and readable by more than eyes."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mrpcheck import report
from mrpcheck.jsonfiles import read_json

REFERENCE = Path(__file__).parents[2] / "reports" / "reference"


def rows(folder):
    return read_json(folder / "verdicts.json")["claims"]


def test_every_claim_has_a_line_and_a_section(native, parsed):
    sections = [s for s in parsed.all("section") if s.get("class") == "claim"]
    lines = [r for r in parsed.all("tr") if r.get("class") == "claim"]
    assert len(sections) == len(lines) == len(rows(native))
    for row in rows(native):
        assert row["claim"] in parsed.text
        assert row["statement"] in parsed.text


def test_first_line_says_what_came_out(native, parsed):
    supported = sum(r["kind"] == "claim" and r["verdict"] == "SUPPORTED" for r in rows(native))
    said = f"{supported} of 29 claims hold, 10 fail as known, 1 undecided; 9 of 9 controls fail"
    assert f"{said} as they should." in parsed.text


def test_links_lead_somewhere(parsed):
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a["href"] for a in parsed.all("a")]
    assert links
    assert [link for link in links if not link.startswith("#")] == []
    assert {link[1:] for link in links} <= set(ids)


def test_page_needs_nothing_beside_it(page, parsed):
    named = [(tag, a) for tag, a in parsed.elements if {"src", "srcset", "data"} & set(a)]
    assert named == [] and parsed.all("link") == [] and parsed.all("img") == []
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert styles and not any("url(" in style or "@import" in style for style in styles)
    assert "default-src 'none'" in page  # nothing is fetched even if somebody smuggled it in


def test_same_bytes_again_from_anywhere(page, native, tmp_path):
    elsewhere = tmp_path / "another name"
    shutil.copytree(native, elsewhere)
    code = (
        "import sys; from mrpcheck import report; "
        "sys.stdout.buffer.write(report.html(sys.argv[1]).encode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(elsewhere)], cwd=tmp_path, capture_output=True, check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    assert done.stdout == page.encode()
    assert str(native) not in page


def test_another_record_another_page(page, native, tmp_path):
    shutil.copytree(native, tmp_path / "run")
    verdicts = tmp_path / "run" / "verdicts.json"
    verdicts.write_text(verdicts.read_text().replace("SUPPORTED", "UNDECIDED", 1))
    assert report.html(tmp_path / "run") != page


def test_write_is_whole_and_follows_no_link(small, tmp_path):
    folder = small()
    (tmp_path / "elsewhere").write_text("mine")
    (folder / report.FILE).symlink_to(tmp_path / "elsewhere")
    file = report.write(folder)
    assert file == folder / "report.html"
    assert file.read_bytes() == report.html(folder).encode()
    assert not file.is_symlink() and (tmp_path / "elsewhere").read_text() == "mine"
    assert [f.name for f in folder.iterdir() if "draft" in f.name] == []


def test_headings_go_down_by_one(parsed):
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_landmarks_and_labels(page, parsed):
    assert [tag for tag, _ in parsed.elements if tag in ("main", "header", "footer")] == [
        "header", "main", "footer",
    ]  # fmt: skip
    assert parsed.all("html")[0]["lang"] == "en"
    assert parsed.all("a")[0] == {"class": "skip", "href": "#main"}
    tables = re.findall(r"<table.*?</table>", page, re.DOTALL)
    assert tables and all("<caption" in table and "scope=" in table for table in tables)
    assert "<th>" not in page
    for chart in [d for d in parsed.all("div") if d.get("class") == "chart"]:
        assert chart["role"] == "img" and chart["aria-label"]
    (count,) = parsed.all("output")
    assert count["aria-live"] == "polite"


def test_every_chart_has_its_numbers_below(parsed):
    data = parsed.data()
    for chart in [d for d in parsed.all("div") if d.get("class") == "chart"]:
        of = data[f"{chart['data-of']}-data"]
        drawn = of["charts"][chart["data-chart"]]
        named = {c for t in drawn["data"] for c in t.get("meta", {}).get("columns", {}).values()}
        made = {"above", "below", "words", "anchor", "color", "symbol"}  # by the page's script
        assert named - made <= set(of["columns"])
    tables = [d for d in parsed.all("details") if str(d.get("id")).endswith("-setups")]
    assert len(tables) == sum(bool(d.get("charts", {}).get("growth")) for d in data.values())


def test_columns_are_the_records(native, parsed):
    lines = map(json.loads, (native / "evidence.jsonl").read_text().splitlines())
    name = "properties/test_theorem_2.py::test_gains_over_the_same_network_on_average"
    mine = [e for e in lines if e["claim"] == name and e["stage"] not in ("doubled", "float64")]
    slug = "claim-" + re.sub("[^a-z0-9]+", "-", name.replace(".py::", "-"))
    columns = parsed.data()[f"{slug}-data"]["columns"]
    place = {f"{e['stage']} {e['index']}": e for e in mine}
    assert sorted(columns["name"]) == sorted(place)
    for i, named in enumerate(columns["name"]):
        assert columns["estimate"][i] == pytest.approx(place[named]["estimate"], rel=1e-4)
        assert columns["h keep"][i] == place[named]["setup"]["objective"]["keep"]
    order = sorted(range(len(mine)), key=columns["rank"].__getitem__)
    ranked = [columns["estimate"][i] for i in order]
    assert ranked == sorted(ranked) and sorted(columns["rank"]) == list(range(1, len(mine) + 1))


@pytest.mark.parametrize("run", ["torch-2.13", "torch-2.6"])
def test_runs_of_earlier_versions_have_a_page(run, tmp_path, parse):
    if not (REFERENCE / run / "manifest.json").exists():
        pytest.skip("no run of it is kept")
    shutil.copytree(REFERENCE / run, tmp_path / "run")
    parsed = parse(report.html(tmp_path / "run"))
    assert all(row["claim"] in parsed.text for row in rows(tmp_path / "run"))


def test_fifty_claims_of_a_hundred_setups_stay_below_ten_megabytes(small, parse):
    """A tenth of them: beside plotly.js, a page grows with its claims."""
    page = report.html(small(5, 100))
    parsed = parse(page)
    library = max(len(text) for _, text in parsed.scripts)
    assert 4e6 < library < 5e6 and page.count("plotly.js v") == 1
    assert library + 10 * (len(page.encode()) - library) < 9.5e6  # some is left for pictures
    assert len([r for r in parsed.all("tr") if "tabindex" in r]) == 500
    assert len(parsed.data()) == 6
