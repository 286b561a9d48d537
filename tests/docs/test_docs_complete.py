"""No option, variable, command, file, column or field is missing from the site, or one too many."""

import argparse
import dataclasses
import json
import re
from pathlib import Path

import pytest

import mrpcheck
from mrpcheck import cli, plugin, recorder, records, traces
from mrpcheck.merging import COLUMNS
from mrpcheck.nets import Net
from mrpcheck.plugin import manifest
from mrpcheck.plugin.options import Options
from mrpcheck.profiles import PROFILES
from mrpcheck.setups import Recipe, Setup
from mrpcheck.showing import show
from mrpcheck.stats import Budget
from mrpcheck.views import MultiView

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUN = ROOT / "reports/reference/native-step"
CODE = re.compile(r"`([^`]+)`")


def section(page, heading):
    """What stands below a heading, down to the next one."""
    text = (DOCS / page).read_text()
    _, found, after = text.partition(f"\n## {heading}\n")
    assert found, f"{page} has no heading {heading!r}"
    return re.split(r"^#{1,2} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text):
    """The cells of every row of the tables in a text, headers aside."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    headers = {i - 1 for i, row in enumerate(cells) if set("".join(row)) <= set("-:")}
    return [row for i, row in enumerate(cells) if i not in headers and i - 1 not in headers]


def names(text):
    """The names in code in the first column of the tables."""
    return [name for row in rows(text) for name in CODE.findall(row[0])]


def fields(kind):
    return [f.name for f in dataclasses.fields(kind)]


def test_the_options_of_pytest(pytestconfig):
    groups = pytestconfig._parser._groups
    there = {name for group in groups for option in group.options for name in option.names()}
    table = section("options.md", "pytest options").partition("### ")[0]
    told = {CODE.findall(row[0])[0]: row for row in rows(table)}
    assert set(told) == {name for name in there if name.startswith("--mrp-")}
    for name, default in plugin._DEFAULTS.items():
        row = told["--" + name.replace("_", "-")]
        assert row[1] == f"`{default}`", name


def test_the_profiles():
    told = {CODE.findall(row[0])[0]: row[1:] for row in rows(section_of_profiles())}
    for name, p in PROFILES.items():
        rungs = "all" if p.rungs is None else p.rungs
        steer = "yes" if p.steer else "no"
        sizes = (p.panel, p.most, p.search, p.shrink, p.doubled, rungs, steer, p.paired)
        assert told.pop(name) == [str(size) for size in sizes]
    assert told == {}


def section_of_profiles():
    text = (DOCS / "options.md").read_text()
    return text.partition("### Profiles\n")[2].partition("\n## ")[0]


def test_the_variables():
    sources = "".join(file.read_text() for file in sorted((ROOT / "mrpcheck").rglob("*.py")))
    used = set(re.findall(r"MRPCHECK_[A-Z_]+", sources))
    told = set(names(section("options.md", "Environment variables")))
    assert used and {name for name in told if name.startswith("MRPCHECK_")} == used
    for name in told - used:
        assert f'"{name}"' in sources, name


def test_the_plugin_reads_no_settings_of_its_own():
    sources = "".join(file.read_text() for file in sorted((ROOT / "mrpcheck").rglob("*.py")))
    assert "addini" not in sources
    assert "no settings of its own" in section("options.md", "Settings in pyproject.toml")


def test_the_commands():
    parsers = next(
        action.choices
        for action in cli._parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    options = {
        (f"mrpcheck {command}", action.option_strings[-1])
        for command, parser in parsers.items()
        for action in parser._actions
        if action.option_strings and action.dest != "help"
    }
    table = rows(section("options.md", "mrpcheck commands"))
    told = {(row[0].strip("`"), row[1].strip("`")) for row in table}
    assert {pair for pair in told if pair[1].startswith("--")} == {
        *options,
        ("mrpcheck", "--version"),
    }
    assert {command for command, what in told if not what.startswith("--")} == {
        f"mrpcheck {command}" for command in parsers
    }


@pytest.mark.parametrize(
    ("heading", "wanted"),
    [
        ("verdicts.json", fields(records.Verdict)),
        ("evidence.jsonl", ["schema", *fields(records.Evidence)]),
        ("trials.csv", COLUMNS),
        ("traces/*.npz", [*fields(traces.Trace), *fields(traces.Arm)]),
        ("parts/", ["begun", "block", "evidence", "verdict", "counts"]),
        ("A setup", ["schema", "data", "net", "objective", "recipe", "parent"]),
    ],
)
def test_the_fields_of_a_file(heading, wanted):
    assert sorted(names(section("files.md", heading))) == sorted(wanted)


def test_a_row_that_is_missing_would_be_seen():
    whole = section("files.md", "trials.csv")
    cut = "\n".join(line for line in whole.splitlines() if not line.startswith("| `margin`"))
    assert set(names(whole)) - set(names(cut)) == {"margin"}


def test_the_keys_of_a_manifest():
    made = manifest.manifest_of(
        Options(PROFILES["quick"], 0, "cpu", RUN, False, Budget()), 1, [], [], []
    )
    recorded = json.loads((RUN / "manifest.json").read_text())
    told = names(section("files.md", "manifest.json"))
    assert sorted(told) == sorted(made)
    assert recorded.keys() <= set(told)
    whole = section("files.md", "manifest.json")
    for name in [*made["profile"], *made["budget"], *made["levels"]]:
        assert name == "name" or f"`{name}`" in whole, name


def test_the_lines_of_a_process():
    told = {row[0].strip("`"): CODE.findall(row[1]) for row in rows(section("files.md", "parts/"))}
    assert set(told) == set(recorder._KINDS)
    assert told["begun"] == fields(records.Begun)
    assert told["block"] == fields(records.Block)
    assert told["counts"][:6] == fields(records.Counts)


def test_the_parts_of_a_setup():
    told = {row[0].strip("`"): CODE.findall(row[1]) for row in rows(section("files.md", "A setup"))}
    assert told["data"][1:] == fields(MultiView)
    assert told["net"][1:] == fields(Net)
    assert told["recipe"][1:] == fields(Recipe)
    assert set(Setup().to_json()) <= set(told)


def test_every_public_name_is_in_the_reference():
    told = dict(row for row in rows(section("api.md", "Top level")))
    assert {name.strip("`") for name in told} == set(mrpcheck.__all__)
    reference = (DOCS / "api.md").read_text()
    for name, home in told.items():
        module = home.strip("`")
        assert getattr(mrpcheck, name.strip("`")).__module__.startswith(module)
        assert f".. automodule:: {module}\n" in reference, module


def came_out(run):
    """Of each claim of a run its statement, its verdict and its figures as the theory has them."""
    found = {}
    for row in json.loads((run / "verdicts.json").read_text())["claims"]:
        figures = f"{row['hits']}/{row['trials']}"
        if row["hits"] is None and row["estimate"] is not None:
            figures = f"{row['quantity']} {row['estimate']:.3f} from {row['trials']}"
        if row["kind"] != "control":
            name = row["claim"].removeprefix("properties/")
            shown = "-" if row["estimate"] is None else figures
            found[name] = [row["statement"], row["verdict"], shown]
    return found


def test_what_came_out_is_what_the_records_hold():
    """The theory page's figures, and no claim of that run left out."""
    told = rows(section("theory.md", "What came out so far"))
    assert {row[1].strip("`"): [row[0], *row[2:]] for row in told} == came_out(RUN)


def test_what_a_thorough_run_says_otherwise_is_what_its_records_hold():
    quick, thorough = came_out(RUN), came_out(RUN.parent / "thorough")
    assert quick.keys() == thorough.keys()
    wanted = {
        name: [found[0], " ".join(quick[name][1:]), " ".join(found[1:])]
        for name, found in thorough.items()
        if found[1] != quick[name][1]
    }
    told = rows(section("theory.md", "What a thorough run says otherwise"))
    assert {row[1].strip("`"): [row[0], *row[2:4]] for row in told} == wanted


def test_the_summary_that_is_explained_is_that_of_the_records(monkeypatch):
    monkeypatch.chdir(ROOT)
    summary, _ = show(RUN.relative_to(ROOT))
    blocks = re.findall(r"^```text\n(.*?)^```$", (DOCS / "verdicts.md").read_text(), re.M | re.S)
    told = [line for block in blocks for line in block.splitlines()]
    assert len(told) >= 6
    assert [line for line in told if line not in summary.splitlines()] == []


def test_every_remark_of_the_summary_is_explained():
    source = (ROOT / "mrpcheck/plugin/summary.py").read_text()
    page = (DOCS / "verdicts.md").read_text()
    for phrase in (
        "smallest setup", "refuted at", "confirmed afresh", "outside its regime: ", "script: ",
        "diverged: ", "measured: ", "NOT stable: twice the steps change the verdict", "because ",
        "was first used: ", "again: ", "trials would likely decide", "CONTROL NOT REFUTED: ",
        "SUPPORTED at a panel of ", "detects", "edited since their seed was first used: ",
        ".mrpcheck/claims.jsonl = not writable", "trainings asked for: ", "peak memory: ",
        "the run was not completed: ", "to go on: ", "report: ",
    ):  # fmt: skip
        assert phrase in source, phrase
        assert phrase in page, phrase
