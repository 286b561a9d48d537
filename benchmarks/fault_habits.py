"""Faults around a run: how pytest is run, the clock, claims that misbehave, hostile files."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from faulted import CLAIMS, Outcome, Place, Whole, against, differing, place, rows

__all__ = ["HABITS"]

JUMPING = """
import random, time
real, jumps = time.time, random.Random(0)
time.time = lambda: real() + jumps.choice([0, -86400, 86400, 0.1])
time.perf_counter = time.monotonic = time.time
"""
SHUFFLED = """
import random
def pytest_collection_modifyitems(items):
    random.Random({seed}).shuffle(items)
"""
BAD = (
    CLAIMS
    + """

import sys
import pytest


def bad(function):
    return given(setup=coins())(claimed(function))


@bad
def test_raises(setup, trials):
    raise RuntimeError("on purpose")


@bad
def test_hangs(setup, trials):
    while True:
        try:
            time.sleep(60)
        except Exception:
            pass


@bad
def test_hangs_and_hides_it(setup, trials):
    try:
        time.sleep(60)
    except BaseException:
        return [True] * trials.count


@bad
def test_wrong_length(setup, trials):
    return [True] * (trials.count + 1)


@bad
def test_wrong_type(setup, trials):
    return ["yes"] * trials.count


@bad
def test_leaves(setup, trials):
    sys.exit(0)


@bad
def test_skips(setup, trials):
    pytest.skip("I had rather not")


@bad
def test_nan(setup, trials):
    return np.full(trials.count, np.nan)
