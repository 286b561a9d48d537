"""A run of claims about coins at real setups, recorded as the plugin records, without pytest."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from mrpcheck import Setup, at, control, judge, on_average, with_probability
from mrpcheck.jsonfiles import dumps, plain, write_json
from mrpcheck.merging import merge
from mrpcheck.parts import part_of
from mrpcheck.recorder import Recorder

SETUPS = [Setup().replace(classes=k, keep=0.1 * k) for k in (4, 5, 6)]


def tosses(setup, trials, p):
    return np.array([trials.generator(repr(setup), t, "toss").random() for t in trials.numbers]) < p


@with_probability(at_least=0.9, tolerance=0.1)
def test_true(setup, trials):
    """A good coin <lands>."""
    trials.note(classes=[setup.data.classes] * trials.count)
    return tosses(setup, trials, 0.97)


@with_probability(at_least=0.9, tolerance=0.1)
def test_false(setup, trials):
    """A bad coin lands, by a margin."""
    trials.fail([t == 3 for t in trials.numbers])
    return tosses(setup, trials, 0.3) - 0.5


@at(setup=SETUPS[:2])
@on_average(at_least=0.4, tolerance=0.3, bounds=(-1, 1))
def test_mean(setup, trials):
    return tosses(setup, trials, 0.6) / 1.25


@control(side=0.5)
@with_probability(at_least=0.9, tolerance=0.1)
def test_control(side, trials):
    return tosses(side, trials, side)


@with_probability(at_least=0.9, tolerance=0.1)
def test_broken(setup, trials):
    raise RuntimeError("<broken>")


MANIFEST = {
    "schema": 1, "started": "2026-01-02T03:04:05+00:00", "ended": "completed", "seed": 0,
    "device": "cpu", "profile": {"name": "quick"}, "budget": {}, "levels": {}, "versions": {},
    "asked": 0, "trained": 0,
}  # fmt: skip


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """A finished run: its folder, the verdicts and the evidence as objects, the setups drawn."""
    folder = tmp_path_factory.mktemp("run")
    verdicts, entries = [], []
    with Recorder(part_of(folder, "main", 1)) as recorder:
        for test in (test_true, test_false, test_mean, test_control, test_broken):
            draws = None if test in (test_mean, test_control) else [{"setup": s} for s in SETUPS]
            keep = lambda entry: (recorder(entry), entries.append(entry))  # noqa: E731
            verdicts.append(judge(test, draws, record=keep))
            recorder(verdicts[-1])
    claims = [{"claim": v.claim, "source": v.source} for v in verdicts]
    write_json(folder / "manifest.json", {**MANIFEST, "claims": claims})
    merge(folder)
    return SimpleNamespace(folder=folder, verdicts=verdicts, entries=entries, setups=SETUPS)


@pytest.fixture
def run(recorded, tmp_path):
    """A copy of it to change."""
    import shutil

    return shutil.copytree(recorded.folder, tmp_path / "run")


@pytest.fixture
def edit():
    """Change a file of JSON in place."""

    def edit(path, change):
        value = json.loads(path.read_text())
        change(value)
        path.write_text(dumps(plain(value)))

    return edit
