"""Grids: the axes of a phase diagram, what a claim takes at each cell, and lines over them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

__all__ = ["MOST", "Axis", "Line", "axes_of", "draws_over", "line_over"]

MOST = 400  # cells of one map
POINTS = 64  # steps along the first axis in which a derived line is followed

Value = float | str


@dataclass(frozen=True)
class Axis:
    """A hyperparameter's name, and the values that it takes in a map: rising numbers, or words."""

    name: str
    values: tuple[Value, ...]

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The values where they are numbers."""
        found = tuple(value for value in self.values if _is_number(value))
        return found if len(found) == len(self.values) else None


@dataclass(frozen=True)
class Line:
    """Where something is derived to happen: points (x, y) of a map."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]


def axes_of(named: Mapping[str, Any], where: str) -> tuple[Axis, Axis]:
    """The two lists among what is named, the first one to the right."""
    lists = [Axis(name, tuple(v)) for name, v in named.items() if isinstance(v, list)]
    if len(lists) != 2:
        names = ", ".join(axis.name for axis in lists) or "none"
        raise ValueError(f"axes = {names}, but should be two lists, x first {where}")
    for axis in lists:
        _check_axis(axis, where)
    x, y = lists
    if len(x.values) * len(y.values) > MOST:
        size = f"{len(x.values)} x {len(y.values)}"
        raise ValueError(f"cells = {size}, but should be at most {MOST} {where}")
    return x, y


def _check_axis(axis: Axis, where: str) -> None:
    values = axis.values
    if len(values) < 2:
        raise ValueError(f"len({axis.name}) = {len(values)}, but should be at least 2 {where}")
    words = all(isinstance(value, str) for value in values) and len(set(values)) == len(values)
    if words or (axis.numbers and all(a < b for a, b in itertools.pairwise(axis.numbers))):
        return
    shown = ", ".join(map(str, values))
    wanted = "finite numbers that rise, or words that differ"
    raise ValueError(f"{axis.name} = {shown}, but should be {wanted} {where}")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def draws_over(
    x: Axis, y: Axis, rest: Mapping[str, Any], names: Sequence[str], where: str
) -> list[dict[str, Any]]:
    """What a claim that takes `names` is handed, cell by cell, the first axis running fastest."""
    return [
        _draw(rest, {x.name: at, y.name: height}, names, where)
        for height in y.values
        for at in x.values
    ]


def _draw(
    rest: Mapping[str, Any], point: Mapping[str, Value], names: Sequence[str], where: str
) -> dict[str, Any]:
    """What the function takes at one cell."""
    own = {name: value for name, value in point.items() if name in names}
    changes = {name: value for name, value in point.items() if name not in names}
    if not changes:
        return {**rest, **own}
    derive = getattr(rest.get("setup"), "derive", None)
    if derive is None:
        wanted = "an argument of the claim, or a hyperparameter of the `setup` named beside it"
        name, value = next(iter(changes.items()))
        raise ValueError(f"{name} = {value}, but should be {wanted} {where}")
    try:
        return {**rest, "setup": derive(**changes), **own}
    except (TypeError, ValueError) as error:
        raise ValueError(f"{error} {where}") from None


def line_over(x: Axis, y: Axis, label: str, height: Callable[[float], float], where: str) -> Line:
    """The points of a line that lie on the map, as far as the outer edges of its cells."""
    if x.numbers is None or y.numbers is None:
        word = x.name if x.numbers is None else y.name
        raise ValueError(f"lines = {label!r}, but should be none: {word} is no number {where}")
    first, last, heights = x.numbers[0], x.numbers[-1], y.numbers
    low = heights[0] - (heights[1] - heights[0]) / 2
    high = heights[-1] + (heights[-1] - heights[-2]) / 2
    places = [first + (last - first) * step / POINTS for step in range(POINTS + 1)]
    found = [(at, value) for at in places if (value := _height(height, at)) is not None]
    found = [(at, value) for at, value in found if low <= value <= high]
    if not found:
        raise ValueError(f"lines = {label!r}, but should pass through the map {where}")
    rounded = [(float(f"{at:.6g}"), float(f"{value:.6g}")) for at, value in found]
    return Line(label, tuple(at for at, _ in rounded), tuple(value for _, value in rounded))


def _height(height: Callable[[float], float], at: float) -> float | None:
    """The line's value; None where it has none (a root of a negative number, say)."""
    try:
        value = float(height(at))
    except (ArithmeticError, ValueError, TypeError):
        return None
    return value if math.isfinite(value) else None
