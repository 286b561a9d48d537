"""Findings: what runs answer to the questions of their files, as a page of Markdown.

A question is what a file of claims says at its top (`QUESTION`); a claim answers it by what its
verdict means (`@answers`). Everything here comes from the records of runs: nothing is typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrpcheck.diagrams import tally
from mrpcheck.showing import Reading
from mrpcheck.tables.cells import estimate, setups_judged
from mrpcheck.tables.markdown import literal, table

__all__ = ["findings"]

Row = Mapping[str, Any]
HEADS = ("claim", "verdict", "setups", "trials", "estimate [interval]", "claimed")
PREFACE = """\
Generated from the records of runs by `mrpcheck findings`; nothing here is typed by hand. Verdicts
and intervals are those of each claim alone, at the error levels of its run; figures are of one
setup, the worst one or the counterexample, never pooled. Where a probability is claimed to be at
least p, give or take d, SUPPORTED shows that it is above p - d at every setup of the panel or of
those named, and REFUTED that it is below p at one. A map has a verdict a cell, and none of its
own. A commit with a plus had files that differed from it."""
JUDGED = ("SUPPORTED", "REFUTED", "UNDECIDED")


@dataclass(frozen=True)
class Answered:
    """A question, and the claims of one run that answer it."""

    question: str
    run: Reading
    rows: Sequence[Row]


def findings(runs: Sequence[Reading]) -> str:
    """The page: a table of questions and answers, then the evidence question by question.

    Of a question that several runs answer, each is shown, in the order of `runs`. Raises ValueError
    where no run has a file with a question.
    """
    found = sorted(_answered(runs), key=lambda each: _order(each.question))
    if not found:
        names = ", ".join(run.folder.name for run in runs)
        raise ValueError(f"RUN = {names}, but should have judged a file with a QUESTION")
    head = [("question", "answer", "verdicts")]
    rows = [(each.question, _answers(each), _verdicts(each)) for each in found]
    parts = ["# Findings", _preface(runs), table([*head, *rows]), *map(_section, found)]
    return "\n\n".join(parts) + "\n"


def _answered(runs: Sequence[Reading]) -> Iterable[Answered]:
    for run in runs:
        questions = dict.fromkeys(row.get("question") or "" for row in run.rows)
        for question in filter(None, questions):
            yield Answered(question, run, [r for r in run.rows if r.get("question") == question])


def _order(question: str) -> tuple[int, str]:
    """Questions by their number, then by what follows it."""
    number = re.match(r"\d+", question)
    return (int(number[0]) if number else 10**6, question)


def _preface(runs: Sequence[Reading]) -> str:
    names = ", ".join(literal(run.folder.name) for run in runs)
    return f"{PREFACE}\n\nRuns: {names}."


def _answers(each: Answered) -> str:
    """What the verdicts answer, a sentence a claim; controls answer nothing."""
    told = [_answer(row) for row in each.rows if row["kind"] != "control"]
    return "\n".join(f"{text[:1].upper()}{text[1:]}." for text in told if text) or "Not answered."


def _answer(row: Row) -> str:
    verdict, said = row["verdict"], str(row.get("answer") or "")
    if verdict == "MAPPED":
        yes, _, no = said.removeprefix("SUPPORTED: ").partition("; REFUTED: ")
        told = [(yes, places(row, "SUPPORTED")), (no, places(row, "REFUTED"))]
        return "; ".join(f"{text}: {where}" for text, where in told if text and where)
    if verdict not in JUDGED:
        return ""
    if said:
        return said
    statement = str(row["statement"]).rstrip(".")
    return f"{verdict.lower()}: {statement}"


def places(row: Row, verdict: str) -> str:
    """The cells of a map with this verdict: lines of the second axis that have it alike together.

    `system A, B at times 1, 2; system C at every times`; "everywhere" or "" for all cells or none.
    """
    x, y, verdicts = (row["diagram"][name] for name in ("x", "y", "verdicts"))
    wide, alike = len(x["values"]), dict[tuple[str, ...], list[str]]()
    for place, height in enumerate(y["values"]):
        line = zip(x["values"], verdicts[place * wide : (place + 1) * wide], strict=True)
        at = tuple(_text(value) for value, word in line if word == verdict)
        if at:
            alike.setdefault(at, []).append(_text(height))
    if list(alike) == [tuple(map(_text, x["values"]))] and len(*alike.values()) == len(y["values"]):
        return "everywhere"
    return "; ".join(
        f"{y['name']} {', '.join(ys)} at {'every ' if len(at) == wide else ''}{x['name']}"
        + ("" if len(at) == wide else f" {', '.join(at)}")
        for at, ys in alike.items()
    )


def _verdicts(each: Answered) -> str:
    words = [str(row["verdict"]) for row in each.rows if row["kind"] != "control"]
    counts = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
    idle = [row for row in each.rows if row["kind"] == "control" and not row["expected"]]
    if idle:
        counts.append(f"{len(idle)} CONTROL NOT REFUTED: no power")
    return ", ".join(counts)


def _section(each: Answered) -> str:
    manifest = each.run.manifest
    file = str(each.rows[0]["claim"]).partition("::")[0]
    said = f"--mrp-seed {each.rows[0]['seed']} --mrp-profile {each.rows[0]['profile']}"
    commit, dirty, _ = str(manifest.get("commit")).partition("+")  # + where files differed from it
    made = f"{str(manifest['started'])[:10]}, commit {commit[:7]}{dirty}"
    parts = [
        f"## {literal(each.question)}",
        f"`pytest {file} {said}` (run {literal(each.run.folder.name)}, {made})",
        table([HEADS, *map(_cells, each.rows)]),
    ]
    parts += [_map(row) for row in each.rows if row["verdict"] == "MAPPED"]
    parts += [_counterexample(row) for row in each.rows if _refuted(row)]
    return "\n\n".join(filter(None, parts))


def _cells(row: Row) -> list[str]:
    mapped = row["verdict"] == "MAPPED"
    expected = "" if row["expected"] else " (unexpected)"
    kind = f" ({row['kind']})" if row["kind"] in ("control", "refuted") else ""
    return [
        f"{row['statement'] or row['claim'].rpartition('::')[2]}{kind}",
        f"{row['verdict']}{expected}",
        setups_judged(dict(row)),
        str(row["asked"] if mapped else row["trials"]),
        _tally(row) if mapped else estimate(dict(row)) or "-",
        f"{row['quantity']} >= {row['at_least']:g}",
    ]


def _tally(row: Row) -> str:
    return tally(map(str, row["diagram"]["verdicts"]))


def _map(row: Row) -> str:
    """A map line by line: at which values of the first axis which verdict was reached."""
    diagram = row["diagram"]
    x, y, verdicts = diagram["x"], diagram["y"], diagram["verdicts"]
    wide = len(x["values"])
    head = [y["name"], *(f"{x['name']} = {_text(value)}" for value in x["values"])]
    rows = [
        [_text(at), *verdicts[place * wide : (place + 1) * wide]]
        for place, at in enumerate(y["values"])
    ]
    return f"{literal(str(diagram['title']))}\n\n{table([head, *rows])}"


def _text(value: object) -> str:
    text = f"{value:g}" if isinstance(value, (int, float)) else str(value)
    return f'"{text}"' if "," in text else text


def _refuted(row: Row) -> bool:
    return row["verdict"] == "REFUTED" and row["kind"] != "control"


def _counterexample(row: Row) -> str:
    """The smallest setup that refutes a claim, in words."""
    short = str(row["claim"]).rpartition("::")[2]
    why = f" ({row['because']})" if row["because"] else ""
    words = row["counterexample_text"] or "no setup in words"
    return f"Counterexample to {literal(short)}: {literal(str(words))}{literal(why)}."
