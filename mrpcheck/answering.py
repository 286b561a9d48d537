"""What a claim's verdict answers: a question of its file, and a sentence for either verdict.

A file of claims that asks one says so at its top, `QUESTION = "12. How ...?"`; findings are
collected question by question, in the order of the questions.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from mrpcheck.claims import Claim, claim_of

__all__ = ["answer_of", "answers", "question_of"]

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., object])


def answers(
    *,
    yes: str,
    no: str,
    against: str | None = None,
    where: Mapping[str, str | float] | None = None,
    headline: bool = False,
) -> Callable[[AnyFunction], AnyFunction]:
    """Say what it means that the claim below is SUPPORTED (`yes`) or REFUTED (`no`).

    Each is a sentence without a full stop, which stands alone and claims no more than the verdict
    does; of a phase diagram `yes` says what a SUPPORTED cell means, `no` what a REFUTED one.
    `against` is what a refutation contradicts, of a map each REFUTED cell: "T1b as stated". Where
    only some of its cells would, `where` has their values by axis: `{"system": "latents, pooled"}`;
    ValueError where a map has no such cell.
    `headline` marks the claim, one of a file or two, that answers its question in short.

    >>> from mrpcheck.claims import at, with_probability
    >>> @answers(yes="a loaded coin shows heads", no="a loaded coin shows tails too often")
    ... @at(side=0.99)
    ... @with_probability(at_least=0.9, tolerance=0.1)
    ... def test_heads(side, trials):
    ...     return [trials.generator("coin", t, "toss").random() < side for t in trials.numbers]
    """

    def mark(test: AnyFunction) -> AnyFunction:
        claim = claim_of(test)
        if claim is None:
            name = getattr(test, "__qualname__", repr(test))
            raise TypeError(f"@answers = above {name}, but should be above a claim")
        cells = _cells(claim, where or {})
        refuted = no if against is None else f"{no} (against {against}{cells})"
        marked = replace(claim, answers=(yes, refuted), headline=headline)
        test.mrpcheck_claim = marked  # type: ignore[attr-defined]
        return test

    return mark


def _cells(claim: Claim, where: Mapping[str, str | float]) -> str:
    """`, where system = "MAE" and context = "patch"`."""
    axes = {} if claim.diagram is None else {a.name: a for a in (claim.diagram.x, claim.diagram.y)}
    for name, value in where.items():
        if name not in axes or value not in axes[name].values:
            told = ", ".join(axes) or "none: it is no phase diagram"
            wanted = f"a value of one of its axes ({told})"
            raise ValueError(f"where = {name}: {value}, but should be {wanted} [{claim.name}]")
    found = " and ".join(f"{name} = {json.dumps(value)}" for name, value in where.items())
    return f", where {found}" if found else ""


def question_of(claim: Claim) -> str:
    """The question that the claim's file asks; "" where it asks none."""
    return str(getattr(inspect.getmodule(claim.function), "QUESTION", ""))


def answer_of(claim: Claim, verdict: str) -> str:
    """The sentence of a verdict; of a map both; "" where there is none."""
    if claim.answers is None:
        return ""
    yes, no = claim.answers
    if verdict == "MAPPED":
        return f"SUPPORTED: {yes}; REFUTED: {no}"
    return {"SUPPORTED": yes, "REFUTED": no}.get(verdict, "")
