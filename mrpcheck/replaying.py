"""Recorded trials asked for again, of the claims as they are now, from the records alone.

pytest collects the claims' files and sets up their fixtures, as in the run; a plugin takes the
place of judging. Records only choose: among the test files below the current root, and among the
claims that these hold. Nothing else in them is opened, and nothing executed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import io
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import pytest

from mrpcheck.claims import claim_of
from mrpcheck.collecting import refusal_in, why_failed
from mrpcheck.judging import regimes_of
from mrpcheck.plugin.options import name_of, one_thread, options_of
from mrpcheck.profiles import use_profile
from mrpcheck.recorded import Recorded
from mrpcheck.repeating import Again, Repeating, Terms, terms_of
from mrpcheck.runs import Progress
from mrpcheck.showing import Reading, readable

__all__ = ["replay"]

ROOTS = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", "setup.py")


def replay(
    run: Reading,
    lines: Sequence[Recorded],
    device: str | None = None,
    alone: int | None = None,
    store: bool = False,
    tell: Callable[[Progress], None] = lambda progress: None,
) -> list[Again]:
    """Ask for the trials of `lines` again, on the recorded device where there is one like it.

    `alone` is the number of the one trial to ask for, without those before it. Nothing is taken
    from the store unless `store`.
    """
    with readable(run.folder):
        terms = dataclasses.replace(terms_of(run.manifest), tell=tell)
    session = _Session(terms, lines, alone)
    root, files = _files_of(session)
    if device is None:
        device = "cpu" if terms.device == "cpu" else "auto"
    if files:
        with _store_for_now(keep=store):
            _run_pytest(session, root, files, device)
    place = {id(line): number for number, line in enumerate(lines)}
    return sorted(session.found, key=lambda again: place[id(again.recorded)])


def _run_pytest(session: _Session, root: Path, files: Sequence[Path], device: str) -> None:
    terms, xdist = session.terms, importlib.util.find_spec("xdist")
    options = (
        "-q", "-s", "-p", "no:cacheprovider", "--assert=plain", "--continue-on-collection-errors",
        *(("-n0",) if xdist else ()), f"--rootdir={root}", f"--mrp-device={device}",
        f"--mrp-profile={terms.profile.name}", f"--mrp-seed={terms.seed}",
        f"--mrp-claims={terms.budget.claims}",
    )  # fmt: skip
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        pytest.main([*options, "--", *map(str, files)], plugins=[session])
    if session.interrupted:
        raise KeyboardInterrupt
    session.give_up(refusal_in(out.getvalue()))


@contextlib.contextmanager
def _store_for_now(keep: bool) -> Iterator[None]:
    """A store of its own for what is trained meanwhile, or the usual one."""
    if keep:
        yield
        return
    before = os.environ.get("MRPCHECK_STORE")
    with tempfile.TemporaryDirectory(prefix="mrpcheck-") as folder:
        os.environ["MRPCHECK_STORE"] = folder
        try:
            yield
        finally:
            os.environ.pop("MRPCHECK_STORE")
            if before is not None:
                os.environ["MRPCHECK_STORE"] = before


def _files_of(session: _Session) -> tuple[Path, list[Path]]:
    """The root, and the files of the claims below it; claims without a file are given up."""
    names = list(dict.fromkeys(name.partition("::")[0] for name in session.wanted))
    wrong = [name for name in names if not _is_inside(name)]
    roots = list(_roots())
    there = [name for name in names if name not in wrong]
    root = next((r for r in roots if any(_holds(r, n) for n in there)), roots[0])
    for name in wrong:
        session.drop(name, f"file = {name}, but should be a test file below {root}")
    for name in there:
        if not _holds(root, name):
            session.drop(name, f"file = {name}, but should be there still [{root}]")
    return root, [root / name for name in there if _holds(root, name)]


def _roots() -> Iterator[Path]:
    """The current folder and those above it, as far as the first that pytest would stop at."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        yield folder
        if any((folder / name).is_file() for name in ROOTS):
            return


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or name.startswith("-") or "\\" in name)


def _holds(root: Path, name: str) -> bool:
    try:
        path = (root / name).resolve()
        return path.is_file() and path.is_relative_to(root.resolve())
    except (OSError, ValueError):
        return False


class _Session:
    """Takes the place of judging in one pytest session, and keeps what came of each line."""

    def __init__(self, terms: Terms, lines: Sequence[Recorded], alone: int | None) -> None:
        self.__name__ = "mrpcheck-replay"  # what pytest registers it as: no report is opened then
        self.terms = terms
        self.alone = alone
        self.wanted: dict[str, list[Recorded]] = {}
        for recorded in lines:
            self.wanted.setdefault(recorded.line["claim"], []).append(recorded)
        self.found: list[Again] = []
        self.interrupted = False

    def drop(self, node: str, why: str) -> None:
        """Give up one claim, or those of a file."""
        for name in list(self.wanted):
            if name == node or name.startswith(f"{node}::"):
                self.found += [Again(recorded, why=why) for recorded in self.wanted.pop(name)]

    def give_up(self, why: str | None) -> None:
        """Give up what pytest did not come to."""
        for name in list(self.wanted):
            self.drop(name, why or f"CLAIM = {name}, but should be a claim that is there still")

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """The run's own sizes, before any strategy is made; and test files, whatever is named."""
        use_profile(self.terms.profile)
        patterns = config.getini("python_files")
        for file in map(Path, config.args):
            if not any(file.match(pattern) for pattern in patterns):
                wanted = f"should be a test file: {', '.join(patterns)}"
                raise pytest.UsageError(f"file = {file.name}, but {wanted}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.drop(report.nodeid, why_failed(report))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [i for i in items if name_of(i) in self.wanted and _is_claim(i)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> object:
        """Ask for the lines of one claim again."""
        one_thread()
        claim, given = claim_of(pyfuncitem.obj), pyfuncitem.funcargs
        assert claim is not None
        arguments = {name: given[name] for name in claim.names() if name in given}
        if pyfuncitem.instance is not None:
            arguments[claim.names()[0]] = pyfuncitem.instance
        device = options_of(pyfuncitem.config).device
        terms = dataclasses.replace(self.terms, device=device)
        repeating = Repeating(claim, regimes_of(pyfuncitem.obj), arguments, terms, self.alone)
        self.found += [repeating.ask(line) for line in self.wanted.pop(name_of(pyfuncitem))]
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            said = (report.longreprtext.strip().splitlines() or ["no message"])[-1]
            said = said.removeprefix("E").strip()
            self.drop(report.nodeid, f"{report.when} = {report.outcome}: {said}, but should pass")

    def pytest_keyboard_interrupt(self) -> None:
        self.interrupted = True


def _is_claim(item: pytest.Item) -> bool:
    return claim_of(getattr(item, "obj", None)) is not None
