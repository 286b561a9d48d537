"""Where stored blocks lie, as files of bytes: what is asked of a place, and a folder as one.

A folder's blocks are written to a temporary name and renamed. A process that trains a block holds
a lock (the kernel drops it when the process dies); others wait, or are told that it is `Busy`.
Places that are named by a URL are in `distant`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

__all__ = ["BLOCK", "PART", "Busy", "File", "Folder", "Place", "block_of"]

BLOCK = ".npz"
PART = ".part"  # not written to its end, so far


class Busy(Exception):
    """Another process is training the block that was asked for; text is the block's name.

    `met` counts those of this process.
    """

    met = 0

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        Busy.met += 1


class File(NamedTuple):
    """A file of a place: when it was last used (or else written; epoch seconds), and its bytes."""

    used: float
    size: int
    path: str  # below the place's root: "ab/ab01.npz"


class Place(Protocol):
    """Named blocks of bytes, each there whole or not at all; any method may raise what it likes."""

    address: str

    def read(self, name: str) -> bytes | None:
        """The bytes of a block; None where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Put a block there, in the place of another of its name; nobody sees half of it."""

    def has(self, name: str) -> bool:
        """Whether there is such a block."""

    def lock(self, name: str, patient: bool) -> AbstractContextManager[bool]:
        """Hold a block while it is made; gives whether it may have been made meanwhile.

        Raises `Busy` where another process holds it and `patient` is False.
        """

    def files(self) -> list[File]:
        """The blocks and what was half written, and nothing else that lies there."""

    def remove(self, paths: Sequence[str]) -> set[str]:
        """Drop some of `files`; gives those that are gone, whoever dropped them."""


def block_of(name: str) -> str:
    """A block's path below the root of a place."""
    return f"{name[:2]}/{name}{BLOCK}"


class Folder:
    """A folder of a filesystem that is mounted here."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._root = Path(address)

    def read(self, name: str) -> bytes | None:
        """The bytes of a block, which counts as used now; None where there is none."""
        path = self._root / block_of(name)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write under a temporary name, and rename."""
        path = self._root / block_of(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = tempfile.NamedTemporaryFile(dir=path.parent, suffix=PART, delete=False)  # noqa: SIM115
        try:
            with part:
                part.write(content)
            os.replace(part.name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part.name)
            raise

    def has(self, name: str) -> bool:
        """Whether there is such a block."""
        return (self._root / block_of(name)).exists()

    @contextlib.contextmanager
    def lock(self, name: str, patient: bool) -> Iterator[bool]:
        """Hold the lock of one block, where the folder can be written and its filesystem locks."""
        path = (self._root / block_of(name)).with_suffix(".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = path.open("w")
        except OSError:
            yield False
            return
        with handle:
            locked = _locked(handle.fileno(), name, patient)
            try:
                yield locked
            finally:
                with contextlib.suppress(OSError):
                    path.unlink()

    def files(self) -> list[File]:
        """The blocks and what was half written, in no order."""
        found = []
        for path in self._root.glob("*/*"):
            part = path.suffix == PART
            if part or (path.suffix == BLOCK and path.parent.name == path.stem[:2]):
                with contextlib.suppress(OSError):  # another process may have dropped it
                    known = path.stat()
                    where = f"{path.parent.name}/{path.name}"
                    found.append(File(known.st_mtime_ns / 1e9, known.st_size, where))
        return found

    def remove(self, paths: Sequence[str]) -> set[str]:
        """Drop files; gives those that are gone."""
        gone = set()
        for path in paths:
            with contextlib.suppress(OSError):
                (self._root / path).unlink(missing_ok=True)
                gone.add(path)
        return gone


def _locked(handle: int, name: str, patient: bool) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if patient else fcntl.LOCK_NB))
    except BlockingIOError:
        raise Busy(name) from None
    except OSError:  # a shared filesystem without locks
        return False
    return True
