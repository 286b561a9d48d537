"""Dask's workers: a running scheduler by its address, or processes on this machine.

Dask schedules, retries, and shows its dashboard; nothing here does. Imported only where a cluster
is asked for (`pip install mrpcheck[cluster]`).
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import ipaddress
import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mrpcheck.elsewhere import Pool, training_on
from mrpcheck.working import Refused, work

__all__ = ["Lost", "Unreachable", "connect", "local_workers", "refusal", "start"]

FAILURES = 10  # deaths of its worker after which a block is given back, of `local:N`
PATIENCE = 30.0  # seconds for a scheduler to answer, or to come back
BRIEF = 5.0  # seconds for one that had gone
AGAIN = 60.0  # seconds between two looks for one that had gone
STALE = 2.0  # seconds for which a count of workers is believed
PEM = ("ca.pem", "cert.pem", "key.pem")

_log = logging.getLogger("mrpcheck")


class Unreachable(Exception):
    """There is no such cluster; text is a sentence."""


class Lost(Exception):
    """A block went wrong on its way, not in its training."""


def local_workers(address: str) -> int | None:
    """N of `local:N`; None for anything else."""
    found = re.fullmatch(r"local:([1-9]\d*)", address)
    return int(found[1]) if found else None


def refusal(address: str, tls: str | None, open_: bool) -> str | None:
    """Why a cluster is not used as it was asked for; None where it may be."""
    if importlib.util.find_spec("distributed") is None:
        return f"--mrp-cluster = {address}, but should have Dask: pip install 'mrpcheck[cluster]'"
    missing = [name for name in PEM if tls is not None and not Path(tls, name).is_file()]
    if missing:
        return f"--mrp-cluster-tls = {tls}, but should be a folder that holds {', '.join(PEM)}"
    if re.match("local:", address):
        wrong = local_workers(address) is None
        return f"--mrp-cluster = {address}, but should be local:N, N >= 1" if wrong else None
    host = _listed(address) if address.endswith(".json") else address
    if host is None:
        return f"--mrp-cluster = {address}, but should be a scheduler file"
    if host.startswith("tls://") and tls is None:
        return f"--mrp-cluster = {address}, but should be beside --mrp-cluster-tls FOLDER"
    if tls is None and not open_ and not _loopback(host):
        return (
            f"--mrp-cluster = {address}, but should be on this machine, or reached with "
            "--mrp-cluster-tls FOLDER (--mrp-cluster-open where nobody else is on the network)"
        )
    return None


def _listed(file: str) -> str | None:
    """The address that a scheduler file holds; None where it is no such file."""
    try:
        return str(json.loads(Path(file).read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def start(address: str, tls: str | None = None) -> Iterator[str]:
    """The address of a scheduler: `address` itself, or that of N workers started for `local:N`."""
    count = local_workers(address)
    if count is None:
        yield address
        return
    import dask
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": FAILURES}),
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            security=_security(tls),
            silence_logs=logging.ERROR,
        ) as cluster,
    ):
        yield str(cluster.scheduler_address)


@contextmanager
def connect(
    address: str, tls: str | None = None, *, gpus: bool = False, ahead: int = 2
) -> Iterator[Pool]:
    """Train on the workers of a scheduler whatever is asked for inside.

    address  tcp:// or tls:// and host:port, or a scheduler file (.json)
    tls      a folder with ca.pem, cert.pem and key.pem: nothing is sent or taken in plain
    gpus     ask for workers that were started with `--resources GPU=1`, one process a GPU

    A scheduler that goes away is looked for again, at the same address. Raises `Unreachable` where
    none answers at first.
    """
    from distributed import Client
    from distributed.scheduler import KilledWorker

    where = "scheduler_file" if address.endswith(".json") else "address"
    security = _security(tls)

    def reach(seconds: float) -> Any:
        options = {where: address, "security": security, "timeout": seconds}
        return _begun(lambda: Client(**options, set_as_default=False))

    try:
        dask = Dask(reach, gpus)
    except Unreachable as error:
        raise Unreachable(
            f"--mrp-cluster = {address}, but should be a scheduler that answers: {error}"
        ) from None
    lost = (KilledWorker, asyncio.CancelledError, Lost)
    options = {"ahead": ahead, "lost": lost, "refused": dask.retire, "work": dask_work}
    with _quiet(), dask, training_on(dask, dask.count, **options) as pool:
        yield pool


def _begun(make: Callable[[], Any]) -> Any:
    """A client, or `Unreachable` once nothing is left of it.

    A client that could not begin closes itself when it is collected; where that is within the start
    of another one, distributed (2026.8) waits for itself for 10 s and gives up.
    """
    try:
        return make()
    except Exception as error:
        said = str(error) or repr(error)
    gc.collect()
    raise Unreachable(said)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what Dask tells of each connection that closes, tracebacks among it."""
    log = logging.getLogger("distributed")
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(before)


