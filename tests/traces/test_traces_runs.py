"""What a run leaves to be drawn: its counterexamples, and the hearts of its regimes."""

import csv
import importlib.metadata
import json

import hypothesis.strategies  # noqa: F401 - pytester forgets what is imported first inside it
import pytest
import torch  # noqa: F401

import mrpcheck.plugin.beginning
import mrpcheck.tracing  # noqa: F401
from mrpcheck import Setup
from mrpcheck.seeds import Trials
from mrpcheck.traces import name_of, read
from mrpcheck.tracing import trace

pytest_plugins = ("pytester",)

CLAIMS = """
from hypothesis import given, strategies as hypothesis_strategies

from mrpcheck import (
    Captured, MultiView, Net, Recipe, Setup, at, control, pretrain, with_probability,
)

HEART = Setup(
    data=MultiView(classes=2, dim=6, patches=6, sparsity=1.0, single_view=0.1),
    net=Net(kernels_per_class=3, power=3.0),
    recipe=Recipe(samples=24, steps=60, rate=0.3, tune_steps=20, tune_rate=0.8),
)

class Tiny:
    name, heart = "tiny setups", HEART

    def sample(self, n, seed):
        return [HEART.replace(noise=0.001 * (1 + i)) for i in range(n)]

    def violations(self, setup):
        return []

    def toward_heart(self, setup):
        return iter(())

    def describe(self, setup):
        return f"noise {setup.data.noise:g}"

def setups():
    strategy = hypothesis_strategies.just(HEART)
    strategy.regime = Tiny()
    return strategy

def derived(setup):
    return setup.derive(decoder="free")

claimed = with_probability(at_least=0.9, tolerance=0.1)

def toss(setup, trials, p):
    return [trials.generator(setup.key, t, "toss").random() < p for t in trials.numbers]

@given(setup=setups())
@claimed
def test_true(setup, trials):
    return toss(setup, trials, 0.99)

@given(setup=setups())
@claimed
def test_false(setup, trials):
    return toss(setup, trials, 0.5)

@at(setup=[HEART, HEART.replace(noise=0.002)])
@claimed
def test_false_where_named(setup, trials):
    return toss(setup, trials, 0.5)

@given(setup=setups())
@claimed
def test_false_of_another_decoder(setup, trials):
    pretrain(derived(setup), trials)
    return toss(setup, trials, 0.5)

@given(setup=setups())
@claimed
def test_false_at_an_event(setup, trials):
    pretrain(setup, trials, until=Captured(features="first", times=2))
    return toss(setup, trials, 0.5)

@control(setup=HEART)
@claimed
def test_control(setup, trials):
    return toss(setup, trials, 0.5)

@given(setup=setups(), p=hypothesis_strategies.just(0.5))
@claimed
def test_of_two(setup, p, trials):
    return toss(setup, trials, p)
"""

PAGELESS = """
import mrpcheck.plugin.ledger

mrpcheck.plugin.ledger.leave = lambda folder: None
"""


