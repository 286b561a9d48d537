"""What was drawn, as columns: one hyperparameter each, whatever kind of draw it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["Table", "Value", "differences", "flat", "table_of"]

Value = float | int | str | bool | None
Table = dict[str, list[Value]]

ASIDE = ("schema", "parent")  # of a setup's JSON: no hyperparameters
MOST = 64  # columns; a draw made to do harm may have any number


def flat(draw: Any) -> dict[str, Value]:
    """The hyperparameters of a draw's JSON by name; a name that recurs is told by its part."""
    leaves = list(_leaves(draw, ()))[:MOST]
    last = [path[-1] for path, _ in leaves]
    return {
        path[-1] if last.count(path[-1]) == 1 else ".".join(path): value for path, value in leaves
    }


def table_of(draws: Sequence[Any]) -> tuple[Table, dict[str, Value]]:
    """The hyperparameters that vary over `draws`, a column each, and those that do not."""
    rows = [flat(draw) for draw in draws]
    names = list(dict.fromkeys(name for row in rows for name in row))[:MOST]
    columns = {name: [row.get(name) for row in rows] for name in names}
    varying = {name: column for name, column in columns.items() if len(set(column)) > 1}
    return varying, {name: column[0] for name, column in columns.items() if name not in varying}


def differences(words: str) -> list[tuple[str, str, str]]:
    """(name, here, at the heart) from the words with which a regime describes a setup."""
    return re.findall(r"(\w+) = ([^;=]+?) \(heart ([^;=]*?)\)(?=; |\. |$)", words)


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Value]]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name not in ASIDE:
                yield from _leaves(part, (*path, name))
    elif isinstance(value, list) and 0 < len(value) <= 4:
        for i, part in enumerate(value):
            yield from _leaves(part, (*path[:-1], f"{path[-1] if path else 'value'} {i + 1}"))
    elif isinstance(value, (list, tuple)):
        yield path or ("value",), json.dumps(value)[:80]
    else:
        yield path or ("value",), value
