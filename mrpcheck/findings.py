"""Findings: what runs answer to the questions of their files, as a page of Markdown.

A question is what a file of claims says at its top (`QUESTION`); a claim answers it by what its
verdict means (`@answers`). Everything here comes from the records of runs: nothing is typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mrpcheck.answered import (
    ORDER,
    Judged,
    against,
    capital,
    counted,
    figures,
    refutation,
    sentences,
    statement,
)
from mrpcheck.loading import evidence_by_place
from mrpcheck.mapped import map_of, nearest
from mrpcheck.showing import Reading, readable
from mrpcheck.tables.cells import at_twice, estimate, hits, setups_judged
from mrpcheck.tables.markdown import code, grid, literal, table

__all__ = ["findings"]

Row = dict[str, Any]
HEADS = ("claim", "verdict", "setups", "hits/trials", "estimate [interval]", "claimed")
TWICE = "at twice the steps"
PREFACE = """\
Written by `mrpcheck findings` from the records of runs; nothing here is typed by hand. Each answer
is the file's headline; its other claims, its controls, and every cell of its maps are in the
section that the number leads to."""
READING = """\
How to read it. Verdicts and intervals are those of each claim alone, at the error levels of its
run; figures are of one setup, the worst one or the counterexample, never pooled. Where a
probability is claimed to be at least p, give or take d, SUPPORTED shows that it is above p - d at
every setup of the panel or of those named, and REFUTED that it is below p at one; UNDECIDED is
neither, with the trials that there were. A map has a verdict a cell, and none of its own: n is the
fewest trials of such a cell, and the interval holds those of all of them. A range of an axis, 2 to
8, means the values that the map has in it. A training that diverged counts as a miss."""


@dataclass(frozen=True)
class Answered:
    """A question, and the claims of one run that answer it."""

    question: str
    run: Reading
    claims: Sequence[Judged]

    @property
    def number(self) -> str:
        """What stands before the question's first full stop, where that is a number."""
        found = re.match(r"(\d+\w*)\. ", self.question)
        return found[1] if found else ""

    @property
    def link(self) -> str:
        """The number, or else an arrow, as a link to the question's section."""
        anchor = re.sub(r"[^\w\- ]", "", self.question.lower()).replace(" ", "-")
        return f"[{self.number or 'below'}](#{anchor})"

    @property
    def told(self) -> list[Judged]:
        """The claims that answer the question; controls answer nothing."""
        return [claim for claim in self.claims if claim.row["kind"] != "control"]

    @property
    def headlines(self) -> list[Judged]:
        """The claims that answer it in short; of records that name none, a map or the first."""
        named = [claim for claim in self.told if claim.row.get("headline")]
        maps = [claim for claim in self.told if claim.row["verdict"] == "MAPPED"]
        return named or maps[:1] or self.told[:1]

    @property
    def command(self) -> str:
        """What judges it again."""
        row = self.claims[0].row
        file = str(row["claim"]).partition("::")[0]
        return f"pytest {file} --mrp-seed {row['seed']} --mrp-profile {row['profile']}"


def findings(runs: Sequence[Reading]) -> str:
    """The page: a table of questions and answers, then the evidence question by question.

    Of a question that several runs answer, each is shown, in the order of `runs`. Raises ValueError
    where no run has a file with a question.
    """
    found = sorted(_answered(runs), key=lambda each: _order(each.question))
    if not found:
        names = ", ".join(run.folder.name for run in runs)
        raise ValueError(f"RUN = {names}, but should have judged a file with a QUESTION")
    head = ["question", "answer", "verdicts, n and intervals; command"]
    rows = [[_asked(each), _answers(each), _shown(each)] for each in found]
    parts = ["# Findings", PREFACE, grid([head, *rows]), _contradicted(found), READING]
    return "\n\n".join(filter(None, [*parts, *map(_section, found)])) + "\n"


def _answered(runs: Sequence[Reading]) -> Iterable[Answered]:
    for run in runs:
        with readable(run.folder):
            places: dict[str, dict[str, list[Row]]] = {}
            for (claim, stage, _), line in evidence_by_place(run.folder).items():
                places.setdefault(claim, {}).setdefault(stage, []).append(line)
        judged = [Judged(row, places.get(row["claim"], {})) for row in run.rows]
        questions = dict.fromkeys(row.get("question") or "" for row in run.rows)
        for question in filter(None, questions):
            yield Answered(question, run, [j for j in judged if j.row.get("question") == question])


def _order(question: str) -> tuple[int, str]:
    """Questions by their number, then by what follows it."""
    number = re.match(r"\d+", question)
    return (int(number[0]) if number else 10**6, question)


def _asked(each: Answered) -> str:
    """The question, its number a link to the section."""
    question = each.question.removeprefix(f"{each.number}. ") if each.number else each.question
    return f"{each.link} {literal(question)}"


def _answers(each: Answered) -> str:
    lines = [" ".join(sentences(claim, short=True)) for claim in each.headlines]
    return "<br>".join(map(literal, lines)) or "Not answered."


