"""What a run came to, in one plain sentence: the same words wherever a run is summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["GROUPS", "grouped", "outcome"]

Row = Mapping[str, Any]

GROUPS = {  # what the tables of a run are called, by the kind of claim
    "claim": "Claims",
    "refuted": "Claims that fail, as known",
    "diagram": "Phase diagrams",
    "control": "Controls",
}
ENDS = {  # what can become of a claim, the unexpected first: said of one, said of more
    "lost": ("fails unexpectedly", "fail unexpectedly"),
    "found": ("known to fail was not refuted", "known to fail were not refuted"),
    "error": ("ended in an error", "ended in an error"),
    "held": ("holds", "hold"),
    "known": ("fails as known", "fail as known"),
    "open": ("undecided", "undecided"),
    "unjudged": ("not judged", "not judged"),
}


def grouped(rows: Iterable[Row]) -> list[tuple[str, list[Any]]]:
    """The rows of each kind below its title, in the order of `GROUPS`; none that is empty."""
    every = list(rows)
    found = [(title, [r for r in every if r["kind"] == kind]) for kind, title in GROUPS.items()]
    return [(title, group) for title, group in found if group]


def outcome(rows: Iterable[Row]) -> str:
    """How the claims, the maps and the controls of a run came out; what is unexpected first.

    A claim that is known to fail (`@refuted`) is one of the claims, a control is none.

    >>> row = {"kind": "claim", "verdict": "SUPPORTED", "expected": True, "error": None}
    >>> outcome([row, {**row, "kind": "refuted", "verdict": "REFUTED"}])
    '1 of 2 claims holds, 1 fails as known.'
    """
    by_kind: dict[str, list[Row]] = {kind: [] for kind in GROUPS}
    for row in rows:
        by_kind.get(row["kind"], []).append(row)
    controls, maps = by_kind["control"], len(by_kind["diagram"])
    powerless = sum(not row["expected"] for row in controls)
    parts = [
        f"{powerless} of {_many(len(controls), 'control')} did not fail, so trust no verdict"
        if powerless else "",
        _claims([*by_kind["claim"], *by_kind["refuted"]]),
        "" if powerless else _controls(controls),
        _many(maps, "phase diagram") if maps else "",
    ]  # fmt: skip
    return "; ".join(part for part in parts if part) + "."


def _claims(rows: Sequence[Row]) -> str:
    counts = Counter(map(_end, rows))
    told = [(counts[end], ENDS[end][counts[end] > 1]) for end in ENDS if counts[end]]
    if not told:
        return "no claims"
    (first, what), *rest = told
    others = [f"{number} {words}" for number, words in rest]
    return ", ".join([f"{first} of {_many(len(rows), 'claim')} {what}", *others])


def _end(row: Row) -> str:
    if row["error"]:
        return "error"
    if not row["expected"]:
        return "lost" if row["kind"] == "claim" else "found"
    if row["verdict"] == "REFUTED":
        return "known"
    return {"SUPPORTED": "held", "NOT JUDGED": "unjudged"}.get(row["verdict"], "open")


def _controls(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    failed = sum(row["verdict"] == "REFUTED" for row in rows)
    if not failed:
        return f"{_many(len(rows), 'control')} not judged"
    does = "fails as it should" if failed == 1 else "fail as they should"
    return f"{failed} of {_many(len(rows), 'control')} {does}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
