"""Live progress: one place prints, a status line on a terminal, a plain line now and then else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from mrpcheck.jsonfiles import fits, read_json, write_json
from mrpcheck.plugin.status import status_line
from mrpcheck.runs import Progress

__all__ = ["Watch", "read_progress", "write_progress"]

PAUSE = 10.0  # seconds between two plain lines
_written: dict[Path, float] = {}


class Watch:
    """Prints how far the run has come, from this process' claims or from the workers' files."""

    def __init__(self, config: pytest.Config, claims: int, workers: Path | None) -> None:
        self.config = config
        self.claims = claims
        self.finished: set[str] = set()
        self.status = None if workers else status_line(config)
        self._began = self._last = time.monotonic()
        self._over = threading.Event()
        if workers is not None:
            thread = threading.Thread(target=self._follow, args=(workers / "parts",), daemon=True)
            thread.start()

    def done(self, claim: str) -> None:
        """A claim came to its verdict; pytest is about to print it."""
        self.finished.add(claim)
        if self.status is not None:
            self.status.stop()

    def stop(self) -> None:
        """Print nothing more."""
        self._over.set()
        if self.status is not None:
            self.status.stop()

    def show(self, progress: Progress) -> None:
        """Show where the one claim under way is, if it is time to."""
        if self.status is not None:
            if progress.seconds > 1.0 and self._terminal() is not None:
                self.status.show(self.line([progress]), self._newline)
        elif time.monotonic() - self._last >= PAUSE:
            self._last = time.monotonic()
            self._print(self.line([progress]))

    def line(self, under_way: Sequence[Progress]) -> str:
        """`2 of 14 claims; test_x: panel 3/8, 412 trials, 12 a second; about 4 min left`."""
        parts = [f"{len(self.finished)} of {self.claims} claims"]
        parts += [_told(p) for p in under_way if p.claim not in self.finished]
        done = len(self.finished) + sum(_share(p) for p in under_way)
        if done > 0:
            spent = time.monotonic() - self._began
            parts.append(f"about {_time(spent * (self.claims - done) / done)} left")
        return "; ".join(parts)

    def _follow(self, parts: Path) -> None:
        """Controller: read what the workers say, and print it now and then."""
        while not self._over.wait(PAUSE):
            under_way = [p for p in read_progress(parts) if p.claim not in self.finished]
            if under_way and not self._over.is_set():
                self._print(self.line(under_way))

    def _terminal(self) -> Any:
        terminal: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        return terminal if terminal is not None and terminal.verbosity >= 0 else None

    def _print(self, line: str) -> None:
        if (terminal := self._terminal()) is not None:
            with _uncaptured(self.config):
                terminal.write_line(f"[{line}]", cyan=True)

    def _newline(self) -> None:
        with _uncaptured(self.config):
            self._terminal().ensure_newline()


def write_progress(path: Path, progress: Progress) -> None:
    """A worker's progress, for the controller to read; at most once a second."""
    if time.monotonic() - _written.get(path, -1.0) >= 1.0:
        _written[path] = time.monotonic()
        with suppress(OSError):  # the records themselves will say that nothing can be written
            write_json(path, progress)


def read_progress(parts: Path) -> Iterator[Progress]:
    """What each worker said last."""
    for path in sorted(parts.glob("*.progress")):
        told = read_json(path)
        if isinstance(told, dict) and fits(told, Progress):
            yield Progress(**told)


@contextmanager
def _uncaptured(config: pytest.Config) -> Iterator[None]:
    """pytest's own way to print in the middle of a test."""
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    if capture is None:
        yield
        return
    with capture.global_and_fixture_disabled():
        yield


def _told(p: Progress) -> str:
    told = f"{p.claim.rpartition('::')[2]}: {p.stage} {p.setups}/{p.of}"
    if not p.trials:
        return told
    return f"{told}, {p.trials} trials, {p.trials / max(p.seconds, 1e-3):.3g} a second"


def _share(p: Progress) -> float:
    """Roughly how much of a claim is behind it: the panel is most of it."""
    done = p.setups / p.of if p.of else 0.0
    return {"panel": 0.7 * done, "named": 0.7 * done, "search": 0.7 + 0.2 * done}.get(p.stage, 0.9)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
