"""Judging one collected claim, in whatever process pytest runs it."""

from __future__ import annotations

import functools
import importlib
import json
import re
import sys
import traceback
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mrpcheck.claims import Claim, claim_of
from mrpcheck.judging import hear, regimes_of, strategies_of
from mrpcheck.plugin.options import Options, one_thread
from mrpcheck.plugin.search import search_of
from mrpcheck.plugin.watching import Watch, write_progress
from mrpcheck.plugin.wording import complaint
from mrpcheck.records import Recorder, Verdict, dumps
from mrpcheck.runs import Progress, Run
from mrpcheck.seeds import digest

__all__ = ["Judge"]

_ROW = pytest.StashKey[dict[str, Any]]()


class Judge:
    """Takes the place of pytest's own call for claims, and records in this process' own file."""

    def __init__(
        self, options: Options, name: str, folder: Path, watch: Watch | None = None
    ) -> None:
        self.options = options
        self.name = name
        self.folder = folder
        self.watch = watch
        self._recorder: Recorder | None = None
        self._before = _counts()

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> object | None:
        """Judge a claim, and fail where its verdict is not the expected one."""
        claim = claim_of(pyfuncitem.obj)
        if claim is None:
            return None
        from mrpcheck.plugin.beginning import name_of

        one_thread()
        verdict = self._hear(claim, pyfuncitem, name_of(pyfuncitem))
        verdict = self._with_script(verdict)
        self._record(verdict)
        row = json.loads(dumps(verdict))  # plain values: xdist carries nothing else
        pyfuncitem.stash[_ROW] = row
        if said := complaint(row, self.options.strict, self.folder):
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

    def _hear(self, claim: Claim, item: pytest.Function, name: str) -> Verdict:
        options, drawn = self.options, {**strategies_of(item.obj), **(claim.named or {})}
        fixed = {n: item.funcargs[n] for n in claim.names() if n in item.funcargs}
        if item.instance is not None:
            fixed[claim.names()[0]] = item.instance
        run = Run(
            options.seed, options.profile, options.budget, options.device,
            self._recording(), self._tell, functools.partial(_show, item),
        )  # fmt: skip
        fixed = {n: value for n, value in fixed.items() if n not in drawn}
        search = search_of(item.obj, options.seed, options.profile)
        return hear(claim, run, name, regimes_of(item.obj), search, fixed=fixed)

    def _recording(self) -> Recorder:
        if self._recorder is None:
            self._recorder = Recorder(self.folder / "parts" / f"{self.name}.jsonl")
        return self._recorder

    def _record(self, verdict: Verdict) -> None:
        recorder = self._recording()
        recorder(verdict)
        recorder.line("counts", {k: n - self._before.get(k, 0) for k, n in _counts().items()})

    def _tell(self, progress: Progress) -> None:
        if self.watch is not None:
            self.watch.show(progress)
        else:
            write_progress(self.folder / "parts" / f"{self.name}.progress", progress)

    def _with_script(self, verdict: Verdict) -> Verdict:
        """Write the counterexample as a script of its own, where the report knows how to."""
        if verdict.counterexample is None:
            return verdict
        try:
            script = importlib.import_module("mrpcheck.report.script")
        except ImportError:
            return verdict
        place = f"counterexamples/{_slug(verdict.claim)}.py"
        verdict = replace(verdict, script=place)
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            script.write(path, json.loads(dumps(verdict)))
        except Exception:  # whatever ails the script, the verdict stands
            path.with_suffix(".txt").write_text(traceback.format_exc(), encoding="utf-8")
            return replace(verdict, script=None)
        return verdict if path.exists() else replace(verdict, script=None)


def _show(item: pytest.Item, trace: str) -> None:
    """Keep a traceback for whoever asks for more than the sentence."""
    if item.config.getoption("verbose") > 0:
        item.add_report_section("call", "event", trace)


def _slug(name: str) -> str:
    """A file name for a claim; parameters may differ in nothing that a file name can hold."""
    short = re.sub(r"[^A-Za-z0-9]+", "_", name.replace(".py::", "_")).strip("_")
    return f"{short}_{digest(name, size=3)}" if name.endswith("]") else short


def _counts() -> dict[str, int]:
    """What this process' store was asked for and trained; nothing where no store is in use."""
    counts = getattr(sys.modules.get("mrpcheck.store"), "counts", None)
    return dict(counts()) if counts is not None else {}
