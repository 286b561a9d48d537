"""The folder of a run: nothing recorded earlier is overwritten, and two runs never share one."""

from __future__ import annotations

import contextlib
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mrpcheck.jsonfiles import own_file, read_json

__all__ = ["give_back", "lock_folder", "open_folder", "reopen_folder"]

MANIFEST = "manifest.json"
LOCK = ".lock"


def open_folder(folder: Path) -> io.FileIO:
    """Make `folder` ours and empty, moving an earlier run aside; return the lock that is held."""
    try:
        if (folder / MANIFEST).exists():
            earlier, aside = lock_folder(folder), _aside(folder)
            folder.rename(aside)
            give_back(earlier, aside)
        elif folder.exists() and set(os.listdir(folder)) - {LOCK}:
            raise pytest.UsageError(
                f"report folder = {folder}, but should be new, empty, or hold an earlier run"
            )
        (folder / "parts").mkdir(parents=True, exist_ok=True)
        return lock_folder(folder)
    except OSError as error:
        raise _unwritable(folder, error) from None


def reopen_folder(folder: Path) -> io.FileIO:
    """Make the folder of a run that was cut off ours, as it is; return the lock that is held."""
    try:
        return lock_folder(folder)
    except OSError as error:
        raise _unwritable(folder, error) from None


def lock_folder(folder: Path) -> io.FileIO:
    """Hold the folder's lock, which the system gives back even when the process is killed."""
    path = folder / LOCK
    file = io.FileIO(path, "a", opener=own_file)
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
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            return file
    file.close()  # its holder gave the folder back, or moved it aside, in this very moment
    return lock_folder(folder)


def give_back(lock: io.FileIO, folder: Path) -> None:
    """Let another run have the folder."""
    with contextlib.suppress(OSError):
        (folder / LOCK).unlink(missing_ok=True)
    lock.close()


def _unwritable(folder: Path, error: OSError) -> pytest.UsageError:
    why = error.strerror or str(error)
    return pytest.UsageError(f"report folder = {folder}, but should be a folder to write in: {why}")


def _aside(folder: Path) -> Path:
    """`reports/<when that run began>` for `reports/latest`; elsewhere, the name with the time."""
    began = _began(folder)
    name = began if folder.name == "latest" else f"{folder.name}-{began}"
    place, number = folder.with_name(name), 2
    while place.exists():
        place, number = folder.with_name(f"{name}-{number}"), number + 1
    return place


def _began(folder: Path) -> str:
    manifest = read_json(folder / MANIFEST)
    try:
        began = datetime.fromisoformat(manifest["started"])
    except (ValueError, KeyError, TypeError):
        began = datetime.fromtimestamp((folder / MANIFEST).stat().st_mtime, UTC)
    return began.strftime("%Y%m%d-%H%M%S")
