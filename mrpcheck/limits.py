"""A time limit around one piece of work: a way to stop, which decides nothing else."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["TimeUp", "aside", "can_limit", "within"]

AGAIN = 1.0  # seconds after which the alarm rings again: the work may have swallowed the first


class TimeUp(BaseException):
    """The work took longer than it may; not an Exception, which the work itself might catch."""


def can_limit() -> bool:
    """Whether this thread can be interrupted by an alarm."""
    on_main = threading.current_thread() is threading.main_thread()
    return on_main and hasattr(signal, "setitimer")


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Raise `TimeUp` where the work takes more than `seconds`; None or 0 is no limit."""
    if not seconds or not can_limit():
        yield
        return
    alarm = _Alarm()
    handler = signal.signal(signal.SIGALRM, alarm)
    begun, timer = time.monotonic(), signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        try:
            yield
        finally:
            alarm.armed = False
    except Exception:
        if not alarm.rang:
            raise
    finally:
        _restore(timer, time.monotonic() - begun)
        signal.signal(signal.SIGALRM, handler)
    if alarm.rang:  # whatever the work made of it
        raise TimeUp


@contextmanager
def aside() -> Iterator[None]:
    """Work for somebody else: the time of a limit around it stands still."""
    if not can_limit():
        yield
        return
    timer = signal.getitimer(signal.ITIMER_REAL)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0)
        yield
    finally:
        _restore(timer, 0.0)


class _Alarm:
    """Interrupts the work, as long as there is some."""

    def __init__(self) -> None:
        self.armed = True
        self.rang = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.armed:
            self.rang = True
            raise TimeUp


def _restore(timer: tuple[float, float], spent: float) -> None:
    """Let a timer that somebody else had set go on."""
    left, interval = timer
    signal.setitimer(signal.ITIMER_REAL, max(left - spent, 1e-3) if left else 0.0, interval)
