"""A scheduler, workers and a run that judges, each a process of its own; links between them.

Processes are forked from one that has imported torch, so that an attempt costs seconds. Workers
are started again by `supervised` where they end: Dask's workers end when their scheduler does, and
whoever runs a cluster (SLURM, Kubernetes, systemd, here this program) starts them again.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import json
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Link", "Place", "linked", "place"]

CLAIMS = """
from hypothesis import given

from mrpcheck import Setup, finetune, pretrain
from mrpcheck.claims import at, with_probability
from mrpcheck.measures import accuracy, features_captured

TINY = Setup().replace(classes=3, dim=12, patches=8, sparsity=1.0, samples=24, steps=60,
                       kernels_per_class=2)
SETUPS = [TINY, TINY.replace(noise=0.02)]
claimed = with_probability(at_least=0.9, tolerance=0.1)


@at(setup=SETUPS)
@claimed
def test_true(setup, trials):
    return features_captured(pretrain(setup, trials), setup).float().mean(-1) >= 0.0


@at(setup=SETUPS)
@claimed
def test_fair(setup, trials):
    return pretrain(setup.replace(steps=50), trials).kernels.flatten(1).double().sum(1) > 0


@at(setup=SETUPS[:1])
@claimed
def test_tuned(setup, trials):
    model = finetune(pretrain(setup.replace(steps=40), trials), setup, trials)
    return accuracy(model, setup, trials, "mixed") >= 0.0
"""

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(
    [
        "torch", "pytest", "distributed", "matplotlib.figure", "mrpcheck.training",
        "mrpcheck.downstream", "mrpcheck.cluster", "mrpcheck.plugin.beginning",
        "mrpcheck.plugin.ledger", "mrpcheck.plugin.tracing", "mrpcheck.report", "scipy.stats",
        "mrpcheck.objectives.codebooks",
    ]
)  # fmt: skip
LIMIT = 900.0  # seconds after which a run counts as hanging
NET = 0x40000000  # CLONE_NEWNET
LOOPBACK = "127.0.0.1"
_numbers = itertools.count(1)


@dataclass
class Place:
    """A folder with claims in it, and the processes of a cluster.

    host     where the scheduler listens
    """

    folder: Path
    host: str = LOOPBACK
    port: int = 0
    processes: list[Any] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"tcp://{self.host}:{self.port}"

    def started(self, what: Callable[..., None], *args: Any, **how: Any) -> Any:
        """A process under way: `how` are `log`, `net`, `store` and what else `_begin` takes."""
        process = FORK.Process(target=_begin, args=(self.folder, what, args, how))
        process.start()
        self.processes.append(process)
        return process

    def scheduler(self) -> Any:
        """The scheduler, always at the same address."""
        self.port = self.port or _free_port()
        return self.started(_scheduler, self.host, self.port, log="scheduler")

    def worker(self, name: str, host: str | None = None, torch: str = "", **how: Any) -> Any:
        """A worker with a store of its own; `torch` is the version that it says it has."""
        how = {"log": f"worker-{name}", "store": f"store-{name}", **how}
        return self.started(_worker, self.address, name, host or self.host, torch, **how)

    @property
    def report(self) -> Path:
        return self.folder / "run"

    def run(self, *options: str, alone: bool = False, **how: Any) -> Any:
        """pytest, under way, on the cluster unless `alone`."""
        cluster = [] if alone else [f"--mrp-cluster={self.address}", "--mrp-cluster-open"]
        how = {"log": "run", "store": "store", **how}
        return self.started(_pytest, [*cluster, *(options or ["--mrp-report=run"])], **how)

    def text(self, log: str) -> str:
        """What a process printed."""
        path = self.folder / f"{log}.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def blocks(self) -> int:
        """Blocks that the run has recorded so far."""
        files = self.report.glob("parts/*.jsonl")
        with suppress(OSError):
            return sum(file.read_bytes().count(b'"block"') for file in files)
        return 0

    def wait_for(self, process: Any, blocks: int) -> None:
        """Until the run has reached its scheduler and recorded so many blocks, or is over."""
        until, begun = time.monotonic() + LIMIT, self.report / "manifest.json"
        while process.is_alive() and time.monotonic() < until:
            if begun.exists() and self.blocks() >= blocks:
                return
            time.sleep(0.05)

    def manifest(self) -> Mapping[str, Any]:
        """What the run says of itself; empty where there is nothing."""
        try:
            return dict(json.loads((self.report / "manifest.json").read_text("utf-8")))
        except (OSError, ValueError):
            return {}

    @contextmanager
    def supervised(self, *workers: Callable[[], Any]) -> Iterator[list[Any]]:
        """Workers that are started again when they end; the list is of those that run now."""
        now, over = [start() for start in workers], threading.Event()

        def look() -> None:
            while not over.wait(0.5):
                for i, start in enumerate(workers):
                    if not now[i].is_alive():
                        now[i] = start()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield now
        finally:
            over.set()
            thread.join()

    def end(self) -> None:
        """Kill whatever is left."""
        for process in self.processes:
            if process.is_alive():
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            process.join()


@contextmanager
def place(host: str = LOOPBACK) -> Iterator[Place]:
    """A temporary folder with claims about small trainings."""
    folder = Path(tempfile.mkdtemp(prefix="cluster-faults-"))
    (folder / "test_victim.py").write_text(CLAIMS)
    there = Place(folder, host)
    try:
        yield there
    finally:
        there.end()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Link:
    """A cable to a network namespace: `near` is this end's address, `far` the one inside."""

    name: str
    near: str
    far: str

    def cut(self, seconds: float) -> None:
        """Nothing passes for so long."""
        self._inside("link", "set", self.name, "down")
        time.sleep(seconds)
        self._inside("link", "set", self.name, "up")

    def slow(self, rate: int) -> None:
        """From now on so many kbit/s each way, with the queue that comes of it."""
        shape = ["root", "tbf", "rate", f"{rate}kbit", "burst", "2kb", "latency", "1s"]
        _do("tc", "qdisc", "add", "dev", f"{self.name}n", *shape)
        _do("ip", "netns", "exec", self.name, "tc", "qdisc", "add", "dev", self.name, *shape)

    def _inside(self, *words: str) -> None:
        _do("ip", "-n", self.name, *words)


