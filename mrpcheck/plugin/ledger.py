"""The one process that opens a run's folder, merges what workers recorded, and prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mrpcheck.merging import UNJUDGED, UNJUDGED_ROWS, merge, note_begun, totals, verdict_rows
from mrpcheck.plugin.colors import color_last_line
from mrpcheck.plugin.folder import open_folder
from mrpcheck.plugin.manifest import manifest_of, now
from mrpcheck.plugin.options import Options
from mrpcheck.plugin.summary import header_lines, print_summary
from mrpcheck.plugin.watching import Watch
from mrpcheck.records import write_json

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
        self.unjudged = {row["claim"]: row for row in rows}
        self.rows: list[Row] = []
        self.folder = options.report
        self.lock = open_folder(self.folder)
        self.manifest = manifest_of(options, workers or 1, rows, notes, config.rootpath)
        self.header = header_lines(self.manifest)
        write_json(self.folder / "manifest.json", self.manifest)
        write_json(self.folder / UNJUDGED_ROWS, rows)
        self.watch = Watch(config, len(rows), self.folder if workers else None)

    def pytest_report_collectionfinish(self) -> list[str]:
        """The header, below the number of collected tests; none under -q, like pytest's own."""
        return self.header if self.config.get_verbosity() >= 0 else []

    def print_header(self) -> None:
        """What pytest would print after collection, had the controller collected anything."""
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and terminal.verbosity >= 0:
            terminal.ensure_newline()
            for line in self.header:
                terminal.write_line(line)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note why a claim came to no verdict, and count those that did."""
        names = (report.nodeid, report.nodeid.rpartition("@")[0])
        row = next((self.unjudged[name] for name in names if name in self.unjudged), None)
        if row is None:
            return
        if getattr(report, "mrpcheck", None) is not None and report.when == "call":
            self.watch.done(row["claim"])
        elif report.skipped:
            row["reason"] = row["text"] = "skipped"
        elif report.failed:
            row["reason"] = row["text"] = row["error"] = _why(report)
            row["expected"] = False

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Merge whatever was recorded, by whomever, however the run ended."""
        self.watch.stop()
        ended = ENDS.get(int(exitstatus), f"exit status {int(exitstatus)}")
        note_begun(self.folder, self.unjudged.values(), every=ended == "interrupted")
        self.rows = verdict_rows(self.folder, self.unjudged.values())
        if ended == "completed" and any(row["reason"] == UNJUDGED for row in self.rows):
            ended = "stopped early"
        self.manifest |= {"finished": now(), "ended": ended, **totals(self.folder)}
        try:
            merge(self.folder, self.unjudged.values())
            write_json(self.folder / "manifest.json", self.manifest)
        except OSError as error:
            self.trouble = f"{self.folder} = {error.strerror}, but should take the merged records"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The summary, below the failures."""
        color_last_line(terminalreporter)
        print_summary(terminalreporter, self.rows, self.manifest, self.folder)
        if self.trouble is not None:
            terminalreporter.write_line(f"{self.trouble}; they are in parts/", red=True)

    def pytest_unconfigure(self) -> None:
        """Let another run have the folder."""
        for path in (self.folder / "parts").glob("*.progress"):
            path.unlink(missing_ok=True)
        self.lock.close()
        (self.folder / ".lock").unlink(missing_ok=True)


def _why(report: Any) -> str:
    if report.when in ("setup", "call", "teardown"):
        return f"{report.when} failed before there was a verdict"
    return "its worker crashed before there was a verdict"
