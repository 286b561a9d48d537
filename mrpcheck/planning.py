"""What each claim will take, before any training: exact for events, the worst case for means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mrpcheck.claims import Claim
from mrpcheck.collecting import Collected
from mrpcheck.merging import evidence, totals
from mrpcheck.plugin.options import Options
from mrpcheck.showing import read_manifest, readable
from mrpcheck.stats import detectable, operating, trials_without_miss

__all__ = ["Measured", "Outlook", "Plan", "measure", "plan_of"]


@dataclass(frozen=True)
class Measured:
    """Seconds a trial in an earlier run, by claim; `doubled` claims were judged at twice the steps.

    Seconds are those of a run whose claims shared trainings: whoever asked first paid; they are
    fewer in larger blocks.
    """

    seconds: Mapping[str, float]
    doubled: frozenset[str]
    block: int
    source: str


@dataclass(frozen=True)
class Outlook:
    """If the truth at every setup were `value`: trials a setup, trials in all, and their cost."""

    value: float
    a_setup: float
    in_all: float
    seconds: float | None


@dataclass(frozen=True)
class Plan:
    """One claim's arithmetic.

    needed   trials a setup if none misses; or, where it should be refuted, if none hits
    refutes  the largest true value refuted at a setup in 80 % of runs; None: there is none
    """

    name: str
    claim: Claim
    needed: int
    refutes: float | None
    outlooks: tuple[Outlook, ...]


def plan_of(
    name: str, found: Collected, true_p: Sequence[float] | None, measured: Measured | None
) -> Plan:
    """The arithmetic of one collected claim; `true_p` stands for the usual two values."""
    claim, options = found.claims[name], found.options
    assert options is not None
    p, levels = options.profile, options.budget.levels
    refutes = detectable(
        claim.at_least, claim.tolerance, levels, p.every, p.trials(claim.stage), bounds=claim.bounds
    )
    values = true_p if true_p and claim.bounds is None else _usual(claim)
    outlooks = tuple(_outlook(name, found, value, measured) for value in values)
    return Plan(name, claim, _needed(claim, options), refutes, outlooks)


def measure(folder: Path) -> Measured:
    """Seconds a trial of each claim in the run that `folder` records."""
    manifest = read_manifest(folder)
    seconds: dict[str, float] = {}
    trials: dict[str, int] = {}
    doubled = set()
    with readable(folder):
        for line in evidence(folder):
            name = line["claim"]
            seconds[name] = seconds.get(name, 0.0) + line["seconds"]
            trials[name] = trials.get(name, 0) + line["trials"]
            if line["stage"] == "doubled":
                doubled.add(name)
        counts = totals(folder) if manifest["ended"] is None else manifest
        block = int(manifest["profile"]["block"])
        source = (
            f"{folder}: profile {manifest['profile']['name']}, {manifest['device']}, "
            f"{counts['trained']} of {counts['asked']} trainings not from the store"
        )
    rates = {name: seconds[name] / n for name, n in trials.items() if n}
    return Measured(rates, frozenset(doubled), block, source)


def _usual(claim: Claim) -> tuple[float, float]:
    """The best that can be true and the least that the claim says; or the worst, and the null."""
    bottom, top = claim.bounds or (0.0, 1.0)
    if claim.expects_refutation:
        return bottom, round(claim.at_least - claim.tolerance, 12)
    return top, claim.at_least


def _needed(claim: Claim, options: Options) -> int:
    levels, every = options.budget.levels, options.profile.every
    if not claim.expects_refutation:
        return trials_without_miss(
            claim.at_least, claim.tolerance, levels.false_support, every, claim.bounds
        )
    worst = claim.bounds[0] if claim.bounds else 0.0
    cap = max(4096, options.profile.most)
    return claim.walk(levels).decide([worst] * cap, every, cap).looks * every


def _outlook(name: str, found: Collected, value: float, measured: Measured | None) -> Outlook:
    claim, options = found.claims[name], found.options
    assert options is not None
    p, levels = options.profile, options.budget.levels
    walk = operating(
        claim.at_least, claim.tolerance, levels, value, p.every, p.trials(claim.stage),
        bounds=claim.bounds,
    )  # fmt: skip
    doubled = measured is not None and name in measured.doubled
    setups, screened = _shape(claim, options, name in found.panels, walk.refuted > 0.5, doubled)
    in_all = setups * walk.mean_trials + screened * p.every
    rate = None if measured is None else measured.seconds.get(name)
    return Outlook(value, walk.mean_trials, in_all, None if rate is None else rate * in_all)


def _shape(
    claim: Claim, options: Options, panel: bool, refuted: bool, doubled: bool
) -> tuple[int, int]:
    """Setups judged to a verdict, and setups screened, if all setups come out alike.

    At most: where one is refuted, the rest of the panel stops with it.
    """
    p = options.profile
    if claim.kind == "control":
        return 1, 0
    if claim.kind == "diagram":
        return len(claim.named or ()), 0
    named = claim.named is not None
    setups = len(claim.named or ()) or (p.panel if panel else 0)
    if refuted and p.judges:
        return setups + 2 + doubled, 0 if named else p.shrink  # confirmed, and again in float64
    return setups + (min(p.doubled, setups) if doubled else 0), 0 if named else p.search
