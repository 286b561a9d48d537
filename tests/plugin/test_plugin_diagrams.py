"""Phase diagrams under pytest: printed, recorded, resumed, shown, compared, replayed, planned."""

import json
import shutil
import xml.etree.ElementTree as ElementTree

import pytest

from mrpcheck.cli import main
from mrpcheck.diagrams import cells
from mrpcheck.showing import read_run

pytest_plugins = ("pytester",)

MAPS = '''
"""Coins over a grid.

Origin: ours.
"""

import pytest
from pathlib import Path
from coins import *
from mrpcheck.diagrams import phase_diagram


@phase_diagram(x=[0.3, 0.98, 1.0], y=[1, 30], lines={"even": lambda x: 30 * x})
@claimed
def test_map(x, y, trials):
    """A coin lands every time."""
    with open("tossed", "a") as file:
        file.write("m")
    if Path("stop").exists() and trials.first >= 16:
        raise KeyboardInterrupt
    return toss(Coin(x, y), trials, x**y)


@control(setup=Coin(2.0))
@claimed
def test_control(setup, trials):
    """A coin lands that never does."""
    return toss(setup, trials, 0.0)
'''
MAP = "test_coins.py::test_map"
MERGED = ("evidence.jsonl", "trials.csv", "verdicts.json")


def content(report):
    """What was merged, without what two runs on a seed never share."""
    rows = json.loads((report / "verdicts.json").read_text())["claims"]
    lines = [json.loads(line) for line in (report / "evidence.jsonl").read_text().splitlines()]
    for row in [*rows, *lines]:
        row.pop("seconds")
        row.pop("edited", None)
    return rows, lines, (report / "trials.csv").read_text()


def test_a_map_is_printed_and_recorded_and_fails_nothing(run, pytester):
    found = run("-v", "--mrp-strict", "--junitxml=junit.xml", claims=MAPS)
    assert found.ret == 0
    found.stdout.fnmatch_lines(
        [
            "*::test_map MAPPED*",
            "*- phase diagrams -*",
            "  MAPPED     test_coins.py::test_map: 6 cells: 3 SUPPORTED, 3 REFUTED",
            "    y",
            "    30 |    R    R    S",
            "     1 |    R    S    S",
            "       +---------------",
            "          0.3 0.98    1  x",
            "S SUPPORTED, R REFUTED, . UNDECIDED: the error levels are each cell's own, not the*",
            "*- controls -*",
            "no claims; 1 of 1 control fails as it should; 1 phase diagram.",
            "*= 1 mapped, 1 refuted as expected in *",
        ]
    )
    assert "test_map" not in found.stdout.str().split("- controls -")[1]
    report = pytester.path / "reports" / "latest"
    row, lines = run.rows()["test_map"], content(report)[1]
    assert (row["kind"], row["verdict"], row["expected"]) == ("diagram", "MAPPED", True)
    found = [cell["verdict"] for cell in cells(row, lines)]
    assert found == ["REFUTED", "SUPPORTED", "SUPPORTED", "REFUTED", "REFUTED", "SUPPORTED"]
    assert found == row["diagram"]["verdicts"]
    assert [line["label"] for line in row["diagram"]["lines"]] == ["even"]
    [suite] = ElementTree.parse(pytester.path / "junit.xml").getroot().iter("testsuite")
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == [
        "2", "0", "0", "0",
    ]  # fmt: skip


def test_an_error_at_a_cell_does_fail_the_run(run):
    found = run(claims=MAPS.replace("toss(Coin(x, y)", "toss(Coin(x, y / (y - 30))"))
    assert found.ret == 1
    found.stdout.fnmatch_lines(["*UNDECIDED: *ZeroDivisionError*cell 3, x = 0.3, y = 30*"])
    assert run.rows()["test_map"]["diagram"]["x"]["name"] == "x"


def test_workers_come_to_the_same_map(run, pytester):
    run("--mrp-report=alone", claims=MAPS)
    assert run("--mrp-report=two", "-n", "2", claims=MAPS, subprocess=True).ret == 0
    assert content(pytester.path / "alone") == content(pytester.path / "two")


