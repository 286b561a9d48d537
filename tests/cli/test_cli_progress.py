"""Progress: a picture on a terminal that leaves no trace, plain lines elsewhere, nothing twice."""

import contextlib
import os
import pty
import re
import sys

import pytest

from mrpcheck.commands.waiting import waiting
from mrpcheck.plugin.status import Bar
from mrpcheck.plugin.watching import Watch
from mrpcheck.runs import Progress

SLOW = '''
"""Coins that take their time.

Origin: ours.
"""

import time

from mrpcheck.claims import at, with_probability


def claim():
    @at(setup=0.1)
    @with_probability(at_least=0.9, tolerance=0.1)
    def test(setup, trials):
        time.sleep(0.1)
        print("a word of the event's own")
        return [True] * trials.count

    return test


test_a, test_b = claim(), claim()


def test_without_a_claim():
    pass
'''
HASTE = """
from mrpcheck.plugin import status, watching

status.QUIET = watching.TICK = watching.PAUSE = 0.02
"""
CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x07]*\x07|[\r\n]|[^\x1b\r\n]+")


def on_a_terminal(*words, cwd, **more):
    """What pytest writes to a terminal of 100 columns, codes included, and its exit status."""
    pid, end = pty.fork()
    if pid == 0:  # pragma: no cover
        os.chdir(cwd)
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40", **more}
        environment.pop("PYTEST_XDIST_WORKER", None)
        os.execve(sys.executable, [sys.executable, "-m", "pytest", *words], environment)
    written = bytearray()
    with contextlib.suppress(OSError):  # its end is told so
        while part := os.read(end, 65536):
            written += part
    os.close(end)
    return written.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def screen(written):
    """What is left on the screen."""
    lines, y, x = [""], 0, 0
    for part in CODES.findall(written):
        if part == "\n":
            y += 1
            lines += [""] * (y == len(lines))
        elif part == "\r":
            x = 0
        elif part == "\x1b[2K":
            lines[y] = ""
        elif re.fullmatch(r"\x1b\[\d*A", part):
            y -= int(part[2:-1])
        elif not part.startswith("\x1b"):
            lines[y] = lines[y][:x].ljust(x) + part + lines[y][x + len(part) :]
            x += len(part)
    return [line.rstrip() for line in lines]


OPTIONS = ("-p", "no:cacheprovider", "--mrp-device=cpu")


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slow")
    (folder / "test_slow.py").write_text(SLOW)
    (folder / "conftest.py").write_text(HASTE)
    return folder


@pytest.fixture(scope="module")
def piped(slow, mrpcheck_pytest):
    """What two workers' run prints where there is no terminal."""
    done = mrpcheck_pytest("-n", "2", cwd=slow)
    assert done.returncode == 0, done.stdout
    return done.stdout


def summary(lines):
    """From the claims on, without what differs from run to run."""
    lines = [re.sub(r"\d+\.\d+s", "", line).strip("= ") for line in lines if line]
    return [line for line in lines[lines.index("claims") :] if not line.startswith("peak memory")]


@pytest.mark.parametrize(("workers", "more"), [("0", {"NO_COLOR": "1"}), ("2", {})])
def test_a_picture_comes_and_goes_without_a_trace(slow, piped, workers, more):
    written, code = on_a_terminal(*OPTIONS, "-n", workers, cwd=slow, **more)
    assert code == 0
    bare = re.sub(r"\x1b\[[0-9;]*m", "", written)
    assert (bare == written) == bool(more)
    assert re.search(r"\d of 2 claims +[━╸]* ", bare)
    assert re.search(r"test_[ab] +[━╸]* +named [01]/1", bare)
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") >= 1  # the cursor is back
    left = screen(written)
    assert [line for line in left if "of 2 claims" in line] == ["2 of 2 claims hold."]
    assert not [line for line in left if "a second" in line]
    letters = [line.split()[-2] for line in left if "[100%]" in line]
    assert [sorted(word) for word in letters] == [[".", "S", "S"]]
    assert summary(left) == summary(piped.splitlines())


def test_elsewhere_lines_are_printed_once(piped):
    lines = piped.splitlines()
    told = [line for line in lines if "of 2 claims" in line and "hold" not in line]
    assert told
    assert all(re.fullmatch(r"\[\d of 2 claims; .*(left|so far)\]", line) for line in told)
    assert "\x1b" not in piped and "\r" not in piped
    for once in ("error budget: ", "mrpcheck: torch ", "peak memory: ", "report: "):
        assert sum(line.startswith(once) for line in lines) == 1
    for name in "ab":
        assert sum(line.endswith(f"  test_{name}") for line in lines) == 1
    assert "a word of" not in piped


class Terminal:
    """Stands for pytest's config, its terminal reporter and its writer."""

    isatty, hasmarkup, width_of_current_line = True, False, 0

    def __init__(self, verbosity=0, capture="fd"):
        self.verbosity, self.capture, self.pluginmanager, self.lines = verbosity, capture, self, []

    def get_plugin(self, name):
        return self if name == "terminalreporter" else None

    def getoption(self, name):
        return self.capture

    def get_terminal_writer(self):
        return self

    def ensure_newline(self):
        pass

    def write(self, text, **markup):
        pass

    def write_line(self, line, **markup):
        self.lines.append(line)


AT = Progress("a.py::test_x", "panel", 3, 8, 412, 4.0)


@pytest.mark.parametrize(
    ("terminal", "drawn", "printed"),
    [
        (Terminal(), True, 0),
        (Terminal(verbosity=-1), False, 0),
        (Terminal(capture="no"), False, 1),
        (Terminal(capture="sys"), False, 1),
    ],
)
def test_no_picture_where_none_is_wanted_or_others_print(monkeypatch, terminal, drawn, printed):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("mrpcheck.plugin.watching.PAUSE", 0.0)
    watch = Watch(terminal, 2, None)
    assert (watch.status is not None) == drawn
    watch.show(AT)
    watch.stop()
    assert len(terminal.lines) == printed


def test_a_dumb_terminal_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert Watch(Terminal(), 2, None).status is None


def test_what_is_said_of_a_claim_under_way():
    watch = Watch(Terminal(verbosity=-1), 2, None)
    watch.under_way = [AT]
    said = r"0 of 2 claims; test_x: panel 3/8, 412 trials, 103 a second; about \d+ s left"
    assert re.fullmatch(said, watch.line())
    watch.done(AT.claim)
    assert re.fullmatch(r"1 of 2 claims; about \d+ s left", watch.line())
    watch.done("a.py::test_y")
    assert watch.picture() == [Bar("2 of 2 claims", 1.0, "about 0 s left")]


def test_commands_wait_in_silence_where_there_is_no_terminal(capsys):
    with waiting("training") as tell:
        tell("a step")
    assert capsys.readouterr() == ("", "")
