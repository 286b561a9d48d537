"""The command line: runs read back, replayed and compared, and what one would cost."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from mrpcheck.pages import plain
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
    print(f"mrpcheck: {plain(str(what))}", file=sys.stderr)
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
    _add_replay(add)
    _add_compare(add)
    _add_plan(add)
    return parser


def _add_replay(add: Any) -> None:
    replay = add("replay", help="ask for recorded trials again: the same, bit for bit?")
    replay.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    replay.add_argument(
        "claim", metavar="CLAIM", nargs="?",
        help="a node id, or the end of one (default: every claim of the run)",
    )  # fmt: skip
    replay.add_argument(
        "--stage", metavar="STAGE",
        help="the setups of this stage: panel, search, shrink, confirm, ... (default: the one that "
        "the verdict rests on)",
    )  # fmt: skip
    replay.add_argument("--index", metavar="I", type=int, help="one setup of the stage")
    replay.add_argument(
        "--trial", metavar="N", type=int, help="one trial, without those before it"
    )  # fmt: skip
    replay.add_argument("--all", action="store_true", help="every setup that was recorded")
    replay.add_argument(
        "--device", metavar="DEVICE",
        help="auto, cpu, cuda or cuda:N (default: one like the run's, if there is one)",
    )  # fmt: skip
    replay.add_argument(
        "--store", action="store_true",
        help="take what is in the store, instead of training everything again",
    )  # fmt: skip
    replay.set_defaults(command=_replay)


def _add_compare(add: Any) -> None:
    compare = add("compare", help="verdicts, estimates and costs of runs, side by side")
    compare.add_argument("first", metavar="RUN", type=Path, help="the run to compare with")
    compare.add_argument("later", metavar="RUN", type=Path, nargs="+", help="the others")
    compare.add_argument(
        "--markdown", metavar="FILE", type=Path, help="write the table there as Markdown too"
    )
    compare.set_defaults(command=_compare)


def _add_plan(add: Any) -> None:
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


def _replay(arguments: Any) -> tuple[str, int]:
    from mrpcheck.recorded import Choice, find
    from mrpcheck.replayed import report
    from mrpcheck.replaying import replay
    from mrpcheck.showing import read_run

    a = arguments
    run = read_run(a.run)
    found = find(run, Choice(a.claim, a.stage, a.index, a.trial, a.all))
    with _progress() as tell:
        agains = replay(run, found.lines, a.device, a.trial, a.store, tell)
    return report(run, found, agains)


@contextmanager
def _progress() -> Iterator[Callable[[Any], None]]:
    """Takes how far a claim has come, and shows it on a terminal."""
    if not sys.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(file=sys.stderr).status("collecting") as status:
        yield lambda p: status.update(escape(f"{p.claim}: {p.stage}, {p.trials} trials"))


def _compare(arguments: Any) -> tuple[str, int]:
    from mrpcheck.compared import compare

    return compare([arguments.first, *arguments.later], arguments.markdown)


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
