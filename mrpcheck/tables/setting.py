"""A recorded setup in words, whole, where the records cut its words short; and a ladder's rungs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mrpcheck.report.hyperparameters import flat
from mrpcheck.symbols import label

__all__ = ["along", "line_of", "parts_of", "refuted_at", "rungs", "sentence", "uncut"]

Row = Mapping[str, Any]

PARTS = {"data": "Data", "net": "Network", "objective": "Objective", "recipe": "Training"}
CUT = re.compile(r"\.\.\.(?=$|; )")  # where words were cut short as they were recorded
RUNG = re.compile(r"at (\d[\d.e+-]*)")


def uncut(words: str, content: Any) -> str:
    """A setup's words; all of them, from its JSON, where they were cut."""
    return words if content is None or not CUT.search(words) else line_of(content)


def sentence(row: Row, content: Any) -> str:
    """A verdict's sentence, with the setup of JSON `content` whole where it names one in brackets.

    A ladder's rungs are named before the setup that they are made from.
    """
    name = str(row["claim"]).rpartition("::")[2]
    told, bracket, words = str(row["text"]).partition(f" [{name}, ")
    if not bracket:
        return told
    return f"{told}{bracket}{along(row)}{uncut(words.removesuffix(']'), content)}]"


def refuted_at(row: Row) -> str | None:
    """The words of a claim's counterexample, all of them, and the rungs where it is a ladder."""
    text = row["counterexample_text"]
    if not isinstance(text, str):
        return None
    return along(row) + uncut(text, row["counterexample"])


def along(row: Row) -> str:
    """What stands before the words of a ladder's setup; "" where there is no ladder."""
    return f"rungs {', '.join(found)} made from " if (found := rungs(row)) else ""


def rungs(row: Row) -> list[str]:
    """The numbers of the rungs that a ladder's claim trained, as they noted their values."""
    if row.get("quantity") != "fall per doubling" or not isinstance(row.get("measures"), Mapping):
        return []
    return [found[1] for name in row["measures"] if (found := RUNG.fullmatch(str(name)))]


def line_of(content: Any) -> str:
    """A draw's JSON in one line: what was drawn by its name, a setup as it prints itself."""
    if _is_setup(content):
        return f"setup = {_printed(content)}"
    if not isinstance(content, Mapping):
        return str(content)
    return "; ".join(
        f"{name} = {_printed(value) if _is_setup(value) else value}"
        for name, value in content.items()
    )


def parts_of(content: Any) -> list[tuple[str, str]]:
    """Each part of a setup's JSON with its hyperparameters by name; [] where it is none."""
    if not _is_setup(content):
        inner = content.get("setup") if isinstance(content, Mapping) else None
        return parts_of(inner) if _is_setup(inner) else []
    return [(title, _values(content.get(name))) for name, title in PARTS.items()]


def _is_setup(content: Any) -> bool:
    return isinstance(content, Mapping) and str(content.get("schema")).startswith("mrpcheck/setup/")


def _values(part: Any) -> str:
    """Hyperparameters with the theory's symbols beside their names."""
    return ", ".join(f"{label(name)} {_short(value)}" for name, value in flat(part).items())


def _printed(content: Any) -> str:
    """What the setup prints; its values by name where this version cannot read it."""
    from mrpcheck.setups import Setup

    try:
        return str(Setup.from_json(dict(content)))
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
        return _values(content)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
