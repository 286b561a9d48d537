"""Faults of a cluster, and whether anything is lost by them: kills, cut links, disks, versions.

`python benchmarks/cluster_faults.py [--quick] [--json FILE] [--times N] [--only FAULT]`. A real
scheduler and two real workers each time, and a run of small claims on them; the fault comes after a
random number of recorded blocks and a random while. A record is lost if an undisturbed run without
a cluster has it and this one does not; what is wrong is a verdict that differs from that run's, or
a record that is not its. Both must be zero: else the exit status is 1. Links need root.
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}

import argparse
import random
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from cluster_places import LIMIT, Place, place
from common import head, save, show
from faulted import Outcome, Whole, against, merged, rows

COLUMNS = ("fault", "times", "lost", "wrong", "seconds", "longest", "again", "in_vain", "what")
NOTE = """lost, wrong  records missing; verdicts or records unlike those of a run without cluster
seconds      of a run, median, with all that went on on the machine; longest
again        blocks lost and asked for again; in_vain: trainings no claim asked for (of all runs)
moments      random.Random(f"{fault} {number of the attempt from 0}")"""


@dataclass(frozen=True)
class Attempt:
    """What became of one run, how long it took, and what it says of its blocks."""

    outcome: Outcome
    seconds: float
    again: int
    in_vain: int


Fault = Callable[[Whole, random.Random], Attempt]


def moment(
    there: Place, run: Any, expected: Whole, rng: random.Random, seconds: float = 0.3
) -> None:
    """Wait until so many blocks are recorded, and at most so many seconds more."""
    there.wait_for(run, rng.randrange(expected.calls))
    time.sleep(rng.random() * seconds)


def ended(there: Place, run: Any, expected: Whole, begun: float, before: Any = None) -> Attempt:
    """A run after its fault, held against the run without a cluster, and against its own past."""
    run.join(LIMIT)
    seconds, text = time.monotonic() - begun, there.text("run")
    if run.is_alive():
        outcome = Outcome(wrong=1, what=f"still under way after {LIMIT:.0f} s: {text[-300:]}")
    else:
        outcome = against(there.report, expected, before)
        if run.exitcode != 1 or "Traceback" in text:  # test_fair fails the run
            outcome += Outcome(wrong=1, what=f"exit {run.exitcode}: {text[-300:]}")
    found = there.manifest()
    return Attempt(outcome, seconds, found.get("lost", 0), found.get("in_vain", 0))


def fault(name: str, full: int = 30, quick: int = 1) -> Callable[[Fault], Fault]:
    """Have it among the faults: so many times in full, and so many if quick."""

    def add(function: Fault) -> Fault:
        FAULTS[name] = (function, full, quick)
        return function

    return add


FAULTS: dict[str, tuple[Fault, int, int]] = {}


def undisturbed() -> Whole:
    """What everything is compared with: one process, no cluster."""
    with place() as there:
        run = there.run(alone=True)
        run.join()
        assert run.exitcode == 1, there.text("run")
        return Whole(rows(there.report), *merged(there.report), there.blocks())


def timed(name: str, number: int, expected: Whole) -> Attempt:
    """One attempt, its moment chosen by its name and number."""
    try:
        return FAULTS[name][0](expected, random.Random(f"{name} {number}"))
    except Exception as error:  # the program's own: the row says so
        return Attempt(Outcome(wrong=1, what=repr(error)), 0.0, 0, 0)


def row(name: str, attempts: Sequence[Attempt]) -> dict[str, Any]:
    """A fault, several times over."""
    seconds = [attempt.seconds for attempt in attempts]
    what = dict.fromkeys(a.outcome.what for a in attempts if a.outcome.what)
    return {
        "fault": name,
        "times": len(attempts),
        "lost": sum(a.outcome.lost for a in attempts),
        "wrong": sum(a.outcome.wrong for a in attempts),
        "seconds": round(statistics.median(seconds), 1),
        "longest": round(max(seconds), 1),
        "again": sum(a.again for a in attempts),
        "in_vain": sum(a.in_vain for a in attempts),
        "what": " | ".join(what) or "as undisturbed",
    }


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each fault once or twice: minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write head and rows as JSON")
    parser.add_argument("--times", type=int, metavar="N", help="each fault N times")
    parser.add_argument("--only", metavar="FAULT", help="faults with this in their names")
    parser.add_argument("--together", type=int, default=6, metavar="N", help="attempts at a time")
    return parser.parse_args()


def chosen(asked: argparse.Namespace) -> list[tuple[str, int]]:
    """The attempts, by fault and number: the first of each fault, the second of each, ..."""
    times = {
        name: asked.times or (quick if asked.quick else full)
        for name, (_, full, quick) in FAULTS.items()
        if not asked.only or asked.only in name
    }
    most = max(times.values(), default=0)
    return [(name, n) for n in range(most) for name, count in times.items() if n < count]


def attempts(asked: argparse.Namespace, expected: Whole) -> Iterator[dict[str, list[Attempt]]]:
    """What became of them so far, after each; an end that is asked for (SIGTERM) is kept to."""
    found: dict[str, list[Attempt]] = {name: [] for name, _ in chosen(asked)}
    with ThreadPoolExecutor(asked.together) as pool:
        signal.signal(signal.SIGTERM, lambda *_: pool.shutdown(wait=False, cancel_futures=True))
        names = {pool.submit(timed, *each, expected): each[0] for each in chosen(asked)}
        for attempt in as_completed(names):
            if not attempt.cancelled():
                found[names[attempt]].append(attempt.result())
                yield found


def main() -> int:
    """Run it from the command line."""
    import cluster_strikes  # noqa: F401  the faults themselves

    asked, begun, table = options(), time.monotonic(), []
    expected = undisturbed()
    about = head(blocks=expected.calls, claims=len(expected.rows), workers=2, note=NOTE)
    for found in attempts(asked, expected):
        table = [row(name, tried) for name, tried in found.items() if tried]
        save(asked.json, {**about, "seconds": round(time.monotonic() - begun)}, table)
    show("Faults of a cluster", table, COLUMNS)
    print(NOTE)
    return int(any(each["lost"] or each["wrong"] for each in table))


if __name__ == "__main__":
    sys.modules["cluster_faults"] = sys.modules["__main__"]
    sys.exit(main())
