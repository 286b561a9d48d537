"""Asking a claim's function for one block of trials: whatever it does, an answer or a sentence."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mrpcheck.claims import Claim
from mrpcheck.limits import TimeUp, within
from mrpcheck.outcomes import Outcomes, WrongOutcomes, read_outcomes
from mrpcheck.seeds import Trials

__all__ = ["EventError", "LostRecord", "first_line", "is_busy", "outcomes_of", "shorten"]


class EventError(Exception):
    """There is no answer, or none that could be recorded; text is a sentence.

    `line` says where in the claim's own file it went wrong, if it did so there.
    """

    def __init__(self, sentence: str, line: str = "") -> None:
        super().__init__(sentence)
        self.line = line


class LostRecord(EventError):
    """What came back could not be recorded."""


def outcomes_of(
    claim: Claim, arguments: Mapping[str, Any], trials: Trials, limit: float | None
) -> Outcomes:
    """What the claim's function says of `trials`, within `limit` seconds.

    `Busy` passes through, and so does the user's own interrupt; nothing else does: a claim that
    leaves by `sys.exit` or `pytest.skip` would drop the trials that made it do so.
    """
    try:
        with within(limit), _answering(trials.patient):
            returned = claim.function(**arguments, trials=trials)
            return read_outcomes(returned, trials, claim.bounds)
    except KeyboardInterrupt:
        raise
    except TimeUp:
        raise EventError(
            f"block = not done after {limit:g} s, but should take at most --mrp-limit"
        ) from None
    except BaseException as error:
        if is_busy(error):
            raise
        raise EventError(_told(error), _line(error, claim)) from error


def is_busy(error: BaseException) -> bool:
    """Whether another process is training the block (the store is only known if it is used)."""
    busy = getattr(sys.modules.get("mrpcheck.store"), "Busy", None)
    return busy is not None and isinstance(error, busy)


def _answering(patient: bool) -> AbstractContextManager[None]:
    """Count what is asked of the store for this answer only if it is one."""
    answering = getattr(sys.modules.get("mrpcheck.store"), "answering", None)
    return nullcontext() if answering is None else answering(patient)


def first_line(error: BaseException) -> str:
    """What an exception says, on one line."""
    return shorten((str(error).strip().splitlines() or ["no message"])[0])


def shorten(text: str, most: int = 200) -> str:
    """The beginning of a text that is too long."""
    return text if len(text) <= most else text[: most - 3] + "..."


def _told(error: BaseException) -> str:
    if isinstance(error, WrongOutcomes):
        return str(error)
    told = first_line(error)
    if ", but should " in told:  # a sentence already
        return f"{type(error).__name__}: {told}"
    return f"{type(error).__name__} = {told}, but should be one value a trial"


def _line(error: BaseException, claim: Claim) -> str:
    code = getattr(inspect.unwrap(claim.function), "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [f.lineno for f in frames if code and f.filename == code.co_filename]
    return f", line {own[-1]}" if own else ""
