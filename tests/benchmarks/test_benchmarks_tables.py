"""Tables are written from the saved runs, between their marks and nowhere else."""

import json
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2] / "benchmarks"
MACHINE = {"cpu": "a core", "cores": 2, "python": "3.11", "numpy": "2"}
HEAD = {"command": "python step.py", "date": "2026-01-02T03", "machine": MACHINE}


def row(method, shape, ms, reason=None):
    error = None if reason else 1e-7
    share = None if ms is None else 71.5
    return {
        "method": method, "shape": shape, "dtype": "float32", "threads": 1, "ms": ms,
        "percent_of_peak": share, "max_relative_error": error, "objective": "latents",
        "spread": None if ms is None else 0.01, "reason": reason,
    }  # fmt: skip


RUN = {
    **HEAD,
    "steady": True,
    "versions": {"torch": "2.13", "jax": None},
    "yard": [
        {"what": "torch.mm", "shape": "S", "dtype": "float32", "gflops": 90.0, "spread": 1.0,
         "percent_of_peak": None}
    ],
    "rows": [
        row("mrpcheck", "S", 0.5), row("mrpcheck", "M", 9.0), row("jax", "S", None, "not there"),
    ],
}  # fmt: skip


def test_a_figure_stands_where_it_belongs():
    import tables

    lines = tables.step_tables(RUN).splitlines()
    assert "| method | threads | S | M | largest error |" in lines
    assert "| mrpcheck | 1 | 0.5 ± 0.01 ms, 72 % | 9 ± 0.01 ms, 72 % | 1e-07 |" in lines
    assert "| jax | 1 | - | - | - |" in lines
    assert lines[-1] == "No figure: jax: not there."
    assert "torch 2.13, jax absent" in lines[0]
    assert tables.BUSY not in lines
    assert tables.BUSY in tables.step_tables({**RUN, "steady": False})


def test_only_what_is_between_the_marks_changes():
    import tables

    text = "before\n<!-- a:begin -->\nold\n<!-- a:end -->\nafter\n"
    found = tables.filled(text, "a", "new")
    assert found == text.replace("old", "new")
    assert tables.filled(found, "a", "new") == found
    with pytest.raises(ValueError, match="b:begin"):
        tables.filled(text, "b", "new")


@pytest.mark.parametrize("name", ["step", "suite", "cluster_scale"])
def test_the_committed_tables_are_those_of_the_committed_runs(name):
    import tables

    text, file = tables.README.read_text("utf-8"), HERE / "results" / f"{name}.json"
    body = "Not run yet: `make bench`."
    if file.exists():
        body = tables.TABLES[name](json.loads(file.read_text("utf-8")))
    assert tables.filled(text, name, body) == text


def test_time_inside_what_counts_is_counted_once(monkeypatch):
    import clocked

    now = iter(range(100))
    monkeypatch.setattr(clocked.time, "perf_counter", lambda: next(now))
    monkeypatch.setattr(clocked, "_spent", {"native": 0.0, "closed form": 0.0})
    inner = clocked._clocked("native", lambda owner: None)
    outer = clocked._clocked("closed form", inner)
    outer(object())
    assert clocked._spent == {"native": 0.0, "closed form": 1.0}
    inner(object())
    assert clocked._spent == {"native": 1.0, "closed form": 1.0}
