"""What a run leaves: `Evidence` and `Verdict` as versioned lines of JSON, appended one by one."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import io
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrpcheck.jsonfiles import dumps, end_line, fits, loads, own_file, plain, write_json

__all__ = [
    "SCHEMA",
    "STAGES",
    "Begun",
    "Block",
    "Counts",
    "Evidence",
    "Recorder",
    "Unwritable",
    "Verdict",
    "dumps",
    "read_line",
    "read_lines",
    "reader_of",
    "write_json",
]

SCHEMA = 1
SEAL = b', "crc32": '  # of all that stands before it: a flipped digit would be a wrong verdict
STAGES = (
    "panel", "named", "control", "search", "shrink", "remembered", "confirm", "float64",
    "doubled",
)  # fmt: skip

Json = Any


@dataclass(frozen=True)
class Block:
    """Trials that were asked for at once: a row of `trials.csv` each."""

    claim: str
    stage: str
    index: int
    key: str
    stream: str
    dtype: str
    horizon: int
    first: int
    outcomes: Sequence[float]
    margins: Sequence[float] | None
    failed: Sequence[int]
    notes: Mapping[str, Sequence[float]]
    counted: int


@dataclass(frozen=True)
class Evidence:
    """One setup judged, or screened: how the trials of one stream came out at one setup.

    `index` numbers the setups of a stage in the order in which the claim met them, whoever
    trained them when. `verdict` is SUSPECT or CLEAR where 16 trials only screened.
    """

    claim: str
    stage: str
    index: int
    setup: Json
    key: str
    violations: Sequence[str]
    seed: int
    stream: str
    dtype: str
    horizon: int
    device: str
    trials: int
    hits: int | None
    failed: int
    verdict: str
    estimate: float | None
    lower: float | None
    upper: float | None
    log_e_support: float | None
    log_e_refute: float | None
    text: str
    seconds: float


@dataclass(frozen=True)
class Verdict:
    """What a claim came to. `trials`, `hits`, `estimate`, `lower` and `upper` are those of one
    setup, never pooled: of the confirmation where REFUTED, of the worst setup otherwise.

    kind        claim, control or refuted; the last two are expected to be REFUTED
    verdict     SUPPORTED, REFUTED or UNDECIDED; NOT JUDGED under the smoke profile
    stage       where `trials` to `upper` come from
    setups      setups of the panel, or those that the claim names; `panel_supported` of them
                were supported
    screened    setups that the search screened; `shrunk` those screened to simplify a suspect
    asked       trials judged or screened over all setups; `failed` of them diverged
    measures    what the event noted, as means over the `trials` in which it is finite
    measures_panel  the mean, over the setups of the panel or those named, of those means
    share       share of the regime that the panel speaks for, at 95 % confidence; null where
                setups are named
    detectable  the largest true value that would have been REFUTED at a setup in 80 % of runs
    needed      trials that would decide if the estimate were the truth, where UNDECIDED
    stable      the same verdict at twice the steps; null where no end state is judged, or where
                half of the trials did not decide at twice the steps
    float64     the verdict at the counterexample in float64
    edited      other versions of the claim that were judged on this seed before; null if unknown
    remembered  the earlier run that the counterexample came from
    panel       a digest of the setups it is judged at whatever the search finds
    quantity    what `estimate` estimates, in words: P, mean, fall per doubling
    named       whether the claim names its setups (`control`, `at`): there is no panel then
    """

    claim: str
    kind: str
    verdict: str
    expected: bool
    statement: str
    origin: str
    at_least: float
    tolerance: float
    bounds: Sequence[float] | None
    stage: str | None
    setups: int
    panel_supported: int
    screened: int
    shrunk: int
    trials: int
    hits: int | None
    estimate: float | None
    lower: float | None
    upper: float | None
    asked: int
    failed: int
    measures: Mapping[str, float | None]
    measures_panel: Mapping[str, float | None]
    share: float | None
    detectable: float | None
    needed: int | None
    stable: bool | None
    float64: str | None
    counterexample: Json
    counterexample_text: str | None
    violations: Sequence[str]
    text: str
    reason: str | None
    because: str | None
    error: str | None
    script: str | None
    seed: int
    profile: str
    source: str
    seconds: float
    edited: int | None = 0
    remembered: str | None = None
    panel: str | None = None
    quantity: str = "P"
    named: bool = False


@dataclass(frozen=True)
class Counts:
    """What one process asked for and trained so far, and the most memory it took, in bytes."""

    asked: int = 0
    trained: int = 0
    peak_memory: int | None = None
    peak_gpu_memory: int | None = None


@dataclass(frozen=True)
class Begun:
    """A claim that a process began to judge, and the version of it that its lines speak of."""

    claim: str
    source: str
    panel: str | None


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
