"""Dask's scheduler and workers as processes of their own, so that each one's CPU can be told."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from distributed import Client
from lanes import ONE
from scale_work import imported

__all__ = ["Machines", "machines"]

HERE = Path(__file__).parent
PATIENCE = 60.0  # seconds for the processes to be there


@dataclass(frozen=True)
class Machines:
    """A scheduler on this machine, by its file, and `slots` threads of workers."""

    file: str
    slots: int
    scheduler: psutil.Process
    workers: tuple[psutil.Process, ...]

    def seconds(self) -> tuple[float, float]:
        """CPU seconds so far: the scheduler's, and those of all workers."""
        return _spent(self.scheduler), sum(map(_spent, self.workers))


@contextmanager
def machines(processes: int, threads: int, module: str) -> Iterator[Machines]:
    """`processes` workers with `threads` slots each and `module` imported, gone when it is left."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        file = f"{place}/scheduler.json"
        scheduler = stack.enter_context(
            _process(place, "scheduler", "--port", "0", "--host", "127.0.0.1", "--no-show",
                     "--dashboard-address", "127.0.0.1:0", "--scheduler-file", file)
        )  # fmt: skip
        _until(lambda: Path(file).exists())
        asked = ("--nthreads", str(threads), "--no-nanny", "--memory-limit", "0",
                 "--no-dashboard", "--host", "127.0.0.1", "--local-directory", place)  # fmt: skip
        workers = [
            stack.enter_context(_process(place, "worker", "--scheduler-file", file, *asked))
            for _ in range(processes)
        ]
        with Client(scheduler_file=file, set_as_default=False) as client:
            client.wait_for_workers(processes, timeout=PATIENCE)
            client.run(imported, module)
        yield Machines(file, processes * threads, scheduler, tuple(workers))


@contextmanager
def _process(place: str, role: str, *options: str) -> Iterator[psutil.Process]:
    """`dask scheduler` or `dask worker`, quietly."""
    environment = {
        **os.environ, **ONE, "MRPCHECK_STORE": f"{place}/store",
        "PYTHONPATH": os.pathsep.join(map(str, (HERE, HERE.parent))),
        "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error",
    }  # fmt: skip
    command = [sys.executable, "-m", "dask", role, *options]
    process = subprocess.Popen(
        command, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def _until(there: object) -> None:
    end = time.monotonic() + PATIENCE
    while not there():  # type: ignore[operator]
        if time.monotonic() > end:
            raise TimeoutError(f"scheduler = not there after {PATIENCE:g} s [machines]")
        time.sleep(0.05)


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
