"""How many workers one coordinator keeps busy: real blocks on 1 and 2, slept ones on up to 500.

A task is what the executor is given; `efficiency` is the time that workers spent on blocks that
count as evidence, as a share of all the time that they were there. Blocks trained in vain, waiting,
and the coordinator's own work are all that it lacks.
"""

from __future__ import annotations

import shlex
import statistics
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import torch
from common import head, options, save, show
from scale_machines import machines
from scale_runs import block_seconds, here, measured

COMMAND = "python -m benchmarks.cluster_scale "
LENGTHS = (0.3, 10.0)  # seconds of a block: of the theorem files; of the motivating case on a GPU
QUICK_REAL, REAL = 2, 8  # setups of a real panel
TIMES = 3  # that each real mode has its turn
WORKERS = ((1, 1), (1, 2), (1, 8), (2, 16), (4, 32), (4, 125))  # processes, slots of each
QUICK_WORKERS = ((1, 1), (1, 8), (2, 16))
LONG_WORKERS = ((4, 32), (4, 125))
COLUMNS = (
    "workers", "kind", "width", "block_s", "setups", "tasks", "tasks_per_second", "efficiency",
    "spread", "coordinator_cpu_ms", "scheduler_cpu_ms", "worker_cpu_ms", "in_vain",
)  # fmt: skip
NOTE = """workers             0: no cluster, trained in the process that judges
block_s             of a block of 16 trials; sleep: as given; real: CPU seconds, the least of 5
efficiency          sleep: blocks that count x block_s / (workers x seconds); real: blocks a second
                    over workers x those of the runs without a cluster
spread              of the efficiency over the turns: largest less smallest
*_cpu_ms            per task, all threads; a worker's is all but the sleep (real: training too)
in_vain             share of the trials that came back for which no claim has asked"""


def real(quick: bool) -> list[dict[str, Any]]:
    """No cluster, one worker, two: each has its turn in every round."""
    count, times = (QUICK_REAL, 1) if quick else (REAL, TIMES)
    length = block_seconds(1 if quick else 5)
    here(1)  # what is imported and built once is in no figure
    found: dict[int, list[dict[str, Any]]] = {0: [], 1: [], 2: []}
    with machines(1, 1, "mrpcheck.working") as one, machines(2, 1, "mrpcheck.working") as two:
        for on in (one, two):
            measured(on, "panel", 1, seed=times)
        for seed in range(times):
            found[0].append(here(count, seed))
            for on in (one, two):
                found[on.slots].append(measured(on, "panel", count, seed=seed))
    alone = statistics.median(row["blocks_per_second"] for row in found[0])
    return [
        {**_median(rows, [r["blocks_per_second"] / (max(w, 1) * alone) for r in rows]),
         "block_s": length}
        for w, rows in found.items()
    ]  # fmt: skip


def slept(quick: bool) -> list[dict[str, Any]]:
    """Panels and searches of slept blocks, from one worker to hundreds."""
    rows = []
    for shape in QUICK_WORKERS if quick else WORKERS:
        rows += _on(shape, LENGTHS[0], searches=True)
    for shape in () if quick else LONG_WORKERS:
        rows += _on(shape, LENGTHS[1], searches=False)
    return rows


def _on(shape: tuple[int, int], seconds: float, *, searches: bool) -> list[dict[str, Any]]:
    """A panel of at least twice as many setups as there are workers, and a search."""
    with machines(*shape, "numpy") as on:
        measured(on, "panel", 1, 0.01)
        rows = [measured(on, "panel", max(16, 2 * on.slots), seconds)]
        if searches:
            rows.append(measured(on, "search", 16, seconds))
    for row in rows:
        row["efficiency"] = row["blocks_per_second"] * seconds / row["workers"]
    return rows


def _median(rows: Sequence[dict[str, Any]], efficiencies: Sequence[float]) -> dict[str, Any]:
    """One row for several turns: medians of what was measured."""
    figures = {
        name: statistics.median(row[name] for row in rows)
        for name, value in rows[0].items()
        if isinstance(value, (int, float))
    }
    spread = max(efficiencies) - min(efficiencies)
    return {
        **rows[0], **figures, "efficiency": statistics.median(efficiencies), "spread": spread,
        "turns": len(rows),
    }  # fmt: skip


def main() -> int:
    """Both kinds, as one table."""
    chosen = options(__doc__ or "")
    torch.set_num_threads(1)
    rows = real(chosen.quick) + slept(chosen.quick)
    show("one coordinator", rows, COLUMNS)
    print(NOTE)
    more = {
        "command": COMMAND + shlex.join(sys.argv[1:]),
        "versions": {"torch": torch.__version__, "distributed": version("distributed")},
    }
    save(chosen.json, head(**more), rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
