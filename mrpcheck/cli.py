"""The command line: runs shown, replayed, compared and reported, claims planned and begun."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from mrpcheck.commands import compare, completion, findings, new, plan, replay, report, show
from mrpcheck.commands.parsers import Parser, complain

__all__ = ["main"]

COMMANDS = (show, report, findings, replay, compare, plan, new, completion)
EPILOG = """\
examples:
  mrpcheck new features_are_apart
  mrpcheck plan properties
  mrpcheck show reports/latest
  mrpcheck report reports/latest
  mrpcheck COMMAND --help

exit status: 0 where all is as it should be, 1 where it is not, 2 where a command cannot be done,
which one sentence says. Claims are judged by pytest: pytest properties/
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0: all as it should be, 1: not so, 2: it could not be done, and why."""
    arguments = _parser().parse_args(argv)
    try:
        page, code = arguments.command(arguments)
        print(page, end="", flush=True)
    except ValueError as error:
        return complain(error)
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return int(code)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="mrpcheck", description="Claims of deep-learning theory, checked by pytest.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    add = parser.add_subparsers(title="commands", metavar="COMMAND", required=True).add_parser
    for command in COMMANDS:
        command.add(add)
    return parser


class _Version(argparse.Action):
    """Prints the version, looked up when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: Any) -> None:
        from importlib.metadata import version

        print(f"mrpcheck {version('mrpcheck')}")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
