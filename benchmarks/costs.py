"""What whole runs and many trials cost: theorem files under pytest, and trials by the block."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lanes import ONE
from problems import Problem

from mrpcheck.memory import peak_memory
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.views import TRAINING, sample

__all__ = ["of_files", "of_trials"]

HERE = Path(__file__).parent
ROOT = HERE.parent
BLOCK = 16  # trials that a request asks for, as the profiles do
STEPS = 20  # of a training whose trials are counted: what a trial costs once is in it as well


def of_files(files: Sequence[str], workers: int, *more: str) -> dict[str, Any]:
    """A run of these files from an empty store, in a folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        there = Path(place)
        shutil.copytree(ROOT / "properties", there / "properties")
        clocks = there / "clocks"
        clocks.mkdir()
        environment = {
            **os.environ, **ONE, "MRPCHECK_STORE": str(there / "store"),
            "MRPCHECK_CLOCKED": str(clocks), "PYTHONPATH": str(HERE),
        }  # fmt: skip
        command = [
            sys.executable, "-m", "pytest", "-p", "clocked", "-q", "--import-mode=importlib",
            f"--rootdir={there}", f"-n{workers}", "--mrp-report=run", *more,
            *(f"properties/{name}" for name in files),
        ]  # fmt: skip
        begun = time.perf_counter()
        done = subprocess.run(command, cwd=there, env=environment, capture_output=True, text=True)
        seconds = time.perf_counter() - begun
        try:
            manifest = json.loads((there / "run" / "manifest.json").read_text("utf-8"))
        except FileNotFoundError:
            raise RuntimeError(f"pytest = {done.returncode}: {done.stdout[-500:]}") from None
        return _run_row(files, workers, done.returncode, seconds, manifest, _clocks(clocks))


def _clocks(folder: Path) -> list[dict[str, float]]:
    """What each process that trained anything spent where."""
    found = [json.loads(file.read_text("utf-8")) for file in folder.glob("*.json")]
    return [each for each in found if each["native"] + each["closed_form"] > 0]


def _run_row(
    files: Sequence[str],
    workers: int,
    status: int,
    seconds: float,
    manifest: dict[str, Any],
    clocks: list[dict[str, float]],
) -> dict[str, Any]:
    asked, trained = manifest["asked"], manifest["trained"]
    judging = sum(each["judging"] for each in clocks)
    native = sum(each["native"] for each in clocks)
    fast = native + sum(each["closed_form"] for each in clocks)
    return {
        "files": " ".join(files), "workers": workers, "status": status, "seconds": seconds,
        "asked": asked, "trained": trained, "trainings_per_minute": 60 * trained / seconds,
        "percent_from_store": 100 * (1 - trained / asked) if asked else None,
        "percent_fast": 100 * fast / judging if judging else None,
        "percent_native": 100 * native / judging if judging else None,
        "peak_memory_mb": (manifest["peak_memory"] or 0) / 1e6,
    }  # fmt: skip


def of_trials(count: int) -> dict[str, Any]:
    """`count` trials at S, by the block, in a fresh process with an empty store."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as store, spawn.Pool(1) as pool:
        before, peak, seconds, data = pool.apply(_train, (count, store))
    return {
        "trials": count, "seconds": seconds, "ms_per_trial": 1e3 * seconds / count,
        "data_ms": 1e3 * data,
        "peak_memory_mb": peak / 1e6, "added_memory_mb": (peak - before) / 1e6,
    }  # fmt: skip


def _train(count: int, store: str) -> tuple[int, int, float, float]:
    """Peak memory before and after, the seconds between, and those of drawing a trial's samples."""
    os.environ["MRPCHECK_STORE"] = store
    import torch

    from mrpcheck.training import pretrain

    torch.set_num_threads(1)
    setup = Problem("S", "float32", "latents").setup.derive(steps=STEPS)
    pretrain(setup, Trials(1, stream="warm"))
    before = peak_memory() or 0
    begun = time.perf_counter()
    for first in range(0, count, BLOCK):
        pretrain(setup, Trials(min(BLOCK, count - first), first=first))
    seconds = time.perf_counter() - begun
    return before, peak_memory() or 0, seconds, _data_seconds(setup)


def _data_seconds(setup: Setup) -> float:
    """Seconds that a trial's samples take, drawn afresh."""
    many = Trials(BLOCK, stream="data")
    begun = time.perf_counter()
    sample(setup.data, setup.key, many, setup.recipe.samples, purpose=TRAINING)
    return (time.perf_counter() - begun) / BLOCK