def dask_work(asked: str, text: str, arrays: bytes) -> bytes:
    """`work`, on a Dask worker: a refusal says whose it is."""
    try:
        return work(asked, text, arrays)
    except Refused as error:
        from distributed import get_worker

        raise Refused(str(error), get_worker().address) from None


class Dask(Executor):
    """The workers of a scheduler, as they and it come and go; nothing here waits for long.

    `Client.get_executor` would do, but for an answer that breaks off while it is fetched: its
    future never ends (distributed 2026.8).
    """

    def __init__(self, reach: Callable[[float], Any], gpus: bool = False) -> None:
        self._reach, self._gpus = reach, gpus
        self._client = reach(PATIENCE)
        self._count = 0
        self._looked = self._sought = -AGAIN
        self._answer: Future[dict[str, Any]] | None = None

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a worker call it; raises at once where no client is left."""
        wanted = {"resources": {"GPU": 1}} if self._gpus else {}
        return self._soon(_result(self._client.submit(function, *args, pure=False, **wanted)))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; what is under way is given up."""
        self._client.close(timeout=BRIEF)

    def count(self) -> int:
        """Blocks that can be trained at a time; 0 where there is no worker, or nobody answers."""
        if self._client.status == "closed" and time.monotonic() - self._sought > AGAIN:
            self._seek()
        if self._client.status != "running":
            self._answer, self._count = None, 0
        elif self._answer is not None:
            self._take(0.0)
        elif time.monotonic() - self._looked > STALE:
            self._looked = time.monotonic()
            everyone = -1 if self._gpus else 0
            self._answer = self._soon(self._client.scheduler.identity(n_workers=everyone))
            self._take(STALE)
        return self._count

    @property
    def dashboard(self) -> str | None:
        """Where Dask shows what its workers do; None where the scheduler has none."""
        try:
            return str(self._client.dashboard_link or "") or None
        except Exception:
            return None

    def retire(self, error: Refused) -> None:
        """Send a worker of other versions away."""
        workers = list(error.args[1:])
        with suppress(Exception):  # it will be refused again
            asked = self._client.scheduler.retire_workers(workers=workers, close_workers=True)
            self._soon(asked).result(BRIEF)

    def _seek(self) -> None:
        """Another client, where this one gave its scheduler up."""
        self._sought = time.monotonic()
        try:
            self._client = self._reach(BRIEF)
        except Unreachable as error:
            _log.debug("scheduler = %s", error)

    def _take(self, seconds: float) -> None:
        """The answer to `count`, waiting so long for it; none for long is no worker."""
        assert self._answer is not None
        try:
            found = self._answer.result(timeout=seconds)
        except TimeoutError:
            if time.monotonic() - self._looked > PATIENCE:
                self._count = 0
            return
        except BaseException as error:
            _log.debug("cluster = %r", error)
            found = {"total_threads": 0, "workers": {}}
        self._answer, threads = None, int(found["total_threads"])
        gpus = sum(int(w["resources"].get("GPU", 0)) for w in found["workers"].values())
        self._count = gpus if self._gpus else threads

    def _soon(self, coroutine: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._client.loop.asyncio_loop)


async def _result(future: Any) -> Any:
    try:
        return await future
    except Exception as error:
        if future.status == "error":
            raise
        raise Lost(repr(error)) from error


def _security(folder: str | None) -> Any:
    if folder is None:
        return None
    from distributed import Security

    ca, cert, key = (str(Path(folder, name)) for name in PEM)
    roles = {
        f"tls_{role}_{part}": path
        for role in ("client", "worker", "scheduler")
        for part, path in (("cert", cert), ("key", key))
    }
    return Security(tls_ca_file=ca, require_encryption=True, **roles)


def _loopback(address: str) -> bool:
    host = urlsplit(address if "://" in address else f"tcp://{address}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
