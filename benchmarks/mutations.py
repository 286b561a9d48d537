"""Teeth: faults planted one at a time in a copy of the package, and what catches each first.

Faults are listed in `mutations.toml`. For each, its own tests run first; where it survives them,
the rest of tests/; and last, for what no test could see, a named claim or control of properties/.
A survivor is a missing test, and exit status 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from common import head, save

ROOT = Path(__file__).resolve().parents[1]
FAULTS = Path(__file__).with_suffix(".toml")
LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "reports", "build",
    "test_teeth_mutations.py",  # it looks for the text that a fault replaces
)  # fmt: skip
AT_ONCE = 2  # mutants under test side by side
FAILED = r"^(?:FAILED|ERROR|SUPPORTED|REFUTED|UNDECIDED) (\S+::.*?|\S+)(?: - .*)?$"


@dataclass(frozen=True)
class Mutation:
    """A fault: `old` stands exactly once in `file` and is replaced by `new`; `why` it is one.

    tests, claims  what should catch it, as pytest would be told; `quick`: part of --quick
    """

    name: str
    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    quick: bool = False

    def plant(self, root: Path) -> None:
        """Replace the text in a tree; ValueError with one sentence where it is not there once."""
        text = (root / self.file).read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise ValueError(
                f"old text = {count} times in {self.file}, but should be there once [{self.name}]"
            )
        (root / self.file).write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True)
class Row:
    """What caught a fault first, and after how many seconds; None: it survived."""

    mutation: str
    caught_by: str | None
    why: str
    file: str
    seconds: float


def read_mutations(path: Path = FAULTS) -> list[Mutation]:
    """The faults, in the file's order."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["mutation"]
    return [
        Mutation(**{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()})
        for entry in entries
    ]


class Tree:
    """A copy of the package, its tests and its claims, in which pytest runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {
            **os.environ,
            "PYTHONPATH": str(root),
            "PYTHONDONTWRITEBYTECODE": "1",
            "MRPCHECK_STORE": str(root / ".store"),
        }
        for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
            self.env.pop(name, None)
        self._check()

    def _check(self) -> None:
        """Refuse to go on where another package than the copy would be tested."""
        where = "import mrpcheck, sys; sys.stdout.write(mrpcheck.__file__)"
        found = subprocess.run(
            [sys.executable, "-c", where], cwd="/", env=self.env, capture_output=True, text=True
        )
        if Path(found.stdout) != self.root / "mrpcheck" / "__init__.py":
            said = found.stdout or found.stderr
            raise SystemExit(f"package = {said}, but should be the copy in {self.root}")

    def first_failure(self, targets: Sequence[str], *options: str) -> str | None:
        """The first test that fails, or None where all pass."""
        command = [sys.executable, "-m", "pytest", *options, "-x", "-q", "--tb=no", "-rfE"]
        command += ["-p", "no:cacheprovider", "--color=no", *targets]
        done = subprocess.run(
            command, cwd=self.root, env=self.env, capture_output=True, text=True, check=False
        )
        failed = re.search(FAILED, done.stdout, re.M)
        if done.returncode == 0 or (done.returncode in (1, 2) and failed):
            return failed[1] if failed else None
        raise SystemExit(
            f"exit status = {done.returncode} of pytest {' '.join(targets)}, but should be 0 or 1:"
            f"\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )


@contextmanager
def copied() -> Iterator[Tree]:
    """A fresh copy of the working tree, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mrpcheck-mutation-") as folder:
        root = Path(folder).resolve() / "copy"
        shutil.copytree(ROOT, root, ignore=LEFT_OUT)
        yield Tree(root)


def hunt(mutation: Mutation) -> Row:
    """Plant one fault and say what catches it first."""
    began = time.monotonic()
    with copied() as tree:
        mutation.plant(tree.root)
        caught = _caught(mutation, tree)
    seconds = round(time.monotonic() - began, 1)
    return Row(mutation.name, caught, mutation.why, mutation.file, seconds)


def _caught(mutation: Mutation, tree: Tree) -> str | None:
    if mutation.tests and (caught := tree.first_failure(mutation.tests)):
        return caught
    if not mutation.file.startswith("properties/") and (caught := _by_the_rest(tree)):
        return caught
    if mutation.claims and (caught := _judged(tree, mutation.claims)):
        return f"{'control' if '::test_control' in caught else 'claim'} {caught}"
    return None


def _by_the_rest(tree: Tree) -> str | None:
    """The first of all tests to fail: twice with the fault, and not without it."""
    caught = tree.first_failure(["tests"], "-n", "2")
    if caught is None or tree.first_failure([caught]) is None:
        return None
    with copied() as clean:
        if clean.first_failure([caught]):
            raise SystemExit(f"{caught} = failed, but should pass where no fault is planted")
    return caught


def _judged(tree: Tree, claims: Sequence[str]) -> str | None:
    """The first claim that does not come out as expected."""
    return tree.first_failure(claims, "--mrp-device=cpu", "--mrp-strict", "--mrp-report=found")


def check_clean(mutations: Sequence[Mutation]) -> None:
    """Without a fault everything that is to catch one passes: else nothing would be shown."""
    tests = sorted({test for mutation in mutations for test in mutation.tests})
    claims = sorted({claim for mutation in mutations for claim in mutation.claims})
    with copied() as tree:
        for mutation in mutations:
            text = (tree.root / mutation.file).read_text(encoding="utf-8")
            mutation.plant(tree.root)
            (tree.root / mutation.file).write_text(text, encoding="utf-8")
        failed = (tests and tree.first_failure(tests, "-n", "2")) or (
            claims and _judged(tree, claims)
        )
    if failed:
        raise SystemExit(f"{failed} = failed, but should pass where no fault is planted")


def main() -> int:
    """Plant the faults asked for, print the table, and count survivors."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a handful, in about a minute")
    parser.add_argument("--only", metavar="NAME", help="faults whose name has NAME in it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    asked = parser.parse_args()
    mutations = [
        m
        for m in read_mutations()
        if (m.quick or not asked.quick) and (asked.only or "").lower() in m.name.lower()
    ]
    if not mutations:
        parser.error(f"--only = {asked.only!r}, but should be part of a name in {FAULTS.name}")
    rows, began = [], time.monotonic()
    check_clean(mutations)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for row in pool.map(hunt, mutations):
            rows.append(row)
            print(f"{row.mutation:<62} {row.caught_by or 'SURVIVED'}", flush=True)
    survivors = sum(row.caught_by is None for row in rows)
    print(f"{len(rows)} faults, {len(rows) - survivors} caught, {survivors} survived")
    seconds = round(time.monotonic() - began)
    save(asked.json, head(seconds=seconds), [asdict(row) for row in rows])
    return int(survivors > 0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:
        sys.exit(f"{error}")
