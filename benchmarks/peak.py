"""The fused multiply-add peak of one core, measured: `peak.c`, built by the machine's compiler.

Where there is no compiler, or what it built is not what was asked for, there is no peak and a
sentence says why.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

__all__ = ["NoPeak", "Peak"]

SOURCE = Path(__file__).with_name("peak.c")
COMPILERS = ("cc", "gcc", "clang")
NATIVE = (["-march=native"], ["-mcpu=native"], [])  # the first that the compiler takes
SECONDS = 0.05  # of one measurement
EXACT = 2**20  # rounds whose sum float32 holds exactly
KINDS = {"float32": ctypes.c_float, "float64": ctypes.c_double}
TINY = {"float32": 2.0**-12, "float64": 2.0**-27}  # (1 + t)^2 - (1 + 2t) = t^2, lost if rounded


class NoPeak(Exception):
    """Why there is no peak to compare with."""


class Peak:
    """The rate of a core, in numbers per second; a multiply-add counts two."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.library, self.compiler = _build(Path(folder))
        for dtype, kind in KINDS.items():
            function = getattr(self.library, dtype)
            function.argtypes = (ctypes.c_long, kind, kind, kind)
            function.restype = ctypes.c_double
        self.numbers = {dtype: int(getattr(self.library, f"{dtype}_numbers")()) for dtype in KINDS}
        self.rounds = {dtype: self._calibrate(dtype) for dtype in KINDS}
        self.fused = {dtype: self._fuses(dtype) for dtype in KINDS}
        for dtype in KINDS:
            self._check(dtype)

    def rate(self, dtype: str) -> float:
        """GFLOP/s of one measurement."""
        rounds = self.rounds[dtype]
        return 2e-9 * rounds * self.numbers[dtype] / self._seconds(dtype, rounds)

    def describe(self) -> dict[str, Any]:
        """What was measured, for the record."""
        return {"compiler": self.compiler, "chains": self.numbers, "fused": self.fused}

    def _seconds(self, dtype: str, rounds: int) -> float:
        begun = time.perf_counter()
        getattr(self.library, dtype)(rounds, 1.0, 0.5, 0.5)
        return time.perf_counter() - begun

    def _calibrate(self, dtype: str) -> int:
        rounds = 1000
        while (seconds := self._seconds(dtype, rounds)) < SECONDS / 4:
            rounds *= 2
        return int(rounds * SECONDS / seconds)

    def _fuses(self, dtype: str) -> bool:
        """Whether a product is added before it is rounded: a multiply-add rounds once."""
        tiny = TINY[dtype]
        total = getattr(self.library, dtype)(1, 1 + tiny, 1 + tiny, -(1 + 2 * tiny))
        return bool(total == self.numbers[dtype] * tiny**2)

    def _check(self, dtype: str) -> None:
        """Every round was done: it counts right, and twice the rounds take twice as long."""
        total = getattr(self.library, dtype)(EXACT, 1.0, 1.0, 1.0)
        wanted = self.numbers[dtype] * (EXACT + 1)
        if total != wanted:
            raise NoPeak(f"sum of {dtype} chains = {total!r}, but should be {wanted} [peak]")
        n = self.rounds[dtype]
        once, four = (min(self._seconds(dtype, m) for _ in range(5)) for m in (n, 4 * n))
        growth = four / once
        if growth < 3:
            raise NoPeak(f"time of 4 x the rounds = {growth:.2f} x, but should be 4 x [peak]")


def _build(folder: Path) -> tuple[ctypes.CDLL, str]:
    found = next((path for name in COMPILERS if (path := shutil.which(name))), None)
    if found is None:
        raise NoPeak(f"C compiler = none, but should be one of {', '.join(COMPILERS)} [peak]")
    built = folder / "peak.so"
    for native in NATIVE:
        flags = ["-O3", *native, "-ffp-contract=fast", "-shared", "-fPIC"]
        done = subprocess.run(
            [found, *flags, "-o", str(built), str(SOURCE)], capture_output=True, text=True
        )
        if not done.returncode:
            return ctypes.CDLL(str(built)), f"{Path(found).name} {' '.join(flags)}"
    raise NoPeak(f"{found} = {done.stderr.strip()[:200]!r}, but should build {SOURCE.name} [peak]")
