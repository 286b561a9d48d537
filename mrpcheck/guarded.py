"""A store's place, whose troubles cost one warning a kind and the sharing, never a result.

A distant place that failed is left alone for a while, ten times as long as the failure took: where
none answers, reading and writing cost a tenth of the time each at most.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import TypeVar

import mrpcheck.distant as distant
import mrpcheck.places as places

__all__ = ["Guarded", "guarded"]

SHARE = 10.0  # times as long as a failure took a place is left alone
LEAST, MOST = 10.0, 600.0  # seconds of that
HELD = 2**26  # bytes of a distant place's blocks that are held here
REACHABLE = "reachable"

Answer = TypeVar("Answer")
_log = logging.getLogger("mrpcheck")


def guarded(address: str) -> Guarded:
    """The place of a path or a URL: one for each process."""
    return _guarded(address, os.getpid())  # connections do not survive a fork


@lru_cache(maxsize=8)
def _guarded(address: str, process: int) -> Guarded:
    return Guarded(address)


class Guarded:
    """A place by its path or URL, opened when first asked; no method raises what it raises."""

    def __init__(self, address: str) -> None:
        self._distant = distant.is_url(address)
        self._url = address
        self.address = distant.shown(address) if self._distant else address
        self._place: places.Place | None = None
        self._told: set[tuple[object, ...]] = set()
        self._until: dict[str, float] = {}
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, name: str) -> bytes | None:
        """The bytes of a block; None where there is none, or no way to it."""
        content = self._held.get(name)
        if content is None:
            content = self._try("readable", lambda place: place.read(name), None)
        if content is not None:
            self._hold(name, content)
        return content

    def write(self, name: str, content: bytes, again: bool = True) -> bool:
        """Put a block there; whether it was written. One that is there is only where `again`."""
        self._hold(name, content)

        def put(place: places.Place) -> bool:
            if again or not place.has(name):
                place.write(name, content)
                return True
            return False

        return self._try("writable", put, False)

    def lock(self, name: str, patient: bool) -> AbstractContextManager[bool]:
        """Hold a block while it is made (see `places.Place.lock`); distant places have no locks."""
        if self._distant:
            return nullcontext(False)
        return self._open().lock(name, patient)

    def files(self) -> list[places.File]:
        """The blocks and what was half written; none where they cannot be listed."""
        return self._try("readable", lambda place: place.files(), [])

    def remove(self, paths: Sequence[str]) -> set[str]:
        """Drop files; gives those that are gone."""
        return self._try("writable", lambda place: place.remove(paths), set())

    def trouble(self, should: str, error: Exception) -> None:
        """Say what is wrong, once a kind."""
        kind = (should, type(error), getattr(error, "errno", None))
        if kind not in self._told:
            self._told.add(kind)
            what = next(iter(str(error).splitlines()), "") or repr(error)
            _log.warning("store = %s, but should be %s: %s", self.address, should, what)

    def _hold(self, name: str, content: bytes) -> None:
        """Claims ask for the same block several times: a distant one is fetched once."""
        if not self._distant:
            return
        with self._lock:
            self._held[name] = content
            self._held.move_to_end(name)
            while sum(map(len, self._held.values())) > HELD:
                self._held.popitem(last=False)

    def _open(self) -> places.Place:
        if self._place is None:
            kind = distant.Distant if self._distant else places.Folder
            self._place = kind(self._url)
        return self._place

    def _try(
        self, should: str, action: Callable[[places.Place], Answer], otherwise: Answer
    ) -> Answer:
        begin = time.monotonic()
        if begin < max(self._until.get(what, begin) for what in (should, REACHABLE)):
            return otherwise
        try:
            return action(self._open())
        except Exception as error:  # whatever is wrong with a place
            what = should if self._place else REACHABLE
            self.trouble(what, error)
        if self._distant:
            now = time.monotonic()
            self._until[what] = now + min(max(LEAST, SHARE * (now - begin)), MOST)
        return otherwise
