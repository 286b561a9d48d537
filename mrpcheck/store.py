"""Trained blocks by content: what was trained once is never trained again.

One `.npz` file (never pickled) a block, named by a digest of everything that decides its content,
written to a temporary name and renamed. A process that trains a block holds a lock (the kernel
drops it when the process dies); others wait, or are told that it is `Busy` and turn elsewhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import numpy as np

__all__ = [
    "Arrays",
    "Busy",
    "Elsewhere",
    "asking",
    "counts",
    "fetch",
    "folder",
    "noting",
    "put",
    "source_digest",
    "trim",
]

Arrays = dict[str, np.ndarray]
SOURCES = (
    "late",
    "calls",
    "seeds",
    "kept",
    "plain",
    "views",
    "nets",
    "sampling",
    "starts",
    "growth",
    "clocks",
    "recipes",
    "setups",
    "batches",
    "events",
    "products",
    "cuda_kernels",
    "cuda_products",
    "cuda_graphs",
    "native",
    "fused",
    "slopes",
    "descent",
    "chebyshev",
    "runge_kutta",
    "crossings",
    "flow",
    "paths",
    "models",
    "training",
    "measures",
)
FOLDERS = ("data", "downstream", "encoders", "objectives")
NAME = "block"  # a file says itself whose content it is: one that was moved is not mistaken
LEFT = 3600.0  # seconds after which a half-written file is one that a kill left
BOUND = 8 * 2**30  # bytes; the oldest blocks go first

_log = logging.getLogger("mrpcheck")
_counts = {"asked": 0, "trained": 0}


class Busy(Exception):
    """Another process is training the block that was asked for; text is the block's name."""


class Elsewhere(Protocol):
    """Where blocks may be had that the store does not hold (see `elsewhere.Pool`)."""

    def fetch(self, name: str, trials: int, patient: bool) -> Arrays | None:
        """The block, or None where it is to be made here; `Busy` where it is on its way."""

    def asked(self, name: str) -> bool:
        """Told of a block that was found; whether that counts as asked for."""


_elsewhere: Elsewhere | None = None
_notes: ContextVar[list[Arrays] | None] = ContextVar("notes", default=None)


def folder() -> Path:
    """Where blocks are kept: $MRPCHECK_STORE, or `.mrpcheck/store` under the current folder."""
    return Path(os.environ.get("MRPCHECK_STORE", ".mrpcheck/store"))


def counts() -> dict[str, int]:
    """Trials asked for and trials trained by this process, summed over trainings."""
    return dict(_counts)


@lru_cache(maxsize=1)
def source_digest() -> str:
    """A digest of the sources that decide what training gives."""
    here = Path(__file__).parent
    files = [here / f"{name}.py" for name in SOURCES]
    files += [file for folder in FOLDERS for file in sorted(here.glob(f"{folder}/*.py"))]
    files.append(here / "step.cpp")
    return blake2b(b"".join(file.read_bytes() for file in files), digest_size=16).hexdigest()


def fetch(name: str, make: Callable[[], Arrays], *, trials: int, patient: bool = True) -> Arrays:
    """The arrays stored under `name`, made and stored first where there are none.

    `trials` is how many trainings the block holds, for `counts`. Raises `Busy` where another
    process is making the block and `patient` is False. A store that cannot be written costs a
    warning and the sharing, never a result.
    """
    path = _path(name)
    arrays = _read(path)
    if arrays is None and _elsewhere is not None:
        arrays = _elsewhere.fetch(name, trials, patient)
    if arrays is None:
        with _lock(path.with_suffix(".lock"), patient):
            arrays = _read(path)  # another process may have made it while this one waited
            if arrays is None:
                arrays = make()
                _counts["trained"] += trials
                _write(path, arrays)
    if _elsewhere is None or _elsewhere.asked(name):
        _counts["asked"] += trials
    if (notes := _notes.get()) is not None:
        notes.append(arrays)
    return arrays


def put(name: str, arrays: Arrays, *, trials: int) -> None:
    """Keep a block that was trained elsewhere; it counts as trained by this process."""
    _counts["trained"] += trials
    if not _path(name).exists():
        _write(_path(name), arrays)


@contextlib.contextmanager
def asking(elsewhere: Elsewhere) -> Iterator[None]:
    """Ask `elsewhere` for the blocks that the store does not hold, before any is made here."""
    global _elsewhere
    before, _elsewhere = _elsewhere, elsewhere
    try:
        yield
    finally:
        _elsewhere = before


@contextlib.contextmanager
def noting() -> Iterator[list[Arrays]]:
    """The blocks that are fetched inside, in the order in which they were complete."""
    notes: list[Arrays] = []
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def _path(name: str) -> Path:
    return folder() / name[:2] / f"{name}.npz"


def _read(path: Path) -> Arrays | None:
    """The arrays of a block, or None where there is none that can be read whole."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as block:
            arrays = {key: block[key] for key in block.files}
        if str(arrays.pop(NAME, "")) != path.stem:
            raise ValueError("the content of another block")
        with contextlib.suppress(OSError):
            os.utime(path)  # `trim` drops what was used longest ago
        return arrays
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged block is trained again, whatever is wrong with it
        _log.warning("stored block %s = %r, trained again", path.name, error)
        return None


def _write(path: Path, arrays: Arrays) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
            np.savez(part, **arrays, **{NAME: np.array(path.stem)})  # type: ignore[arg-type]
        os.replace(part.name, path)
    except BaseException as error:
        with contextlib.suppress(OSError, UnboundLocalError):
            os.unlink(part.name)
        if not isinstance(error, OSError):
            raise
        _log.warning("store = %s, but should be writable: %s", folder(), error)


@contextlib.contextmanager
def _lock(path: Path, patient: bool) -> Iterator[None]:
    """Hold the lock of one block; without a writable store there is nothing to hold."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("w")
    except OSError:
        yield
        return
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if patient else fcntl.LOCK_NB))
        except BlockingIOError:
            raise Busy(path.stem) from None
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()


def trim(bound: int = BOUND) -> None:
    """Drop the blocks used longest ago until the store holds at most `bound` bytes."""
    for path in folder().glob("*/*.part"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > LEFT:
                path.unlink()
    blocks = []
    for path in folder().glob("*/*.npz"):
        with contextlib.suppress(OSError):  # another process may be trimming too
            blocks.append((path.stat().st_mtime_ns, path.stat().st_size, path))
    total = sum(size for _, size, _ in blocks)
    for _, size, path in sorted(blocks):
        if total <= bound:
            return
        with contextlib.suppress(OSError):
            path.unlink()
            total -= size
