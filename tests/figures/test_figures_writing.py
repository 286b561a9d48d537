"""Figures as bytes: the same every time, nothing from elsewhere, small, and safe in a page."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from mrpcheck import figures, traces

SVG = "{http://www.w3.org/2000/svg}"
ROW = {"at_least": 0.9, "tolerance": 0.1, "estimate": 0.98, "lower": 0.83, "upper": 1.0,
       "verdict": "SUPPORTED", "bounds": None}  # fmt: skip


@pytest.fixture(scope="module")
def drawn(heart):
    return {name: figures.svg(figures.draw(heart, name), name) for name in figures.names(heart)}


def ids(text):
    return re.findall(r'\bid="([^"]+)"', text)


def test_bytes_are_the_same_in_another_process(heart, drawn, tmp_path):
    file = traces.write(tmp_path, heart)
    code = (
        "import sys; from pathlib import Path; from mrpcheck import figures, traces\n"
        f"trace = traces.read(Path({str(file)!r}))\n"
        "sys.stdout.reconfigure(encoding='utf-8')\n"
        "for n in figures.names(trace): print(figures.svg(figures.draw(trace, n), n))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode().splitlines() == list(drawn.values())


def test_another_trace_is_another_picture(heart, fused, drawn):
    assert figures.svg(figures.draw(fused, "alignment"), "alignment") != drawn["alignment"]


def test_nothing_refers_to_anything_elsewhere(drawn):
    for text in drawn.values():
        links = re.findall(r'(?:href="|url\()([^")]+)', text)
        assert links and all(link.startswith("#") for link in links)
        assert {link.removeprefix("#") for link in links} <= set(ids(text))
        bare = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"http|<style|<image|<script|<metadata|<!", bare)


def test_names_of_one_page_do_not_collide(drawn):
    names = [name for text in drawn.values() for name in ids(text)]
    assert len(names) == len(set(names)) > 0


def test_text_is_text_in_the_page_s_colour(drawn):
    for name, text in drawn.items():
        root = ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg"
        assert root.get("role") == "img" and root.get("aria-label") == name
        assert root.find(f"{SVG}title").text == name
        assert len(root.findall(f".//{SVG}text")) > 5
        assert "currentColor" in text and "#010203" not in text


def test_a_label_cannot_leave_its_element(fused):
    label = '"></svg><script>alert(1)</script>'
    text = figures.svg(figures.draw(fused, "losses"), label)
    assert "<script" not in text
    assert ElementTree.fromstring(text).get("aria-label") == label


def test_pictures_stay_small(large):
    for name in figures.names(large):
        assert len(figures.svg(figures.draw(large, name), name)) < 60_000, name
    assert len(figures.svg(figures.interval(ROW), "x")) < 2000


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_files_are_the_same_every_time(fused, tmp_path, suffix):
    files = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for file in files:
        figures.save(figures.draw(fused, "alignment"), file, "alignment")
    content = files[0].read_bytes()
    assert content == files[1].read_bytes()
    start = {".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF"}[suffix]
    assert content.startswith(start)
    assert b"CreationDate" not in content and b"currentColor" not in content


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.svg.txt"])
def test_another_suffix_is_one_sentence(fused, tmp_path, name):
    with pytest.raises(
        ValueError, match=r"^--out = .*, but should end in one of .svg, .png, .pdf$"
    ):
        figures.save(figures.draw(fused, "losses"), tmp_path / name)


def test_a_file_that_cannot_be_written_is_one_sentence(fused, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="but should be a file to write"):
        figures.save(figures.interval(ROW), tmp_path / "file" / "a.svg")


def test_the_interval_stands_where_its_numbers_are():
    """Along [0, 1], 0.03 to 0.97 of a width of 108 pt."""
    text = figures.svg(figures.interval(ROW), figures.interval_words(ROW))
    at = lambda value: f"{108 * (0.03 + 0.94 * value):.2f}".rstrip("0").rstrip(".")  # noqa: E731
    for value in (0.83, 1.0, 0.8, 0.9):
        assert re.search(rf"[ML] {re.escape(at(value))} ", text), value
    assert "0.980 in [0.830, 1.000]; at least 0.9 claimed, tolerance 0.1" in text
    empty = {**ROW, "estimate": None, "lower": None, "upper": None}
    assert "no estimate" in figures.svg(figures.interval(empty), figures.interval_words(empty))


def test_words_round_outward_as_tables_do():
    row = {**ROW, "lower": 0.82599, "upper": 0.98101}
    assert figures.interval_words(row).startswith("0.980 in [0.825, 0.982];")


def test_pictures_that_are_alike_share_no_name(fused):
    drawn = figures.draw(fused, "losses")
    one, other = (figures.svg(drawn, "x", whose) for whose in ("a", "b"))
    assert ids(one) and not set(ids(one)) & set(ids(other))
    assert figures.svg(drawn, "x", "a") == one


def test_means_have_intervals_too():
    row = {**ROW, "bounds": [-1, 1], "at_least": 0.02, "tolerance": 0.02, "estimate": -0.3,
           "lower": -0.5, "upper": -0.1, "verdict": "REFUTED"}  # fmt: skip
    assert "#d55e00" in figures.svg(figures.interval(row), "x")


DAMAGE = {
    "no MRP": {"mrp": None},
    "no SL": {"sl": None},
    "neither": {"mrp": None, "sl": None},
}


@pytest.mark.parametrize("changes", DAMAGE.values(), ids=DAMAGE)
def test_what_is_missing_is_left_out(heart, changes):
    from dataclasses import replace

    part = replace(heart, **changes)
    assert "comparison" not in figures.names(part)
    for name in figures.names(part):
        assert figures.svg(figures.draw(part, name), name)
        figures.numbers(part, name)
    figures.svg(figures.sheet(part), "sheet")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38])
def test_what_diverged_is_drawn(make, value):
    wild = make.arm(np.full((4, 6), 0.7), trials=4)
    for name in ("loss", "correlations", "tuned", "scores", "contributions", "single_view"):
        getattr(wild, name).reshape(-1)[-5:] = value
    part = make(wild, wild)
    for name in figures.names(part):
        assert figures.svg(figures.draw(part, name), name)
        for row in figures.numbers(part, name)[1]:
            assert all(
                cell == cell and abs(cell) < 1e300 for cell in row if isinstance(cell, float)
            )


def test_one_point_and_one_class_s_views(make):
    tiny = make.arm(np.array([[0.9]]), points=1, classes=1)
    part = make(tiny, tiny, classes=1, views=1, label=np.zeros(3, int))
    for name in figures.names(part):
        assert figures.svg(figures.draw(part, name), name)
