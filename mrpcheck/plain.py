"""The parts of a setup as plain JSON values, and back, every value checked."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

__all__ = ["LATE", "part_of", "plain", "written"]

LATE = {"late": True}  # of a field that setups were written without before it was there


def plain(part: Any) -> dict[str, Any]:
    """A part's fields as JSON values; 3 and 3.0 are written alike, so equal setups have one key.

    A late field is left out at its default, so that a setup that has nothing to do with it keeps
    the key, and the random numbers, that it had before.
    """
    values = {}
    for f in fields(part):
        value = getattr(part, f.name)
        if f.metadata.get("late") and value == f.default:
            continue
        if isinstance(f.default, tuple):
            value = [float(each) for each in value]
        elif isinstance(f.default, float):
            value = float(value)
        values[f.name] = value
    return values


def written(part: Any) -> str:
    """`Kind(field=value, ...)`, without the late fields that stand at their default."""
    late = {f.name for f in fields(part) if f.metadata.get("late")}
    shown = {f.name: getattr(part, f.name) for f in fields(part)}
    default = {f.name: f.default for f in fields(part)}
    kept = [f"{n}={v!r}" for n, v in shown.items() if n not in late or v != default[n]]
    return f"{type(part).__name__}({', '.join(kept)})"


def part_of(kind: Any, content: dict[str, Any], name: str) -> Any:
    """Build one part from its JSON object, each value checked against the field's kind."""
    values = content.get(name)
    if not isinstance(values, dict):
        raise ValueError(f"{name} = {values!r}, but should be an object [Setup.from_json]")
    known = {f.name: f.default for f in fields(kind) if f.default is not MISSING}
    for key, value in values.items():
        if key not in known:
            raise ValueError(f"{name}.{key} = {value!r}, but should not be there [Setup.from_json]")
        if not _alike(value, known[key]):
            should = type(known[key]).__name__
            raise ValueError(
                f"{name}.{key} = {value!r}, but should be of kind {should} [Setup.from_json]"
            )
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def _alike(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, (int, float)) and abs(value) <= 1e300  # nor NaN
    if isinstance(default, tuple):
        return (
            isinstance(value, (list, tuple))
            and len(value) == len(default)
            and all(_alike(v, d) for v, d in zip(value, default, strict=True))
        )
    return isinstance(value, type(default))
