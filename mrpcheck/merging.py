"""The files of all workers as one: the same bytes whoever judged what (seconds aside)."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mrpcheck.jsonfiles import dumps, read_json, write_json, write_whole
from mrpcheck.parts import Line, attempt_of, last_counts, lines, parts, superseded
from mrpcheck.recorder import read_lines, reader_of
from mrpcheck.records import SCHEMA, STAGES

__all__ = [
    "COLUMNS",
    "CRASHED",
    "UNJUDGED",
    "UNJUDGED_ROWS",
    "cut_off",
    "evidence",
    "intact",
    "lines_by_claim",
    "merge",
    "note_begun",
    "parts",
    "totals",
    "trial_rows",
    "trials",
    "verdict_rows",
]

UNJUDGED = "not judged"  # why there is no verdict, until a claim is heard, skipped, or in error
UNJUDGED_ROWS = "parts/unjudged.json"  # the rows that stand for every claim until then
CRASHED = "its worker crashed before there was a verdict"

SUMS = ("asked", "trained", "in_vain", "lost")

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

_Span = tuple[Path, int, int]  # consecutive lines of one claim: the file, first and last byte


@dataclass
class _Places:
    """Where each claim's lines lie, and the names of all that was noted: no line is kept."""

    spans: dict[str, list[_Span]] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)


def merge(folder: Path, missing: Iterable[Line] = (), heard: Iterable[Line] = ()) -> list[Line]:
    """Write `evidence.jsonl`, `trials.csv` and `verdicts.json`; return the verdicts' rows.

    `missing` are rows for claims without a recorded verdict, `heard` those that outdo what was
    recorded. Lines are copied one by one, so memory does not grow with the number of trials.
    """
    places = _places(folder)
    write_whole(folder / "evidence.jsonl", _evidence(places))
    write_whole(folder / "trials.csv", _table(places))
    rows = verdict_rows(folder, missing, heard)
    write_json(folder / "verdicts.json", {"schema": SCHEMA, "claims": rows})
    return rows


def verdict_rows(
    folder: Path, missing: Iterable[Line] = (), heard: Iterable[Line] = ()
) -> list[Line]:
    """A row a claim, sorted by claim; of a claim judged twice, the row written last."""
    rows: dict[str, Line] = {row["claim"]: row for row in missing}
    rows |= {line["claim"]: _body(line) for line in lines(folder, "verdict")}
    rows |= {row["claim"]: row for row in heard}
    return [rows[claim] for claim in sorted(rows)]


def totals(folder: Path) -> dict[str, int]:
    """Trainings asked for and trained, by all processes; the most memory that one of them took."""
    total = dict.fromkeys(SUMS, 0)
    for counts in last_counts(folder):
        for name in SUMS:
            total[name] += counts.get(name, 0) or 0
        for name in ("peak_memory", "peak_gpu_memory"):
            if counts.get(name):
                total[name] = max(total.get(name, 0), counts[name])
    return total


def lines_by_claim(folder: Path) -> Counter[str]:
    """How many setups were recorded for each claim, whether or not it came to a verdict."""
    return Counter(line["claim"] for line in lines(folder, "evidence"))


def note_begun(folder: Path, rows: Iterable[Line], *, every: bool) -> None:
    """Say in the `rows` of claims that were begun (or in `every` one) that they were cut off."""
    begun = lines_by_claim(folder)
    for row in rows:
        number = begun[row["claim"]]
        if row["reason"] == UNJUDGED and (every or number):
            row["setups"] = number
            row["reason"] = row["text"] = f"interrupted, {number} setups recorded"


def intact(folder: Path, rows: Mapping[str, Line]) -> set[str]:
    """The claims whose recorded blocks and evidence are all that their rows rest on."""
    places = _places(folder)
    return {claim for claim, row in rows.items() if _adds_up(places, row)}


def _adds_up(places: _Places, row: Line) -> bool:
    own = _Places({row["claim"]: places.spans.get(row["claim"], [])})
    asked, judged = 0, set()
    for block in _sorted_lines(own, "block"):
        asked += block["counted"]
        judged.add((block["stage"], block["index"]))
    told = {(line["stage"], line["index"]) for line in _sorted_lines(own, "evidence")}
    return asked == row["asked"] and (judged == told or row["error"] is not None)


