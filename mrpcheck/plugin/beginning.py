"""What happens when claims were collected, before the first of them is judged."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mrpcheck import store
from mrpcheck.claims import Claim, claim_of
from mrpcheck.hearing import Hearing
from mrpcheck.judging import strategies_of
from mrpcheck.merging import UNJUDGED
from mrpcheck.plugin.clustering import cluster_of
from mrpcheck.plugin.judge import Judge
from mrpcheck.plugin.ledger import Ledger
from mrpcheck.plugin.options import Options, name_of, one_thread, options_of, report_of
from mrpcheck.plugin.pinning import pin
from mrpcheck.plugin.search import load_settings
from mrpcheck.plugin.workers import tell_controller
from mrpcheck.runs import Run
from mrpcheck.stats import refusal
from mrpcheck.verdicts import unheard

__all__ = ["begin"]

_FOREIGN = {
    "@example": "hypothesis_explicit_examples",
    "@settings": "_hypothesis_internal_settings_applied",
    "@reproduce_failure": "_hypothesis_internal_use_reproduce_failure",
}
_INSTEAD = {
    "@example": "a setup of one's own is named by @at or @control, or judged by mrpcheck.judge",
    "@settings": "sizes belong to --mrp-profile",
    "@reproduce_failure": "a counterexample is replayed from its setup and --mrp-seed",
}


def begin(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Refuse what cannot be judged; else open the run, or tell the controller what there is."""
    found = {name_of(item): item for item in items}
    handed = getattr(config, "workerinput", {}).get("mrpcheck")
    if handed is not None:
        pin(config.workerinput["workerid"], config.getoption("--mrp-device"))  # type: ignore[attr-defined]
    try:
        options = options_of(config)
        rows = [_row(name, item, options) for name, item in found.items()]
        _refuse(found, options)
        cluster = None if config.getoption("collectonly") else cluster_of(config, options.device)
    except pytest.UsageError as error:
        if handed is None:
            raise
        tell_controller(config, handed, [], refused=str(error))
        return
    one_thread()
    load_settings([getattr(item, "obj", None) for item in items], options.profile)
    notes = _notes(config, options)
    if cluster is not None:
        notes.append(cluster.note)
        config.pluginmanager.register(cluster, "mrpcheck-cluster")
    if handed is not None:
        tell_controller(config, handed, rows, notes, options.device)
        name, folder = config.workerinput["workerid"], Path(handed["report"])  # type: ignore[attr-defined]
        config.pluginmanager.register(
            Judge(options, name, folder, cluster=cluster), "mrpcheck-judge"
        )
    elif not (
        config.getoption("collectonly") or config.pluginmanager.has_plugin("mrpcheck-replay")
    ):
        store.trim()
        ledger = Ledger(config, options, rows, notes)
        judge = Judge(options, "main", report_of(config), ledger.watch, cluster, items)
        config.pluginmanager.register(ledger, "mrpcheck-ledger")
        config.pluginmanager.register(judge, "mrpcheck-judge")


def _notes(config: pytest.Config, options: Options) -> list[str]:
    """What the header adds: which part of their regimes the strategies draw from."""
    header = getattr(sys.modules.get("mrpcheck.strategies"), "header", None)
    notes = [] if header is None else [str(line) for line in header(options.profile.name)]
    if config.getoption("--hypothesis-seed", None) is not None:
        notes.append("--hypothesis-seed has no say in claims; --mrp-seed has")
    return notes


def _claim(item: pytest.Item) -> Claim:
    claim = claim_of(getattr(item, "obj", None))
    assert claim is not None
    return claim


def _row(name: str, item: pytest.Item, options: Options) -> dict[str, Any]:
    """The row that stands until the claim is judged."""
    run = Run(options.seed, options.profile, options.budget, options.device)
    row = unheard(Hearing(_claim(item), name, run, {}), UNJUDGED)
    return {**dataclasses.asdict(row), "seconds": 0.0, "expected": True}


def _refuse(found: Mapping[str, pytest.Item], options: Options) -> None:
    """Raise for more claims than share the budget, and for one that no luck could decide."""
    try:
        store.bound()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    too_many = options.budget.refusal(len(found))
    if too_many:
        raise pytest.UsageError(f"{too_many}; --mrp-claims N takes a larger divisor")
    for name, item in found.items():
        if why := _ill_made(item) or _hopeless(_claim(item), options):
            raise pytest.UsageError(f"{name}: {why}")


def _ill_made(item: pytest.Item) -> str | None:
    """Why nothing could be drawn for the claim, or not as its decorators say."""
    test = getattr(item, "obj", None)
    named = _claim(item).named is not None
    if not named and not strategies_of(test):
        return "what it draws = nothing, but should be said by @given above it"
    if named and hasattr(test, "is_hypothesis_test"):
        return "@given = above a claim that names its setups, but should be left out"
    for decorator, mark in _FOREIGN.items():
        if getattr(test, mark, None):
            return f"{decorator} = above a claim, but should be left out: {_INSTEAD[decorator]}"
    return None


def _hopeless(claim: Claim, options: Options) -> str | None:
    """Why the profile's trials cannot decide the claim; None when they can."""
    most, levels = options.profile.trials(claim.stage), options.budget.levels
    if not options.profile.judges:
        return None
    if not claim.expects_refutation:
        why = refusal(claim.at_least, claim.tolerance, levels, most=most, bounds=claim.bounds)
        return why and f"{why}; --mrp-profile thorough allows more"
    worst = claim.bounds[0] if claim.bounds else 0.0
    if claim.walk(levels).decide([worst] * most, most=most).verdict == "REFUTED":
        return None
    return f"most = {most} trials, but should be more: even without a hit they cannot refute it"
