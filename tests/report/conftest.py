"""Runs to make pages of: a committed one, and some made up of records and of a trace."""

import csv
import json
import shutil
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from mrpcheck import report
from mrpcheck.records import Evidence, Verdict
from mrpcheck.stats import Levels, Walk, sentence
from mrpcheck.traces import Arm, Trace

REFERENCE = Path(__file__).parents[2] / "reports" / "reference"
EVERY, MOST = 16, 64
LEVELS = Levels(0.05 / 64, 0.001 / 64)
NAMES = [f"width {i}" for i in range(20)]


@pytest.fixture(scope="session")
def native(tmp_path_factory):
    """A copy of a committed run; pages are made of it, and nothing else of it is written."""
    folder = tmp_path_factory.mktemp("native") / "run"
    shutil.copytree(REFERENCE / "native-step", folder)
    return folder


@pytest.fixture
def small(tmp_path):
    """Writes a run of a few claims: `small(claims, setups, change=...)`."""

    def write(claims=2, setups=6, change=lambda row: row, **more):
        return write_run(tmp_path / "run", claims, setups, change, **more)

    return write


@pytest.fixture(scope="session")
def parse():
    """What is on a page: see `Parsed`."""
    return Parsed


@pytest.fixture(scope="session")
def traced():
    """Makes a trace: see `trace_of`."""
    return trace_of


@pytest.fixture(scope="session")
def page(native):
    """The page of the committed run."""
    return report.html(native)


@pytest.fixture(scope="session")
def parsed(page):
    return Parsed(page)


def manifest(rows, **more):
    return {
        "schema": 1, "started": "2026-01-02T03:04:05+00:00", "finished": None,
        "ended": "completed", "command": ["pytest", "f.py"], "workers": 1, "notes": ["a note"],
        "versions": {"python": "3.11", "mrpcheck": "0.1.0", "torch": None}, "device": "cpu",
        "seed": 3, "strict": False, "asked": 100, "trained": 50,
        "profile": {"name": "quick", "every": EVERY, "most": MOST, "judges": True},
        "budget": {"claims": 64, "false_support": 0.05, "false_refute": 0.001},
        "levels": {"false_support": LEVELS.false_support, "false_refute": LEVELS.false_refute},
        "claims": [{"claim": row["claim"], "source": row["source"]} for row in rows], **more,
    }  # fmt: skip


def write_run(folder, claims, setups, change=lambda row: row, **more):
    """A run in which claim c is judged at `setups` setups, alike but for their numbers."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    found = [judged(rng) for _ in range(setups)]
    rows, lines, table = [], [], []
    for c in range(claims):
        name = f"properties/test_made_up.py::test_claim_{c}"
        mine = [line_of(name, i, rng, *found[i]) for i in range(setups)]
        rows.append(change(row_of(name, c, mine)))
        lines += [{"schema": 1, **line} for line in mine]
        table += [cells for i in range(min(setups, 10)) for cells in cells_of(name, i, *found[i])]
    (folder / "evidence.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "verdicts.json").write_text(json.dumps({"schema": 1, "claims": rows}))
    (folder / "manifest.json").write_text(json.dumps(manifest(rows, **more)))
    with (folder / "trials.csv").open("w", newline="") as file:
        header = ["claim", "stage", "index", "trial", "counted", "outcome", "margin"]
        csv.writer(file).writerows([header, *table])
    return folder


def judged(rng):
    """A hyperparameter, the margins that follow it, and what they come to."""
    width = float(f"{rng.random():.4g}")
    margins = 0.7 + 0.3 * width - rng.random(MOST)
    return width, margins, Walk(0.9, 0.1, LEVELS).judge(margins >= 0, EVERY, MOST)


def cells_of(claim, index, width, margins, found):
    for trial, margin in enumerate(margins[: found.trials]):
        yield [claim, "panel", index, trial, 1, int(margin >= 0), f"{margin:.6f}"]


def line_of(claim, index, rng, width, margins, found):
    """A setup of many hyperparameters, of which the margins follow the first."""
    values = {name: float(f"{rng.random():.4g}") for name in NAMES} | {NAMES[0]: width}
    return asdict(
        Evidence(
            claim, "panel", index, {"sizes": values, "kind": "plain"}, f"{index:032}", (), 3,
            "panel", "float32", 1, "cpu", found.trials, found.hits, 0, found.verdict,
            found.estimate, found.lower, found.upper, found.log_e_support, found.log_e_refute,
            sentence(found, "there"), 0.5,
        )
    )  # fmt: skip


def row_of(claim, number, lines, **more):
    worst = min(lines, key=lambda line: (line["upper"], line["lower"], line["index"]))
    row = Verdict(
        claim=claim, kind="claim", verdict="SUPPORTED", expected=True, statement=f"Claim {number}.",
        origin="statement stated; sizes ours", at_least=0.9, tolerance=0.1, bounds=None,
        stage="panel", setups=len(lines), panel_supported=len(lines), screened=0, shrunk=0,
        trials=worst["trials"], hits=worst["hits"], estimate=worst["estimate"],
        lower=worst["lower"], upper=worst["upper"], asked=100, failed=0, measures={"m": 0.5},
        measures_panel={"m": 0.25}, share=0.7, detectable=0.8, needed=None, stable=True,
        float64=None, counterexample=None, counterexample_text=None, violations=(),
        text=f"{worst['text'].partition(' [')[0]} [{claim.rpartition('::')[2]}, there]",
        reason=None, because=None, error=None, script=None, seed=3, profile="quick",
        source=f"{number:032}", seconds=1.5, doc=f"Claim {number}.\n\nThe mechanism.",
        citation="Somebody, 2026.",
    )  # fmt: skip
    return {**asdict(row), **more}


def trace_of(
    what="counterexample", claim="", regime="coins", first=0, words="a setup in words", until=""
):
    """Three classes of two views, nine kernels, one of which fuses two features."""
    rng = np.random.default_rng(first)
    points, kernels, classes, views, patches = 6, 9, 3, 2, 8
    final = rng.normal(0, 0.05, (kernels, classes * views))
    final[range(6), range(6)] = 1.0
    final[0, 1] = 0.8
    grown = np.linspace(0, 1, points)[:, None, None] ** 2 * final
    contributions = rng.normal(size=(3, patches, classes))
    arm = Arm(
        np.arange(points) * 10, np.geomspace(1, 0.01, points), grown, final,
        contributions.sum(1), contributions, rng.uniform(0.9, 1, 4), rng.uniform(0.5, 1, 4),
        np.full((4, classes), 2),
    )  # fmt: skip
    feature = np.full((3, patches), -1)
    feature[:, :2] = [[0, 1], [2, -1], [-1, 5]]
    return Trace(
        what, claim, regime, words, {"data": {"classes": classes}},
        {"seed": 3, "stream": "confirm", "dtype": "float32", "first": first}, 0.3, views,
        np.array([0, 1, 2]), np.array([False, True, True]), feature,
        np.where(feature >= 0, 1.0, 0.0), arm, arm, until=until,
    )  # fmt: skip


class Parsed(HTMLParser):
    """What a browser would find on a page: elements with their attributes, and scripts' text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append([dict(attrs), ""])

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1][1] += data
        elif not self.cdata_elem:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def all(self, tag):
        return [attributes for found, attributes in self.elements if found == tag]

    def data(self):
        """What the page's own script reads, by the names of the elements that hold it."""
        return {
            attributes["id"]: json.loads(text)
            for attributes, text in self.scripts
            if attributes.get("type") == "application/json"
        }
