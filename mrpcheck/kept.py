"""`Kept`: what was made last, while it fits into a stated number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["Kept"]

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by key, those used longest ago dropped first; one above `bound` is never kept.

    size  the bytes of a value; threads may ask at once, and may then both make the same
    """

    def __init__(self, bound: int, size: Callable[[Value], int]) -> None:
        self.bound, self.size = bound, size
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._bytes, self._lock = 0, Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value under `key`, made by `make` where it is not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._bytes += self.size(value)
            while self._bytes > self.bound:
                _, oldest = self._values.popitem(last=False)
                self._bytes -= self.size(oldest)
        return value
