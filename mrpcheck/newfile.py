"""A file of claims to start from: one claim and its control, which run as they are."""

from __future__ import annotations

import keyword
from importlib.resources import files
from pathlib import Path
from string import Template

__all__ = ["write_new"]


def write_new(name: str, folder: Path) -> Path:
    """Write `folder`/test_`name`.py; one sentence where there is one or the name is none."""
    name = name.removeprefix("test_")
    if not (name.isidentifier() and name.isascii()) or keyword.iskeyword(name):
        raise ValueError(f"NAME = {name}, but should be a Python name, such as features_are_apart")
    file = folder / f"test_{name}.py"
    template = files("mrpcheck").joinpath("templates", "claim.txt").read_text(encoding="utf-8")
    text = Template(template).substitute(name=name, file=file)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except OSError as error:
        if file.exists():
            raise ValueError(f"NAME = {name}, but should be another: {file} is there") from None
        why = error.strerror or error
        raise ValueError(f"--in = {folder}, but should be a folder to write in: {why}") from None
    return file
