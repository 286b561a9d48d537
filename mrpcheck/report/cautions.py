"""What a reader must know before believing anything on the page, in plain sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mrpcheck.report.claims import View
from mrpcheck.report.contents import Contents

__all__ = ["Caution", "cautions", "summary"]

ENDINGS = {"completed": "", "still under way": "The run was still under way when this was written."}


@dataclass(frozen=True)
class Caution:
    """A sentence, and the claim that it is about, if it is about one."""

    text: str
    view: View | None = None


def cautions(contents: Contents, views: Sequence[View]) -> list[Caution]:
    """The worst first: no power, what should not have come out, no control, edits, the end."""
    judges = contents.manifest["profile"].get("judges", True)
    unchecked = _unchecked(views) if judges else ()
    return [
        *_powerless(views), *_unexpected(views), *unchecked, *_edited(views), *_ended(contents),
    ]  # fmt: skip


def summary(views: Sequence[View]) -> str:
    """How many claims came to which verdict, in a sentence."""
    words = [v.word for v in views if v.row["kind"] == "claim"]
    counts = Counter(words)
    told = ", ".join(f"{n} {word.lower()}" for word, n in sorted(counts.items(), key=_order))
    refuted = [v for v in views if v.row["kind"] in ("control", "refuted")]
    as_expected = sum(v.row["verdict"] == "REFUTED" for v in refuted)
    first = f"{_many(len(words), 'claim')}: {told or 'none'}"
    second = f"{as_expected} of {len(refuted)} that should be refuted are" if refuted else ""
    maps = _many(sum(v.row["kind"] == "diagram" for v in views), "phase diagram")
    third = "" if maps.startswith("0") else maps
    return "; ".join(part for part in (first, second, third) if part) + "."


def _order(item: tuple[str, int]) -> tuple[int, str]:
    known = ("SUPPORTED", "REFUTED", "UNDECIDED", "NOT JUDGED", "ERROR")
    return known.index(item[0]) if item[0] in known else len(known), item[0]


def _powerless(views: Sequence[View]) -> Iterator[Caution]:
    for view in views:
        if view.row["kind"] == "control" and not view.row["expected"]:
            yield Caution(
                f"CONTROL NOT REFUTED: {view.name}. This run has no power; trust none of its "
                "verdicts.", view,
            )  # fmt: skip


def _unchecked(views: Sequence[View]) -> Iterator[Caution]:
    """Files whose power nothing in the run has shown: no control, or none that was judged."""
    files = sorted({_file(v) for v in views if v.row["kind"] != "control" and _judged(v)})
    for file in files:
        controls = [v for v in views if v.row["kind"] == "control" and _file(v) == file]
        if not any(_judged(view) for view in controls):
            why = "was judged" if controls else "was part of the run"
            yield Caution(
                f"NO CONTROL of {file} {why}: nothing shows that a claim of it could have been "
                "refuted."
            )


def _file(view: View) -> str:
    return str(view.row["claim"]).partition("::")[0]


def _judged(view: View) -> bool:
    return view.row["verdict"] in ("SUPPORTED", "REFUTED", "MAPPED")


def _unexpected(views: Sequence[View]) -> Iterator[Caution]:
    for view in views:
        row = view.row
        if row["error"]:
            yield Caution(f"ERROR in {view.name}: {row['error']}", view)
        elif row["kind"] == "claim" and not row["expected"]:
            yield Caution(f"REFUTED: {view.name}.", view)
        elif row["kind"] == "refuted" and not row["expected"]:
            yield Caution(f"NO LONGER REFUTED, though expected to be: {view.name}.", view)


def _edited(views: Sequence[View]) -> Iterator[Caution]:
    for view in views:
        if times := view.row["edited"]:
            yield Caution(
                f"EDITED {'once' if times == 1 else f'{times} times'} since seed "
                f"{view.row['seed']} was first used: {view.name}. Its error rates need a fresh "
                "seed.", view,
            )  # fmt: skip
    if any(view.row["edited"] is None for view in views):
        yield Caution("Whether claims were edited until their seed agreed is not known.")


def _ended(contents: Contents) -> Iterator[Caution]:
    ended = str(contents.manifest["ended"])
    if text := ENDINGS.get(ended, f"The run was not completed: {ended}."):
        yield Caution(text)
    if not contents.manifest["profile"].get("judges", True):
        yield Caution("This profile only tries claims out: nothing was judged.")
    yield from map(Caution, contents.unread)


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
