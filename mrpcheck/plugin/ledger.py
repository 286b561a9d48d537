"""The one process that opens a run's folder, merges what workers recorded, and prints."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest

from mrpcheck.jsonfiles import write_json
from mrpcheck.merging import (
    CRASHED,
    UNJUDGED,
    UNJUDGED_ROWS,
    merge,
    note_begun,
    totals,
    verdict_rows,
)
from mrpcheck.plugin import junit
from mrpcheck.plugin.colors import color_last_line
from mrpcheck.plugin.folder import give_back, open_folder, reopen_folder
from mrpcheck.plugin.manifest import manifest_of, now
from mrpcheck.plugin.options import Options
from mrpcheck.plugin.reporting import leave
from mrpcheck.plugin.resuming import go_on
from mrpcheck.plugin.status import fresh_line
from mrpcheck.plugin.summary import header_lines, print_summary
from mrpcheck.plugin.watching import Watch
from mrpcheck.plugin.wording import printable
from mrpcheck.remembering import REMEMBERED, earlier_runs

__all__ = ["Ledger"]

Row = dict[str, Any]

ENDS = {0: "completed", 1: "completed", 2: "interrupted", 3: "internal error", 4: "usage error"}


class Ledger:
    """Opens, and at the end closes, the books of a run that has claims."""

    def __init__(
        self,
        config: pytest.Config,
        options: Options,
        rows: Sequence[Row],
        notes: Sequence[str],
        workers: int | None = None,
    ) -> None:
        self.config = config
        self.trouble: str | None = None
        self.unreported: str | None = None
        self.rows: list[Row] = []
        self.heard: dict[str, Row] = {}
        self.folder = options.report
        command = config.invocation_params.args
        self.manifest = manifest_of(options, workers or 1, rows, notes, list(map(str, command)))
        self.lock = (open_folder if options.attempt == 1 else reopen_folder)(self.folder)
        try:
            self.unjudged = self._open(options, rows)
        except OSError as error:
            give_back(self.lock, self.folder)
            why = error.strerror or str(error)
            wanted = "but should be a folder to write in"
            raise pytest.UsageError(f"report folder = {self.folder}, {wanted}: {why}") from None
        self.header = header_lines(self.manifest)
        self.watch = Watch(config, len(self.unjudged), self.folder if workers else None)
        junit.join(config, self.manifest, self.folder)

    def _open(self, options: Options, rows: Sequence[Row]) -> dict[str, Row]:
        """Write what a run has from its first moment on; return the rows that stand for claims."""
        if options.attempt > 1:
            self.manifest, rows = go_on(options, self.manifest, rows)
            if too_many := options.budget.refusal(len(rows)):
                raise pytest.UsageError(f"{too_many}; --mrp-claims N takes a larger divisor")
        elif options.remember:
            self._remember(options, [row["claim"] for row in rows])
        write_json(self.folder / UNJUDGED_ROWS, rows)
        write_json(self.folder / "manifest.json", self.manifest)
        return {row["claim"]: dict(row) for row in rows}

    def _remember(self, options: Options, claims: Sequence[str]) -> None:
        """Write down which counterexamples are tried again: a resumed run must try the same."""
        found = earlier_runs(self.folder, claims, options.seed)
        write_json(self.folder / REMEMBERED, found)
        number = sum(map(len, found.values()))
        self.manifest["notes"].append(f"counterexamples of earlier runs that are tried: {number}")

    def pytest_report_collectionfinish(self) -> list[str]:
        """The header, below the number of collected tests; none under -q, like pytest's own."""
        return self.header if self.config.get_verbosity() >= 0 else []

    def print_header(self) -> None:
        """What pytest would print after collection, had the controller collected anything."""
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and terminal.verbosity >= 0:
            fresh_line(self.config)
            for line in self.header:
                terminal.write_line(line)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note why a claim came to no verdict, and count those that did."""
        names = (report.nodeid, report.nodeid.rpartition("@")[0])
        row = next((self.unjudged[name] for name in names if name in self.unjudged), None)
        if row is None:
            return
        if getattr(report, "mrpcheck", None) is not None and report.when == "call":
            self.heard[row["claim"]] = report.mrpcheck
            self.watch.done(row["claim"])
        elif report.skipped:
            self.watch.done(row["claim"])
            row["reason"] = row["text"] = _skipped(report)
        elif report.failed:
            self.watch.done(row["claim"])
            row["reason"] = row["text"] = row["error"] = _why(report)
            row["expected"] = False

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Merge whatever was recorded, by whomever, however the run ended."""
        self.watch.stop()
        ended = ENDS.get(int(exitstatus), f"exit status {int(exitstatus)}")
        try:
            self._close_books(ended)
        except (OSError, LookupError, TypeError, ValueError) as error:
            why = getattr(error, "strerror", None) or repr(error)
            self.trouble = f"{self.folder} = {why}, but should take the merged records"
            if not exitstatus:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        else:
            self.unreported = leave(self.folder)
        self.rows = self.rows or [*(self.unjudged | self.heard).values()]

    def _close_books(self, ended: str) -> None:
        missing, heard = self.unjudged.values(), self.heard.values()
        note_begun(self.folder, missing, every=ended == "interrupted")
        self.rows = verdict_rows(self.folder, missing, heard)
        if ended == "completed" and any(row["reason"] == UNJUDGED for row in self.rows):
            ended = "stopped early"
        self.manifest |= {"finished": now(), "ended": ended, **totals(self.folder)}
        merge(self.folder, missing, heard)
        write_json(self.folder / "manifest.json", self.manifest)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The summary, below the failures."""
        color_last_line(terminalreporter)
        print_summary(terminalreporter, printable(self.rows), self.manifest, self.folder)
        if self.trouble is not None:
            terminalreporter.write_line(f"{self.trouble}; they are in parts/", red=True)
        if self.unreported is not None:
            terminalreporter.write_line(printable(self.unreported), yellow=True)

    def pytest_unconfigure(self) -> None:
        """Let another run have the folder."""
        for path in (self.folder / "parts").glob("*.progress"):
            with contextlib.suppress(OSError):
                path.unlink()
        give_back(self.lock, self.folder)


def _skipped(report: Any) -> str:
    """That the claim was skipped, and the reason that its author gave."""
    told = report.longrepr[-1] if isinstance(report.longrepr, (tuple, list)) else ""
    why = " ".join(str(told).removeprefix("Skipped").removeprefix(":").split())
    return f"skipped: {why}" if why else "skipped"


def _why(report: Any) -> str:
    if report.when in ("setup", "call", "teardown"):
        return f"{report.when} failed before there was a verdict"
    return CRASHED