def test_a_map_that_was_killed_goes_on_to_the_same_one(run, pytester):
    run("--mrp-report=whole", claims=MAPS)
    (pytester.path / "stop").touch()
    assert run("--mrp-report=cut", claims=MAPS).ret == pytest.ExitCode.INTERRUPTED
    (pytester.path / "stop").unlink()
    report = pytester.path / "cut"
    manifest = json.loads((report / "manifest.json").read_text())
    for name in MERGED:
        (report / name).unlink()
    (report / "manifest.json").write_text(json.dumps({**manifest, "ended": None}))
    reading = read_run(report)
    [row] = [row for row in reading.rows if row["claim"] == MAP]
    assert row["reason"] == "interrupted, 2 setups recorded"
    lines = content(report)[1]
    assert [cell["verdict"] for cell in cells(row, lines)].count("NOT JUDGED") == 4
    assert run("--mrp-resume=cut", claims=MAPS).ret == 0
    assert content(report) == content(pytester.path / "whole")
    (pytester.path / "tossed").unlink()
    run("--mrp-resume=cut", claims=MAPS).stdout.fnmatch_lines(["resumed: 2 of 2 claims keep *"])
    assert not (pytester.path / "tossed").exists()


def test_smoke_maps_nothing(run):
    found = run("--mrp-profile", "smoke", claims=MAPS)
    found.stdout.fnmatch_lines(["  NOT JUDGED test_coins.py::test_map", "*= 2 not judged in *"])
    assert run.rows()["test_map"]["setups"] == 2


@pytest.fixture
def mapped(run, pytester, capsys):
    """A run with a map, and what the command line says of it."""
    run(claims=MAPS)

    def asked(*words):
        capsys.readouterr()
        code = main(list(words))
        return code, capsys.readouterr().out

    return asked


def test_a_map_is_shown_and_planned(mapped):
    code, text = mapped("show", "reports/latest")
    assert code == 0
    assert "  MAPPED     test_coins.py::test_map: 6 cells: 3 SUPPORTED, 3 REFUTED\n" in text
    assert "    30 |    R    R    S\n" in text
    code, text = mapped("plan", "test_coins.py")
    assert code == 0
    title, row = text.split("= phase diagrams, a cell being a setup =")[1].splitlines()[1:4:2]
    assert title.split()[:2] == ["no", "miss"]
    assert row.split()[:5] == ["48", "48", "at", "1,", "97"] or row.split()[0] == "48"
    assert f"  {6 * 48}-" in row  # of panel, search and confirmation none


def test_a_map_is_compared_cell_by_cell(mapped, pytester):
    shutil.copytree("reports/latest", "reports/later")
    assert mapped("compare", "reports/latest", "reports/later")[0] == 0
    file = pytester.path / "reports/later/verdicts.json"
    rows = json.loads(file.read_text())
    [row] = [row for row in rows["claims"] if row["claim"] == MAP]
    row["diagram"]["verdicts"][:2] = ["SUPPORTED", "UNDECIDED"]
    file.write_text(json.dumps(rows))
    code, text = mapped("compare", "reports/latest", "reports/later")
    assert (code, "test_map: 2 cells differ in B\n" in text) == (0, True)
    row["diagram"]["x"]["values"][0] = 0.25
    file.write_text(json.dumps(rows))
    assert (
        "test_map: another grid in B\n" in mapped("compare", "reports/latest", "reports/later")[1]
    )
    row.update(verdict="UNDECIDED", diagram=None)  # as where it was cut off
    file.write_text(json.dumps(rows))
    code, text = mapped("compare", "reports/latest", "reports/later")
    assert (code, "test_map: WORSENED in B\n" in text) == (1, True)


def test_all_cells_of_a_map_are_replayed_or_one(mapped):
    code, text = mapped("replay", "reports/latest", "test_map")
    assert code == 0, text
    assert text.count("same, bit for bit: ") == 6
    code, text = mapped("replay", "reports/latest", "test_map", "--index", "4")
    assert (code, text.count("test_map, cell 4\n")) == (0, 1)


def test_a_map_that_somebody_damaged_is_shown_without_it(mapped, pytester):
    file = pytester.path / "reports/latest/verdicts.json"
    rows = json.loads(file.read_text())
    [row] = [row for row in rows["claims"] if row["claim"] == MAP]
    good = row["diagram"]
    damaged = [None, 3, {}, {"x": [], "verdicts": "R"}, {**good, "verdicts": "RS"}]
    for row["diagram"] in damaged:
        file.write_text(json.dumps(rows))
        code, text = mapped("show", "reports/latest")
        assert (code, "  MAPPED     test_coins.py::test_map\n" in text) == (0, True)
