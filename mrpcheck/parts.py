"""What the processes of a run recorded, each in files of its own, read as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mrpcheck.recorder import read_lines

__all__ = [
    "Line",
    "attempt_of",
    "last_counts",
    "lines",
    "lines_of",
    "part_of",
    "parts",
    "superseded",
]

Line = dict[str, Any]


def part_of(folder: Path, name: str, attempt: int) -> Path:
    """Where a process records: `parts/gw0.jsonl`, or `parts/gw0.2.jsonl` once it is resumed."""
    stem = name if attempt == 1 else f"{name}.{attempt}"
    return folder / "parts" / f"{stem}.jsonl"


def attempt_of(part: Path) -> int:
    """1 for what the run began with, 2 for what its first resumption recorded, and so on."""
    number = part.stem.rpartition(".")[2]
    return int(number) if number != part.stem and number.isascii() and number.isdigit() else 1


def parts(folder: Path) -> list[Path]:
    """The files of a run: attempt by attempt, then in the order of their names."""
    found = (folder / "parts").glob("*.jsonl")
    own = [part for part in found if part.is_file() and not part.is_symlink()]
    return sorted(own, key=lambda part: (attempt_of(part), part.name))


def lines(folder: Path, *kinds: str) -> Iterator[Line]:
    """The lines of these kinds; without those of a claim that was later judged from anew."""
    since = superseded(folder)
    for part in parts(folder):
        attempt = attempt_of(part)
        for line in read_lines(part):
            if line.get("line") in kinds and attempt >= since.get(line["claim"], 0):
                yield line


def lines_of(part: Path, kind: str) -> Iterator[Line]:
    """The bodies of one file's lines of one kind."""
    for line in read_lines(part):
        if line.get("line") == kind:
            yield {k: v for k, v in line.items() if k not in ("schema", "line")}


def superseded(folder: Path) -> dict[str, int]:
    """The attempt from which on a claim's lines count: since its latest version was begun."""
    found = parts(folder)
    if not found or attempt_of(found[-1]) == 1:
        return {}
    since: dict[str, int] = {}
    versions: dict[str, tuple[str, str | None]] = {}
    for part in found:
        for line in read_lines(part):
            if line.get("line") == "begun":
                claim, version = line["claim"], (line["source"], line["panel"])
                if versions.setdefault(claim, version) != version:
                    versions[claim], since[claim] = version, attempt_of(part)
    return since


def last_counts(folder: Path) -> Iterator[Line]:
    """What each process counted, when it last said so."""
    for part in parts(folder):
        counts = [line for line in read_lines(part) if line.get("line") == "counts"]
        yield from counts[-1:]
