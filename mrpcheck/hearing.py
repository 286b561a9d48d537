"""A claim's hearing: asking for its trials, block by block, and recording what came back."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from mrpcheck.asking import (
    EventError,
    LostRecord,
    first_line,
    is_busy,
    outcomes_of,
    shorten,
)
from mrpcheck.claims import Claim
from mrpcheck.draws import Draw, Regime, identity, json_of, key_of
from mrpcheck.foreseeing import tend
from mrpcheck.noted import Means, Notes, append, means_of
from mrpcheck.outcomes import Outcomes
from mrpcheck.records import Block, Evidence
from mrpcheck.runs import Progress, Run
from mrpcheck.seeds import Trials
from mrpcheck.stats import Judgement, Levels, screen, screen_mean, sentence

__all__ = [
    "EventError",
    "Hearing",
    "Path",
    "Screened",
    "first_line",
    "is_busy",
]


@dataclass(frozen=True)
class Screened:
    """What a few trials say of a setup: suspect or not, and how bad it looks (for steering)."""

    suspect: bool
    badness: float | None


@dataclass
class Hearing:
    """One claim under one run: asks, records, and adds up what all its setups have in common.

    `panel` is a digest of the setups that are judged whatever the search finds.
    """

    claim: Claim
    name: str
    run: Run
    regimes: Mapping[str, Regime]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    asked: int = 0
    failed: int = 0
    end_state: bool = False
    setups: tuple[int, int] = (0, 0)
    stage: str = "panel"
    started: float = field(default_factory=time.monotonic)
    evidence: list[Evidence] = field(default_factory=list)
    screened: dict[str, Screened] = field(default_factory=dict)
    panel: str | None = None
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def levels(self) -> Levels:
        """The error levels of one claim."""
        return self.run.budget.levels

    def ask(self, path: Path, size: int, patient: bool) -> tuple[Outcomes, Trials]:
        """The next `size` trials of a path; `Busy` passes through unless `patient`."""
        trials = path.request(len(path.values), size, patient)
        arguments = {**self.fixed, **path.draw}
        try:
            outcomes = outcomes_of(self.claim, arguments, trials, self.run.limit)
        except EventError as error:
            where = f"{path.stage} {path.index}, {self.describe(path.draw)}"
            raise EventError(f"{error} [{self.name}{error.line}, {where}]") from error.__cause__
        self.end_state |= trials.facts.end_state
        tend()
        return outcomes, trials

    def record(self, entry: Block | Evidence) -> None:
        """Have an entry recorded; a claim whose records are lost comes to no verdict."""
        try:
            self.run.record(entry)
        except OSError as error:
            raise LostRecord(str(error)) from None

    def screen(self, draw: Draw, stage: str) -> Screened:
        """A look at the search stream and the first null; the same setup, the same answer."""
        name = identity(draw)
        if name not in self.screened:
            path = Path(self, draw, stage, next(self._numbers), "search")
            path.take(self.run.profile.every, patient=True)
            self.screened[name] = Screened(path.verdict == "SUSPECT", path.badness())
        return self.screened[name]

    def describe(self, draw: Draw) -> str:
        """The draw in words."""
        if self.claim.diagram is not None and draw in (self.claim.named or ()):
            return self.claim.diagram.words((self.claim.named or ()).index(draw))
        return "; ".join(
            self.regimes[name].describe(value)
            if name in self.regimes
            else shorten(f"{name} = {value}")
            for name, value in draw.items()
        )

    def violations(self, draw: Draw) -> tuple[str, ...]:
        """What the draw violates of its regime."""
        return tuple(
            str(sentence_)
            for name, value in draw.items()
            if name in self.regimes
            for sentence_ in self.regimes[name].violations(value)
        )

    def tell(self, stage: str | None = None, done: int = 0, of: int = 0) -> None:
        """Tell how far it has come."""
        if stage is not None:
            self.stage, self.setups = stage, (done, of)
        seconds = time.monotonic() - self.started
        self.run.tell(Progress(self.name, self.stage, *self.setups, self.asked, seconds))


@dataclass
class Path:
    """The trials of one stream at one setup, in seed order, and what they come to."""

    hearing: Hearing
    draw: Draw
    stage: str
    index: int
    stream: str
    dtype: str = "float32"
    horizon: int = 1
    values: list[float] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    notes: Notes = field(default_factory=dict)
    counted: int = 0
    verdict: str | None = None
    seconds: float = 0.0

    @property
    def most(self) -> int:
        """Trials it may take."""
        return self.hearing.run.profile.trials(self.stage)

    def request(self, first: int, size: int, patient: bool) -> Trials:
        """`size` trials of its stream from `first` on."""
        run = self.hearing.run
        return Trials(
            size, first, run.seed, self.stream, run.device, self.dtype, self.horizon,
            patient=patient,
        )  # fmt: skip

    def step(self, patient: bool = True) -> bool:
        """Ask for a block, judge, and say whether the setup is decided or its budget spent."""
        profile = self.hearing.run.profile
        self.take(min(profile.block, self.most - len(self.values)), patient)
        return self.verdict is not None

    def take(self, size: int, patient: bool) -> None:
        """Ask for `size` more trials and record them."""
        begun, hearing = time.monotonic(), self.hearing
        outcomes, trials = hearing.ask(self, size, patient)
        self.values.extend(outcomes.values.tolist())
        self.margins.extend([] if outcomes.margins is None else outcomes.margins.tolist())
        self.lost.extend(outcomes.failed)
        append(self.notes, trials.first, trials.facts.notes)
        self.seconds += time.monotonic() - begun
        self._decide(trials.first)
        hearing.record(self._block(outcomes, trials))
        hearing.tell()
        if self.verdict is not None:
            self._conclude()

    def finish(self) -> Path:
        """Ask until the setup is decided or its budget spent, waiting where need be."""
        while not self.step():
            pass
        return self

    def rest(self) -> None:
        """Leave the setup undecided where it is: nothing it could show would matter any more."""
        if self.verdict is None:
            self.verdict = "UNDECIDED"
            self._conclude()

    @functools.cached_property
    def judgement(self) -> Judgement:
        """The verdict with its interval, once there is one."""
        walk, profile = self.hearing.claim.walk(self.hearing.levels), self.hearing.run.profile
        return walk.judge(self.values, profile.every, self.most)

    @property
    def measures(self) -> Means:
        """What was noted beside the event, as means over the counted trials."""
        return means_of(self.notes, self.counted)

    @property
    def key(self) -> str:
        """The key of the setup's random numbers."""
        return key_of(self.draw)

    def _decide(self, before: int) -> None:
        claim, profile = self.hearing.claim, self.hearing.run.profile
        if self.stage in ("search", "shrink", "remembered"):
            self.verdict = "SUSPECT" if _suspect(claim, self.values) else "CLEAR"
            self.counted = profile.every
        else:
            walk = claim.walk(self.hearing.levels)
            found = walk.decide(self.values, profile.every, self.most)
            self.verdict, self.counted = found.verdict, found.looks * profile.every
        self.hearing.asked += self.counted - min(before, self.counted)
        self.hearing.failed += sum(before <= t < self.counted for t in self.lost)

    def badness(self) -> float | None:
        """Below 0 where the claim holds with room: of the mean, or a quantile of the margin.

        Truth values have none: of 16 of them most are the same.
        """
        claim = self.hearing.claim
        if claim.bounds is not None:
            return -float(np.mean(self.values))
        if not self.margins:
            return None
        margins = np.nan_to_num(self.margins, nan=-1e6, posinf=1e6, neginf=-1e6)
        return -float(np.quantile(margins, 1 - claim.at_least))

    def _block(self, outcomes: Outcomes, trials: Trials) -> Block:
        margins = None if outcomes.margins is None else outcomes.margins.tolist()
        return Block(
            self.hearing.name, self.stage, self.index, self.key, self.stream, self.dtype,
            self.horizon, trials.first, outcomes.values.tolist(), margins, outcomes.failed,
            trials.facts.notes, max(0, self.counted - trials.first),
        )  # fmt: skip

    def _conclude(self) -> None:
        hearing, j = self.hearing, self.judgement
        found = Evidence(
            hearing.name, self.stage, self.index, json_of(self.draw), self.key,
            hearing.violations(self.draw), hearing.run.seed, self.stream, self.dtype,
            self.horizon, hearing.run.device, j.trials, j.hits,
            sum(t < self.counted for t in self.lost), self.verdict or "UNDECIDED",
            j.estimate, j.lower, j.upper, j.log_e_support, j.log_e_refute,
            sentence(j, hearing.describe(self.draw)), self.seconds,
        )  # fmt: skip
        hearing.evidence.append(found)
        hearing.record(found)


def _suspect(claim: Claim, values: Sequence[float]) -> bool:
    if claim.bounds is None:
        return screen(values, claim.at_least, claim.tolerance)
    return screen_mean(values, claim.at_least, claim.tolerance, claim.bounds)
