"""A run read back from its folder and shown: one that was killed is merged first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mrpcheck.merging import UNJUDGED_ROWS, merge, note_begun, totals, verdict_rows
from mrpcheck.pages import Page
from mrpcheck.plugin.folder import lock_folder
from mrpcheck.plugin.summary import header_lines, print_summary
from mrpcheck.records import SCHEMA, write_json

__all__ = ["Reading", "read_manifest", "read_run", "show"]

Row = dict[str, Any]


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
            row["error"] or not row["expected"] or (strict and row["verdict"] == "UNDECIDED")
            for row in self.rows
        )


def show(folder: Path) -> tuple[str, int]:
    """The summary of the run in `folder`, and 1 where something in it is not as it should be."""
    page = Page()
    try:
        run = read_run(folder)
        for line in header_lines(run.manifest):
            page.write_line(line)
        print_summary(page, run.rows, run.manifest, run.folder)
        return str(page), int(run.alarming)
    except (KeyError, TypeError, AttributeError) as error:
        wanted = "but should hold records that this version can read"
        raise ValueError(f"RUN = {folder}, {wanted}: {error!r}") from None


def read_run(folder: Path) -> Reading:
    """What a run came to; from the workers' own files where it did not come to its end."""
    manifest = read_manifest(folder)
    if manifest["ended"] is None:
        return _recovered(folder, manifest)
    rows = _json(folder / "verdicts.json")
    rows = verdict_rows(folder) if rows is None else rows["claims"]
    return Reading(folder, manifest, [_row(row) for row in rows])


def read_manifest(folder: Path) -> Row:
    """The manifest of a run; one sentence where there is none."""
    manifest = _json(folder / "manifest.json")
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        wanted = f"but should hold a run's manifest.json of schema {SCHEMA}"
        raise ValueError(f"RUN = {folder}, {wanted}")
    return {**manifest, "ended": manifest.get("ended"), "notes": manifest.get("notes", [])}


def _recovered(folder: Path, manifest: Row) -> Reading:
    """A run without an end: under way, or killed and then merged, if the folder can be written."""
    missing = [_row(row) for row in _json(folder / UNJUDGED_ROWS) or []]
    manifest |= {"ended": "killed", **totals(folder)}
    try:
        with lock_folder(folder):
            note_begun(folder, missing, every=True)
            merge(folder, missing)
            write_json(folder / "manifest.json", manifest)
        (folder / ".lock").unlink(missing_ok=True)
    except pytest.UsageError:  # somebody holds the lock
        manifest["ended"] = "still under way"
    except OSError:  # what cannot be written can be read
        pass
    return Reading(folder, manifest, [_row(row) for row in verdict_rows(folder, missing)])


def _row(row: Row) -> Row:
    """A row with what earlier versions did not record."""
    return {"measures": {}, "measures_panel": {}, **row}


def _json(path: Path) -> Any:
    """What a file holds; None where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
