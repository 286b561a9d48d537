"""A folder of coin claims to do harm to: run there, cut off, resumed, and compared with itself.

Every call of a claim is noted in a file of its own, so that what was recorded can be held against
what was done: a call that was followed by another one had its block recorded before.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrpcheck.parts import parts
from mrpcheck.recorder import read_lines

ROOT = Path(__file__).resolve().parents[1]

COINS = """
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import given, strategies as st

from mrpcheck.claims import control, on_average, refuted, with_probability

claimed = with_probability(at_least=0.9, tolerance=0.1)


@dataclass(frozen=True)
class Coin:
    x: float

    @property
    def key(self):
        return repr(self.x)

    def to_json(self):
        return {"x": self.x}


class Coins:
    name = "coins"

    def sample(self, n, seed):
        return [Coin(x) for x in np.random.default_rng(seed).random(n).round(3).tolist()]

    def violations(self, coin):
        return [] if 0 <= coin.x <= 1 else [f"x = {coin.x}, but should be in [0, 1]"]

    def toward_heart(self, coin):
        yield from (Coin(x) for x in (0.0, coin.x / 2) if x != coin.x)

    def describe(self, coin):
        return f"x = {coin.x:.3g}"

    def from_json(self, content):
        return Coin(float(content["x"]))


def coins():
    strategy = st.integers(0, 64).map(lambda i: Coin(i / 64))
    strategy.regime = Coins()
    return strategy


def toss(name, setup, trials, p):
    note = [os.getpid(), name, trials.stream, setup.key, trials.first, trials.dtype, trials.horizon]
    with open(os.environ["TOSSES"], "ab", buffering=0) as file:
        file.write((" ".join(map(str, note)) + "\\n").encode())
    time.sleep(float(os.environ.get("PAUSE", "0.004")))
    tosses = [trials.generator(setup.key, t, "toss").random() for t in trials.numbers]
    return np.array(tosses) < p
"""

CLAIMS = """
from coins import *


@given(setup=coins())
@claimed
def test_true(setup, trials):
    trials.note(size=[setup.x] * trials.count)
    return toss("test_true", setup, trials, 0.98)


@given(setup=coins())
@claimed
def test_false(setup, trials):
    return toss("test_false", setup, trials, 0.98 if setup.x < 0.5 else 0.3)


@given(setup=coins())
@claimed
def test_needle(setup, trials):
    return toss("test_needle", setup, trials, 0.98 if setup.x < 0.95 else 0.3)


@given(setup=coins())
@claimed
def test_borderline(setup, trials):
    return toss("test_borderline", setup, trials, 0.86)


@given(setup=coins())
@on_average(at_least=0.05, tolerance=0.05, bounds=(-1, 1))
def test_mean(setup, trials):
    return toss("test_mean", setup, trials, 0.7) * 0.5 - 0.1


@refuted(because="it is a fair coin")
@given(setup=coins())
@claimed
def test_refuted(setup, trials):
    return toss("test_refuted", setup, trials, 0.5)


@control(setup=Coin(2.0))
@claimed
def test_control(setup, trials):
    return toss("test_control", setup, trials, 0.5)
"""

OTHERWISE = ("seconds", "edited")  # what of a row may differ between two runs on a seed


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt: records lost, verdicts wrong, and a word on what happened."""

    lost: int = 0
    wrong: int = 0
    what: str = ""

    def __add__(self, other: Outcome) -> Outcome:
        what = "; ".join(filter(None, (self.what, other.what)))
        return Outcome(self.lost + other.lost, self.wrong + other.wrong, what)


