"""The faults of `cluster_faults`: what is done to a scheduler, two workers and a run on them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from cluster_faults import Attempt, ended, fault, moment
from cluster_places import Link, Place, linked, place
from faulted import Outcome, Whole, records

ROOT = os.getuid() == 0
OTHER = "9.9.9+other"
ASLEEP, AWAKE = 0.19, 0.01  # seconds: 20 times slower


@contextmanager
def cluster(host: str = "127.0.0.1") -> Iterator[tuple[Place, Any]]:
    """A place with its scheduler."""
    with place(host) as there:
        yield there, there.scheduler()


def kill(process: Any) -> None:
    """As if the power were gone."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def workers_killed(count: int, again: bool) -> Callable[[Whole, random.Random], Attempt]:
    """Kill one or both of two workers; they are started again, or not."""

    def attempt(expected: Whole, rng: random.Random) -> Attempt:
        starts = [lambda name=name: there.worker(name) for name in "ab"]
        with cluster() as (there, _), there.supervised(*(starts if again else [])) as now:
            now = now or [start() for start in starts]
            begun, run = time.monotonic(), there.run()
            moment(there, run, expected, rng)
            for process in rng.sample(now, count):
                kill(process)
            return ended(there, run, expected, begun)

    return attempt


fault("a worker killed", quick=2)(workers_killed(1, again=False))
fault("all workers killed, started again", quick=2)(workers_killed(2, again=True))
fault("all workers killed for good", full=6)(workers_killed(2, again=False))


def scheduler_killed(again: bool) -> Callable[[Whole, random.Random], Attempt]:
    """Kill the scheduler; workers end with it, and are started again when it is."""

    def attempt(expected: Whole, rng: random.Random) -> Attempt:
        with (
            cluster() as (there, scheduler),
            there.supervised(*(lambda name=name: there.worker(name) for name in "ab")),
        ):
            begun, run = time.monotonic(), there.run()
            moment(there, run, expected, rng)
            kill(scheduler)
            if again:
                time.sleep(rng.uniform(0.2, 3.0))
                there.scheduler()
            return ended(there, run, expected, begun)

    return attempt


fault("the scheduler killed, started again", quick=2)(scheduler_killed(again=True))
fault("the scheduler killed for good", full=6)(scheduler_killed(again=False))


@fault("the coordinator killed, resumed", quick=2)
def coordinator_killed(expected: Whole, rng: random.Random) -> Attempt:
    """Kill the run itself; `--mrp-resume` goes on with it."""
    with cluster() as (there, _):
        for name in "ab":
            there.worker(name)
        begun, run = time.monotonic(), there.run()
        moment(there, run, expected, rng)
        kill(run)
        before = records(there.report)
        if not there.manifest():
            return ended(there, there.run(), expected, begun)
        time.sleep(0.2)
        (there.folder / "run.log").unlink(missing_ok=True)
        again = there.run("--mrp-resume=run")
        return ended(there, again, expected, begun, before=before)


def link_harmed(inside: str, harm: Callable[[Link, random.Random], None]) -> Any:
    """The worker, or the coordinator, sits behind a link that is harmed."""

    def attempt(expected: Whole, rng: random.Random) -> Attempt:
        with linked() as link, cluster(link.near) as (there, _):
            away = {"net": link.name}
            there.worker("a")
            there.worker("b", **({"host": link.far, **away} if inside == "worker" else {}))
            begun = time.monotonic()
            run = there.run(**(away if inside == "coordinator" else {}))
            moment(there, run, expected, rng)
            harm(link, rng)
            return ended(there, run, expected, begun)

    return attempt


def cut(link: Link, rng: random.Random) -> None:
    """For half a minute."""
    link.cut(30.0)


def slowed(link: Link, rng: random.Random) -> None:
    """To what a telephone line had."""
    link.slow(rate=rng.choice([64, 128, 256]))


if ROOT:
    fault("a worker's link cut for 30 s")(link_harmed("worker", cut))
    fault("the coordinator's link cut for 30 s")(link_harmed("coordinator", cut))
    fault("a worker's link slowed")(link_harmed("worker", slowed))
    fault("the coordinator's link slowed")(link_harmed("coordinator", slowed))


@fault("a worker 20 times slower")
def slower(expected: Whole, rng: random.Random) -> Attempt:
    """From a random moment on, one of two workers runs for 1/20 of the time."""
    with cluster() as (there, _):
        there.worker("a")
        slow, over = there.worker("b"), threading.Event()
        begun, run = time.monotonic(), there.run()
        moment(there, run, expected, rng)
        thread = threading.Thread(target=_drag, args=(slow, over))
        thread.start()
        try:
            return ended(there, run, expected, begun)
        finally:
            over.set()
            thread.join()


def _drag(process: Any, over: threading.Event) -> None:
    while not over.is_set() and process.is_alive():
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(ASLEEP)
            os.kill(process.pid, signal.SIGCONT)
        time.sleep(AWAKE)


def other_versions(count: int) -> Callable[[Whole, random.Random], Attempt]:
    """Workers that say another version of torch: refused with a sentence, and sent away."""

    def attempt(expected: Whole, rng: random.Random) -> Attempt:
        sentence = f"torch = {OTHER}, but should be "
        with cluster() as (there, _):
            others = [there.worker(name, torch=OTHER) for name in "ab"[:count]]
            if count == 1:
                time.sleep(rng.random())
                there.worker("right")
            begun, run = time.monotonic(), there.run()
            found = ended(there, run, expected, begun)
            text = there.text("run")
            if sentence in text:
                return found
            asked = any(other.is_alive() for other in others)
            what = "never asked" if asked else f"no sentence: {text[-300:]}"
            return Attempt(
                found.outcome + Outcome(wrong=int(not asked), what=what), found.seconds,
                found.again, found.in_vain,
            )  # fmt: skip

    return attempt


fault("a worker of another torch version (said so)", quick=2)(other_versions(1))
fault("all workers of another torch version", full=6)(other_versions(2))


def full_disk(whose: str) -> Callable[[Whole, random.Random], Attempt]:
    """The store of the coordinator, or of a worker, is on a disk of 40 to 400 KiB."""

    def attempt(expected: Whole, rng: random.Random) -> Attempt:
        with cluster() as (there, _), disk(there, f"{rng.randint(40, 400)}k") as small:
            there.worker("a")
            there.worker("b", store=small if whose == "worker" else "store-b")
            begun = time.monotonic()
            run = there.run(store=small if whose == "coordinator" else "store")
            return ended(there, run, expected, begun)

    return attempt


@contextmanager
def disk(there: Place, size: str) -> Iterator[str]:
    """A small disk in this place."""
    folder = there.folder / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield folder.name
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


if ROOT:
    fault("a full disk at the coordinator's store")(full_disk("coordinator"))
    fault("a full disk at a worker's store")(full_disk("worker"))
