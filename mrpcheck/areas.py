"""Sets of a map's cells in words, as short as they can be told without loss.

`theta = 0.25 to 0.75 at system A and B; 0.95 at C`: cells line by line or column by column,
whichever is shorter, or everything but the rest. A range means the values that the map has in it.
An axis is named where it is first spoken of; a value is in quotes where its own words would be
taken for the sentence's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence

from mrpcheck.grids import Axis, Value
from mrpcheck.symbols import symbol

__all__ = ["EVERYWHERE", "FIRST", "REST", "areas", "heading", "place", "spoken", "values_of"]

EVERYWHERE, NOWHERE, REST = "everywhere", "nowhere", "everywhere else"
FIRST = "everywhere but as follows"
OWN = re.compile(  # words and signs of the sentence, or blanks that would be lost in it
    r'^$|[,;"()]|^\s|\s$|[^\S ]|\b(?:and|at|but|all|every|everywhere|nowhere|throughout)\b'
)
BRACKETS = re.compile(r'\([^()"]*\)')


def areas(x: Axis, y: Axis, verdicts: Sequence[str], order: Sequence[str]) -> dict[str, str]:
    """Where a map has each verdict that it has; of several, the longest to tell is "the rest".

    `verdicts` are those of the cells, numbered iy * len(x) + ix, and `order` what to tell first;
    the rest comes last, or else first: "everywhere but as follows".
    """
    met = [word for word in order if word in verdicts]
    cells = {word: {i for i, found in enumerate(verdicts) if found == word} for word in met}
    told = {word: spoken(x, y, where) for word, where in cells.items()}
    longest = max(told, key=lambda word: len(told[word]), default="")
    if len(set(verdicts)) == len(told) > 1 and len(told[longest]) > len(FIRST):
        first = longest == met[0]
        del told[longest]
        told = {longest: FIRST, **told} if first else {**told, longest: REST}
    return told


def spoken(x: Axis, y: Axis, cells: Collection[int]) -> str:
    """Which cells of a map these are; of all cells "everywhere", of none "nowhere"."""
    number = len(x.values) * len(y.values)
    found, others = set(cells), set(range(number)) - set(cells)
    if not found or not others:
        return EVERYWHERE if found else NOWHERE
    rows, columns = _lines(x, y, _by(x, found, True)), _lines(y, x, _by(x, found, False))
    ways = [rows, columns]
    for but in (_lines(x, y, _by(x, others, True)), _lines(y, x, _by(x, others, False))):
        if len(but) == 1:  # one exception, or the next one would read as none
            ways.append([f"{EVERYWHERE} but {but[0]}"])
    return min(map("; ".join, ways), key=len)


def place(x: Axis, y: Axis, index: int) -> str:
    """One cell, both axes named: `m = 4, system clustering`."""
    iy, ix = divmod(index, len(x.values))
    return f"{_named(x, [ix])}, {_named(y, [iy])}"


def heading(axis: Axis) -> str:
    """The name of an axis as code has it, and the theory's symbol where it has another."""
    found = symbol(axis.name)
    return f"{axis.name} ({found})" if found else axis.name


def values_of(axis: Axis) -> list[str]:
    """Its values as they are written in a table: numbers in six digits, or as many as it takes."""
    if axis.numbers is None:
        return [str(value) for value in axis.values]
    short = [f"{value:g}" for value in axis.numbers]
    return short if len(set(short)) == len(short) else [repr(value) for value in axis.values]


def _by(x: Axis, cells: Collection[int], rows: bool) -> dict[int, tuple[int, ...]]:
    """The cells by row, their columns; or by column, their rows."""
    found: dict[int, tuple[int, ...]] = {}
    for cell in sorted(cells):
        line, at = divmod(cell, len(x.values)) if rows else divmod(cell, len(x.values))[::-1]
        found[line] = (*found.get(line, ()), at)
    return dict(sorted(found.items()))


def _lines(inner: Axis, outer: Axis, cells: Mapping[int, tuple[int, ...]]) -> list[str]:
    """Lines that have the same cells together, a part each; what is in none has no cells."""
    alike: dict[tuple[int, ...], list[int]] = {}
    for line, found in cells.items():
        alike.setdefault(found, []).append(line)
    (first, lines), parts, said = next(iter(alike.items())), list[str](), False
    if len(lines) == len(outer.values):
        return [_named(inner, first)]
    for found, lines in alike.items():
        text = _values(outer, lines) if parts else _named(outer, lines)
        if len(found) < len(inner.values):
            text += f" at {_values(inner, found) if said else _named(inner, found)}"
            said = True
        elif len(alike) > 1:
            text += " throughout"
        parts.append(text)
    return parts


def _named(axis: Axis, places: Sequence[int]) -> str:
    """`tau = 1 to 2`, `times 1 and 8`, `system A`, `every system but B`."""
    told, short = _values(axis, places), symbol(axis.name)
    name = short or axis.name.replace("_", " ")
    if told.startswith("all but "):
        return f"every {name}{told.removeprefix('all')}"
    return f"{name} = {told}" if short and axis.numbers else f"{name} {told}"


def _values(axis: Axis, places: Sequence[int]) -> str:
    """`1 to 2`, `A and B`, `all but C`: some values of an axis, not all."""
    texts, chosen = values_of(axis), sorted(places)
    if axis.numbers is not None:
        return _listed(_runs(texts, chosen))
    texts = [_quoted(value) for value in texts]
    rest = "all but " + _listed([t for i, t in enumerate(texts) if i not in chosen])
    return min(_listed([texts[i] for i in chosen]), rest, key=len)


def _runs(texts: Sequence[str], places: Sequence[int]) -> list[str]:
    """Neighbours together: three and more as a range."""
    runs: list[list[int]] = []
    for at in places:
        if runs and at == runs[-1][-1] + 1:
            runs[-1].append(at)
        else:
            runs.append([at])
    return [
        part
        for run in runs
        for part in (
            [f"{texts[run[0]]} to {texts[run[-1]]}"] if len(run) > 2 else [texts[i] for i in run]
        )
    ]


def _listed(parts: Sequence[str]) -> str:
    """`A, B and C`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _quoted(value: Value) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if OWN.search(BRACKETS.sub("-", text)) else text
