"""The step: milliseconds and percent of the core's peak, ours and the peers', in one run.

Percent of peak counts the products alone: 2 of samples x patches x dim x kernels for latents
(z = x w, the gradient), 5 for pixels (z, the prediction, its way back, two gradients), whatever
a method does in their place. A method whose gradient is off the float64 reference has no figure.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from common import head, options, save, show
from lanes import Lane, Lost
from problems import CHECKED, PRODUCTS, SHAPES, Problem

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
ROUNDS, QUICK_ROUNDS = 4, 3
OURS = 3  # methods that pixels are measured with as well
COMMAND = "python -m benchmarks.step "
PACKAGES = ("torch", "jax", "jaxlib")
COLUMNS = (
    "method", "threads", "ms", "spread", "percent_of_peak",
    "max_relative_error", "reason",
)  # fmt: skip
NOTE = f"""ms        of a trial's further step, without what a training costs once: median over the
          rounds, in each of which every method has its turn. spread: interquartile range
percent   of the peak of ONE core, read just before each turn, whatever the threads: two cores can
          reach 200. Median over the rounds
error     of the gradient and of {CHECKED} steps' displacement, over the largest number of each,
          against float64; no figure beyond {TOLERANCE["float32"]:g} (float32) and 1e-10"""
STEADY = 0.05  # of the median: a peak whose quartiles lie further apart is that of a busy machine
BUSY = "the peak's quartiles lie more than 5 % apart: others used the machine too"


@dataclass
class Method:
    """A line of the table for every problem: who, on how many threads, and its turns so far."""

    name: str
    module: str
    threads: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    lane: Lane | None = None
    reason: str | None = None
    error: float | None = None
    first: float | None = None
    turns: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    def open(self) -> None:
        """Start its process."""
        try:
            self.lane = Lane(self.module, self.threads, **self.environment)
        except Lost as error:
            self.reason = str(error)

    def begin(self, problem: Problem) -> None:
        """Make ready for a problem, and check what it comes to."""
        self.turns, self.shares, self.error, self.first = [], [], None, None
        if self.lane is None:
            return
        self.reason = None
        try:
            self.first = self.lane.ask("prepare", problem)
            self.error = problem.error(lambda *steps: self._ask("ended", *steps))
        except Lost as error:
            self.reason = str(error)
        else:
            most = TOLERANCE[problem.dtype]
            if not self.error <= most:
                self.reason = f"error = {self.error:.2g}, but should be <= {most:g}"

    def turn(self, problem: Problem, peak: float | None) -> None:
        """One more measurement, beside the `peak` of that moment; a lost lane has no figure."""
        if self.reason is not None:
            return
        try:
            size = problem.size
            ms = self._ask("milliseconds", size.steps, size.trials)
        except Lost as error:
            self.turns, self.shares, self.reason = [], [], str(error)
            return
        self.turns.append(ms)
        if peak is not None:
            self.shares.append(100 * 1e-6 * problem.flops / ms / peak)

    def row(self, problem: Problem) -> dict[str, Any]:
        """What its turns come to; percent of the peak that was read just before each of them."""
        ms, spread = middle(self.turns)
        share, share_spread = middle(self.shares)
        return {
            "method": self.name, "shape": problem.shape, "dtype": problem.dtype,
            "threads": self.threads, "ms": ms, "percent_of_peak": share,
            "percent_spread": share_spread,
            "max_relative_error": self.error, "objective": problem.objective, "spread": spread,
            "rounds": len(self.turns), "first_seconds": self.first, "reason": self.reason,
        }  # fmt: skip

    def _ask(self, what: str, *arguments: Any) -> Any:
        assert self.lane is not None
        return self.lane.ask(what, *arguments)


def methods() -> list[Method]:
    """Ours, and the peers."""
    return [
        Method("mrpcheck", "mrpcheck_descent"),
        Method("mrpcheck", "mrpcheck_descent", threads=2),
        Method("mrpcheck_torch", "mrpcheck_descent", environment={"MRPCHECK_NATIVE": "0"}),
        Method("compiled_vmap", "compiled_vmap"),
        Method("eager_vmap", "eager_vmap"),
        Method("module_loop", "module_loop"),
        Method("jax", "jax_scan"),
    ]


def middle(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Median and interquartile range."""
    if not values:
        return None, None
    low, median, high = np.percentile(values, (25, 50, 75))
    return float(median), float(high - low)


