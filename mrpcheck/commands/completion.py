"""`mrpcheck completion`: a script that lets a shell complete commands, options and files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mrpcheck.commands.parsers import add_command

__all__ = ["add", "run"]

SHELLS = ("bash", "zsh", "fish", "tcsh")
FOLDERS = ("RUN", "DIR")


def add(commands: Any) -> None:
    """Say what it takes."""
    parser = add_command(
        commands, "completion", run, "print a script that makes a shell complete this command",
        "mrpcheck completion bash > ~/.local/share/bash-completion/completions/mrpcheck\n"
        "mrpcheck completion zsh > ~/.zfunc/_mrpcheck\n"
        "mrpcheck completion fish > ~/.config/fish/completions/mrpcheck.fish",
        "0",
    )  # fmt: skip
    parser.add_argument(
        "shell", metavar="SHELL", choices=SHELLS, help=f"who will read it: {', '.join(SHELLS)}"
    )


def run(arguments: Any) -> tuple[str, int]:
    """The script."""
    import shtab

    from mrpcheck.cli import _parser

    parser = _parser()
    _mark_files(parser, shtab.FILE, shtab.DIRECTORY)
    return f"{shtab.complete(parser, arguments.shell)}\n", 0


def _mark_files(parser: argparse.ArgumentParser, file: Any, folder: Any) -> None:
    """Let what names a file or a folder complete as one, in every command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _mark_files(command, file, folder)
        elif action.type is Path or action.metavar == "PATH":
            action.complete = folder if action.metavar in FOLDERS else file  # type: ignore[attr-defined]
