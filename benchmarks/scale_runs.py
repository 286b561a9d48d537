"""One claim, judged in this process, with its blocks trained or slept elsewhere: what it cost.

A panel has many setups in flight at a time; a search has one, divided among at most 16 workers.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any
from unittest.mock import patch

from scale_machines import Machines
from scale_work import sleep_instead
from suite import empty_store, no_kernel_holds_two

from mrpcheck import cluster
from mrpcheck.judging import judge
from mrpcheck.profiles import Profile
from mrpcheck.records import Block
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.suspects import Search
from mrpcheck.theorems import pixels_regime
from mrpcheck.training import pretrain

__all__ = ["BLOCK", "alone", "block_seconds", "here", "measured"]

BLOCK = 16  # trials of a block
PANEL = Profile("a panel", panel=0, most=384, search=0, shrink=0, doubled=0)
SEARCH = Profile("a search", panel=0, most=384, search=10**6, shrink=0, doubled=0)
STEP = 1e-6  # of the noise, from one setup to the next: other random numbers, the same cost


def measured(
    on: Machines, width: str, count: int, seconds: float | None = None, *, seed: int = 0
) -> dict[str, Any]:
    """A row: `count` setups judged on these machines, by `seconds` of sleep or by training.

    `tasks` are what the executor was given, `blocks` those that count as evidence; CPU is of all
    threads of this process, per task; `in_vain` is a share of the trials that came back. Workers
    keep what they train: another turn of real blocks needs another seed.
    """
    work = cluster.dask_work
    if seconds is not None:
        work = partial(sleep_instead, seconds=seconds, block=BLOCK)
    with (
        empty_store(),
        patch.object(cluster, "dask_work", work),
        cluster.connect(on.file) as pool,
    ):
        before, own = on.seconds(), time.process_time()
        blocks, wall = _judged(width, count, seed)
        own = time.process_time() - own
        scheduler, workers = (after - b for after, b in zip(on.seconds(), before, strict=True))
        tasks = pool.submitted
        return {
            "workers": on.slots, "kind": "real" if seconds is None else "sleep", "width": width,
            "setups": count, "block_s": seconds, "tasks": tasks, "blocks": blocks,
            "seconds": wall, "tasks_per_second": tasks / wall, "blocks_per_second": blocks / wall,
            "coordinator_cpu_ms": 1e3 * own / tasks, "scheduler_cpu_ms": 1e3 * scheduler / tasks,
            "worker_cpu_ms": 1e3 * workers / tasks,
            "in_vain": pool.in_vain / max(pool.trained, 1), "here": pool.here,
        }  # fmt: skip


def here(count: int, seed: int = 0) -> dict[str, Any]:
    """The panel without any cluster: what one worker that never waits would do."""
    with empty_store():
        blocks, wall = _judged("panel", count, seed)
    return {
        "workers": 0, "kind": "real", "width": "panel", "setups": count, "tasks": blocks,
        "blocks": blocks, "seconds": wall, "tasks_per_second": blocks / wall,
        "blocks_per_second": blocks / wall,
    }  # fmt: skip


def block_seconds(times: int) -> float:
    """CPU seconds of training a block at the heart of the pixels' regime: the least of `times`."""
    spent = []
    for number in range(times):
        with empty_store():
            begun = time.process_time()
            pretrain(pixels_regime().heart, Trials(BLOCK, BLOCK * number))
            spent.append(time.process_time() - begun)
    return min(spent)


def alone(count: int) -> list[dict[str, Setup]]:
    """That many setups of equal cost, each with random numbers of its own."""
    heart = pixels_regime().heart
    return [{"setup": heart.replace(noise=heart.data.noise + STEP * i)} for i in range(count)]


def _judged(width: str, count: int, seed: int = 0) -> tuple[int, float]:
    """Blocks that count as evidence, and the seconds from the first request to the verdict."""
    entries: list[Any] = []
    draws = alone(count)
    asked: dict[str, Any] = {"profile": PANEL, "seed": seed}
    if width == "search":
        asked |= {"profile": SEARCH, "search": _one_after_another(draws)}
    begun = time.perf_counter()
    judge(no_kernel_holds_two, [] if width == "search" else draws, record=entries.append, **asked)
    return sum(isinstance(e, Block) for e in entries), time.perf_counter() - begun


def _one_after_another(draws: Sequence[dict[str, Setup]]) -> Search:
    """As Hypothesis does: the next draw may depend on what the last one came to."""
    return lambda screen: next((draw for draw in draws if screen(draw).suspect), None)
