"""The files of all workers as one: the same bytes whoever judged what (seconds aside)."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrpcheck.records import SCHEMA, STAGES, dumps, read_lines, write_json

__all__ = [
    "COLUMNS",
    "UNJUDGED",
    "UNJUDGED_ROWS",
    "evidence",
    "lines_by_claim",
    "merge",
    "note_begun",
    "parts",
    "totals",
    "verdict_rows",
]

UNJUDGED = "not judged"  # why there is no verdict, until a claim is heard, skipped, or in error
UNJUDGED_ROWS = "parts/unjudged.json"  # the rows that stand for every claim until then

COLUMNS = (
    "claim",
    "stage",
    "index",
    "key",
    "stream",
    "dtype",
    "horizon",
    "trial",
    "counted",
    "outcome",
    "margin",
    "failed",
)

Line = dict[str, Any]


@dataclass(frozen=True, order=True)
class _Place:
    """Where a line goes in the merged file, and where it lies now."""

    claim: str
    stage: int
    index: int
    first: int
    part: Path
    offset: int


def parts(folder: Path) -> list[Path]:
    """The workers' files of a run, in the order of their names."""
    return sorted((folder / "parts").glob("*.jsonl"))


def merge(folder: Path, missing: Iterable[Line] = ()) -> list[Line]:
    """Write `evidence.jsonl`, `trials.csv` and `verdicts.json`; return the verdicts' rows.

    `missing` are rows for claims that came to no verdict. Lines are copied one by one, so
    memory does not grow with the number of trials.
    """
    _merge_evidence(folder)
    _merge_trials(folder)
    return _merge_verdicts(folder, missing)


def verdict_rows(folder: Path, missing: Iterable[Line] = ()) -> list[Line]:
    """A row a claim, sorted by claim; of a claim judged twice, the row written last."""
    rows: dict[str, Line] = {row["claim"]: row for row in missing}
    for part in parts(folder):
        for line in read_lines(part):
            if line.get("line") == "verdict":
                rows[line["claim"]] = _body(line)
    return [rows[claim] for claim in sorted(rows)]


def totals(folder: Path) -> dict[str, int]:
    """Trainings asked for and trained, over all workers."""
    total = {"asked": 0, "trained": 0}
    for part in parts(folder):
        last: Line = {}
        for line in read_lines(part):
            if line.get("line") == "counts":
                last = line
        for name in total:
            total[name] += int(last.get(name, 0))
    return total


def lines_by_claim(folder: Path) -> Counter[str]:
    """How many setups were recorded for each claim, whether or not it came to a verdict."""
    return Counter(line["claim"] for line in _lines(folder, "evidence"))


def note_begun(folder: Path, rows: Iterable[Line], *, every: bool) -> None:
    """Say in the `rows` of claims that were begun (or in `every` one) that they were cut off."""
    begun = lines_by_claim(folder)
    for row in rows:
        number = begun[row["claim"]]
        if row["reason"] == UNJUDGED and (every or number):
            row["setups"] = number
            row["reason"] = row["text"] = f"interrupted, {number} setups recorded"


def evidence(folder: Path) -> Iterator[Line]:
    """The lines of evidence of a run, merged or not."""
    merged = folder / "evidence.jsonl"
    return read_lines(merged) if merged.exists() else _lines(folder, "evidence")


def _merge_verdicts(folder: Path, missing: Iterable[Line]) -> list[Line]:
    rows = verdict_rows(folder, missing)
    write_json(folder / "verdicts.json", {"schema": SCHEMA, "claims": rows})
    return rows


def _merge_evidence(folder: Path) -> None:
    draft = folder / ".evidence.jsonl.draft"
    with draft.open("w", encoding="utf-8", newline="\n") as out:
        for line in _sorted_lines(folder, "evidence"):
            out.write(dumps({"schema": SCHEMA, **_body(line)}) + "\n")
    draft.replace(folder / "evidence.jsonl")


def _merge_trials(folder: Path) -> None:
    names = sorted({n for line in _lines(folder, "block") for n in line["notes"]})
    draft = folder / ".trials.csv.draft"
    with draft.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow([*COLUMNS, *names])
        for line in _sorted_lines(folder, "block"):
            table.writerows(_trial_rows(line, names))
    draft.replace(folder / "trials.csv")


def _trial_rows(line: Line, names: Sequence[str]) -> Iterator[list[object]]:
    head = [line[name] for name in COLUMNS[:7]]
    failed, margins, notes = set(line["failed"]), line["margins"], line["notes"]
    for i, outcome in enumerate(line["outcomes"]):
        trial = line["first"] + i
        margin = "" if margins is None else margins[i]
        measures = [notes[n][i] if n in notes else "" for n in names]
        counted, lost = int(i < line["counted"]), int(trial in failed)
        yield [*head, trial, counted, f"{outcome:g}", margin, lost, *measures]


def _body(line: Line) -> Line:
    return {k: v for k, v in line.items() if k not in ("schema", "line")}


def _lines(folder: Path, kind: str) -> Iterator[Line]:
    for part in parts(folder):
        for line in read_lines(part):
            if line.get("line") == kind:
                yield line


def _sorted_lines(folder: Path, kind: str) -> Iterator[Line]:
    """Lines of one kind in the order of claims and stages; where one recurs, the last."""
    latest: dict[tuple[object, ...], _Place] = {}
    for place in _places(folder, kind):
        latest[place.claim, place.stage, place.index, place.first] = place
    files = {part: part.open("rb") for part in parts(folder)}
    try:
        for place in sorted(latest.values()):
            files[place.part].seek(place.offset)
            yield json.loads(files[place.part].readline())
    finally:
        for file in files.values():
            file.close()


def _places(folder: Path, kind: str) -> Iterator[_Place]:
    for part in parts(folder):
        with part.open("rb") as file:
            offset = 0
            for text in file:
                line = _read(text)
                if line.get("line") == kind:
                    stage = STAGES.index(line["stage"])
                    first = int(line.get("first", 0))
                    yield _Place(line["claim"], stage, line["index"], first, part, offset)
                offset += len(text)


def _read(text: bytes) -> Line:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) and line.get("schema") == SCHEMA else {}