@pytest.fixture
def run(pytester, monkeypatch, request):
    """Run pytest here on the claims about tiny networks; the run's folder."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setenv("PYTHONPATH", f"{request.config.rootpath}:{pytester.path}")
    monkeypatch.setattr(
        "mrpcheck.plugin.ledger.leave", lambda folder: None, raising=False
    )  # a page
    pytester.makepyfile(test_tiny=CLAIMS, pageless=PAGELESS)
    installed = importlib.metadata.entry_points(group="pytest11")
    load = () if any(e.value == "mrpcheck.plugin" for e in installed) else ("-p", "mrpcheck.plugin")

    def runs(report, *options, ret=1):
        if "--mrp-resume" not in options:
            options = (f"--mrp-report={report}", *options, "test_tiny.py")
        options = (*load, "--mrp-device=cpu", "-p", "no:cacheprovider", *options)
        monkeypatch.setenv("MRPCHECK_STORE", str(pytester.path / f"store-{report}"))
        subprocess = "-n2" in options
        options = ("-p", "pageless", *options) if subprocess else options
        found = (pytester.runpytest_subprocess if subprocess else pytester.runpytest_inprocess)(
            *options
        )
        assert found.ret == ret
        return pytester.path / report

    return runs


def files(report):
    """The bytes of every file among its traces."""
    return {file.name: file.read_bytes() for file in (report / "traces").iterdir()}


FALSE = name_of("counterexample", "test_tiny.py::test_false")
NAMED = name_of("counterexample", "test_tiny.py::test_false_where_named")
OTHER = name_of("counterexample", "test_tiny.py::test_false_of_another_decoder")
EVENT = name_of("counterexample", "test_tiny.py::test_false_at_an_event")
HEART = name_of("heart", "tiny setups")


def first_miss(report, claim):
    with (report / "trials.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if row["claim"] == claim]
    return next(
        int(row["trial"]) for row in rows
        if (row["stage"], row["counted"], row["outcome"]) == ("confirm", "1", "0")
    )  # fmt: skip


def test_a_run_leaves_its_counterexamples_and_the_heart(run, same):
    report = run("one", "--mrp-seed=3")
    assert set(files(report)) == {
        FALSE,
        NAMED,
        OTHER,
        EVENT,
        HEART,
    }  # one of two draws is no setup alone
    rows = json.loads((report / "verdicts.json").read_text())["claims"]
    row = next(row for row in rows if row["claim"] == "test_tiny.py::test_false")
    found, setup = read(report / "traces" / FALSE), Setup.from_json(row["counterexample"])
    first = first_miss(report, row["claim"])
    assert found.trials == {"seed": 3, "stream": "confirm", "dtype": "float32", "first": first}
    assert (found.claim, found.regime) == (row["claim"], "tiny setups")
    assert found.words == row["counterexample_text"] == f"noise {setup.data.noise:g}"
    trials, words = Trials(1, first, seed=3, stream="confirm"), found.words
    again = trace(setup, trials, what="counterexample", claim=found.claim, words=words,
                  regime="tiny setups")  # fmt: skip
    assert same(found, again)
    heart = read(report / "traces" / HEART)
    assert (heart.what, heart.claim, heart.regime) == ("heart", "", "tiny setups")
    assert len(heart.mrp.multi_view) == len(heart.sl.captured) == 16
    assert read(report / "traces" / NAMED).regime == ""
    other = read(report / "traces" / OTHER)  # what the event trains, not what was drawn for it
    assert other.setup["objective"]["decoder"] == "free" and other.setup["parent"] == setup.key
    assert other.words == f"{found.words}; trained with decoder = free"
    assert found.setup["objective"]["decoder"] == "tied" and found.until == other.until == ""
    event = read(report / "traces" / EVENT)  # to where the claim looks, and no further
    assert event.until == "2 times the moment at which the first feature is captured"
    assert 0 < event.mrp.steps[-1] < found.mrp.steps[-1] == 60


def test_workers_leave_the_very_same(run):
    alone, shared = run("alone"), run("shared", "-n2")
    assert files(alone) == files(shared) and len(files(alone)) == 5
    told = [json.loads((report / "manifest.json").read_text()) for report in (alone, shared)]
    assert told[0]["asked"] == told[1]["asked"] > 0
    assert len(set(files(alone).values())) == 5


def test_a_resumed_run_makes_what_is_missing_and_nothing_else(run):
    report = run("one")
    whole, folder = files(report), report / "traces"
    (folder / FALSE).unlink()
    (folder / NAMED).write_bytes(whole[NAMED][:100])  # cut short
    (folder / name_of("counterexample", "test_tiny.py::test_true")).write_bytes(b"of old")
    left = (folder / HEART).stat()
    run("one", "--mrp-resume", "one")
    assert files(report) == whole
    assert (folder / HEART).stat().st_mtime_ns == left.st_mtime_ns
    assert (folder / HEART).stat().st_ino == left.st_ino
    elsewhere = folder.rename(report.parent / "elsewhere")
    folder.symlink_to(elsewhere)  # laid by whoever sent the run
    (elsewhere / FALSE).unlink()
    run("one", "--mrp-resume", "one")
    assert not (elsewhere / FALSE).exists() and (elsewhere / HEART).exists()


def test_smoke_leaves_a_smaller_heart(run):
    report = run("smoke", "--mrp-profile=smoke", ret=0)
    assert set(files(report)) == {HEART}
    assert len(read(report / "traces" / HEART).mrp.multi_view) == 4


@pytest.mark.parametrize("how", ["full", "broken"])
def test_a_trace_that_fails_costs_no_verdict(run, monkeypatch, how):
    def verdicts(report):
        rows = json.loads((report / "verdicts.json").read_text())["claims"]
        return [(row["claim"], row["verdict"], row["error"]) for row in rows]

    def fails(*arguments, **named):
        raise OSError(28, "No space left on device") if how == "full" else SystemExit(3)

    well = run("well")
    monkeypatch.setattr(f"mrpcheck.{'traces.write' if how == 'full' else 'tracing.trace'}", fails)
    report = run("ill")
    assert files(report) == {} and verdicts(report) == verdicts(well)
