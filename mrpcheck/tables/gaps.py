"""Records that are not whole: a claim's row speaks of more setups than there are lines of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mrpcheck.merging import cut_off

__all__ = ["gaps"]

Row = Mapping[str, Any]

TOLD = {  # which of a row's figures counts the setups of a stage
    "panel": "setups", "named": "setups", "control": "setups", "cell": "setups",
    "search": "screened", "shrink": "shrunk",
}  # fmt: skip


def gaps(rows: Iterable[Row], lines: Iterable[Row]) -> Iterator[tuple[Row, str]]:
    """Each claim's row of which lines of evidence are missing, and a sentence that says so."""
    places = {
        (line.get("claim"), line.get("stage"), line.get("index"))
        for line in lines
        if line.get("stage") in TOLD
    }
    found = Counter(claim for claim, _, _ in places)
    for row in rows:
        told = sum(row[name] for name in set(TOLD.values()) if isinstance(row.get(name), int))
        if told > found[row["claim"]] and not cut_off(row):
            name = row["claim"].rpartition("::")[2]
            yield (
                row,
                (
                    f"RECORDS MISSING: {name} was judged and screened at {told} setups, of which "
                    f"evidence.jsonl holds {found[row['claim']]}."
                ),
            )
