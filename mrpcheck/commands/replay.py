"""`mrpcheck replay`: recorded trials asked for again."""

from __future__ import annotations

from typing import Any

from mrpcheck.commands.parsers import add_command, add_run
from mrpcheck.commands.waiting import waiting

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """Say what it takes."""
    parser = add_command(
        commands, "replay", run, "ask for recorded trials again: the same, bit for bit?",
        "mrpcheck replay reports/latest test_features_are_apart\n"
        "mrpcheck replay reports/latest test_features_are_apart --stage panel --index 2 --trial 5",
        "0 where everything came out as recorded, 1 where something did not",
    )  # fmt: skip
    add_run(parser, latest=False)
    parser.add_argument(
        "claim", metavar="CLAIM", nargs="?",
        help="a node id, or the end of one (default: every claim of the run)",
    )  # fmt: skip
    parser.add_argument(
        "--stage", metavar="STAGE",
        help="the setups of this stage: panel, search, shrink, confirm, ... (default: the one that "
        "the verdict rests on)",
    )  # fmt: skip
    parser.add_argument("--index", metavar="I", type=int, help="one setup of the stage")
    parser.add_argument(
        "--trial", metavar="N", type=int, help="one trial, without those before it"
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="every setup that was recorded")
    parser.add_argument(
        "--device", metavar="DEVICE",
        help="auto, cpu, cuda or cuda:N (default: one like the run's, if there is one)",
    )  # fmt: skip
    parser.add_argument(
        "--store", action="store_true",
        help="take what is in the store, instead of training everything again",
    )  # fmt: skip


def run(arguments: Any) -> tuple[str, int]:
    """What each line came to, beside what was recorded."""
    from mrpcheck.recorded import Choice, find
    from mrpcheck.replayed import report
    from mrpcheck.replaying import replay
    from mrpcheck.showing import read_run

    a = arguments
    reading = read_run(a.run)
    found = find(reading, Choice(a.claim, a.stage, a.index, a.trial, a.all))
    with waiting("collecting") as tell:
        agains = replay(
            reading, found.lines, a.device, a.trial, a.store,
            lambda p: tell(f"{p.claim}: {p.stage}, {p.trials} trials"),
        )  # fmt: skip
    return report(reading, found, agains)
