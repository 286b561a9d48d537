"""Files of JSON that survive accidents: written whole or not at all, read whatever is in them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

__all__ = [
    "dumps",
    "end_line",
    "fits",
    "loads",
    "own_file",
    "plain",
    "read_json",
    "write_json",
    "write_whole",
]

Json = Any

DEPTH = 100  # levels; a record has about ten


def dumps(value: object, indent: int | None = None) -> str:
    """JSON that any reader accepts: NaN becomes null, an infinity the largest number."""
    return json.dumps(plain(value), indent=indent, allow_nan=False)


def plain(value: object) -> Json:
    """What JSON can write of a value: its fields, entries and numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else max(min(value, 1e308), -1e308)
    if isinstance(value, Sequence):
        return [plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(v) for v in value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    raise TypeError(f"value = {value!r}, but should be something JSON can write [records]")


def own_file(path: str, flags: int) -> int:
    """Open a file that is one: a link in a run that somebody else made may lead anywhere."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def end_line(path: Path) -> None:
    """Close a line that a killed writer left open, so that the next one starts afresh."""
    if path.exists() and (size := path.stat().st_size):
        with open(path, "rb+", opener=own_file) as file:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")


def read_json(path: Path) -> Json:
    """What a file holds; None where it cannot be read, whatever somebody put in its place."""
    try:
        return loads(path.read_bytes()) if path.is_file() else None
    except OSError:
        return None


def loads(text: bytes) -> Json:
    """JSON, or None: it may be damaged, nested without end, or written to do harm."""
    try:
        value = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError, MemoryError):
        return None
    return value if _shallow(value) else None


def _shallow(value: Json) -> bool:
    """Whether whatever walks through it will come back."""
    level = [value]
    for _ in range(DEPTH):
        level = [part for whole in level for part in _inside(whole)]
        if not level:
            return True
    return False


def _inside(value: Json) -> Iterable[Json]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def fits(line: Mapping[str, Json], kind: type) -> bool:
    """Whether a line read back has what a `kind` has: each field there, and of its type."""
    return all(
        (name in line and _is(line[name], kinds)) or (name not in line and optional)
        for name, kinds, optional in _fields(kind)
    )


@lru_cache
def _fields(kind: type) -> tuple[tuple[str, tuple[type, ...], bool], ...]:
    hints, fields = get_type_hints(kind), dataclasses.fields(kind)
    return tuple((f.name, _types(hints[f.name]), f.default is not dataclasses.MISSING)
                 for f in fields)  # fmt: skip


def _types(hint: Any) -> tuple[type, ...]:
    """The types that JSON gives back for what was of type `hint`."""
    if hint is Any:
        return (object,)
    if isinstance(hint, UnionType):
        return tuple(kind for part in get_args(hint) for kind in _types(part))
    origin = get_origin(hint) or hint
    return {float: (float, int), Sequence: (list,), Mapping: (dict,)}.get(origin, (origin,))


def _is(value: Json, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, bool) and object not in kinds:
        return bool in kinds
    return isinstance(value, kinds)


def write_json(path: Path, value: object) -> None:
    """Write `value` so that a reader sees the whole file or the one before it."""
    write_whole(path, [dumps(value, indent=1), "\n"])


def write_whole(path: Path, pieces: Iterable[str | bytes]) -> None:
    """Write a file piece by piece under another name, and give it its own once it is whole."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)  # left by a kill, or laid by somebody else to lead elsewhere
    try:
        with draft.open("xb") as file:
            file.writelines(p.encode() if isinstance(p, str) else p for p in pieces)
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
