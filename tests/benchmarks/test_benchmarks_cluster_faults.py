"""A run whose cluster is harmed: what differs from the run without is counted, what does not, not.

The faults themselves take minutes (`python benchmarks/cluster_faults.py --quick`).
"""

import argparse
import json
import random
import signal
import sys
import time
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="module")
def faults(benchmarks):
    import cluster_faults
    import cluster_strikes  # noqa: F401  adds the faults

    return cluster_faults


def asked(**given):
    return argparse.Namespace(**{"quick": False, "times": None, "only": None, **given})


def test_in_full_every_fault_that_does_not_wait_for_half_a_minute_comes_thirty_times(faults):
    full = {name: times for name, (_, times, _) in faults.FAULTS.items()}
    assert {times for name, times in full.items() if "good" not in name} <= {30, 6}
    assert sum(times == 30 for times in full.values()) >= 6
    for words in ("worker killed", "scheduler killed", "coordinator killed", "slower", "version"):
        assert any(words in name for name in full)


def test_the_first_of_each_fault_comes_before_the_second_of_any(faults):
    order = faults.chosen(asked(times=2, only="killed"))
    names = [name for name, number in order if number == 0]
    assert order == [(name, number) for number in (0, 1) for name in names]
    assert all("killed" in name for name in names) and len(names) == len(set(names)) > 3
    quick = faults.chosen(asked(quick=True))
    assert {name for name, _ in quick} == set(faults.FAULTS)
    assert len(quick) < len(faults.chosen(asked()))


def test_a_row_adds_up_what_was_lost_and_wrong(faults):
    from faulted import Outcome

    attempts = [
        faults.Attempt(Outcome(), 3.0, 1, 16),
        faults.Attempt(Outcome(lost=2, wrong=1, what="two gone"), 5.0, 0, 0),
        faults.Attempt(Outcome(), 4.0, 2, 0),
    ]
    assert faults.row("a fault", attempts) == {
        "fault": "a fault", "times": 3, "lost": 2, "wrong": 1, "seconds": 4.0, "longest": 5.0,
        "again": 3, "in_vain": 16, "what": "two gone",
    }  # fmt: skip
    assert faults.row("none", attempts[:1])["what"] == "as undisturbed"


def test_a_fault_that_cannot_be_tried_counts_as_wrong(faults, monkeypatch):
    def broken(expected, rng):
        raise RuntimeError("no such fault")

    monkeypatch.setitem(faults.FAULTS, "broken", (broken, 1, 1))
    assert faults.timed("broken", 0, None).outcome.wrong == 1


def test_moments_are_the_same_in_every_run_and_spread_over_it(faults):
    waited = []
    there = SimpleNamespace(wait_for=lambda run, blocks: waited.append(blocks))
    expected = SimpleNamespace(calls=20)
    for number in range(40):
        for _ in range(2):
            faults.moment(there, None, expected, random.Random(f"a worker killed {number}"), 0.0)
    assert waited[::2] == waited[1::2]
    assert min(waited) < 5 and max(waited) >= 15 and len(set(waited)) > 10


def test_a_worker_that_is_killed_costs_nothing(faults, tmp_path, monkeypatch, capsys):
    """By the program itself, once, on a real cluster."""
    file, before = tmp_path / "faults.json", signal.getsignal(signal.SIGTERM)
    options = ["--times", "1", "--only", "a worker killed", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", ["cluster_faults.py", *options])
    try:
        assert faults.main() == 0, capsys.readouterr().out
    finally:
        signal.signal(signal.SIGTERM, before)
    saved = json.loads(file.read_text())
    (row,) = saved["rows"]
    assert (row["fault"], row["times"], row["lost"], row["wrong"]) == ("a worker killed", 1, 0, 0)
    assert saved["blocks"] > 10 and saved["workers"] == 2
    assert "a worker killed" in capsys.readouterr().out


def test_what_a_run_lacks_is_lost_and_what_it_has_beside_is_wrong(faults, tmp_path):
    """The comparison itself: a line gone, a line more, another verdict."""
    from faulted import Whole, against, merged, rows

    verdicts = {"claims": [{"claim": "t.py::test_a", "verdict": "SUPPORTED", "seconds": 1.0}]}
    (tmp_path / "verdicts.json").write_text(json.dumps(verdicts))
    (tmp_path / "evidence.jsonl").write_text('{"seconds": 1, "hits": 3}\n')
    (tmp_path / "trials.csv").write_text("trial,hit\n0,1\n")
    expected = Whole(rows(tmp_path), *merged(tmp_path), 3)
    assert (against(tmp_path, expected).lost, against(tmp_path, expected).wrong) == (0, 0)
    (tmp_path / "trials.csv").write_text("trial,hit\n0,0\n")
    assert (against(tmp_path, expected).lost, against(tmp_path, expected).wrong) == (1, 1)
    verdicts["claims"][0]["verdict"] = "REFUTED"
    (tmp_path / "verdicts.json").write_text(json.dumps(verdicts))
    assert against(tmp_path, expected).wrong == 1


def test_processes_that_ended_are_started_again_until_nobody_looks_any_more(benchmarks):
    import cluster_places

    with cluster_places.place() as there:
        begun = []

        def start():
            begun.append(there.started(signal.pause, log="idle"))
            return begun[-1]

        with there.supervised(start) as now:
            begun[0].kill()
            begun[0].join()
            for _ in range(200):
                if len(begun) == 2:
                    break
                time.sleep(0.05)
            assert now == begun[1:]
        assert begun[1].is_alive()
    assert not begun[1].is_alive()
