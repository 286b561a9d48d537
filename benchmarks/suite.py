"""The suite: from a claim to its verdict, ours and the notebook way; whole files; many trials.

The notebook way is a loop of `nn.Module` trainings whose number is fixed beforehand by the exact
binomial design for the same error rates. Where it would take too long only some of its trainings
are timed, spread over the setups, and the row says how many.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import costs
import torch
from common import head, options, save, show
from notebook import fixed_design, outcomes
from torch import Tensor

from mrpcheck.claims import with_probability
from mrpcheck.judging import judge
from mrpcheck.measures import features_per_kernel
from mrpcheck.profiles import Profile
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.stats import Budget
from mrpcheck.theorems import pixels_regime
from mrpcheck.training import pretrain

AT_LEAST, TOLERANCE, SEED = 0.9, 0.1, 0
PROFILE = Profile("one look", panel=8, most=1024, search=0, shrink=0, doubled=0)
PANEL = 8
COMMAND = "python -m benchmarks.suite "
TIMED, PANEL_TIMED, QUICK_TIMED = 200, 48, 16  # trainings of the notebook timed, at most
THEOREMS = ("test_theorem_1_pixels.py", "test_theorem_2.py")  # they share their pretraining
QUICK_FILES = ("-k", "test_every_feature_is_captured or test_each_kernel_captures_at_most")
COUNTS = (10, 100, 1000, 10_000)
NOTE = """trainings     that the verdict rests on; timed: those that the seconds were measured on
files         from an empty store. percent_fast: of the time of judging that goes through
              closed-form gradients; percent_native: through native code
trials        at S, by the block of 16, each count in a process of its own; ms_per_trial holds
              what a trial costs once and 20 steps; data_ms: of drawing its samples"""


@with_probability(at_least=AT_LEAST, tolerance=TOLERANCE)
def no_kernel_holds_two(setup: Setup, trials: Trials) -> Tensor:
    """T1b: no kernel's correlation reaches the threshold on two features."""
    return (features_per_kernel(pretrain(setup, trials), setup) <= 1).all(-1)


def holds_one(correlations: Tensor, setup: Setup) -> bool:
    """The same of one trial, <w_r, v_f> (kernel, feature)."""
    return bool(((correlations >= setup.net.threshold).sum(1) <= 1).all())


@contextmanager
def empty_store() -> Iterator[None]:
    """Nothing was ever trained."""
    before = os.environ.get("MRPCHECK_STORE")
    with tempfile.TemporaryDirectory() as place:
        os.environ["MRPCHECK_STORE"] = place
        try:
            yield
        finally:
            if before is None:
                del os.environ["MRPCHECK_STORE"]
            else:
                os.environ["MRPCHECK_STORE"] = before


def ours(setups: Sequence[Setup]) -> tuple[dict[str, Any], list[list[bool]]]:
    """A verdict at every setup, and the outcomes that it rests on."""
    blocks: list[Any] = []
    begun = time.perf_counter()
    with empty_store():
        verdict = judge(
            no_kernel_holds_two, [{"setup": setup} for setup in setups], seed=SEED,
            profile=PROFILE, record=blocks.append,
        )  # fmt: skip
    seconds = time.perf_counter() - begun
    found: list[list[bool]] = [[] for _ in setups]
    for block in blocks:
        if hasattr(block, "outcomes") and block.stage == "panel":
            found[block.index] += [value > 0 for value in block.outcomes]
    trained = sum(map(len, found))
    return _row("mrpcheck", setups, verdict.verdict, trained, trained, seconds), found


def by_notebook(
    setups: Sequence[Setup], timed: int, known: Sequence[Sequence[bool]]
) -> dict[str, Any]:
    """The fixed design at every setup; trials that ours judged too must come out as they did."""
    needed, hits = fixed_design(AT_LEAST, TOLERANCE, Budget().levels)
    each = min(needed, max(timed // len(setups), 1))
    begun = time.perf_counter()
    found = [outcomes(s, Trials(each, seed=SEED), holds_one) for s in setups]
    seconds = time.perf_counter() - begun
    other = sum(
        a != b for mine, theirs in zip(found, known, strict=True)
        for a, b in zip(mine, theirs, strict=False)
    )  # fmt: skip
    if each < needed:
        verdict = "not reached"
    else:
        verdict = "SUPPORTED" if all(sum(f) >= hits for f in found) else "REFUTED"
    seconds *= needed / each
    total = needed * len(setups)
    return {
        **_row("notebook", setups, verdict, total, each * len(setups), seconds),
        "other_outcomes": other,
    }


def _row(
    way: str, setups: Sequence[Setup], verdict: str, trainings: int, timed: int, seconds: float
) -> dict[str, Any]:
    return {
        "way": way, "setups": len(setups), "verdict": verdict, "seconds": seconds,
        "trainings": trainings, "timed": timed, "trainings_per_minute": 60 * trainings / seconds,
    }  # fmt: skip


def verdicts(quick: bool) -> list[dict[str, Any]]:
    """The same claim at the heart, and at a panel, by both ways."""
    regime = pixels_regime()
    heart, panel = [regime.heart], regime.sample(PANEL, SEED)
    asked = [(heart, QUICK_TIMED)] if quick else [(heart, TIMED), (panel, PANEL_TIMED)]
    rows = []
    warm = regime.heart.derive(steps=1)
    with empty_store():
        pretrain(warm, Trials(1))
    for setups, timed in asked:
        mine, known = ours(setups)
        theirs = by_notebook(setups, timed, known)
        mine["times_as_fast"] = theirs["seconds"] / mine["seconds"]
        rows += [mine, theirs]
    show("T1b (pixels), a verdict at every setup", rows, tuple(rows[0]))
    return rows


def files(quick: bool) -> list[dict[str, Any]]:
    """The theorem files with one process and with two."""
    chosen, more = (THEOREMS[:1], QUICK_FILES) if quick else (THEOREMS, ())
    rows = [costs.of_files(chosen, workers, *more) for workers in (0, 2)]
    rows[1]["rate_over_one"] = rows[0]["seconds"] / rows[1]["seconds"]
    show("theorem files from an empty store", rows, tuple(rows[1])[1:])
    return rows


def trials(quick: bool) -> list[dict[str, Any]]:
    """Cost against trials."""
    rows = [costs.of_trials(count) for count in (COUNTS[:-1] if quick else COUNTS)]
    show("cost against trials", rows, tuple(rows[0]))
    return rows


def main() -> int:
    """All tables; 1 where the two ways disagree on a trial."""
    chosen = options(__doc__ or "")
    torch.set_num_threads(1)
    judged = verdicts(chosen.quick)
    run, many = files(chosen.quick), trials(chosen.quick)
    print(NOTE)
    levels = Budget().levels
    more = {
        "command": COMMAND + shlex.join(sys.argv[1:]),
        "versions": {"torch": torch.__version__},
        "claim": {"at_least": AT_LEAST, "tolerance": TOLERANCE},
        "levels": {"false_support": levels.false_support, "false_refute": levels.false_refute},
    }
    save(chosen.json, head(**more), judged, files=run, trials=many)
    return int(any(row.get("other_outcomes") for row in judged))


if __name__ == "__main__":
    sys.exit(main())
