"""What will be asked for next: put in flight while a block is waited for, and never counted.

A claim is asked for a later block as it will be asked in its turn, and stops where a training is
still under way. What it returns is dropped: evidence comes from the turn itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mrpcheck.asking import is_busy

__all__ = ["Ask", "Foresight", "Source", "current", "foreseen", "using"]


@dataclass(frozen=True)
class Ask:
    """A block of a claim: `key` names it, `call` asks for it without patience.

    `round` counts from the one under way; what later rounds ask for may never be needed.
    """

    key: tuple[Any, ...]
    round: int
    call: Callable[[], object]


Source = Callable[[int], Iterable[Ask]]  # the asks of a round: 0 is certain to be asked for


class Foresight:
    """Asks by round, those of the claim under way before those of the claims that follow.

    Rounds beyond 0, at most `ahead` of them, may turn out to have been asked for in vain.
    """

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead
        self.active = False
        self._now: Source = lambda round_: ()
        self._later: Source = lambda round_: ()
        self._asks: Iterator[Ask] = iter(())
        self._begun: set[tuple[Any, ...]] = set()
        self._next: Ask | None = None
        self._ready: deque[Ask] = deque()
        self._maybe: deque[Ask] = deque()
        self._waiting: dict[str, list[Ask]] = {}

    def look(self, now: Source | None = None, later: Source | None = None) -> None:
        """What to foresee from here on; what is under way goes on."""
        self._now, self._later = now or self._now, later or self._later
        self._asks, self._next = self._ordered(), None

    def step(self, idle: bool) -> bool:
        """Ask once more for something; False where nothing is left to ask for now.

        What may be asked for in vain is left alone unless workers are `idle`.
        """
        ask = None if self.active else self._pick(idle)
        if ask is None:
            return False
        self.active = True
        try:
            ask.call()
        except Exception as error:  # said when its turn comes
            if is_busy(error):
                self._waiting.setdefault(str(error), []).append(ask)
        finally:
            self.active = False
        return True

    def landed(self, name: str) -> None:
        """A block came back, or was lost: who waited for it may ask again."""
        for ask in self._waiting.pop(name, ()):
            (self._maybe if ask.round else self._ready).append(ask)

    def _pick(self, idle: bool) -> Ask | None:
        if self._ready:
            return self._ready.popleft()
        if idle and self._maybe:
            return self._maybe.popleft()
        self._next = self._next or next(self._asks, None)
        if self._next is None or (self._next.round and not idle):
            return None
        found, self._next = self._next, None
        self._begun.add(found.key)
        return found

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
