"""A run read back from its folder and shown: one that was killed is merged first."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mrpcheck.jsonfiles import write_json
from mrpcheck.merging import (
    UNJUDGED_ROWS,
    cut_off,
    evidence,
    merge,
    note_begun,
    totals,
    verdict_rows,
)
from mrpcheck.pages import Page
from mrpcheck.plugin.folder import give_back, lock_folder
from mrpcheck.plugin.summary import header_lines, print_summary
from mrpcheck.records import SCHEMA
from mrpcheck.tables.gaps import gaps

__all__ = ["Reading", "read_manifest", "read_run", "readable", "show"]

Row = dict[str, Any]

Kinds = dict[str, tuple[type, ...]]
NUMBER = (int, float, type(None))
UNREADABLE = (
    LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError, OSError,
    csv.Error,
)  # fmt: skip
TERMS: Kinds = {
    "versions": (dict,), "profile": (dict,), "budget": (dict,), "levels": (dict,),
    "device": (str,), "seed": (int,), "started": (str,), "asked": (int,), "trained": (int,),
    "claims": (list,),
}  # fmt: skip
PARTS: Kinds = {
    "claim": (str,), "kind": (str,), "verdict": (str,), "stage": (str, type(None)),
    "trials": (int,), "hits": NUMBER, "estimate": NUMBER, "lower": NUMBER, "upper": NUMBER,
    "seconds": (int, float), "expected": (bool,), "error": (str, type(None)), "source": (str,),
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """A run as its folder has it: the manifest, and a row a claim."""

    folder: Path
    manifest: Row
    rows: list[Row]

    @property
    def alarming(self) -> bool:
        """Whether something came out that should not have: the run itself failed, then."""
        strict = self.manifest.get("strict")
        return any(
            row["error"]
            or not row["expected"]
            or cut_off(row)
            or (strict and row["verdict"] == "UNDECIDED")
            for row in self.rows
        )


def show(folder: Path) -> tuple[str, int]:
    """The summary of the run in `folder`, and 1 where something in it is not as it should be."""
    page = Page()
    run = read_run(folder)
    with readable(folder):
        for line in header_lines(run.manifest):
            page.write_line(line)
        print_summary(page, run.rows, run.manifest, run.folder)
        for _, said in gaps(run.rows, evidence(run.folder)):
            page.write_line(said, yellow=True)
        return str(page), int(run.alarming)


def read_run(folder: Path) -> Reading:
    """What a run came to; from the workers' own files where it did not come to its end."""
    manifest = read_manifest(folder)
    with readable(folder):
        run = _read(folder, manifest)
        _check(run.rows, PARTS)
        missing = {row["claim"] for row in manifest["claims"]} - {row["claim"] for row in run.rows}
    if missing and not run.rows:
        raise ValueError(f"RUN = {folder}, but should hold verdicts.json or the workers' parts/")
    return run


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """One sentence where records are not made as this version makes them."""
    try:
        yield
    except UNREADABLE as error:
        if "but should" in str(error):  # a sentence already
            raise
        wanted = "but should hold records that this version can read"
        raise ValueError(f"RUN = {folder}, {wanted}: {_why(error)}") from None


def _why(error: BaseException) -> str:
    """What cannot be read, in words where it is a field that is not there."""
    if isinstance(error, KeyError):
        return f"{error.args[0] if error.args else 'a field'} is missing"
    return repr(error)


def read_manifest(folder: Path) -> Row:
    """The manifest of a run; one sentence where there is none."""
    manifest = _json(folder / "manifest.json")
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        wanted = f"but should hold a run's manifest.json of schema {SCHEMA}"
        raise ValueError(f"RUN = {folder}, {wanted}")
    manifest = {"claims": [], "ended": None, "notes": [], **manifest}
    with readable(folder):
        _check([manifest], TERMS)
    return manifest


def _read(folder: Path, manifest: Row) -> Reading:
    if manifest["ended"] is None:
        return _recovered(folder, manifest)
    rows = _json(folder / "verdicts.json")
    if not isinstance(rows, dict) or rows.get("schema") != SCHEMA:
        return Reading(folder, manifest, [_row(row) for row in verdict_rows(folder)])
    return Reading(folder, manifest, [_row(row) for row in rows["claims"]])


def _recovered(folder: Path, manifest: Row) -> Reading:
    """A run without an end: under way, or killed and then merged, if the folder can be written."""
    missing = [_row(row) for row in _json(folder / UNJUDGED_ROWS) or []]
    manifest |= {"ended": "killed", **totals(folder)}
    try:
        lock = lock_folder(folder)
        try:
            note_begun(folder, missing, every=True)
            merge(folder, missing)
            write_json(folder / "manifest.json", manifest)
        finally:
            give_back(lock, folder)
    except pytest.UsageError:  # somebody holds the lock
        manifest["ended"] = "still under way"
    except OSError:  # what cannot be written can be read
        pass
    return Reading(folder, manifest, [_row(row) for row in verdict_rows(folder, missing)])


def _check(contents: Iterable[Row], kinds: Kinds) -> None:
    """Refuse what has a field missing, or of another kind than the pages here rely on."""
    for content in contents:
        for name, kind in kinds.items():
            if not isinstance(content[name], kind):
                raise TypeError(f"{name} = {content[name]!r}")


def _row(row: Row) -> Row:
    """A row with what earlier versions did not record."""
    quantity = "P" if row.get("bounds") is None else "mean"
    return {"measures": {}, "measures_panel": {}, "quantity": quantity, "named": False, **row}


def _json(path: Path) -> Any:
    """What a file holds; None where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
