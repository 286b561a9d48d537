"""Judging one collected claim, in whatever process pytest runs it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mrpcheck.asks import first_asks
from mrpcheck.claims import Claim, claim_of
from mrpcheck.draws import Regime
from mrpcheck.hearing import Hearing
from mrpcheck.jsonfiles import dumps, read_json
from mrpcheck.judging import hear, regimes_of, strategies_of
from mrpcheck.memory import peak_gpu_memory, peak_memory
from mrpcheck.merging import cut_off
from mrpcheck.panels import panel_digest, panel_of
from mrpcheck.parts import part_of
from mrpcheck.plugin.clustering import Cluster
from mrpcheck.plugin.options import Options, name_of, one_thread
from mrpcheck.plugin.resuming import kept_rows
from mrpcheck.plugin.scripts import write_script
from mrpcheck.plugin.search import search_of
from mrpcheck.plugin.snooping import History
from mrpcheck.plugin.tracing import Traces
from mrpcheck.plugin.watching import Watch, write_progress
from mrpcheck.plugin.wording import complaint, printable
from mrpcheck.recorder import Recorder, Unwritable
from mrpcheck.records import Begun, Block, Counts, Evidence, Verdict
from mrpcheck.remembering import Earlier, read_remembered
from mrpcheck.runs import Progress, Run
from mrpcheck.verdicts import Finding, verdict_of

__all__ = ["Judge"]

_ROW = pytest.StashKey[dict[str, Any]]()


class Judge:
    """Takes the place of pytest's own call for claims, and records in this process' own file."""

    def __init__(
        self,
        options: Options,
        name: str,
        folder: Path,
        watch: Watch | None = None,
        cluster: Cluster | None = None,
        items: Sequence[pytest.Item] = (),
    ) -> None:
        self.options = options
        self.name = name
        self.folder = folder
        self.watch = watch
        self.cluster = cluster
        self.items = items
        self.history = History(options.root)
        self.traces = Traces(folder)
        self._recorder: Recorder | None = None
        self._before = _counts()

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> object | None:
        """Judge a claim, and fail where its verdict is not the expected one."""
        claim = claim_of(pyfuncitem.obj)
        if claim is None:
            return None
        one_thread()
        self._foresee(pyfuncitem)
        hearing = Hearing(claim, name_of(pyfuncitem), *self._terms(claim, pyfuncitem))
        row = self._row(hearing, pyfuncitem)
        pyfuncitem.stash[_ROW] = row
        self._trace(hearing, row)
        if said := complaint(printable(row), self.options.strict, self.folder):
            pytest.fail(said, pytrace=False)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let the report carry the verdict, also from a worker to the controller."""
        report = yield
        if call.when == "call" and _ROW in item.stash:
            report.mrpcheck = item.stash[_ROW]  # type: ignore[attr-defined]
        return report

    def pytest_unconfigure(self) -> None:
        """Close this process' file."""
        if self._recorder is not None:
            self._recorder.close()

    def _row(self, hearing: Hearing, item: pytest.Function) -> dict[str, Any]:
        """The verdict as plain values (xdist carries nothing else): kept, or come to now."""
        begun = Begun(hearing.name, hearing.claim.source, _panel(hearing))
        kept = self._kept.get(hearing.name)
        if kept is not None and (kept["source"], kept["panel"]) == (begun.source, begun.panel):
            return kept
        verdict = self._hear(hearing, item, begun)
        return dict(json.loads(dumps(verdict)))

    def _hear(self, hearing: Hearing, item: pytest.Function, begun: Begun) -> Verdict:
        options, claim = self.options, hearing.claim
        try:
            self._write(begun)
            verdict = hear(
                claim, hearing.run, hearing.name, hearing.regimes,
                search_of(item.obj, options.seed, options.profile), fixed=hearing.fixed,
                earlier=self._earlier.get(hearing.name, ()),
            )  # fmt: skip
            verdict = self._compared(write_script(verdict, self.folder))
            if not cut_off(dataclasses.asdict(verdict)):
                self._record(verdict)
        except Unwritable as error:
            finding = Finding("UNDECIDED", None, reason=str(error))
            verdict = verdict_of(hearing, finding, str(error))
        return verdict

    def _terms(
        self, claim: Claim, item: pytest.Function
    ) -> tuple[Run, dict[str, Regime], dict[str, Any]]:
        """What it is judged under: the run, its regimes, and the arguments that nothing draws."""
        options, drawn = self.options, {**strategies_of(item.obj), **(claim.named or ({},))[0]}
        fixed = {n: item.funcargs[n] for n in claim.names() if n in item.funcargs}
        if item.instance is not None:
            fixed[claim.names()[0]] = item.instance
        run = Run(
            options.seed, options.profile, options.budget, options.device,
            self._write, self._tell, functools.partial(_show, item), options.limit,
        )  # fmt: skip
        return run, regimes_of(item.obj), {n: v for n, v in fixed.items() if n not in drawn}

    @functools.cached_property
    def _kept(self) -> Mapping[str, dict[str, Any]]:
        return kept_rows(self.options) if self.options.attempt > 1 else {}

    @functools.cached_property
    def _earlier(self) -> Mapping[str, Sequence[Earlier]]:
        return read_remembered(self.folder) if self.options.remember else {}

    def _write(self, entry: Begun | Block | Evidence | Verdict | Counts) -> None:
        if self._recorder is None:
            self._recorder = Recorder(part_of(self.folder, self.name, self.options.attempt))
        self._recorder(entry)

    def _record(self, verdict: Verdict) -> None:
        """The verdict comes last: a claim that has one needs nothing more."""
        self._count()
        self._write(verdict)

    def _foresee(self, item: pytest.Function) -> None:
        """On a cluster, let the panels of the claims that follow be trained while one waits."""
        if self.cluster is None or item not in self.items:
            return
        after = self.items[self.items.index(item) + 1 :]
        self.cluster.pool.foresight.look(later=first_asks(self._coming(after)))

    def _coming(self, items: Sequence[pytest.Item]) -> Iterator[Hearing]:
        """The hearings of claims that have no verdict yet, take no fixture, and are not skipped."""
        for item in items:
            claim = claim_of(getattr(item, "obj", None))
            skipped = any(map(item.get_closest_marker, ("skip", "skipif")))
            if claim is None or skipped or not isinstance(item, pytest.Function):
                continue
            hearing = Hearing(claim, name_of(item), *self._terms(claim, item))
            drawn = {*hearing.fixed, *hearing.regimes, *(claim.named or ({},))[0]}
            if set(claim.names()) <= drawn and hearing.name not in self._kept:
                yield hearing

    def _count(self) -> None:
        spent = {k: n - self._before.get(k, 0) for k, n in _counts().items()}
        if self.cluster is not None:
            pool = self.cluster.pool
            spent |= {"in_vain": pool.in_vain, "lost": pool.losses}
        self._write(Counts(**spent, peak_memory=peak_memory(), peak_gpu_memory=peak_gpu_memory()))

    def _trace(self, hearing: Hearing, row: dict[str, Any]) -> None:
        """Leave what pictures need; what it trains counts as the run's."""
        before = _counts()
        self.traces.leave(hearing, row)
        if _counts() != before:
            with contextlib.suppress(Unwritable):
                self._count()

    def _compared(self, verdict: Verdict) -> Verdict:
        """The verdict, with the number of other versions that this seed has judged."""
        if verdict.error or not self.options.profile.judges:
            return verdict
        edited = self.history.edited(verdict)
        manifest = read_json(self.folder / "manifest.json") or {}
        noted = self.history.add(verdict, str(manifest.get("started")))
        return replace(verdict, edited=edited if edited or noted else None)

    def _tell(self, progress: Progress) -> None:
        if self.watch is not None:
            self.watch.show(progress)
        else:
            write_progress(self.folder / "parts" / f"{self.name}.progress", progress)


def _show(item: pytest.Item, trace: str) -> None:
    """Keep a traceback for whoever asks for more than the sentence."""
    if item.config.getoption("verbose") > 0:
        item.add_report_section("call", "event", trace)


def _panel(hearing: Hearing) -> str | None:
    """The digest of the setups it is judged at; None where they cannot be drawn, as it will say."""
    try:
        return panel_digest(panel_of(hearing))
    except Exception:
        return None


def _counts() -> dict[str, int]:
    """What this process' store was asked for and trained; nothing where no store is in use."""
    counts = getattr(sys.modules.get("mrpcheck.store"), "counts", None)
    return dict(counts()) if counts is not None else {}
