"""Lines of records: appended whole, each with a checksum, and read back past any accident."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import io
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrpcheck.jsonfiles import dumps, end_line, fits, loads, own_file, plain
from mrpcheck.records import SCHEMA, Begun, Block, Counts, Evidence, Verdict

__all__ = ["Recorder", "Unwritable", "read_line", "read_lines", "reader_of"]

Json = Any

SEAL = b', "crc32": '  # of all that stands before it: a flipped digit would be a wrong verdict


@dataclass(frozen=True)
class _OfClaim:
    claim: str


@dataclass(frozen=True)
class _Other:
    pass


# What a line must hold to be read: a run may be shown whose verdicts an earlier version wrote.
_KINDS: dict[object, type] = {
    "block": Block, "evidence": Evidence, "verdict": _OfClaim, "begun": Begun, "counts": Counts,
}  # fmt: skip


class Unwritable(OSError):
    """A record could not be written; text is a sentence."""


class Recorder:
    """Appends lines to one worker's own file: a line is with the system, whole, once written.

    A line that does not fit (a full disk, a quota) leaves the file as it was before it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            end_line(path)
            self._file: io.FileIO = io.FileIO(path, "a", opener=own_file)
        except OSError as error:
            raise self._unwritable(error) from None

    def __call__(self, entry: Block | Evidence | Verdict | Counts | Begun) -> None:
        """Append a record."""
        self.line(type(entry).__name__.lower(), entry)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def line(self, kind: str, body: object) -> None:
        """Append one line: its schema, its kind, the body's own fields, and a checksum."""
        head = {"schema": SCHEMA, "line": kind}
        text = dumps({**head, **plain(body)}).encode()
        try:
            self._append(text[:-1] + SEAL + b"%d}\n" % zlib.crc32(text))
        except OSError as error:
            raise self._unwritable(error) from None

    def close(self) -> None:
        """Append nothing more."""
        self._file.close()

    def _append(self, line: bytes) -> None:
        before = os.fstat(self._file.fileno())
        if not before.st_nlink:
            raise FileNotFoundError(errno.ENOENT, "it was removed")
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(before.st_size)
            raise

    def _unwritable(self, error: OSError) -> Unwritable:
        why, folder = error.strerror or str(error), self.path.parent.parent
        return Unwritable(f"records = {self.path.name}, but should be writable: {why} [{folder}]")


def read_lines(path: Path, sealed: bool = True) -> Iterator[dict[str, Json]]:
    """The readable lines of `path`: a line cut short or damaged is passed over.

    Only a process' own file is `sealed`; what was merged from them has no checksums.
    """
    read = reader_of(path) if sealed else read_line
    with path.open("rb") as file:
        for text in file:
            if line := read(text):
                yield line


def reader_of(path: Path) -> Callable[[bytes], dict[str, Json]]:
    """How to read a line of a process' own file; before there were checksums none had any."""
    with path.open("rb") as file:
        return read_sealed if any(SEAL in text for text in file) else _read_unsealed


def _read_unsealed(text: bytes) -> dict[str, Json]:
    """A line from before there were checksums: it has nothing that could be a damaged one."""
    line = read_line(text)
    kinds = {**_KINDS, "verdict": Verdict}
    known = {f.name for f in dataclasses.fields(kinds.get(line.get("line"), _Other))}
    return line if line.keys() <= known | {"schema", "line"} else {}


def read_sealed(text: bytes) -> dict[str, Json]:
    """One line of a process' own file; empty where it is not exactly what was recorded."""
    body, _, check = text.rpartition(SEAL)
    whole = body + b"}"
    return read_line(whole) if check.rstrip(b"\n") == b"%d}" % zlib.crc32(whole) else {}


def read_line(text: bytes) -> dict[str, Json]:
    """One line of any file of records; empty where it is none of ours, or damaged."""
    line = loads(text)
    ours = isinstance(line, dict) and line.get("schema") == SCHEMA
    return line if ours and fits(line, _KINDS.get(str(line.get("line")), _Other)) else {}
