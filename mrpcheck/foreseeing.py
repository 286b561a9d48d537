"""What will be asked for next: put in flight while a block is waited for, and never counted.

A claim is asked for a later block as it will be asked in its turn, and stops where a training is
still under way. What it returns is dropped: evidence comes from the turn itself.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mrpcheck.asking import is_busy
from mrpcheck.limits import aside, within

__all__ = ["Ask", "Foresight", "Source", "current", "foreseen", "tend", "using"]


@dataclass(frozen=True)
class Ask:
    """A block of a claim: `key` names it, `call` asks for it without patience.

    `round` counts from the one under way; what later rounds ask for may never be needed. `limit` is
    the seconds it may take, None for no limit. Asks that are `like` one another are answered from
    as many blocks; `over` says whether the claim has asked for it itself meanwhile.
    """

    key: tuple[Any, ...]
    round: int
    call: Callable[[], object]
    limit: float | None = None
    like: tuple[Any, ...] = ()
    over: Callable[[], bool] = lambda: False


Source = Callable[[int], Iterable[Ask]]  # the asks of a round: 0 is certain to be asked for


@dataclass
class _Waiting:
    """An ask that waits for a block, the how-manieth of those that it needs."""

    ask: Ask
    block: int
    lost: bool = False


class Foresight:
    """Asks by round, those of the claim under way before those of the claims that follow.

    Rounds beyond 0, at most `ahead` of them, may turn out to have been asked for in vain. `tend` is
    called between two answers of the claim under way.
    """

    def __init__(self, ahead: int, tend: Callable[[], None] = lambda: None) -> None:
        self.ahead, self.tend = ahead, tend
        self.active = False
        self._now: Source = lambda round_: ()
        self._later: Source = lambda round_: ()
        self._asks: Iterator[Ask] = iter(())
        self._begun: set[tuple[Any, ...]] = set()
        self._next: Ask | None = None
        self.found = 0  # blocks that the ask under way was given
        self._blocks: dict[tuple[Any, ...], int] = {}
        self._ready: deque[_Waiting] = deque()
        self._maybe: deque[_Waiting] = deque()
        self._waiting: dict[str, list[_Waiting]] = {}

    def look(self, now: Source | None = None, later: Source | None = None) -> None:
        """What to foresee from here on; what is under way goes on."""
        self._now, self._later = now or self._now, later or self._later
        self._asks, self._next = self._ordered(), None

    def step(self, idle: bool) -> bool:
        """Ask once more for something; False where nothing is left to ask for now.

        What may be asked for in vain is left alone unless workers are `idle`. Nothing that another
        claim does here reaches the claim that waits: not what it raises, nor the time it takes.
        """
        if self.active:
            return False
        self.active, self.found, ask = True, 0, None
        try:
            with aside():
                try:
                    ask = self._pick(idle)
                    if ask is not None:
                        with within(ask.limit):
                            ask.call()
                        self._blocks[ask.like] = max(self._blocks.get(ask.like, 0), self.found)
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # said when its turn comes
                    if ask is not None and is_busy(error):
                        waiting = _Waiting(ask, self.found + 1)
                        self._waiting.setdefault(str(error), []).append(waiting)
        finally:
            self.active = False
        return ask is not None

    def landed(self, name: str, lost: bool = False) -> None:
        """A block came back, or was lost: who waited for it may ask again."""
        for waiting in self._waiting.pop(name, ()):
            waiting.lost = lost
            (self._maybe if waiting.ask.round else self._ready).append(waiting)

    def _pick(self, idle: bool) -> Ask | None:
        for again in (self._ready, self._maybe) if idle else (self._ready,):
            while again:
                waiting = again.popleft()
                if not self._done(waiting):
                    return waiting.ask
        self._next = self._next or next(self._asks, None)
        if self._next is None or (self._next.round and not idle):
            return None
        found, self._next = self._next, None
        self._begun.add(found.key)
        return found

    def _done(self, waiting: _Waiting) -> bool:
        """Whether nothing is left to put in flight: what it waited for was its last block."""
        last = waiting.block >= self._blocks.get(waiting.ask.like, math.inf)
        return waiting.ask.over() or (last and not waiting.lost)

    def _ordered(self) -> Iterator[Ask]:
        for round_ in range(self.ahead + 1):
            for source in (self._now, self._later):
                for ask in source(round_):
                    if ask.key not in self._begun:
                        yield ask


_current: Foresight | None = None


def current() -> Foresight | None:
    """The foresight of the pool in use; None where everything is trained here."""
    return _current


def tend() -> None:
    """A claim has been answered and is not asked yet again: see to the workers meanwhile."""
    if _current is not None:
        _current.tend()


@contextmanager
def using(foresight: Foresight) -> Iterator[None]:
    """Let claims that are judged inside be foreseen."""
    global _current
    before, _current = _current, foresight
    try:
        yield
    finally:
        _current = before


@contextmanager
def foreseen(source: Source) -> Iterator[None]:
    """Foresee the asks of the claim under way, as long as they are what comes next."""
    if _current is None:
        yield
        return
    _current.look(now=source)
    try:
        yield
    finally:
        _current.look(now=lambda round_: ())
