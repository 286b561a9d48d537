"""Sheets for papers, and phase diagrams."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from mrpcheck import figures
from mrpcheck.figures.phases import _place


def grid(**changes):
    xs, ys = [0.25, 0.5, 0.75], [1.0, 2.0]
    cells = [
        {"x": x, "y": y, "estimate": x, "lower": x - 0.1, "upper": x + 0.1, "trials": 64,
         "verdict": "SUPPORTED" if x > 0.5 else "REFUTED"}
        for y in ys for x in xs
    ]  # fmt: skip
    lines = [{"label": "tau = 1 / keep", "x": [0.25, 0.5, 0.75], "y": [None, 2.0, 4 / 3]}]
    whole = {"title": "a & b", "x": {"name": "keep", "values": xs}, "lines": lines,
             "y": {"name": "tau", "values": ys}, "cells": cells, "quantity": "P"}  # fmt: skip
    return {**whole, **changes}


def test_a_sheet_says_what_it_is_of(fused, tmp_path):
    file = figures.save(figures.sheet(fused), tmp_path / "a.svg")
    text = file.read_text(encoding="utf-8")
    assert "counterexample of properties/test_t.py::test_apart" in text
    assert "q = 4 (heart 3)" in text and "trial 7 of stream confirm, seed 3" in text
    for name in figures.names(fused):
        assert figures.PICTURES[name].title in text
    stopped = figures.sheet(replace(fused, until="the first capture"))
    assert "pretrained to the first capture" in figures.svg(stopped, "x")
    assert "pretrained to" not in text
    before = file.read_bytes()
    assert figures.save(figures.sheet(fused), file).read_bytes() == before


def test_a_sheet_is_a_file_of_any_kind(fused, tmp_path):
    content = figures.save(figures.sheet(fused), tmp_path / "a.pdf").read_bytes()
    assert content.startswith(b"%PDF") and b"/FontFile2" in content  # text that can be selected


def test_a_phase_diagram_has_a_figure_and_a_mark_in_each_cell():
    text = figures.svg(figures.phase_diagram(grid()), "map")
    for word in ("0.25", "0.50", "0.75"):
        assert text.count(f">{word}<") >= 2
    assert "SUPPORTED" in text and "REFUTED" in text and "UNDECIDED" not in text
    assert "tau = 1 / keep" in text and "a &amp; b" in text
    columns, rows = figures.diagram_numbers(grid())
    theirs = ["lower", "upper", "verdict", "trials"]
    assert columns == ["keep probability theta", "tau", "P", *theirs]
    assert rows[0] == [0.25, 1.0, 0.25, 0.15, 0.35, "REFUTED", 64]
    assert [row[5] for row in rows].count("derived line: tau = 1 / keep") == 2  # a point has no y
    assert [row[:2] for row in rows[6:]] == [[0.5, 2.0], [0.75, 1.333]]


def test_axes_are_named_in_the_theory_s_words():
    axes = {"x": {"name": "times", "values": [1.0, 2.0]},
            "y": {"name": "teacher_scale", "values": [1.0, 2.0]}, "lines": []}  # fmt: skip
    text = figures.svg(figures.phase_diagram(grid(**axes, cells=[])), "map")
    assert "teacher's" in text and "scale tau" in text  # in two lines: there are two rows
    assert "teacher_scale" not in text and "see the text" in text
    doc = (
        "No kernel holds two.\n\n    Times are in units of the time at which\n    one is captured."
    )
    text = figures.svg(figures.phase_diagram(grid(**axes, cells=[], doc=doc)), "map")
    assert "time / the time at which one is captured" in text


def test_misses_without_a_fused_kernel_are_told_apart():
    cells = [{**cell, "unfused": cell["x"] == 0.25} for cell in grid()["cells"]]
    told, plain = grid(cells=cells), grid()
    words = "misses, with no kernel fused"
    assert words in figures.svg(figures.phase_diagram(told), "map")
    assert words not in figures.svg(figures.phase_diagram(plain), "map")
    _, rows = figures.diagram_numbers(told)
    assert [row[5] for row in rows[:3]] == [f"REFUTED ({words})", "REFUTED", "SUPPORTED"]


def test_long_words_have_room_beside_the_axis():
    from mrpcheck.figures.drawing import WIDTH

    wordy = grid(y={"name": "context", "values": ["pooled", "MAE (others, free)"]}, lines=[])
    cells = [{**cell, "y": {1.0: "pooled"}.get(cell["y"], "MAE (others, free)")}
             for cell in grid()["cells"]]  # fmt: skip
    (ax,) = figures.phase_diagram({**wordy, "cells": cells}).axes
    box = ax.get_position()
    assert box.x0 * WIDTH > 0.45 + 0.05 * len("MAE (others, free)") and box.x1 < 1
    label = ax.yaxis.label.get_position()[0]
    assert (
        ax.yaxis.get_label().get_text().split() == ["context", "that", "predicts"]
        and label * box.width < 0
    )


def test_the_derived_line_is_drawn_between_the_ticks():
    values = [1.0, 2.0, 4.0]
    assert _place([1.0, 1.5, 4.0], values).tolist() == [0, 0.5, 2]
    assert _place([0.5, 5.0], values).tolist() == [-0.5, 2.5]
    assert np.isnan(_place([0.4, 6.0], values)).all()
    assert _place([1.5], values[::-1]).tolist() == [1.5]


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": []},
        {"lines": None, "quantity": "mean"},
        {"x": {"name": "mask", "values": ["a", "b", True]}, "cells": []},
        {"cells": [{"x": 0.5, "y": 1.0, "estimate": None, "verdict": "NOT JUDGED"}]},
    ],
)
def test_what_a_map_lacks_is_left_out(changes):
    whole = grid(**changes)
    assert "keep" in figures.svg(figures.phase_diagram(whole), "map") or "mask" in str(changes)
    figures.diagram_numbers(whole)


def test_words_are_no_formulas():
    whole = grid(title="$x_", lines=[{"label": "$\\frac", "x": [0.25], "y": [1.0]}])
    assert "$x_" in figures.svg(figures.phase_diagram(whole), "map")


@pytest.mark.filterwarnings("ignore:Glyph")  # no font has them
def test_what_xml_cannot_hold_costs_no_picture():
    text = figures.svg(figures.phase_diagram(grid(title="when \beta > 1 \x1b[31m")), "map")
    assert "eta &gt; 1" in text and "\b" not in text and "\x1b" not in text
    ElementTree.fromstring(text)