def _shown(each: Answered) -> str:
    lines = [literal(line) for claim in each.headlines for line in figures(claim)]
    rest = [str(c.row["verdict"]) for c in each.told if c not in each.headlines]
    counts = ", ".join(f"{rest.count(word)} {word}" for word in dict.fromkeys(rest))
    more = [f"Other claims: {counts}"] if counts else []
    idle = [c for c in each.claims if c.row["kind"] == "control" and not c.row["expected"]]
    if idle:
        more.append(f"{len(idle)} CONTROL NOT REFUTED: no power")
    return "<br>".join([*lines, *more, code(each.command)])


def _contradicted(found: Sequence[Answered]) -> str:
    """What is contradicted, of the paper or of small simulations, and by what."""
    lines = [
        f"- {each.link} "
        + literal(f"{capital(against(claim.row))}: {refutation(claim)} {_found(claim)}.")
        for each in found
        for claim in each.told
        if claim.contradicts
    ]
    return "\n".join(["Contradicted:\n", *lines]) if lines else ""


def _found(claim: Judged) -> str:
    """What was counted where a claim is refuted."""
    return nearest(claim) if claim.row["verdict"] == "MAPPED" else capital(counted(claim))


def _section(each: Answered) -> str:
    parts = [f"## {literal(each.question)}", _made(each)]
    parts.append("\n".join(f"- {literal(_bullet(claim))}" for claim in each.told))
    twice = any(claim.lines.get("doubled") for claim in each.claims)
    heads = [*HEADS, TWICE] if twice else list(HEADS)
    parts.append(table([heads, *(_cells(claim)[: len(heads)] for claim in each.claims)]))
    parts += [map_of(claim) for claim in each.claims if claim.row["verdict"] == "MAPPED"]
    parts += [_counterexample(claim) for claim in each.told if claim.refuted]
    return "\n\n".join(filter(None, parts))


def _made(each: Answered) -> str:
    """The command, and the run that the figures come from."""
    manifest, rows = each.run.manifest, [claim.row for claim in each.claims]
    commit, dirty, _ = str(manifest.get("commit") or "unknown").partition("+")
    made = f"Run {each.run.folder.name} of {str(manifest['started'])[:10]}, commit {commit[:7]}"
    if dirty:  # the plus
        made += " with files that differed from it"
    asked, seconds = sum(row["asked"] for row in rows), sum(row["seconds"] for row in rows)
    trained = f"{manifest['trained']} trainings (what its store had was not trained again)"
    cost = f"{asked} trials asked for, {trained}, {seconds:.0f} s of all workers together"
    return f"{code(each.command)}\n\n{literal(f'{made}: {cost}.')}"


def _bullet(claim: Judged) -> str:
    """What a claim answers, its verdict first; a map's are told with its cells."""
    row, said = claim.row, " ".join(sentences(claim))
    return f"{row['verdict']}: {said}" if row.get("answer") and row["verdict"] != "MAPPED" else said


def _cells(claim: Judged) -> list[str]:
    row = dict(claim.row)
    expected = "" if row["expected"] else " (unexpected)"
    kind = f" ({row['kind']})" if row["kind"] in ("control", "refuted") else ""
    mapped = row["verdict"] == "MAPPED"
    return [
        f"{row['statement'] or statement(row)}{kind}{_edited(row)}",
        f"{row['verdict']}{expected}",
        _setups(claim),
        f"{row['asked']} in all" if mapped else hits(row) or "-",
        estimate(row) or "-",
        f"{row['quantity']} >= {row['at_least']:g}, d = {row['tolerance']:g}",
        _twice(claim),
    ]


def _edited(row: Row) -> str:
    """Whether other versions of the claim had been judged on its seed."""
    edited = row.get("edited")
    if edited is None:
        return " (edited: unknown)"
    return f" (edited: {edited} other judged on its seed before)" if edited else ""


def _setups(claim: Judged) -> str:
    """How many of the setups judged have which verdict."""
    if not claim.verdicts:
        return setups_judged(dict(claim.row))
    counts = [f"{claim.verdicts.count(word)} {word}" for word in ORDER if word in claim.verdicts]
    screened = claim.row["screened"]
    return "\n".join([*counts, f"{screened} screened"] if screened else counts)


def _twice(claim: Judged) -> str:
    """What was found at twice the steps, in full where it is not the same verdict again."""
    found = at_twice(dict(claim.row), claim.lines.get("doubled", ()))
    return "\n".join(found) or "-"


def _counterexample(claim: Judged) -> str:
    """A setup that refutes, in words: the smallest found, or of a map a refuted cell."""
    row = claim.row
    short = str(row["claim"]).rpartition("::")[2]
    if row["verdict"] == "MAPPED":
        return literal(f"A cell that refutes {short}: {nearest(claim)}.")
    why = f"; {row['because']}" if row["because"] else ""
    where = row["counterexample_text"] or "no setup in words"
    return literal(f"Counterexample to {short}: {counted(claim)}, at {where}{why}.")
