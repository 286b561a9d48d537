"""Live progress: one place prints; a picture on a terminal, else a plain line now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mrpcheck.jsonfiles import fits, read_json, write_json
from mrpcheck.pages import plain
from mrpcheck.plugin.status import Bar, fresh_line, status_line, uncaptured
from mrpcheck.runs import Progress

__all__ = ["Watch", "read_progress", "write_progress"]

PAUSE = 10.0  # seconds between two plain lines, at least
TICK = 1.0  # seconds between two words of a worker, and between two looks at them
HALFWAY = 48  # trials at each setup after which about half of them are behind
MOST = {"panel": 0.7, "named": 0.7, "cell": 1.0}  # of a claim is that stage
_written: dict[Path, float] = {}


class Watch:
    """Prints how far the run has come, from this process' claims or from the workers' files."""

    def __init__(self, config: pytest.Config, claims: int, workers: Path | None) -> None:
        self.config = config
        self.claims = claims
        self.finished: set[str] = set()
        self.under_way: Sequence[Progress] = ()
        self.status = status_line(config, self.picture) if self._terminal() is not None else None
        self._began = self._last = time.monotonic()
        self._over = threading.Event()
        if workers is not None:
            thread = threading.Thread(target=self._follow, args=(workers / "parts",), daemon=True)
            thread.start()

    def done(self, claim: str) -> None:
        """A claim came to its end; pytest is about to print it."""
        self.finished.add(claim)

    def stop(self) -> None:
        """Print nothing more."""
        self._over.set()
        if self.status is not None:
            self.status.close()

    def show(self, progress: Progress) -> None:
        """Show where the one claim under way is, if it is time to."""
        self.under_way = [progress]
        self._show()

    def line(self) -> str:
        """`2 of 14 claims; test_x: panel 3/8, 412 trials, 12 a second; about 4 min left`."""
        first, *others = self.picture()
        return "; ".join([first.name, *(f"{o.name}: {o.text}" for o in others), first.text])

    def picture(self) -> list[Bar]:
        """A bar for the run, and one for each claim under way."""
        under_way = [p for p in self.under_way if p.claim not in self.finished]
        done = len(self.finished) + sum(_share(p) for p in under_way)
        spent = time.monotonic() - self._began
        left = spent * (self.claims - done) / done if done else None
        said = f"{_time(spent)} so far" if left is None else f"about {_time(left)} left"
        run = Bar(f"{len(self.finished)} of {self.claims} claims", done / self.claims, said)
        return [run, *(Bar(_name(p), _share(p), _told(p)) for p in under_way)]

    def _follow(self, parts: Path) -> None:
        """Controller: read what the workers say, and show it now and then."""
        while not self._over.wait(TICK):
            self.under_way = tuple(read_progress(parts))
            if not self._over.is_set() and any(
                p.claim not in self.finished for p in self.under_way
            ):  # fmt: skip
                self._show()

    def _show(self) -> None:
        """Draw on a terminal; elsewhere print a line, the longer the run the more seldom."""
        if self._terminal() is None:
            return
        if self.status is not None:
            self.status.draw()
            return
        now = time.monotonic()
        if now - self._last >= max(PAUSE, (now - self._began) / 20):
            self._last = now
            with uncaptured(self.config):
                fresh_line(self.config)
                self._terminal().write_line(f"[{self.line()}]", cyan=True)

    def _terminal(self) -> Any:
        terminal: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        return terminal if terminal is not None and terminal.verbosity >= 0 else None


def write_progress(path: Path, progress: Progress) -> None:
    """A worker's progress, for the controller to read; now and then."""
    if time.monotonic() - _written.get(path, -TICK) >= TICK:
        _written[path] = time.monotonic()
        with suppress(OSError):  # the records themselves will say that nothing can be written
            write_json(path, progress)


def read_progress(parts: Path) -> Iterator[Progress]:
    """What each worker said last."""
    for path in sorted(parts.glob("*.progress")):
        told = read_json(path)
        if isinstance(told, dict) and fits(told, Progress):
            yield Progress(**told)


def _name(p: Progress) -> str:
    return plain(p.claim.rpartition("::")[2])


def _told(p: Progress) -> str:
    told = f"{p.stage} {p.setups}/{p.of}"
    if not p.trials:
        return told
    return f"{told}, {p.trials} trials, {p.trials / max(p.seconds, 1e-3):.3g} a second"


def _share(p: Progress) -> float:
    """Roughly how much of a claim is behind it: the panel is most of it."""
    done = p.setups / p.of if p.of else 0.0
    if p.stage == "search":
        return 0.7 + 0.2 * done
    if p.stage not in MOST:
        return 0.9
    begun = p.trials / (p.trials + HALFWAY * p.of) if p.of else 0.0
    return MOST[p.stage] * max(done, begun)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
