"""What a replay came to, line by line: the same bit for bit, or what differs."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mrpcheck import native
from mrpcheck.merging import COLUMNS
from mrpcheck.pages import Page
from mrpcheck.plugin.options import version_of
from mrpcheck.recorded import Found
from mrpcheck.repeating import Again
from mrpcheck.showing import Reading
from mrpcheck.sourcing import edited

__all__ = ["report"]

Row = dict[str, Any]

CELLS = ("outcome", "margin", "failed")
FIGURES = (
    "key", "trials", "hits", "failed", "estimate", "lower", "upper", "log_e_support",
    "log_e_refute",
)  # fmt: skip
PACKAGES = ("mrpcheck", "torch", "numpy", "scipy")


@dataclass(frozen=True)
class Difference:
    """One thing that is not what it was: a trial's, or a figure of the judgement."""

    what: str
    then: object
    now: object
    trial: int | None = None

    def __str__(self) -> str:
        where = "" if self.trial is None else f"trial {self.trial}: "
        return f"{where}{self.what} {_shown(self.then)} then, {_shown(self.now)} now"


def report(run: Reading, found: Found, agains: Sequence[Again]) -> tuple[str, int]:
    """The page, and 0: all the same, 1: not so, 2: something could not be asked for again."""
    if agains and all(again.why is not None for again in agains):
        first, *others = dict.fromkeys(again.why for again in agains)
        raise ValueError(f"{first} (and {len(others)} more)" if others else first)
    page = Page()
    _print_terms(page, run, agains)
    _print_edited(page, run, agains)
    same = [_print_line(page, again) for again in agains]
    for name, why in found.wrong.items():
        page.write("  NOT the same", red=True)
        page.write_line(f": {why}  {name}")
    for name, why in found.without.items():
        page.write_line(f"  nothing to replay: {why}  {name}")
    _print_end(page, agains, same, found)
    if any(again.why is not None for again in agains):
        return str(page), 2
    return str(page), int(not all(same) or bool(found.wrong))


def differing_trials(again: Again) -> list[list[Difference]]:
    """For each trial that is not what it was, in their order: how it differs."""
    then, now = again.recorded.trials, again.trials
    found = []
    for number in sorted({*then, *now}):
        if number not in now or number not in then:
            words = ("recorded", "not") if number in then else ("not", "asked for")
            found.append([Difference("was", *words, trial=number)])
            continue
        names = [*CELLS, *sorted({*then[number], *now[number]} - {*COLUMNS})]
        pairs = [(n, then[number].get(n) or "", now[number].get(n) or "") for n in names]
        if differ := [Difference(n, a, b, number) for n, a, b in pairs if a != b]:
            found.append(differ)
    return found


def differing_figures(again: Again) -> list[Difference]:
    """What the trials come to, where that is not what it was; the verdict first."""
    then, now = again.recorded.line, again.line
    if now is None:
        return []
    return [
        Difference(name, then[name], now.get(name))
        for name in ("verdict", *FIGURES)
        if name in then and then[name] != now.get(name)
    ]


def _print_terms(page: Page, run: Reading, agains: Sequence[Again]) -> None:
    manifest = run.manifest
    page.write_line(
        f"replay of {run.folder}: seed {manifest['seed']}, profile {manifest['profile']['name']}, "
        f"device {manifest['device']}"
    )
    then = {"python": None, **manifest["versions"]}
    now = {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}}
    pairs = {name: (then.get(name), version) for name, version in now.items()}
    pairs["platform"] = manifest.get("platform"), platform.platform()
    pairs["step"] = manifest.get("step", "torch"), native.name()
    devices = {again.device for again in agains if again.device is not None}
    pairs["device"] = manifest["device"], ", ".join(sorted(devices)) or manifest["device"]
    for name, (old, new) in pairs.items():
        if old != new:
            page.write_line(f"{name}: {old} then, {new} now", yellow=True)


def _print_edited(page: Page, run: Reading, agains: Sequence[Again]) -> None:
    """Claims whose source is not the one that was judged: said before anything about them."""
    sources = {row["claim"]: row["source"] for row in run.manifest["claims"]}
    now = {a.recorded.line["claim"]: a.source for a in agains if a.source is not None}
    for name, source in now.items():
        if edited(sources.get(name), source):
            page.write_line(f"edited since the run: {name}", yellow=True)


def _print_line(page: Page, again: Again) -> bool:
    """One line, and whether it came out the same."""
    claim = again.recorded.line["claim"]
    tail = f"  {claim}, {again.recorded.place}"
    if again.why is not None:
        page.write("  cannot be replayed", red=True)
        page.write_line(f": {again.why}{tail}")
        return False
    trials, figures = differing_trials(again), differing_figures(again)
    verdict, number = again.recorded.line["verdict"], len({*again.recorded.trials, *again.trials})
    if not trials and not figures:
        page.write("  same, bit for bit", green=True)
        page.write_line(f": {_what(again)}{tail}")
        return True
    judged = _judged(again, figures, verdict)
    page.write("  NOT the same", red=True)
    page.write_line(f": {len(trials)} of {number} trials differ{judged}{tail}")
    for difference in [d for differ in trials[:1] for d in differ] + figures:
        page.write_line(f"    {difference}")
    return False


def _what(again: Again) -> str:
    line, trials = again.recorded.line, again.recorded.trials
    if again.line is None:
        [(number, cells)] = trials.items()
        return f"trial {number}, outcome {cells['outcome']}"
    return f"{len(trials)} trials, {line['verdict']}"


def _judged(again: Again, figures: Sequence[Difference], verdict: str) -> str:
    if again.line is None:
        return ""
    if figures and figures[0].what == "verdict":
        return f", {verdict} then, {figures[0].now} now"
    return f", {verdict} then and now"


def _print_end(page: Page, agains: Sequence[Again], same: Sequence[bool], found: Found) -> None:
    lines = len(agains) + len(found.wrong)
    if not lines:
        return
    plural = "line" if lines == 1 else "lines"
    other = sum(
        again.line is not None and again.line["verdict"] != again.recorded.line["verdict"]
        for again in agains
    )
    if all(same) and not found.wrong:
        page.write_line(f"{lines} {plural} of evidence: the same, bit for bit", green=True)
        return
    page.write_line(
        f"{lines} {plural} of evidence: {sum(same)} the same, bit for bit; "
        f"{other} with another verdict",
        red=True,
    )


def _shown(value: object) -> str:
    return "nothing" if value in ("", None) else str(value)
