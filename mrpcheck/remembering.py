"""Counterexamples of earlier runs, tried again: what this run's own search did not find.

They are screened as a search's draws are, and the first suspect is judged on a stream that no
earlier run on this seed can have chosen it by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from mrpcheck.asking import EventError, LostRecord
from mrpcheck.draws import Draw, draw_of, identity
from mrpcheck.hearing import Hearing
from mrpcheck.jsonfiles import read_json
from mrpcheck.merging import verdict_rows
from mrpcheck.records import SCHEMA
from mrpcheck.seeds import digest
from mrpcheck.suspects import UNSEEN, Suspect

__all__ = ["MOST", "REMEMBERED", "Earlier", "earlier_runs", "read_remembered", "remember"]

REMEMBERED = "parts/remembered.json"
MOST = 8  # counterexamples that a claim is tried at again


@dataclass(frozen=True)
class Earlier:
    """A counterexample as an earlier run recorded it, and the name of that run."""

    run: str
    setup: Any


def remember(hearing: Hearing, earlier: Sequence[Earlier]) -> Suspect | None:
    """The first of them that 16 trials speak against, if it lies where the claim is made.

    What cannot be read back, lies outside the regime, or makes the event fail is passed over: it
    must not cost the claim a verdict that it would have come to without it.
    """
    for number, each in enumerate(earlier):
        hearing.tell("remembered", number, len(earlier))
        try:
            draw = draw_of(hearing.claim, hearing.regimes, each.setup)
            if _outside(hearing, draw) or not _suspect(hearing, draw):
                continue
        except LostRecord:
            raise
        except (EventError, ValueError) as error:
            hearing.run.trace(f"an earlier counterexample ({each.run}): {error}\n")
            continue
        text = f"an earlier counterexample ({each.run}): {hearing.evidence[-1].text}"
        return Suspect(draw, text, each.run)
    return None


def _suspect(hearing: Hearing, draw: Draw) -> bool:
    if hearing.screened.get(identity(draw)) is UNSEEN:  # drawn by the search beyond its bound
        del hearing.screened[identity(draw)]
    return hearing.screen(draw, "remembered").suspect


def _outside(hearing: Hearing, draw: Draw) -> bool:
    """Whether it is none of what the claim draws by now; known only where there is a regime."""
    drawn = set(hearing.claim.names()) - set(hearing.fixed)
    return set(draw) != drawn or not drawn <= set(hearing.regimes) or any(hearing.violations(draw))


def earlier_runs(folder: File, claims: Iterable[str], seed: int) -> dict[str, list[Earlier]]:
    """The counterexamples of `claims` in the runs that lie beside `folder`, the newest first.

    One that a run on this very seed confirmed as remembered is left out: its confirmation has
    been seen. Only records are read: nothing that they name is opened.
    """
    found: dict[str, dict[str, Earlier]] = {claim: {} for claim in claims}
    runs = [run for run in folder.parent.iterdir() if run.is_dir() and run != folder]
    for run in sorted(runs, key=_age, reverse=True):
        for row in _rows(run):
            known = found.get(str(row.get("claim")))
            content = row.get("counterexample")
            if known is None or content is None or row.get("verdict") != "REFUTED":
                continue
            if row.get("remembered") is None or row.get("seed") != seed:
                known.setdefault(digest(content), Earlier(run.name, content))
    return {claim: list(known.values())[:MOST] for claim, known in found.items() if known}


def read_remembered(folder: File) -> dict[str, list[Earlier]]:
    """What the run in `folder` remembers, as it wrote it down when it began."""
    found = read_json(folder / REMEMBERED)
    return {
        claim: [Earlier(each["run"], each["setup"]) for each in known]
        for claim, known in (found if isinstance(found, dict) else {}).items()
    }


def _age(run: File) -> tuple[str, str]:
    manifest = read_json(run / "manifest.json")
    started = manifest.get("started") if isinstance(manifest, dict) else None
    return str(started or ""), run.name


def _rows(run: File) -> Sequence[Mapping[str, Any]]:
    """The verdicts of a run; from the workers' own files where it was killed."""
    try:
        merged = read_json(run / "verdicts.json")
        if isinstance(merged, dict) and merged.get("schema") == SCHEMA:
            rows = merged.get("claims")
            rows = rows if isinstance(rows, list) else []
        else:
            rows = verdict_rows(run)
    except OSError:
        return []
    return [row for row in rows if isinstance(row, dict)]
