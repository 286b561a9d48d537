"""Faults, and whether anything is lost by them: kills, damaged files, full disks, bad claims.

`python benchmarks/faults.py [--quick] [--json FILE]`. A record is lost if it could be read once
and cannot be any more, or if a block was finished and never recorded; a verdict is wrong if it is
not that of an undisturbed run on the same seed. Both must be zero: else the exit status is 1.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from common import head, options, save, show
from fault_disks import DISKS
from fault_habits import HABITS
from faulted import (
    Outcome,
    Place,
    Whole,
    against,
    place,
    records,
    unrecorded,
    whole,
)

COLUMNS = ("fault", "times", "lost", "wrong", "seconds", "what")

Fault = Callable[[Whole, random.Random], Outcome]


def killed(workers: bool, victim: str) -> Fault:
    """kill -9 at a random moment, then --mrp-resume until nothing is left to judge."""

    def attempt(expected: Whole, rng: random.Random) -> Outcome:
        spread = ("-n2",) if workers else ()
        with place() as there:
            report = there.report()
            with there.started("--mrp-report=run", *spread) as process:
                there.wait_for(process, rng.randint(1, expected.calls))
                time.sleep(rng.random() * 0.004)
                _kill(there, process, victim, rng)
            return _after_a_kill(there, report, expected, spread)

    return attempt


def _kill(there: Place, process: Any, victim: str, rng: random.Random) -> None:
    if victim == "run":
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.2)  # workers notice that they are alone
        return
    alive = [int(pid) for pid in {call[0] for call in there.tosses()} if _is_alive(pid)]
    if alive:
        os.kill(rng.choice(alive), signal.SIGKILL)
    process.wait()


def _is_alive(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()


def _after_a_kill(there: Place, report: Path, expected: Whole, spread: Sequence[str]) -> Outcome:
    if not (report / "manifest.json").exists():
        return Outcome(what="killed before it began")
    return Outcome(lost=unrecorded(there, report)) + _resumed(there, report, expected, *spread)


def _resumed(there: Place, report: Path, expected: Whole, *spread: str) -> Outcome:
    """The run goes on to its end, and nothing that could be read is gone."""
    before, outcome = records(report), Outcome()
    found = there.run(f"--mrp-resume={report}", *spread)
    if "Traceback" in found.stdout or found.returncode != 1:  # test_false fails the run
        outcome += Outcome(wrong=1, what=f"exit {found.returncode}: {found.stdout[-300:]}")
    return outcome + against(report, expected, before)


def damaged(harm: Callable[[bytes, random.Random], bytes], lines: int) -> Fault:
    """A run's own file is damaged: at most `lines` lines of it are gone, and the run goes on."""

    def attempt(expected: Whole, rng: random.Random) -> Outcome:
        with place() as there:
            report = there.report()
            with there.started("--mrp-report=run", PAUSE="0.001") as process:
                there.wait_for(process, expected.calls * 9 // 10)
                _kill(there, process, "run", rng)
            before = records(report)
            part = report / "parts" / "main.jsonl"
            part.write_bytes(harm(part.read_bytes(), rng))
            left = records(report)
            lost = max(0, sum((before - left).values()) - lines)
            invented = sum((left - before).values())
            outcome = Outcome(lost, invented, "" if not invented else "a damaged line was read")
            return outcome + _resumed(there, report, expected)

    return attempt


def truncated(content: bytes, rng: random.Random) -> bytes:
    last = content.rstrip(b"\n").rpartition(b"\n")[2]
    return content[: len(content) - rng.randint(1, len(last))]


def flipped(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]


def overwritten(content: bytes, rng: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    lines[rng.randrange(len(lines))] = rng.randbytes(100).replace(b"\n", b"") + b"\n"
    return b"".join(lines)


FAULTS: dict[str, tuple[Fault, int, int]] = {  # times in full, times if quick
    "kill -9 of the run": (killed(False, "run"), 25, 2),
    "kill -9 of the run, two workers": (killed(True, "run"), 25, 1),
    "kill -9 of a worker": (killed(True, "worker"), 50, 2),
    "last line cut short": (damaged(truncated, 1), 5, 1),
    "a bit flipped": (damaged(flipped, 2), 15, 1),
    "a line overwritten": (damaged(overwritten, 1), 5, 1),
    **DISKS,
    **HABITS,
}


def undisturbed() -> Whole:
    """What everything is compared with."""
    with place() as there:
        found = there.run("--mrp-report=run", PAUSE="0")
        assert found.returncode == 1, found.stdout
        return whole(there)


def timed(name: str, number: int, expected: Whole) -> tuple[Outcome, float]:
    """One attempt, its moment and its damage chosen by its name and number."""
    begun = time.monotonic()
    outcome = FAULTS[name][0](expected, random.Random(f"{name} {number}"))
    return outcome, time.monotonic() - begun


def row(name: str, results: Sequence[tuple[Outcome, float]]) -> dict[str, Any]:
    """A fault, several times over."""
    outcomes = [outcome for outcome, _ in results]
    return {
        "fault": name,
        "times": len(results),
        "lost": sum(outcome.lost for outcome in outcomes),
        "wrong": sum(outcome.wrong for outcome in outcomes),
        "seconds": round(sum(seconds for _, seconds in results), 1),
        "what": _said(outcome.what for outcome in outcomes),
    }


def _said(what: Iterable[str]) -> str:
    words = list(what)
    different = list(dict.fromkeys(word for word in words if word))
    return (
        " | ".join(
            word if (n := words.count(word)) == len(words) else f"{word} ({n})"
            for word in different
        )
        or "as undisturbed"
    )


def main() -> int:
    """Run it from the command line."""
    asked, expected = options(__doc__ or ""), undisturbed()
    rows = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        under_way = {}
        for name, (_, full, quick) in FAULTS.items():
            times = range(quick if asked.quick else full)
            under_way[name] = [pool.submit(timed, name, n, expected) for n in times]
        for name, attempts in under_way.items():
            if attempts:
                rows.append(row(name, [attempt.result() for attempt in attempts]))
                print(f"{name}: {rows[-1]['times']} times, {rows[-1]['seconds']} s", flush=True)
    show("Faults", rows, COLUMNS)
    save(asked.json, head(claims=len(expected.rows), calls=expected.calls), rows)
    return int(any(row["lost"] or row["wrong"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
