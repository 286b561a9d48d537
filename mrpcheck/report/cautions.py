"""What a reader must know before believing anything on the page, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mrpcheck.report.claims import View
from mrpcheck.report.contents import Contents
from mrpcheck.tables.gaps import gaps

__all__ = ["Caution", "cautions"]

ENDINGS = {"completed": "", "still under way": "The run was still under way when this was written."}


@dataclass(frozen=True)
class Caution:
    """A sentence, and the claim that it is about, if it is about one."""

    text: str
    view: View | None = None


def cautions(contents: Contents, views: Sequence[View]) -> list[Caution]:
    """The worst first: no power, the unexpected, no control, edits, gaps, the end."""
    judges = contents.manifest["profile"].get("judges", True)
    unchecked = _unchecked(views) if judges else ()
    return [
        *_powerless(views), *_unexpected(views), *unchecked, *_edited(views),
        *_missing(contents, views), *_ended(contents),
    ]  # fmt: skip


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


def _missing(contents: Contents, views: Sequence[View]) -> Iterator[Caution]:
    """Claims of which lines of evidence are not there."""
    lines = [line for mine in contents.lines.values() for line in mine]
    by_claim = {view.row["claim"]: view for view in views}
    for row, said in gaps(contents.rows, lines):
        yield Caution(said, by_claim[row["claim"]])


def _ended(contents: Contents) -> Iterator[Caution]:
    ended = str(contents.manifest["ended"])
    if text := ENDINGS.get(ended, f"The run was not completed: {ended}."):
        yield Caution(text)
    if not contents.manifest["profile"].get("judges", True):
        yield Caution("This profile only tries claims out: nothing was judged.")
    yield from map(Caution, contents.unread)
