"""What a run leaves: `Evidence` and `Verdict` as versioned lines of JSON, appended and flushed."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

__all__ = [
    "SCHEMA",
    "STAGES",
    "Block",
    "Evidence",
    "Recorder",
    "Verdict",
    "dumps",
    "read_lines",
    "write_json",
]

SCHEMA = 1
STAGES = ("panel", "control", "search", "shrink", "confirm", "float64", "doubled")

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
    setups      setups of the panel (1 for a control); `panel_supported` of them were supported
    screened    setups that the search screened; `shrunk` those screened to simplify a suspect
    asked       trials judged or screened over all setups; `failed` of them diverged
    measures    what the event noted, as means over the `trials` in which it is finite
    measures_panel  the mean, over the panel's setups, of those means; empty without a panel
    share       share of the regime that the panel speaks for, at 95 % confidence
    detectable  the largest true value that would have been REFUTED at a setup in 80 % of runs
    needed      trials that would decide if the estimate were the truth, where UNDECIDED
    stable      the same verdict at twice the steps; null where no end state is judged, or where
                half of the trials did not decide at twice the steps
    float64     the verdict at the counterexample in float64
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


def dumps(value: object, indent: int | None = None) -> str:
    """JSON that any reader accepts: NaN becomes null, an infinity the largest number."""
    return json.dumps(_plain(value), indent=indent, allow_nan=False)


def _plain(value: object) -> Json:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else max(min(value, 1e308), -1e308)
    if isinstance(value, Sequence):
        return [_plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(v) for v in value)
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    raise TypeError(f"value = {value!r}, but should be something JSON can write [records]")


class Recorder:
    """Appends lines to one worker's own file; a line is on its way to the disk once written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _end_line(path)
        self.path = path
        self._file: TextIO = path.open("a", encoding="utf-8", newline="\n")

    def __call__(self, entry: Block | Evidence | Verdict) -> None:
        """Append a record."""
        self.line(type(entry).__name__.lower(), entry)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def line(self, kind: str, body: object) -> None:
        """Append one line: its schema, its kind, and the body's own fields."""
        head = {"schema": SCHEMA, "line": kind}
        self._file.write(dumps({**head, **_plain(body)}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Append nothing more."""
        self._file.close()


def _end_line(path: Path) -> None:
    """Close a line that a killed writer left open, so that the next one starts afresh."""
    if path.exists() and (size := path.stat().st_size):
        with path.open("rb+") as file:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")


def read_lines(path: Path) -> Iterator[dict[str, Json]]:
    """The readable lines of `path`: a line cut short or damaged is passed over."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and line.get("schema") == SCHEMA:
                yield line


def write_json(path: Path, value: object) -> None:
    """Write `value` so that a reader sees the whole file or the one before it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(dumps(value, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