"""
)
SAID = {
    "test_raises": "RuntimeError = on purpose, but should be one value a trial",
    "test_hangs": "block = not done after 1 s, but should take at most --mrp-limit",
    "test_hangs_and_hides_it": "block = not done after 1 s",
    "test_wrong_length": "shape = (17,), but should be (16,)",
    "test_wrong_type": "but should be bool, or a floating margin",
    "test_leaves": "SystemExit = 0, but should be one value a trial",
    "test_skips": "Skipped = I had rather not, but should be one value a trial",
}

Fault = Callable[[Whole, random.Random], Outcome]


def habit(*options: str, resume: bool = False, conftest: str = "", **more: str) -> Fault:
    """The same verdicts however it is run; what was not selected is not compared."""

    def attempt(expected: Whole, rng: random.Random) -> Outcome:
        files = {"conftest": conftest.format(seed=rng.random())} if conftest else {}
        with place(**files) as there:
            report = there.report()
            found = there.run("--mrp-report=run", *options, PAUSE="0", **more)
            outcome = Outcome() if found.returncode == 1 else Outcome(1, 1, found.stdout[-300:])
            if resume:
                there.run("--mrp-resume=run", PAUSE="0")
                return outcome + against(report, expected)
            judged = [n for n, row in rows(report).items() if row["reason"] != "not judged"]
            return outcome + differing(report, expected.rows, judged)

    return attempt


def last_failed(expected: Whole, rng: random.Random) -> Outcome:
    """--lf runs the one that failed again, and it comes out the same."""
    with place() as there:
        there.run("--mrp-report=run", PAUSE="0")
        there.run("--mrp-report=run", "--lf", PAUSE="0")
        found = rows(there.report())
        outcome = differing(there.report(), expected.rows, found)
        return outcome + Outcome(wrong=int(set(found) != {"test_false"}))


def twice(expected: Whole, rng: random.Random) -> Outcome:
    """A second run in the same folder comes out the same, and the first one is kept."""
    with place() as there:
        report = there.folder / "reports" / "latest"
        for _ in range(2):
            there.run(PAUSE="0")
        earlier = [folder for folder in report.parent.iterdir() if folder != report]
        outcome = against(report, expected)
        for folder in earlier:
            outcome += against(folder, expected)
        return outcome + Outcome(lost=int(len(earlier) != 1))


def remembered(expected: Whole, rng: random.Random) -> Outcome:
    """--mrp-remember may refute more, and changes no other verdict."""
    with place() as there:
        report = there.folder / "reports" / "latest"
        for seed in ("1", "2", "3", "0"):
            there.run("--mrp-remember", "--mrp-seed", seed, PAUSE="0")
        found = rows(report)
        more = [n for n, row in found.items() if row["remembered"]]
        outcome = differing(report, expected.rows, [n for n in expected.rows if n not in more])
        false = [n for n in more if n != "test_needle" or found[n]["verdict"] != "REFUTED"]
        what = f"found besides: {', '.join(more)}" if more else ""
        return outcome + Outcome(wrong=len(false), what=what)


def misbehaving(expected: Whole, rng: random.Random) -> Outcome:
    """Claims that raise, hang, leave, or return nonsense: a row each, and the others go on."""
    with place(BAD) as there:
        there.run("--mrp-report=run", "--mrp-limit=1", "-p", "no:randomly", PAUSE="0")
        found = rows(there.report())
        outcome = differing(there.report(), expected.rows)
        silent = [name for name, said in SAID.items() if said not in str(found[name]["error"])]
        silent += [name for name in SAID if found[name]["verdict"] != "UNDECIDED"]
        outcome += Outcome(wrong=len(silent), what=", ".join(silent))
        return outcome + Outcome(wrong=int(found["test_nan"]["verdict"] != "REFUTED"))


def aborting(expected: Whole, rng: random.Random) -> Outcome:
    """A claim that takes its worker with it costs its own verdict alone."""
    bad = "\n\n@given(setup=coins())\n@claimed\ndef test_aborts(setup, trials):\n    os.abort()\n"
    with place(CLAIMS + bad) as there:
        there.run("--mrp-report=run", "-n2", PAUSE="0")
        said = rows(there.report())["test_aborts"]["error"]
        outcome = differing(there.report(), expected.rows)
        return outcome + Outcome(wrong=int(said != "its worker crashed before there was a verdict"))


def hostile(expected: Whole, rng: random.Random) -> Outcome:
    """Files that somebody else made are shown, resumed and remembered in sentences."""
    with place() as there:
        there.run("--mrp-report=run", PAUSE="0")
        outcome = Outcome()
        for name, harm in HOSTILE.items():
            report = there.folder / "copy"
            subprocess.run(["cp", "-r", there.report(), report], check=True)
            harm(report)
            outcome += _opened(there, report, name)
            subprocess.run(["rm", "-rf", report], check=True)
        return outcome + Outcome(what=f"{len(HOSTILE)} kinds of file, each opened in three ways")


def _opened(there: Place, report: Path, name: str) -> Outcome:
    show = subprocess.run(
        [sys.executable, "-m", "mrpcheck.cli", "show", str(report)], cwd=there.folder, text=True,
        env=there.environment({}), capture_output=True, check=False,
    )  # fmt: skip
    printed = [show.stdout + show.stderr]
    printed += [there.run("--mrp-resume=copy", "-k", "control", PAUSE="0").stdout]
    printed += [there.run("--mrp-report=x", "--mrp-remember", "-k", "control", PAUSE="0").stdout]
    bad = [text[-300:] for text in printed if "Traceback" in text or "INTERNALERROR" in text]
    bad += ["\\x1b" for text in printed if "\x1b[2J" in text]
    bad += ["executed" for path in there.folder.rglob("executed*")]
    bad += ["written outside" for path in there.folder.glob("outside*") if path.stat().st_size]
    return Outcome(wrong=len(bad), what="; ".join(f"{name}: {text}" for text in bad))


def _edited(file: str, change: Callable[[Any], object]) -> Callable[[Path], None]:
    def edit(report: Path) -> None:
        content = json.loads((report / file).read_text())
        change(content)
        (report / file).write_text(json.dumps(content))

    return edit


def _unended(change: Callable[[Path], object]) -> Callable[[Path], None]:
    """The same, in a run that looks as if it had been killed."""

    def edit(report: Path) -> None:
        _edited("manifest.json", lambda m: m.update(ended=None))(report)
        change(report)

    return edit


def _linked(name: str) -> Callable[[Path], None]:
    def link(report: Path) -> None:
        outside = report.parent / "outside"
        outside.touch()
        (report / name).unlink(missing_ok=True)
        (report / name).symlink_to(outside)

    return link


def _text(file: str, text: bytes) -> Callable[[Path], object]:
    return lambda report: (report / file).write_bytes(text)


def _folder(file: str) -> Callable[[Path], None]:
    def replace(report: Path) -> None:
        (report / file).unlink()
        (report / file).mkdir()

    return replace


def _row(**more: Any) -> Callable[[Path], None]:
    return _edited("verdicts.json", lambda v: v["claims"][1].update(more))


HOSTILE: Mapping[str, Callable[[Path], object]] = {
    **{
        f"{file}: {name}": _text(file, text)
        for file in ("manifest.json", "verdicts.json")
        for name, text in {
            "nested": b"[" * 100_000 + b"]" * 100_000,
            "huge number": b'{"schema": 1, "seed": ' + b"9" * 5000 + b"}",
            "not UTF-8": b"\xff\xfe\x00{",
            "NUL": b"\x00" * 1000,
            "a list": b"[1, 2]",
        }.items()
    },
    "parts nested": _unended(_text("parts/main.jsonl", b"[" * 100_000 + b"\n" + b"{" * 99_999)),
    "parts random": _unended(_text("parts/main.jsonl", bytes(range(256)) * 100)),
    "a folder for a file": _unended(_folder("parts/main.jsonl")),
    "a lock that leads outside": _unended(_linked(".lock")),
    "a draft that leads outside": _unended(_linked(".evidence.jsonl.draft")),
    "a part that leads outside": _unended(_linked("parts/main.2.jsonl")),
    "escapes": _row(text="\x1b[2J", reason="\x1b[2J", counterexample_text="\x1b[2J"),
    "a script elsewhere": _row(script="../../executed.py"),
    "a claim elsewhere": _row(claim="../../etc/executed.py::test_x"),
    "a row of nonsense": _row(violations=5, measures=[1], estimate="x", edited="y"),
    "a setup that names code": _row(
        verdict="REFUTED",
        counterexample={"schema": "mrpcheck/setup/1", "objective": {"name": "os.system"},
                        "__reduce__": ["os.system", ["touch executed"]]},
    ),
    "a command": _edited("manifest.json", lambda m: m.update(command=["x", "; touch executed"])),
}  # fmt: skip

HABITS: dict[str, tuple[Fault, int, int]] = {
    "a clock that jumps": (habit(conftest=JUMPING), 2, 1),
    "another order": (habit(conftest=SHUFFLED), 5, 1),
    "-p no:cacheprovider": (habit("-p", "no:cacheprovider"), 1, 0),
    "--hypothesis-seed": (habit("--hypothesis-seed=77"), 1, 0),
    "CI=true": (habit(CI="true"), 1, 0),
    "-x, then resumed": (habit("-x", resume=True), 1, 1),
    "-k": (habit("-k", "false or mean"), 1, 0),
    "--dist loadgroup": (habit("-n2", "--dist=loadgroup"), 1, 0),
    "--lf": (last_failed, 1, 0),
    "a second run in the same folder": (twice, 1, 0),
    "--mrp-remember": (remembered, 1, 1),
    "claims that raise, hang, leave, return nonsense": (misbehaving, 1, 1),
    "a claim that aborts its worker": (aborting, 1, 0),
    "untrusted records": (hostile, 1, 0),
}
