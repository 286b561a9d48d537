"""`mrpcheck show`: a run from its records; one claim of it, or one setup, with its pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mrpcheck.commands.parsers import LATEST, add_command, check_out
from mrpcheck.commands.waiting import waiting

__all__ = ["add", "run"]

PAIRED, SEED = 16, 0


def add(commands: Any) -> None:
    """Say what it takes."""
    parser = add_command(
        commands, "show", run, "print the summary of a run, of one claim of it, or of a setup",
        "mrpcheck show reports/latest\n"
        "mrpcheck show reports/latest test_features_stay_apart --out apart.pdf\n"
        "mrpcheck show setup.json --trials 32 --out setup.svg",
        "0 where every claim shown came out as it should, 1 where one did not",
    )  # fmt: skip
    parser.add_argument(
        "run", metavar="RUN|SETUP", type=Path, nargs="?", default=LATEST,
        help="the folder of a run, finished or killed, or a setup's JSON in a file that ends in "
        f".json, which is trained now (default {LATEST})",
    )  # fmt: skip
    parser.add_argument(
        "claim", metavar="CLAIM", nargs="?", help="a node id of the run, or the end of one"
    )
    parser.add_argument(
        "--out", metavar="FILE", type=Path,
        help="draw what happened at the setup there: .svg, .png or .pdf, in a folder that is there",
    )  # fmt: skip
    parser.add_argument(
        "--trials", metavar="N", type=int,
        help=f"of a setup's file: measure accuracy in so many trials (default {PAIRED})",
    )  # fmt: skip
    parser.add_argument(
        "--seed", metavar="S", type=int, help=f"of a setup's file: its seed (default {SEED})"
    )


def run(arguments: Any) -> tuple[str, int]:
    """The summary of a run as pytest printed it; or one claim, or one setup, looked at closely."""
    a = arguments
    check_out(a.out)
    if a.run.suffix == ".json":
        return _setup(a)
    for name, value in (("trials", a.trials), ("seed", a.seed)):
        if value is not None:
            raise ValueError(f"--{name} = {value}, but should come with a setup's file [show]")
    if a.claim is None:
        if a.out is not None:
            raise ValueError(f"--out = {a.out}, but should come with a CLAIM or a setup's file")
        from mrpcheck.showing import show

        return show(a.run)
    from mrpcheck.shown import show_claim

    with waiting("looking at the setup"):
        return show_claim(a.run, a.claim, a.out)


def _setup(a: Any) -> tuple[str, int]:
    if a.claim is not None:
        raise ValueError(f"CLAIM = {a.claim}, but should come with a run, not with a setup's file")
    paired = PAIRED if a.trials is None else a.trials
    if paired < 0:
        raise ValueError(f"--trials = {paired}, but should be at least 0")
    from mrpcheck.shown import show_setup

    with waiting("training the setup"):
        return show_setup(a.run, paired, SEED if a.seed is None else a.seed, a.out)
