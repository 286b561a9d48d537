"""What the benchmarks share: coins over a regime, repetitions on every core, tables, and JSON.

A coin is a setup whose trials cost nothing: the machinery that judges it is the one that judges
trainings, and thousands of repetitions take minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis.strategies import SearchStrategy
from rich.console import Console
from rich.table import Table

from mrpcheck.regimes import Range
from mrpcheck.seeds import Trials, generator
from mrpcheck.stats import Decision, Walk
from mrpcheck.strategies import regimes_setups

HEART = 0.25  # of every coordinate: inside, so that a draw moves outward both ways


@dataclass(frozen=True)
class Coin:
    """A setup with coordinates in [0, 1]; what its trials come to is up to the claim."""

    at: tuple[float, ...]

    @property
    def key(self) -> str:
        return " ".join(map(repr, self.at))

    def to_json(self) -> list[float]:
        return list(self.at)


@dataclass(frozen=True)
class Coins:
    """The regime of coins in `size` coordinates: the unit cube, its heart at 1/4 of each side."""

    size: int
    name: str = "coins"

    @property
    def heart(self) -> Coin:
        return Coin((HEART,) * self.size)

    def draw(self, pick: Callable[[str, Range, float], float]) -> Coin:
        return Coin(tuple(pick(f"x{i}", Range(0.0, 1.0), HEART) for i in range(self.size)))

    def sample(self, n: int, seed: int) -> list[Coin]:
        points = generator(seed, self.name, "panel").random((n, self.size))
        return [Coin(tuple(point)) for point in points.round(3).tolist()]

    def violations(self, coin: Coin) -> list[str]:
        return []

    def toward_heart(self, coin: Coin) -> Iterator[Coin]:
        for share in (1.0, 0.5):
            for i, x in enumerate(coin.at):
                moved = round(x + share * (HEART - x), 3)
                if moved != x:
                    yield Coin((*coin.at[:i], moved, *coin.at[i + 1 :]))

    def describe(self, coin: Coin) -> str:
        return ", ".join(f"x{i} = {x:.3g}" for i, x in enumerate(coin.at) if x != HEART) or "heart"


def coins(size: int) -> SearchStrategy[Coin]:
    """Coins drawn as setups of any regime are: outward from the heart, on a grid."""
    return regimes_setups(Coins(size))  # type: ignore[arg-type]


def uniforms(coin: Coin, trials: Trials) -> np.ndarray:
    """One number in [0, 1) a trial: the same for a trial whatever block it sits in."""
    rng = trials.generator(coin.key, 0, "coin")
    return rng.random(trials.first + trials.count)[trials.first :]


def normals(coin: Coin, trials: Trials) -> np.ndarray:
    """One standard normal number a trial, likewise."""
    rng = trials.generator(coin.key, 0, "noise")
    return rng.standard_normal(trials.first + trials.count)[trials.first :]


def remember_intervals() -> None:
    """Keep what was computed: intervals are most of a coin's cost, and few outcomes differ."""
    if hasattr(Walk._interval, "cache"):
        return
    known: dict[object, tuple[float, float]] = {}
    compute = Walk._interval

    def interval(walk: Walk, decision: Decision, hits: np.ndarray, looks: np.ndarray) -> Any:
        key = (walk, decision.above, decision.below, hits.tobytes(), looks.tobytes())
        if key not in known:
            known[key] = compute(walk, decision, hits, looks)
        return known[key]

    interval.cache = known  # type: ignore[attr-defined]
    Walk._interval = interval  # type: ignore[method-assign]


def everywhere(work: Callable[..., Any], jobs: Iterable[Sequence[Any]]) -> Iterator[Any]:
    """`work(*job)` for every job, in order, on all the cores."""
    with ProcessPoolExecutor(max_workers=os.cpu_count(), initializer=remember_intervals) as pool:
        for future in [pool.submit(work, *job) for job in jobs]:
            yield future.result()


def options(description: str, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """What every benchmark takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="about a minute, with fewer runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write head and rows as JSON")
    return parser.parse_args(argv)


def head(**more: Any) -> dict[str, Any]:
    """What a table was made with."""
    packages = ("numpy", "scipy", "hypothesis")
    return {
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": cpu(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
        },
        **more,
    }


def cpu() -> str:
    """The processor's model, where the system says."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def show(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as a table; `columns` are keys of a row."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        text = any(isinstance(row.get(column), str) for row in rows)
        table.add_column(column, justify="left" if text else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    Console(width=200, highlight=False).print(table, "")


def save(file: Path | None, head: Mapping[str, Any], rows: Sequence[Any], **more: Any) -> None:
    """Write the benchmark's JSON, where it was asked for."""
    if file is not None:
        file.write_text(json.dumps({**head, "rows": rows, **more}, indent=1) + "\n", "utf-8")


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
