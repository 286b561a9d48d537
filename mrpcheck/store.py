"""Trained blocks by content: what was trained once is never trained again.

One `.npz` file (never pickled) a block, named by a digest of everything that decides its content.
They lie in a folder, where one process trains a block and others wait for it, or are told that it
is `Busy` and turn elsewhere; or wherever a URL says (see `distant`).
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import numpy as np

# Like this module not among SOURCES: where a block lies decides nothing of what is in it
import mrpcheck.distant as distant
import mrpcheck.guarded as guarded
import mrpcheck.places as places
import mrpcheck.trimming as trimming

__all__ = [
    "Arrays",
    "Busy",
    "Elsewhere",
    "answering",
    "asking",
    "bound",
    "counts",
    "fetch",
    "folder",
    "noting",
    "put",
    "source_digest",
    "trim",
]

Arrays = dict[str, np.ndarray]
Busy = places.Busy
bound = trimming.bound
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

_log = logging.getLogger("mrpcheck")
_counts = {"asked": 0, "trained": 0}


class Elsewhere(Protocol):
    """Where blocks may be had that the store does not hold (see `elsewhere.Pool`)."""

    def fetch(self, name: str, trials: int, patient: bool) -> Arrays | None:
        """The block, or None where it is to be made here; `Busy` where it is on its way."""

    def asked(self, name: str) -> bool:
        """Told of a block that was found; whether that counts as asked for."""


_elsewhere: ContextVar[Elsewhere | None] = ContextVar("elsewhere", default=None)
_notes: ContextVar[list[Arrays] | None] = ContextVar("notes", default=None)


def address() -> str:
    """Where blocks are kept: $MRPCHECK_STORE, a path or a URL, or else `.mrpcheck/store` here."""
    return os.environ.get("MRPCHECK_STORE", ".mrpcheck/store")


def folder() -> Path:
    """The folder in which blocks are kept; ValueError where they are kept at a URL."""
    if distant.is_url(address()):
        raise ValueError(f"store = {distant.shown(address())}, but should be a path [folder]")
    return Path(address())


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
    process is making the block and `patient` is False. A store that cannot be reached or
    written costs a warning and the sharing, never a result.
    """
    place = _place()
    arrays = _read(place, name)
    elsewhere = _elsewhere.get()
    if arrays is None and elsewhere is not None:
        arrays = elsewhere.fetch(name, trials, patient)
    if arrays is None:
        with place.lock(name, patient) as waited:
            arrays = _read(place, name) if waited else None  # another may have made it meanwhile
            if arrays is None:
                arrays = _made(make)
                _counts["trained"] += trials
                _write(place, name, arrays)
    if elsewhere is None or elsewhere.asked(name):
        _counts["asked"] += trials
    if (notes := _notes.get()) is not None:
        notes.append(arrays)
    return arrays


def _made(make: Callable[[], Arrays]) -> Arrays:
    """A new block; those that it goes on from are not counted, so that it counts once anywhere."""
    before = dict(_counts)
    try:
        return make()
    finally:
        _counts.update(before)


def put(name: str, arrays: Arrays, *, trials: int) -> None:
    """Keep a block that was trained elsewhere; it counts as trained by this process."""
    _counts["trained"] += trials
    _write(_place(), name, arrays, again=False)


@contextlib.contextmanager
def asking(elsewhere: Elsewhere | None) -> Iterator[None]:
    """Ask `elsewhere` for the blocks that the store does not hold, before any is made here.

    Threads that are begun inside do not: they may be those that make the blocks. Processes that are
    forked inside would, of a copy that nobody answers: None has them make blocks themselves.
    """
    token = _elsewhere.set(elsewhere)
    try:
        yield
    finally:
        _elsewhere.reset(token)


@contextlib.contextmanager
def answering(patient: bool) -> Iterator[None]:
    """One answer of a claim: where it met a block under way, nothing was asked for.

    Raises `Busy` then, also where the claim itself has caught it: what it did next is no answer.
    """
    asked, met = _counts["asked"], Busy.met
    try:
        yield
    except BaseException as error:
        if patient or Busy.met == met or isinstance(error, KeyboardInterrupt):
            raise
    if not patient and Busy.met != met:
        _counts["asked"] = asked
        raise Busy("met on the way")


@contextlib.contextmanager
def noting() -> Iterator[list[Arrays]]:
    """The blocks that are fetched inside, in the order in which they were complete."""
    notes: list[Arrays] = []
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def trim(most: int | None = None) -> None:
    """Drop the blocks used longest ago until the store holds at most `most` bytes, or `bound()`."""
    most = bound() if most is None else most
    if most is not None:
        trimming.trim(_place(), most)


def _place() -> guarded.Guarded:
    return guarded.guarded(address())


def _read(place: guarded.Guarded, name: str) -> Arrays | None:
    """The arrays of a block, or None where there is none that can be read whole."""
    content = place.read(name)
    if content is None:
        return None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as block:
            arrays = {key: block[key] for key in block.files}
        if str(arrays.pop(NAME, "")) != name:
            raise ValueError("the content of another block")
        return arrays
    except Exception as error:  # a damaged block is trained again, whatever is wrong with it
        _log.warning("stored block %s = %r, trained again", f"{name}{places.BLOCK}", error)
        return None


def _write(place: guarded.Guarded, name: str, arrays: Arrays, again: bool = True) -> None:
    content = io.BytesIO()
    try:
        np.savez(content, **arrays, **{NAME: np.array(name)})  # type: ignore[arg-type]
    except OSError as error:
        place.trouble("writable", error)
        return
    if place.write(name, content.getvalue(), again) and trimming.is_turn(name, content.tell()):
        trim()
