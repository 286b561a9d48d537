"""Faults of disks: full, read-only, removed, shared by two runs; and a store that lies."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
from faulted import Outcome, Place, Whole, against, differing, place, records, rows

__all__ = ["DISKS"]

ROOT = os.getuid() == 0
SAID = ("records = main.jsonl, but should be writable", "  UNDECIDED ", "to go on: pytest ")

TRAINED = """
from hypothesis import given

from mrpcheck import Setup, pretrain
from mrpcheck.claims import at, with_probability
from mrpcheck.measures import features_captured

TINY = Setup().replace(classes=3, dim=6, patches=8, sparsity=1.0, samples=12, steps=30,
                       kernels_per_class=2)


@at(setup=[TINY, TINY.replace(noise=0.02)])
@with_probability(at_least=0.9, tolerance=0.1)
def test_trained(setup, trials):
    encoder = pretrain(setup, trials)
    return features_captured(encoder, setup).float().mean(-1) >= 0.0
"""


def complaints(found: CompletedProcess, *wanted: str) -> Outcome:
    """What was printed must say so in a sentence, and the exit status must not be 0."""
    missing = [text for text in wanted if text not in found.stdout]
    if found.returncode == 0 or "Traceback" in found.stdout or missing:
        return Outcome(wrong=1, what=f"exit {found.returncode}, {missing}: {found.stdout[-400:]}")
    return Outcome()


def full_disk(expected: Whole, rng: random.Random) -> Outcome:
    """No space left in the middle of a run; then there is some, and the run goes on."""
    room = rng.randint(40, 200)  # KiB; a run takes about 300
    with place() as there:
        report = there.report()
        if ROOT:
            with disk(report.parent / "disk", f"{room}k") as mounted:
                report = mounted / "run"
                found = there.run(f"--mrp-report={report}", PAUSE="0")
                mounted_again(mounted, "size=16m")
                return _goes_on(there, report, expected, found, "No space left on device", *SAID)
        limit = (room * 1024, resource.RLIM_INFINITY)
        small = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)  # noqa: E731
        found = there.run(f"--mrp-report={report}", PAUSE="0", prepare=small)
        return _goes_on(there, report, expected, found, "File too large", *SAID)


def read_only(expected: Whole, rng: random.Random) -> Outcome:
    """No file can be made in the folder any more, from the middle of a run on."""
    humble = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if ROOT else []
    if ROOT and shutil.which("setpriv") is None:
        return Outcome(what="not tried: root writes where it likes")
    with place() as there:
        report = there.report()
        with there.started("--mrp-report=run", prefix=humble) as process:
            there.wait_for(process, rng.randint(1, expected.calls - 20))
            _allow(report, 0o555)
            found = there.ended(process)
        _allow(report, 0o755)
        return _goes_on(there, report, expected, found, "Permission denied")


def _allow(report: Path, mode: int) -> None:
    for folder in (report, report / "parts", report / "counterexamples"):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)


def removed(expected: Whole, rng: random.Random) -> Outcome:
    """The folder is removed in the middle of a run: it is said, and no verdict goes unrecorded."""
    with place() as there:
        with there.started("--mrp-report=run") as process:
            there.wait_for(process, expected.calls // 2)
            shutil.rmtree(there.report(), ignore_errors=True)
            found = there.ended(process)
        outcome = complaints(found, "it was removed", " claims =")
        return outcome + Outcome(what="" if outcome.wrong else "said of each claim that was left")


def never_writable(expected: Whole, rng: random.Random) -> Outcome:
    """A folder in which nothing can be written is refused before anything is judged."""
    with place() as there:
        found = there.run("--mrp-report=/proc/run")
        judged = len(there.tosses())
        return complaints(found, "but should be a folder to write in") + Outcome(wrong=judged)


def two_at_once(expected: Whole, rng: random.Random) -> Outcome:
    """A second run in a folder that is in use is refused, and costs the first one nothing."""
    with place() as there, there.started("--mrp-report=run", PAUSE="0.04") as process:
        there.wait_for(process, rng.randint(1, expected.calls // 8))
        second = there.run("--mrp-report=run", TOSSES=os.devnull)
        third = there.run("--mrp-resume=run", TOSSES=os.devnull)
        process.wait()
        words = "but should not be in use: another run is writing there"
        outcome = complaints(second, words) + complaints(third, words)
        return outcome + against(there.report(), expected)


def _goes_on(
    there: Place, report: Path, expected: Whole, found: CompletedProcess, *said: str
) -> Outcome:
    outcome = complaints(found, *said)
    before = records(report)
    there.run(f"--mrp-resume={report}", PAUSE="0")
    return outcome + against(report, expected, before)


@contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    """A small disk of one's own."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def mounted_again(folder: Path, options: str) -> bool:
    """The disk with other options; False where it is busy."""
    command = ["mount", "-o", f"remount,{options}", folder]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _half(file: Path, rng: random.Random) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _flip(file: Path, rng: random.Random) -> None:
    content = bytearray(file.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def _other_block(file: Path, rng: random.Random) -> None:
    others = [f for f in file.parents[1].glob("*/*.npz") if f != file]
    shutil.copyfile(rng.choice(others), file)


def _other_version(file: Path, rng: random.Random) -> None:
    """What a version that named nothing inside its files would have left."""
    with np.load(file, allow_pickle=False) as block:
        arrays = {key: np.zeros_like(block[key]) for key in block.files if key != "block"}
    np.savez(file, **arrays)


DAMAGE: dict[str, Callable[[Path, random.Random], object]] = {
    "half of it": _half,
    "a bit flipped": _flip,
    "empty": lambda file, rng: file.write_bytes(b""),
    "foreign": lambda file, rng: file.write_bytes(rng.randbytes(1000)),
    "another block's": _other_block,
    "another version's": _other_version,
}


def store(expected: Whole, rng: random.Random) -> Outcome:
    """Every stored block is damaged, each in another way; a second run comes to the same."""
    with place(TRAINED) as there:
        there.run("--mrp-report=run")
        once = rows(there.report())
        files = sorted((there.folder / "store").glob("*/*.npz"))
        for number, file in enumerate(files):
            list(DAMAGE.values())[number % len(DAMAGE)](file, rng)
        found = there.run("--mrp-report=again")
        outcome = differing(there.report("again"), once)
        if found.returncode or len(files) < len(DAMAGE):
            outcome += Outcome(wrong=1, what=f"{len(files)} blocks: {found.stdout[-300:]}")
        return outcome + Outcome(what=f"{len(files)} blocks damaged and trained again")


DISKS = {
    "full disk" if ROOT else "full disk (a limit on files)": (full_disk, 5, 1),
    "read-only half-way": (read_only, 5, 1),
    "folder removed half-way": (removed, 2, 1),
    "folder never writable": (never_writable, 1, 1),
    "two runs in one folder": (two_at_once, 2, 1),
    "store: damaged, foreign, empty, other version": (store, 2, 1),
}
