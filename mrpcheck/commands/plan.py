"""`mrpcheck plan`: what claims will take."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mrpcheck.commands.parsers import LATEST, add_command
from mrpcheck.profiles import PROFILES

__all__ = ["add", "run"]

PROPERTIES = Path("properties")


def add(commands: Any) -> None:
    """Say what it takes."""
    parser = add_command(
        commands, "plan", run, "say what each claim will take, before anything is trained",
        "mrpcheck plan properties --profile thorough\n"
        "mrpcheck plan properties/test_mine.py --true-p 0.95 --from reports/latest",
        "0 where pytest would judge every claim, 1 where it would refuse one",
    )  # fmt: skip
    parser.add_argument(
        "paths", metavar="PATH", nargs="*",
        help=f"files, folders or node ids, as for pytest (default {PROPERTIES}, if it is there)",
    )  # fmt: skip
    parser.add_argument("--profile", choices=tuple(PROFILES), default="quick", help="default quick")
    parser.add_argument(
        "--true-p", metavar="P", type=_probability, action="append",
        help="expect the trials it takes if the event has this probability at every setup; may be "
        "repeated (default: 1 and the claim's at_least; 0 and at_least - tolerance where a claim "
        "should be refuted; for means always these, as shares of their bounds)",
    )  # fmt: skip
    parser.add_argument(
        "--from", metavar="RUN", type=Path, dest="measured",
        help=f"the run whose seconds a trial predict the cost (default {LATEST}, if it is there)",
    )  # fmt: skip


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"P = {text}, but should be in [0, 1]")
    return value


def run(arguments: Any) -> tuple[str, int]:
    """Trials, and seconds where a run has measured them."""
    from mrpcheck.collecting import collect
    from mrpcheck.planned import plan
    from mrpcheck.planning import measure

    folder = arguments.measured
    if folder is None and (LATEST / "manifest.json").exists():
        folder = LATEST
    measured = None if folder is None else measure(folder)
    paths = arguments.paths or ([str(PROPERTIES)] if PROPERTIES.is_dir() else [])
    return plan(collect(paths, arguments.profile), arguments.true_p, measured)