@dataclass(frozen=True)
class Place:
    """A folder with claims in it, and the reports of what was run there."""

    folder: Path

    def report(self, name: str = "run") -> Path:
        return self.folder / name

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "pytest", "-q", "--mrp-device=cpu", *options]

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in ("CI", "PYTEST_ADDOPTS")}
        for name in [name for name in kept if name.startswith("PYTEST_XDIST")]:
            del kept[name]
        return {
            **kept, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "OMP_NUM_THREADS": "1",
            "MRPCHECK_STORE": str(self.folder / "store"), "TOSSES": str(self.folder / "tosses"),
            **more,
        }  # fmt: skip

    def run(self, *options: str, prepare: Any = None, **more: str) -> subprocess.CompletedProcess:
        """pytest, to its end."""
        return subprocess.run(
            self.command(*options), cwd=self.folder, env=self.environment(more), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=300,
            preexec_fn=prepare,
        )  # fmt: skip

    @contextmanager
    def started(
        self, *options: str, prefix: Sequence[str] = (), **more: str
    ) -> Iterator[subprocess.Popen]:
        """pytest, under way; whatever is left of it is killed afterwards."""
        with tempfile.TemporaryFile() as out:
            process = subprocess.Popen(
                [*prefix, *self.command(*options)], cwd=self.folder, env=self.environment(more),
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            process.out = out  # type: ignore[attr-defined]
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def ended(self, process: subprocess.Popen) -> subprocess.CompletedProcess:
        """What a process that was under way printed, once it is over."""
        process.wait()
        out = process.out  # type: ignore[attr-defined]
        out.seek(0)
        return subprocess.CompletedProcess([], process.returncode, out.read().decode())

    def tosses(self) -> list[list[str]]:
        """Every call of a claim so far: the process, the claim, and what it was asked for."""
        path = self.folder / "tosses"
        text = path.read_text() if path.exists() else ""
        return [line.split() for line in text.splitlines() if line.count(" ") == 6]

    def wait_for(self, process: subprocess.Popen, tosses: int) -> None:
        """Until a claim has been called so often, or the run is over."""
        until = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < until:
            if len(self.tosses()) >= tosses:
                return
            time.sleep(0.002)


@contextmanager
def place(claims: str = CLAIMS, **files: str) -> Iterator[Place]:
    """A temporary folder with claims about coins."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        for name, text in {"coins": COINS, "test_coins": claims, **files}.items():
            (folder / f"{name}.py").write_text(text)
        yield Place(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rows(report: Path) -> dict[str, dict[str, Any]]:
    """The verdicts of a run by the claim's short name, without what no two runs share."""
    found = json.loads((report / "verdicts.json").read_text())["claims"]
    return {
        row["claim"].rpartition("::")[2]: {k: v for k, v in row.items() if k not in OTHERWISE}
        for row in found
    }


def differing(report: Path, expected: Mapping[str, Any], names: Any = None) -> Outcome:
    """Verdicts that are not those of the undisturbed run."""
    try:
        found = rows(report)
    except (OSError, ValueError, KeyError) as error:
        return Outcome(wrong=len(expected), what=f"no verdicts: {error!r}")
    names = expected if names is None else names
    wrong = [name for name in names if found.get(name) != expected[name]]
    return Outcome(wrong=len(wrong), what=f"other verdicts: {', '.join(wrong)}" if wrong else "")


def records(report: Path) -> Counter[str]:
    """All that can be read of a run's own files, as text that can be compared."""
    found: Counter[str] = Counter()
    for part in parts(report):
        for line in read_lines(part):
            line.pop("seconds", None)
            found[json.dumps(line, sort_keys=True)] += 1
    return found


def unrecorded(place: Place, report: Path) -> int:
    """Calls that another call of the same process followed, but whose block was not recorded."""
    last: dict[str, list[str]] = {}
    finished: Counter[tuple[str, ...]] = Counter()
    for pid, *call in place.tosses():
        if pid in last:
            finished[tuple(last[pid])] += 1
        last[pid] = call
    names = ("stream", "key", "first", "dtype", "horizon")
    recorded = Counter(
        (line["claim"].rpartition("::")[2], *(str(line[name]) for name in names))
        for part in parts(report)
        for line in read_lines(part)
        if line.get("line") == "block"
    )
    return sum((finished - recorded).values())


@dataclass(frozen=True)
class Whole:
    """What an undisturbed run comes to: its verdicts, its evidence, its trials, its calls."""

    rows: Mapping[str, Any]
    evidence: Counter[str]
    trials: Counter[str]
    calls: int


def whole(place: Place, name: str = "run") -> Whole:
    """The run that is in this place."""
    report = place.report(name)
    return Whole(rows(report), *merged(report), len(place.tosses()))


def merged(report: Path) -> tuple[Counter[str], Counter[str]]:
    """The lines of evidence and of trials that a run's merged files hold."""
    evidence: Counter[str] = Counter()
    for text in (report / "evidence.jsonl").read_text().splitlines():
        line = json.loads(text)
        line.pop("seconds")
        evidence[json.dumps(line, sort_keys=True)] += 1
    return evidence, Counter((report / "trials.csv").read_text().splitlines())


def against(report: Path, expected: Whole, before: Counter[str] | None = None) -> Outcome:
    """A run that went on to its end, against the undisturbed one, and against its own past."""
    found = differing(report, expected.rows)
    if found.wrong:
        return found
    evidence, trials = merged(report)
    gone = sum((expected.evidence - evidence).values()) + sum((expected.trials - trials).values())
    more = sum((evidence - expected.evidence).values()) + sum((trials - expected.trials).values())
    past = sum(((before or Counter()) - records(report)).values())
    what = f"{gone} merged lines missing, {more} too many, {past} parts gone"
    return Outcome(gone + past, more, what if gone or more or past else "")
