"""The folder of a run: nothing recorded earlier is overwritten, and two runs never share one."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import pytest

__all__ = ["lock_folder", "open_folder"]

MANIFEST = "manifest.json"
LOCK = ".lock"


def open_folder(folder: Path) -> TextIO:
    """Make `folder` ours and empty, moving an earlier run aside; return the lock that is held."""
    try:
        if (folder / MANIFEST).exists():
            lock_folder(folder).close()
            folder.rename(_aside(folder))
        elif folder.exists() and set(os.listdir(folder)) - {LOCK}:
            raise pytest.UsageError(
                f"report folder = {folder}, but should be new, empty, or hold an earlier run"
            )
        (folder / "parts").mkdir(parents=True, exist_ok=True)
        return lock_folder(folder)
    except OSError as error:
        why = error.strerror or str(error)
        raise pytest.UsageError(
            f"report folder = {folder}, but should be a folder to write in: {why}"
        ) from None


def lock_folder(folder: Path) -> TextIO:
    """Hold the folder's lock, which the system gives back even when the process is killed."""
    file = (folder / LOCK).open("w")
    try:
        import fcntl
    except ImportError:
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise pytest.UsageError(
            f"report folder = {folder}, but should not be in use: another run is writing there"
        ) from None
    return file


def _aside(folder: Path) -> Path:
    """`reports/<when that run began>` for `reports/latest`; elsewhere, the name with the time."""
    began = _began(folder)
    name = began if folder.name == "latest" else f"{folder.name}-{began}"
    place, number = folder.with_name(name), 2
    while place.exists():
        place, number = folder.with_name(f"{name}-{number}"), number + 1
    return place


def _began(folder: Path) -> str:
    try:
        text = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["started"]
        began = datetime.fromisoformat(text)
    except (ValueError, KeyError, TypeError):
        began = datetime.fromtimestamp((folder / MANIFEST).stat().st_mtime, UTC)
    return began.strftime("%Y%m%d-%H%M%S")
