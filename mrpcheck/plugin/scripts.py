"""The counterexample of a verdict as a script of its own, beside the records."""

from __future__ import annotations

import contextlib
import importlib
import json
import re
import traceback
from dataclasses import replace
from pathlib import Path

from mrpcheck.jsonfiles import dumps
from mrpcheck.records import Verdict
from mrpcheck.seeds import digest

__all__ = ["slug", "write_script"]


def write_script(verdict: Verdict, folder: Path) -> Verdict:
    """Write it where the report knows how to; whatever ails the script, the verdict stands."""
    if verdict.counterexample is None:
        return verdict
    try:
        script = importlib.import_module("mrpcheck.report.script")
    except ImportError:
        return verdict
    place = f"counterexamples/{slug(verdict.claim)}.py"
    path = folder / place
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        script.write(path, json.loads(dumps(replace(verdict, script=place))))
    except Exception:
        with contextlib.suppress(OSError):
            path.with_suffix(".txt").write_text(traceback.format_exc(), encoding="utf-8")
        return verdict
    return replace(verdict, script=place if path.exists() else None)


def slug(name: str) -> str:
    """A file name for a claim, its own, and none that pytest would collect as tests."""
    short = re.sub(r"[^A-Za-z0-9]+", "_", name.replace(".py::", "_")).strip("_")
    short = f"of_{short}" if short.startswith("test") else short
    return f"{short}_{digest(name, size=3)}"