@contextmanager
def linked() -> Iterator[Link]:
    """A network namespace of its own, with one cable to it; root only."""
    number = next(_numbers)
    name, net = f"mrp{os.getpid()}x{number}", f"10.{77 + number // 256}.{number % 256}"
    link = Link(name, f"{net}.1", f"{net}.2")
    _do("ip", "netns", "add", name)
    try:
        _do("ip", "link", "add", f"{name}n", "type", "veth", "peer", "name", name)
        _do("ip", "link", "set", name, "netns", name)
        _do("ip", "addr", "add", f"{link.near}/30", "dev", f"{name}n")
        _do("ip", "link", "set", f"{name}n", "up")
        _do("ip", "-n", name, "addr", "add", f"{link.far}/30", "dev", name)
        for each in ("lo", name):
            _do("ip", "-n", name, "link", "set", each, "up")
        yield link
    finally:
        subprocess.run(["ip", "link", "del", f"{name}n"], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("", 0))
        return int(found.getsockname()[1])


def _begin(folder: Path, what: Callable[..., None], args: Any, how: Mapping[str, Any]) -> None:
    """In the new process: its folder, its output, its store, its network; then what it is for."""
    os.chdir(folder)
    out = os.open(folder / f"{how['log']}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ["MRPCHECK_STORE"] = str(folder / how.get("store", "store"))
    if net := how.get("net"):
        handle = os.open(f"/run/netns/{net}", os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(handle, NET):
            raise OSError(ctypes.get_errno(), "setns")
    what(*args)


def _scheduler(host: str, port: int) -> None:
    from distributed import Scheduler

    async def serve() -> None:
        quiet = {"dashboard": False, "dashboard_address": f"{LOOPBACK}:0"}
        async with Scheduler(host=host, port=port, **quiet) as scheduler:
            await scheduler.finished()

    asyncio.run(serve())


def _worker(address: str, name: str, host: str, version: str) -> None:
    import torch
    from distributed import Worker

    logging.getLogger("distributed").setLevel(logging.WARNING)
    if version:
        torch.__version__ = version

    async def serve() -> None:
        options = {"nthreads": 1, "dashboard": False, "host": host}
        named = {"name": f"{name}-{os.getpid()}", "local_directory": str(Path.cwd() / "dask")}
        async with Worker(address, **options, **named) as worker:
            await worker.finished()

    asyncio.run(serve())


def _pytest(options: list[str]) -> None:
    import pytest

    import mrpcheck.report

    mrpcheck.report.write = lambda *_, **__: None  # the page takes longer than these claims
    os.environ["COLUMNS"] = "100"
    code = pytest.main(["-q", "-p", "no:cacheprovider", "--mrp-device=cpu", *options])
    os._exit(int(code))