def percent(rate: float | None, peak: float | None) -> float | None:
    return None if rate is None or peak is None else 100 * rate / peak


class Yard:
    """What every figure is held against: the core's peak and the product's rate."""

    def __init__(self) -> None:
        self.lane = Lane(None)
        self.peaks: dict[str, list[float]] = {"float32": [], "float64": []}
        self.products: dict[Problem, list[float]] = {}
        self.reason, self.how = None, None
        try:
            self.how = self.lane.ask("find_peak")
        except Lost as error:
            self.reason = str(error)
            print(f"no peak: {error}; product rates only")

    def look(self, dtype: str) -> float | None:
        """The peak just now."""
        if self.how is None:
            return None
        self.peaks[dtype].append(self.lane.ask("peak_rate", dtype))
        return self.peaks[dtype][-1]

    def turn(self, problem: Problem) -> None:
        """One more measurement of the product."""
        if problem.objective == "latents":
            rate = self.lane.ask("product_rate", problem)
            self.products.setdefault(problem, []).append(rate)

    def peak(self, dtype: str) -> float | None:
        """The largest of the run's readings: no percentage is flattered by a slow moment."""
        return max(self.peaks[dtype], default=None)

    @property
    def steady(self) -> bool:
        """Whether the machine did nothing else, as far as the peak shows it."""
        found = [middle(turns) for turns in self.peaks.values() if turns]
        return all(rate and spread <= STEADY * rate for rate, spread in found)

    def rows(self) -> list[dict[str, Any]]:
        """The peak, and the product at every shape, as rows."""
        found = [("multiply-add chains", None, d, turns) for d, turns in self.peaks.items()]
        found += [("torch.mm", p.shape, p.dtype, turns) for p, turns in self.products.items()]
        rows = []
        for what, shape, dtype, turns in found:
            rate, spread = middle(turns)
            row = {"what": what, "shape": shape, "dtype": dtype, "gflops": rate, "spread": spread}
            rows.append({**row, "percent_of_peak": percent(rate, self.peak(dtype))})
        return rows


def compare(problem: Problem, found: Sequence[Method], yard: Yard, rounds: int) -> None:
    """All methods at one problem, in turn; the yard's own figures among them."""
    for method in found:
        method.begin(problem)
    for _ in range(rounds):
        yard.turn(problem)
        for method in found:
            method.turn(problem, yard.look(problem.dtype))


def main() -> int:
    """Every shape, dtype and objective; 1 where ours has no figure."""
    chosen = options(__doc__ or "")
    shapes = ("S", "M") if chosen.quick else tuple(SHAPES)
    problems = [
        Problem(s, d, o) for o in PRODUCTS for d in TOLERANCE for s in shapes
        if not chosen.quick or s == "S" or (d == "float32" and o == "latents")
    ]  # fmt: skip
    yard, found = Yard(), methods()
    for method in found:
        method.open()
    rows = []
    for problem in problems:
        shown = found if problem.objective == "latents" else found[:OURS]
        compare(problem, shown, yard, QUICK_ROUNDS if chosen.quick else ROUNDS)
        new = [method.row(problem) for method in shown]
        title = f"{problem.objective}, {problem.shape}, {problem.dtype}"
        show(title, new, COLUMNS)
        rows += new
    show("the peak of a core, and the product", yard.rows(), tuple(yard.rows()[0]))
    print(NOTE if yard.steady else f"{NOTE}\n{BUSY}")
    versions = yard.lane.ask("versions", *PACKAGES)
    more = {"versions": versions, "peak": yard.how or yard.reason, "counted_products": PRODUCTS}
    more |= {"steady": yard.steady, "command": COMMAND + shlex.join(sys.argv[1:])}
    save(chosen.json, head(**more), rows, yard=yard.rows())
    return int(any(row["ms"] is None for row in rows if row["method"] == "mrpcheck"))


if __name__ == "__main__":
    sys.exit(main())
