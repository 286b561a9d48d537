"""Dask's workers: a running scheduler by its address, or processes on this machine.

Dask schedules, retries, and shows its dashboard; nothing here does. Imported only where a cluster
is asked for (`pip install mrpcheck[cluster]`).
"""

from __future__ import annotations

import asyncio
import importlib.util
import ipaddress
import logging
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mrpcheck.elsewhere import Pool, training_on
from mrpcheck.working import Refused, work

__all__ = ["Unreachable", "connect", "local_workers", "refusal", "start"]

RETRIES = 10  # times that Dask runs a block again where its worker died
PATIENCE = 30.0  # seconds for a scheduler to answer
STALE = 2.0  # seconds for which a count of workers is believed
PEM = ("ca.pem", "cert.pem", "key.pem")

_log = logging.getLogger("mrpcheck")


class Unreachable(Exception):
    """There is no such cluster; text is a sentence."""


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
    if address.endswith(".json"):
        there = Path(address).is_file()
        return None if there else f"--mrp-cluster = {address}, but should be a scheduler file"
    if tls is None and not open_ and not _loopback(address):
        return (
            f"--mrp-cluster = {address}, but should be on this machine, or reached with "
            "--mrp-cluster-tls FOLDER (--mrp-cluster-open where nobody else is on the network)"
        )
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
        dask.config.set({"distributed.scheduler.allowed-failures": RETRIES}),
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

    Raises `Unreachable` where no scheduler answers.
    """
    from distributed import Client
    from distributed.scheduler import KilledWorker

    where: dict[str, Any] = {"address": address}
    if address.endswith(".json"):
        where = {"scheduler_file": address}
    with ExitStack() as stack:
        try:
            client = stack.enter_context(
                Client(**where, security=_security(tls), timeout=PATIENCE, set_as_default=False)
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise Unreachable(
                f"--mrp-cluster = {address}, but should be a scheduler that answers: {error}"
            ) from None
        wanted = {"resources": {"GPU": 1}} if gpus else {}
        executor = client.get_executor(retries=RETRIES, pure=False, **wanted)
        workers = _Workers(client)
        lost = (KilledWorker, asyncio.CancelledError)
        options = {"ahead": ahead, "lost": lost, "refused": workers.retire, "work": dask_work}
        yield stack.enter_context(training_on(executor, workers.count, **options))


def dask_work(asked: str, text: str, arrays: bytes) -> bytes:
    """`work`, on a Dask worker: a refusal says whose it is."""
    try:
        return work(asked, text, arrays)
    except Refused as error:
        from distributed import get_worker

        raise Refused(str(error), get_worker().address) from None


class _Workers:
    """The workers of a cluster, as they come and go."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._count, self._asked = 1, -STALE
        self._retired: set[str] = set()

    def count(self) -> int:
        """Blocks that can be trained at a time; the last count known while nobody answers."""
        if time.monotonic() - self._asked > STALE:
            self._asked = time.monotonic()
            try:
                self._count = max(1, sum(self._client.nthreads().values()))
            except Exception as error:
                _log.debug("cluster = %r", error)
        return self._count

    def retire(self, error: Refused) -> None:
        """Send a worker of other versions away, and say so once."""
        text, worker = error.args
        if worker in self._retired:
            return
        self._retired.add(worker)
        _log.warning("%s; it is sent away", text)
        try:
            self._client.retire_workers([worker], close_workers=True)
        except Exception as failure:
            _log.warning("%s = %r, but should be gone", worker, failure)


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
