"""The claims that pytest would judge, collected without judging any."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from mrpcheck.claims import Claim, claim_of
from mrpcheck.judging import regimes_of, strategies_of
from mrpcheck.plugin.options import Options, name_of, options_of

__all__ = ["Collected", "collect", "refusal_in", "why_failed"]


@dataclass
class Collected:
    """Claims by name, and what they would be judged under.

    panels   claims whose draws come from a regime, and so have a panel
    refused  why the plugin would not begin, if it would not
    """

    claims: dict[str, Claim] = field(default_factory=dict)
    panels: set[str] = field(default_factory=set)
    options: Options | None = None
    refused: str | None = None


def collect(paths: Sequence[str], profile: str) -> Collected:
    """The claims below `paths`; one sentence where pytest cannot collect them."""
    collector = _Collector()
    quiet = ("--collect-only", "-qq", "-s", "-p", "no:cacheprovider", "--assert=plain")
    options = (f"--mrp-profile={profile}", "--mrp-device=cpu")
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        pytest.main([*quiet, *options, "--", *paths], plugins=[collector])
    if collector.trouble is not None:
        raise ValueError(collector.trouble)
    if not collector.found.claims:
        where = ", ".join(paths) or "."
        raise ValueError(refusal_in(out.getvalue()) or f"PATH = {where}, but should hold claims")
    return collector.found


class _Collector:
    """Keeps the claims that were collected, and the first thing that could not be."""

    def __init__(self) -> None:
        self.found = Collected()
        self.trouble: str | None = None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self.trouble is None:
            self.trouble = why_failed(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_collection_finish(self, session: pytest.Session) -> Generator[None, Any, Any]:
        for item in session.items:
            self._take(item)
        try:
            self.found.options = options_of(session.config)
            return (yield)
        except pytest.UsageError as error:
            self.found.refused = str(error)

    def _take(self, item: pytest.Item) -> None:
        test = getattr(item, "obj", None)
        claim = claim_of(test)
        if claim is None:
            return
        name = name_of(item)
        self.found.claims[name] = claim
        if strategies_of(test) and set(strategies_of(test)) <= set(regimes_of(test)):
            self.found.panels.add(name)


def why_failed(report: pytest.CollectReport) -> str:
    """Why something could not be collected, in one sentence."""
    why = [line for line in str(report.longrepr).splitlines() if line.startswith("E  ")]
    why = why or str(report.longrepr).splitlines() or ["it cannot"]
    return f"{report.nodeid} = {why[-1].removeprefix('E').strip()}, but should be collected"


def refusal_in(output: str) -> str | None:
    """Why pytest did not even begin, by what it printed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return errors[0] if errors else None
