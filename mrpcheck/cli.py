"""The command line: `mrpcheck show` reads a run back, `mrpcheck plan` says what one would cost."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from mrpcheck.profiles import PROFILES

__all__ = ["main"]

LATEST = Path("reports/latest")
PROPERTIES = Path("properties")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0: all as it should be, 1: not so, 2: it could not be done, and why."""
    arguments = _parser().parse_args(argv)
    try:
        page, code = arguments.command(arguments)
        print(page, end="", flush=True)
    except ValueError as error:
        return _complain(error)
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return int(code)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, where argparse would repeat its usage first."""

    def error(self, message: str) -> NoReturn:
        self.exit(_complain(f"{message} [{self.prog} --help]"))


def _complain(what: object) -> int:
    print(f"mrpcheck: {what}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mrpcheck", description="Claims of deep-learning theory, checked by pytest."
    )
    add = parser.add_subparsers(title="commands", metavar="COMMAND", required=True).add_parser
    show = add("show", help="print the summary of a run from its records")
    show.add_argument(
        "run", metavar="RUN", type=Path, nargs="?", default=LATEST,
        help=f"the folder of a run, finished or killed (default {LATEST})",
    )  # fmt: skip
    show.set_defaults(command=_show)
    plan = add("plan", help="say what each claim will take, before anything is trained")
    plan.add_argument(
        "paths", metavar="PATH", nargs="*",
        help=f"files, folders or node ids, as for pytest (default {PROPERTIES}, if it is there)",
    )  # fmt: skip
    plan.add_argument("--profile", choices=tuple(PROFILES), default="quick", help="default quick")
    plan.add_argument(
        "--true-p", metavar="P", type=_probability, action="append",
        help="expect the trials it takes if the event has this probability at every setup; may be "
        "repeated (default: 1 and the claim's at_least; 0 and at_least - tolerance where a claim "
        "should be refuted; for means always these, as shares of their bounds)",
    )  # fmt: skip
    plan.add_argument(
        "--from", metavar="RUN", type=Path, dest="measured",
        help=f"the run whose seconds a trial predict the cost (default {LATEST}, if it is there)",
    )  # fmt: skip
    plan.set_defaults(command=_plan)
    return parser


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"P = {text}, but should be in [0, 1]")
    return value


def _show(arguments: Any) -> tuple[str, int]:
    from mrpcheck.showing import show

    return show(arguments.run)


def _plan(arguments: Any) -> tuple[str, int]:
    from mrpcheck.collecting import collect
    from mrpcheck.planned import plan
    from mrpcheck.planning import measure

    run = arguments.measured
    if run is None and (LATEST / "manifest.json").exists():
        run = LATEST
    measured = None if run is None else measure(run)
    paths = arguments.paths or ([str(PROPERTIES)] if PROPERTIES.is_dir() else [])
    return plan(collect(paths, arguments.profile), arguments.true_p, measured)


if __name__ == "__main__":
    sys.exit(main())
