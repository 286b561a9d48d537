"""The tables of `README.md`, written from the files that the programs left in `results/`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["filled", "main"]

HERE = Path(__file__).parent
README, RESULTS = HERE / "README.md", HERE / "results"
Row = Mapping[str, Any]
BUSY = "**Others used the machine too: the peak's quartiles lie more than 5 % apart.**"


def step_tables(run: Row) -> str:
    """The core's rates, then milliseconds with percent of peak: a table an objective and dtype."""
    lines = [_made(run), "", *([] if run["steady"] else [BUSY, ""]), *_yard(run)]
    kinds = dict.fromkeys((r["objective"], r["dtype"]) for r in run["rows"])
    for objective, dtype in kinds:
        rows = [r for r in run["rows"] if (r["objective"], r["dtype"]) == (objective, dtype)]
        shapes = list(dict.fromkeys(r["shape"] for r in rows))
        lines += ["", f"{objective}, {dtype}:", ""]
        lines += _table(["method", "threads", *shapes, "largest error"], _pivot(rows, shapes))
    return "\n".join([*lines, *_missing(run["rows"])])


def suite_tables(run: Row) -> str:
    """Verdicts by both ways, whole files, and cost against trials."""
    return "\n".join([
        _made(run), "",
        *_columns(run["rows"], (
            "way", "setups", "verdict", "seconds", "trainings", "timed", "trainings_per_minute",
            "times_as_fast",
        )), "",
        *_columns(run["files"], (
            "files", "workers", "seconds", "trained", "trainings_per_minute",
            "percent_from_store", "percent_fast", "percent_native", "rate_over_one",
        )), "",
        *_columns(run["trials"], tuple(run["trials"][0])),
    ])  # fmt: skip


def scale_tables(run: Row) -> str:
    """One coordinator and its workers, real blocks and slept ones."""
    columns = (
        "workers", "kind", "width", "block_s", "setups", "tasks", "tasks_per_second",
        "efficiency", "spread", "coordinator_cpu_ms", "scheduler_cpu_ms", "in_vain",
    )  # fmt: skip
    return "\n".join([_made(run), "", *_columns(run["rows"], columns)])


def filled(text: str, name: str, body: str) -> str:
    """The text with `body` between the marks of that name."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"marks {begin} and {end} = absent, but should be there once [tables]")
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{body}\n{end}{rest.partition(end)[2]}"


def _made(run: Row) -> str:
    machine, versions = run["machine"], run["versions"]
    others = ", ".join(f"{name} {version or 'absent'}" for name, version in versions.items())
    return (
        f"`{run['command']}`, {run['date'][:10]}: {machine['cores']} cores of {machine['cpu']}, "
        f"Python {machine['python']}, numpy {machine['numpy']}, {others}."
    )


def _yard(run: Row) -> list[str]:
    rows = [
        [r["what"], r["shape"] or "", r["dtype"], _number(r["gflops"]), _number(r["spread"]),
         _number(r["percent_of_peak"])]
        for r in run["yard"]
    ]  # fmt: skip
    return _table(["one core", "shape", "dtype", "GFLOP/s", "spread", "% of peak"], rows)


def _pivot(rows: Sequence[Row], shapes: Sequence[str]) -> list[list[str]]:
    """A line a method, a cell a shape."""
    found = []
    for name, threads in dict.fromkeys((r["method"], r["threads"]) for r in rows):
        mine = {r["shape"]: r for r in rows if (r["method"], r["threads"]) == (name, threads)}
        errors = [r["max_relative_error"] for r in mine.values() if r["max_relative_error"]]
        worst = f"{max(errors):.1g}" if errors else "-"
        found.append([name, str(threads), *(_cell(mine.get(shape)) for shape in shapes), worst])
    return found


def _cell(row: Row | None) -> str:
    """Milliseconds, their spread, and percent of peak."""
    if row is None or row["ms"] is None:
        return "-"
    share = row["percent_of_peak"]
    ms = f"{_number(row['ms'])} ± {_number(row['spread'])}"
    return ms if share is None else f"{ms} ms, {share:.0f} %"


def _missing(rows: Sequence[Row]) -> list[str]:
    """Why there is no figure, where there is none."""
    reasons = dict.fromkeys(f"{r['method']}: {r['reason']}" for r in rows if r["ms"] is None)
    return ["", "No figure: " + "; ".join(reasons) + "."] if reasons else []


def _columns(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    cells = [[_number(row.get(name)) for name in names] for row in rows]
    return _table([name.replace("_", " ") for name in names], cells)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---"] * len(names)
    return [f"| {' | '.join(row)} |" for row in (names, rule, *rows)]


def _number(value: Any) -> str:
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


TABLES = {"step": step_tables, "suite": suite_tables, "cluster_scale": scale_tables}


def main() -> int:
    """Fill in what there is a file for."""
    text = README.read_text("utf-8")
    for name, tables in TABLES.items():
        file = RESULTS / f"{name}.json"
        if not file.exists():
            print(f"{file} = absent, but should be there: its table stays as it is")
            continue
        text = filled(text, name, tables(json.loads(file.read_text("utf-8"))))
    README.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
