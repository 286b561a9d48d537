"""What claims are judged under, and how far one of them has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mrpcheck.profiles import PROFILES, Profile
from mrpcheck.records import Block, Evidence
from mrpcheck.stats import Budget

__all__ = ["Progress", "Run"]


@dataclass(frozen=True)
class Progress:
    """How far a claim has come: told after every block."""

    claim: str
    stage: str
    setups: int
    of: int
    trials: int
    seconds: float


@dataclass(frozen=True)
class Run:
    """What claims are judged under; no claim chooses any of it.

    record  receives every block, line of evidence and verdict as it comes
    tell    receives the progress after every block
    trace   receives the traceback where an event or a draw failed
    limit   seconds that a block of trials may take (a way to stop; it decides nothing else)
    """

    seed: int = 0
    profile: Profile = PROFILES["quick"]
    budget: Budget = field(default_factory=Budget)
    device: str = "cpu"
    record: Callable[[Block | Evidence], None] = lambda entry: None
    tell: Callable[[Progress], None] = lambda progress: None
    trace: Callable[[str], None] = lambda text: None
    limit: float | None = None