def cut_off(row: Mapping[str, Any]) -> bool:
    """Whether the row stands for a claim that resuming the run would judge."""
    reason, error = str(row["reason"]), str(row["error"])
    return (
        reason == UNJUDGED or reason.startswith("interrupted, ")
        or error == CRASHED or error.startswith("records = ")
    )  # fmt: skip


def evidence(folder: Path) -> Iterator[Line]:
    """The lines of evidence of a run, merged or not."""
    merged = folder / "evidence.jsonl"
    if _unmerged(folder, merged):
        return lines(folder, "evidence")
    return read_lines(merged, sealed=False)


def trials(folder: Path) -> Iterator[dict[str, str]]:
    """The rows of the trials of a run, merged or not, by the names of their columns."""
    merged = folder / "trials.csv"
    if _unmerged(folder, merged):
        table = (row for rows in _table(_places(folder)) for row in rows.splitlines(keepends=True))
        yield from csv.DictReader(table)
        return
    with merged.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _unmerged(folder: Path, merged: Path) -> bool:
    """Whether a run's own files are to be read: it was not merged, or not since it was resumed."""
    manifest = read_json(folder / "manifest.json")
    ended = manifest.get("ended") if isinstance(manifest, dict) else ""
    return not merged.exists() or (ended is None and bool(parts(folder)))


def trial_rows(line: Line, names: Sequence[str]) -> Iterator[list[str]]:
    """The rows of `trials.csv` that one block makes: every digit, so that replays can compare."""
    head = [line[name] for name in COLUMNS[:7]]
    failed, margins, notes = set(line["failed"]), line["margins"], line["notes"]
    for i, outcome in enumerate(line["outcomes"]):
        trial = line["first"] + i
        margin = None if margins is None else margins[i]
        measures = [notes[n][i] if n in notes else None for n in names]
        counted, lost = int(i < line["counted"]), int(trial in failed)
        row = [*head, trial, counted, _outcome(outcome), margin, lost, *measures]
        yield ["" if cell is None else str(cell) for cell in row]


def _outcome(value: float) -> str:
    """0 or 1 for an event; all digits of a mean's value."""
    return repr(value) if repr(value) not in ("0.0", "1.0") else f"{value:.0f}"


def _body(line: Line) -> Line:
    return {k: v for k, v in line.items() if k not in ("schema", "line")}


def _evidence(places: _Places) -> Iterator[str]:
    for line in _sorted_lines(places, "evidence"):
        yield dumps({"schema": SCHEMA, **_body(line)}) + "\n"


def _table(places: _Places) -> Iterator[str]:
    names, buffer = sorted(places.notes), io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow([*COLUMNS, *names])
    for line in _sorted_lines(places, "block"):
        table.writerows(trial_rows(line, names))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _places(folder: Path) -> _Places:
    """One reading of everything: which bytes of which file speak of which claim."""
    found, since = _Places(), superseded(folder)
    for part in parts(folder):
        for line, first, end in _read(part, 0, None):
            claim = line.get("claim")
            if claim is None or attempt_of(part) < since.get(claim, 0):
                continue
            found.notes.update(line.get("notes", ()))
            spans = found.spans.setdefault(claim, [])
            if spans and spans[-1][0] == part and spans[-1][2] == first:
                first = spans.pop()[1]
            spans.append((part, first, end))
    return found


def _sorted_lines(places: _Places, kind: str) -> Iterator[Line]:
    """Lines of one kind in the order of claims and stages; where one recurs, the last."""
    for claim in sorted(places.spans):
        latest: dict[tuple[int, int, int], tuple[Path, int, int]] = {}
        for span in places.spans[claim]:
            for line, first, end in _read(*span):
                if line.get("line") == kind:
                    latest[_rank(line["stage"]), line["index"], line.get("first", 0)] = (
                        span[0],
                        first,
                        end,
                    )
        for place in sorted(latest):
            yield from (line for line, _, _ in _read(*latest[place]))


def _rank(stage: str) -> int:
    """The order of a claim's stages; one that another version knows comes last."""
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def _read(part: Path, first: int, end: int | None) -> Iterator[tuple[Line, int, int]]:
    """The readable lines between two bytes of a file, and where each lies."""
    read = reader_of(part)
    with part.open("rb") as file:
        file.seek(first)
        for text in file:
            if end is not None and first >= end:
                return
            if line := read(text):
                yield line, first, first + len(text)
            first += len(text)
