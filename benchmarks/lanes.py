"""A lane: one method in a process of its own, on its own cores, that measures when it is told to.

Methods of one table share neither threads, nor settings, nor memory; all of one core's lanes sit
on the same core, and only one of them works at a time.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from problems import Problem

__all__ = ["Lane", "Lost"]

ONE = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
XLA = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
JAX = {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1", "XLA_FLAGS": XLA}
PATIENCE = 600.0  # seconds that a lane may take to answer


class Lost(Exception):
    """Why a lane has no figure."""


class Lane:
    """A process that answers: `ask(what, ...)` calls the function of that name, below.

    module   of `peers`, or None for what belongs to no method
    threads  1: on the last core that this process may use; 2: on the last two
    """

    def __init__(self, module: str | None, threads: int = 1, **environment: str) -> None:
        pins = hasattr(os, "sched_getaffinity")
        cores = sorted(os.sched_getaffinity(0)) if pins else list(range(os.cpu_count() or 1))
        if threads > len(cores):
            raise Lost(f"cores = {len(cores)}, but should be at least {threads} [lane]")
        spawn = multiprocessing.get_context("spawn")
        self.pipe, end = spawn.Pipe()
        self.process = spawn.Process(
            target=_answer, args=(end, module, threads, cores[-threads:]), daemon=True
        )
        before = dict(os.environ)
        os.environ.update({**ONE, **JAX, **environment})
        try:
            self.process.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        end.close()

    def ask(self, what: str, *arguments: Any) -> Any:
        """The answer; raises `Lost` with the reason where there is none."""
        try:
            self.pipe.send((what, arguments))
            if not self.pipe.poll(PATIENCE):
                raise Lost(f"answer = none, but should come within {PATIENCE:g} s [{what}]")
            lost, answer = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(5)
            raise Lost(f"process = ended ({self.process.exitcode}) [{what}]") from None
        if lost is not None:
            raise Lost(lost)
        return answer

    def close(self) -> None:
        """End the process."""
        self.pipe.close()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()


class _Work:
    """What a lane holds between questions."""

    def __init__(self, module: str | None) -> None:
        self.module = module
        self.advance: Callable[[int, float], np.ndarray] | None = None
        self.peak: Any = None

    def prepare(self, problem: Problem) -> float:
        """Make ready, anew; returns the seconds until the first steps were done."""
        begun = time.perf_counter()
        self.advance = None
        gc.collect()
        self.advance = importlib.import_module(f"peers.{self.module}").prepare(problem)
        self._run(1)
        self._run(1 + problem.size.steps)
        return time.perf_counter() - begun

    def ended(self, steps: int, rate: float) -> np.ndarray:
        """The kernels after `steps`."""
        assert self.advance is not None
        return self.advance(steps, rate)

    def milliseconds(self, steps: int, trials: int) -> float:
        """Of a trial's step: `steps` more of them, less what a training costs once."""
        begun = time.perf_counter()
        self._run(1)
        between = time.perf_counter()
        self._run(1 + steps)
        once, all_ = between - begun, time.perf_counter() - between
        return 1e3 * (all_ - once) / (steps * trials)

    def peak_rate(self, dtype: str) -> float:
        """GFLOP/s of chained multiply-adds."""
        return float(self.peak.rate(dtype))

    def find_peak(self) -> dict[str, Any]:
        """Build and check the chains."""
        from peak import NoPeak, Peak

        try:
            self.peak = Peak()
        except NoPeak as error:
            raise Lost(str(error)) from None
        found: dict[str, Any] = self.peak.describe()
        return found

    def product_rate(self, problem: Problem) -> float:
        """GFLOP/s of `torch.mm` of all patches of a trial and its kernels, into a kept result."""
        import torch

        x, start = (torch.from_numpy(array[0]) for array in problem.data())
        x = x.flatten(0, 1)
        out = torch.mm(x, start.T)
        count = max(1, int(2e9 / problem.size.flops))
        begun = time.perf_counter()
        for _ in range(count):
            torch.mm(x, start.T, out=out)
        return 1e-9 * count * problem.size.flops / (time.perf_counter() - begun)

    def versions(self, *packages: str) -> dict[str, str | None]:
        """Of what is installed."""
        from importlib.metadata import PackageNotFoundError, version

        found: dict[str, str | None] = {}
        for name in packages:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = None
        return found

    def _run(self, steps: int) -> None:
        assert self.advance is not None
        self.advance(steps, 1e-3)


def _answer(end: Connection, module: str | None, threads: int, cores: list[int]) -> None:
    """Answer questions until the other end is closed."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    import torch

    torch.set_num_threads(threads)
    work = _Work(module)
    while True:
        try:
            what, arguments = end.recv()
        except EOFError:
            return
        try:
            end.send((None, getattr(work, what)(*arguments)))
        except Exception as error:
            first = (str(error).strip() or "no message").partition("\n")[0][:200]
            text = first if isinstance(error, Lost) else f"{type(error).__name__}: {first}"
            end.send((text, None))
