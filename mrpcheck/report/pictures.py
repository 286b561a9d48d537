"""What matplotlib draws for the page: traces, phase diagrams, and each claim's interval."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from mrpcheck.diagrams import STAGE, cells
from mrpcheck.report.claims import View
from mrpcheck.report.contents import Contents
from mrpcheck.report.hyperparameters import flat
from mrpcheck.report.words import slugs
from mrpcheck.traces import Trace

__all__ = ["Pictures", "Seen", "Shown", "pictures_of"]

ROOM, A_SETUP = 4_200_000, 700  # characters for pictures of counterexamples; less for each setup
FAILED = "It could not be drawn: {!r}."


@dataclass(frozen=True)
class Shown:
    """One picture: as an element of the page, its numbers, and the file that holds it alone."""

    title: str
    caption: str
    svg: Markup
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    file: str = ""


@dataclass(frozen=True)
class Seen:
    """What happened in one trial: pictures, or the anchor of the claim that shows the same.

    `trained` is what the claim's event changes of the setup that was drawn, `until` the event at
    which its pretraining stops; both in words, "" for neither.
    """

    anchor: str
    title: str
    setup: Mapping[str, Any]
    note: str
    trial: str
    trained: str = ""
    until: str = ""
    same: str | None = None
    pictures: list[Shown] = field(default_factory=list)


@dataclass(frozen=True)
class Drawn:
    """A phase diagram, and the claim that asks for it."""

    anchor: str
    claim: str
    title: str
    around: str
    shown: Shown


@dataclass(frozen=True)
class Pictures:
    """All of them: intervals by anchor, counterexamples by claim, hearts and diagrams in order."""

    intervals: Mapping[str, Markup]
    claims: Mapping[str, Seen]
    hearts: Sequence[Seen]
    diagrams: Sequence[Drawn]

    @property
    def files(self) -> dict[str, str]:
        """Counterexamples and maps for a paper: what each file beside the page holds."""
        shown = [each for seen in self.claims.values() for each in seen.pictures]
        shown += [diagram.shown for diagram in self.diagrams]
        return {
            each.file: each.svg.replace("currentColor", "#000000") + "\n"
            for each in shown
            if each.file and each.svg
        }


def pictures_of(contents: Contents, views: Sequence[View]) -> Pictures:
    """Draw everything, once."""
    return Pictures(
        {view.anchor: _interval(view) for view in views if view.estimate},
        _counterexamples(contents, views),
        list(_hearts(contents)),
        list(_diagrams(contents, views)),
    )


def _interval(view: View) -> Markup:
    from mrpcheck.figures import interval, interval_words, svg

    try:
        label = f"{view.row['statement'] or view.name} {interval_words(view.row)}"
        return Markup(svg(interval(view.row), label, view.anchor))
    except Exception:
        return Markup("")


def _counterexamples(contents: Contents, views: Sequence[View]) -> dict[str, Seen]:
    """The traces of counterexamples by claim; one that is another's own trial refers to it."""
    anchors = {view.row["claim"]: view.anchor for view in views}
    told = {view.row["claim"]: str(view.row["counterexample_text"]) for view in views}
    traces = {
        t.claim: t
        for t in contents.traces
        if t.what == "counterexample" and t.words.startswith(told.get(t.claim, "None"))
    }  # one of another setup was left by an earlier version of the claim
    found: dict[str, Seen] = {}
    first: dict[str, str] = {}
    spent, room = 0, ROOM - A_SETUP * sum(map(len, contents.lines.values()))
    for claim in sorted(set(traces) & set(anchors)):
        trace, anchor = traces[claim], anchors[claim]
        trained = trace.words.removeprefix(told[claim]).lstrip("; ")
        name = json.dumps([trace.setup, trace.trials, trace.until], sort_keys=True)
        if name in first:
            found[claim] = _seen(trace, anchor, claim, trained=trained, same=first[name])
            continue
        first[name] = anchor
        pictures = list(_shown(trace, spent < room, _file(claim)))
        spent += sum(len(shown.svg) for shown in pictures)
        found[claim] = _seen(trace, anchor, claim, trained=trained, pictures=pictures)
    return found


