"""Each claim of a run as its part of the page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mrpcheck.plugin.wording import command, word
from mrpcheck.report import charts
from mrpcheck.report.columns import Setups, setups_of
from mrpcheck.report.contents import Contents, Row
from mrpcheck.report.growth import Growth, growths, thresholds
from mrpcheck.report.hyperparameters import differences
from mrpcheck.report.script import render
from mrpcheck.report.words import slugs
from mrpcheck.tables.cells import at_twice, estimate, mapped
from mrpcheck.tables.setting import along, parts_of, refuted_at, rungs, uncut

__all__ = ["View", "views"]

FEWEST = 3  # setups, from which on a picture of where they lie says more than their table


@dataclass(frozen=True)
class View:
    """One claim: its row, words for it, its setups, and what its charts draw.

    `judged` is the JSON of the setup that the verdict rests on, None where that is unknown; `data`
    is what the page's script reads: the columns of the setups, and each chart by its name; `twice`
    is what came out at twice the steps.
    """

    row: Row
    anchor: str
    file: str
    name: str
    word: str
    estimate: str
    interval: str
    setups: Setups
    grown: Sequence[tuple[str, Growth]]
    replay: str
    judged: Any = None
    differs: list[tuple[str, str, str]] = field(default_factory=list)
    script: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    twice: Sequence[str] = ()

    @property
    def says(self) -> str:
        """The verdict as a sentence, without the place that it names in brackets."""
        return self._said[0]

    @property
    def where(self) -> str:
        """The setup that the sentence names, in words; "" if none. A ladder's rungs come first."""
        words = self._said[2].removeprefix(", ").removesuffix("]")
        return along(self.row) + uncut(words, self.judged) if words else ""

    @property
    def reach(self) -> str:
        """Where the claim is made: what follows its bound in a sentence."""
        if self.row["kind"] == "diagram":
            return "in each cell"
        if self.row["quantity"] == "fall per doubling":
            found = ", ".join(self.rungs)
            return f"along the ladder of rungs {found}" if found else "along its ladder"
        if self.row["named"] or self.row["kind"] == "control":
            number = self.row["setups"]
            return f"at each of the {number} setups named" if number > 1 else "at the setup named"
        return "at every setup of its regime"

    @property
    def cells(self) -> str:
        """What the cells of a map came to; "" of any other claim."""
        return mapped(self.row)

    @property
    def rungs(self) -> list[str]:
        """The rungs that were trained, where the claim is about a ladder."""
        return rungs(self.row)

    @property
    def broken(self) -> str:
        """The words of the counterexample, all of them."""
        return refuted_at(self.row) or ""

    @property
    def parts(self) -> list[tuple[str, str]]:
        """The counterexample part by part; [] where it is no setup, or told by what differs."""
        return [] if self.differs else parts_of(self.row["counterexample"])

    @property
    def _said(self) -> tuple[str, str, str]:
        return str(self.row["text"]).partition(f" [{self.row['claim'].rpartition('::')[2]}")

    @property
    def before(self) -> str:
        """What the words of the counterexample say before they list what differs."""
        return str(self.row["counterexample_text"] or "").partition(" but for ")[0] + ", but for"

    @property
    def paragraphs(self) -> list[str]:
        """The docstring below its first line."""
        rest = str(self.row["doc"] or "").partition("\n")[2]
        return [part for part in rest.split("\n\n") if part.strip() and "Origin:" not in part]


def views(contents: Contents) -> list[View]:
    """The claims of the run, as its records order them."""
    anchors = slugs([str(row["claim"]) for row in contents.rows], "claim")
    return [
        _view(contents, row, number, anchors[row["claim"]])
        for number, row in enumerate(contents.rows)
    ]


def _view(contents: Contents, row: Row, number: int, anchor: str) -> View:
    file, _, name = row["claim"].partition("::")
    setups = setups_of(contents, row, f"s{number}")
    grown = [(_place(each.line), each) for each in growths(contents, row)]
    figure, _, ends = estimate(row).replace("-", "−").partition(" ")
    found = row["counterexample_text"]
    doubled = [line for line in contents.lines.get(row["claim"], ()) if line["stage"] == "doubled"]
    return View(
        row=row, anchor=anchor, file=file, name=name or file, word=word(row),
        estimate=figure, interval=ends, setups=setups, grown=grown, replay=command(row),
        differs=differences(found) if isinstance(found, str) else [],
        script=_script(row), judged=_judged(setups, row), data=_data(contents, row, setups, grown),
        twice=at_twice(row, doubled),
    )  # fmt: skip


def _judged(setups: Setups, row: Row) -> Any:
    """The setup that the verdict rests on, of those with the figures that the row has."""
    figures = ("stage", "trials", "estimate", "lower", "upper")
    same = (line["setup"] for line in setups.lines if all(line[f] == row[f] for f in figures))
    return next(same, None) if row["stage"] is not None else None


def _place(line: Row) -> str:
    return f"{line['stage']} {line['index']}"


def _script(row: Row) -> str | None:
    """The standalone script, made from the row: the path that it names is never opened."""
    try:
        return render(row) if row["script"] else None
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def _data(
    contents: Contents, row: Row, setups: Setups, grown: Sequence[tuple[str, Growth]]
) -> dict[str, Any]:
    drawn: dict[str, Any] = {}
    about = str(row["quantity"]), row["at_least"], row["tolerance"]
    if setups.lines and row["kind"] != "diagram":
        drawn["evidence"] = charts.evidence(*about, min(len(setups.lines), charts.MANY + 1))
    if len(setups.lines) >= FEWEST and setups.varying and row["kind"] != "diagram":
        drawn["regime"] = charts.regime(setups.axes(), *about)
        if pairs := setups.pairs():
            drawn["pairs"] = charts.pairs(pairs, _shade(setups, row))
    if grown:
        names = [name for name, _ in grown]
        drawn["growth"] = charts.growth([g for _, g in grown], thresholds(contents), names)
    if not drawn:
        return {}
    return {"anchor": setups.anchor, "columns": setups.columns(), "charts": drawn}


def _shade(setups: Setups, row: Row) -> charts.Shade | None:
    """What the colours of the pairs are of; None, and they are the verdicts', where it is alike."""
    if len(set(setups.shades())) < 2:
        return None
    if setups.by_margin:
        return charts.Shade("mean margin", 0.0)
    ends = (0.0, 1.0) if row["bounds"] is None else None
    weak = row["at_least"] - row["tolerance"]
    return charts.Shade(f"estimate of {row['quantity']}", weak, ends)