def _seen(trace: Trace, anchor: str, title: str, **more: Any) -> Seen:
    first, stream = trace.trials.get("first", 0), trace.trials.get("stream", "")
    trial = f"{first} of stream {stream}"
    return Seen(anchor, title, flat(trace.setup), trace.note, trial, until=trace.until, **more)


def _file(claim: str) -> str:
    """What the names of a counterexample's files begin with, as its script's does."""
    from mrpcheck.plugin.scripts import slug

    return f"counterexamples/{slug(claim)}"


def _hearts(contents: Contents) -> Iterator[Seen]:
    hearts = sorted((t for t in contents.traces if t.what == "heart"), key=lambda t: t.regime)
    anchors = slugs([trace.regime for trace in hearts], "heart")
    for trace in hearts:
        title = f"The heart of {trace.regime}"
        yield _seen(trace, anchors[trace.regime], title, pictures=list(_shown(trace, True)))


def _shown(trace: Trace, drawn: bool, file: str | None = None) -> Iterator[Shown]:
    """Every picture that a trace has what it takes for; the comparison of the arms comes first."""
    from mrpcheck.figures import PICTURES, draw, names, numbers, svg

    whose = trace.claim or trace.regime
    for name in sorted(names(trace), key=lambda name: name != "comparison"):
        picture = PICTURES[name]
        try:
            columns, rows = numbers(trace, name)
            label = f"{picture.title}, {whose}"
            image = Markup(svg(draw(trace, name), label)) if drawn else Markup("")
        except Exception as error:  # whatever ails one picture, the page stands
            yield Shown(picture.title, FAILED.format(error), Markup(""), (), ())
            continue
        alone = f"{file}-{name}.svg" if file and image else ""
        yield Shown(picture.title, picture.legend(trace), image, columns, rows, alone)


def _diagrams(contents: Contents, views: Sequence[View]) -> Iterator[Drawn]:
    for view in views:
        row = view.row
        if not (found := cells(row, contents.lines.get(row["claim"], ()))):
            continue
        for index, cell in enumerate(found):
            course = contents.courses.get((row["claim"], STAGE, index))
            cell["unfused"] = row["bounds"] is None and course is not None and course.unfused
        doc, quantity = str(row["doc"] or ""), row["quantity"]
        diagram = {**row["diagram"], "cells": found, "quantity": quantity, "doc": doc}
        around = str(diagram.get("around") or "")
        title = str(diagram.get("title") or view.name)
        yield Drawn(f"{view.anchor}-map", view.anchor, title, around, _map(view, diagram))


def _map(view: View, diagram: Mapping[str, Any]) -> Shown:
    from mrpcheck.figures import diagram_numbers, phase_diagram, svg
    from mrpcheck.plugin.scripts import slug

    try:
        label = f"Phase diagram of {view.row['claim']}"
        image = Markup(svg(phase_diagram(diagram), label))
        numbers = diagram_numbers(diagram)
        file = f"maps/{slug(view.row['claim'])}.svg"
        return Shown("Measured", _legend(view, diagram), image, *numbers, file)
    except Exception as error:  # whatever ails one picture, the page stands
        return Shown("Measured", FAILED.format(error), Markup(""), (), ())


def _legend(view: View, diagram: Mapping[str, Any]) -> str:
    """How to read a map: what is measured, what its claim says of it, and its marks."""
    quantity, at_least = diagram["quantity"], view.row["at_least"]
    weak = at_least - view.row["tolerance"]
    said = [
        f"{quantity} ≥ {at_least:g} in each cell, told from {quantity} ≤ {weak:g}; the stronger "
        "the colour, the larger the estimate.",
        *(" ".join(part.split()) for part in view.paragraphs),
    ]
    if any(cell.get("unfused") for cell in diagram["cells"]):
        said.append(
            "Hatched: trials miss the event, but none of them for a kernel that holds two "
            "features: features were not captured, or training diverged."
        )
    return " ".join([*said, *(["Lines are derived, not fitted."] if diagram.get("lines") else [])])
