"""What a hearing came to, as one row: figures of one setup, never pooled, and a sentence."""

from __future__ import annotations

import inspect
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mrpcheck.answering import answer_of, question_of
from mrpcheck.claims import Claim
from mrpcheck.diagrams import STAGE, tally
from mrpcheck.draws import Draw, json_of
from mrpcheck.hearing import Hearing, Path
from mrpcheck.noted import means_over
from mrpcheck.records import Json, Verdict
from mrpcheck.stats import detectable, panel_share, sentence, trials_to_decide

__all__ = ["Finding", "setups_of", "unheard", "verdict_of", "worst_of"]


@dataclass(frozen=True)
class Finding:
    """What the hearing came to: the verdict, the path it rests on, and why it is no better."""

    verdict: str
    deciding: Path | None
    panel: Sequence[Path] = ()
    counterexample: Draw | None = None
    reason: str | None = None
    float64: str | None = None
    stable: bool | None = None
    remembered: str | None = None


def worst_of(paths: Sequence[Path]) -> Path | None:
    """The setup with the lowest upper bound."""

    def rank(path: Path) -> tuple[float, float, int]:
        return path.judgement.upper, path.judgement.lower, path.index

    return min(paths, key=rank, default=None)


def setups_of(panel: Sequence[Path]) -> str:
    """How many setups there are, and whether they are the panel's or were named."""
    stage = panel[0].stage if panel else "panel"
    return f"{len(panel)} {stage} setup{'' if len(panel) == 1 else 's'}"


def verdict_of(hearing: Hearing, finding: Finding, error: str | None = None) -> Verdict:
    """The row of a claim that was heard."""
    claim, run, found = hearing.claim, hearing.run, finding.counterexample
    j = finding.deciding.judgement if finding.deciding else None
    stages = [e.stage for e in hearing.evidence]
    return Verdict(
        claim=hearing.name,
        kind=claim.kind,
        verdict=finding.verdict,
        expected=error is None and _expected(claim, finding.verdict),
        statement=claim.statement,
        origin=claim.origin,
        at_least=claim.at_least,
        tolerance=claim.tolerance,
        bounds=claim.bounds,
        stage=finding.deciding.stage if finding.deciding else None,
        setups=sum(stages.count(stage) for stage in ("panel", "named", "control", STAGE)),
        panel_supported=_supported(finding),
        screened=stages.count("search"),
        shrunk=stages.count("shrink"),
        trials=j.trials if j else 0,
        hits=j.hits if j else None,
        estimate=j.estimate if j else None,
        lower=j.lower if j else None,
        upper=j.upper if j else None,
        asked=hearing.asked,
        failed=hearing.failed,
        measures=finding.deciding.measures if finding.deciding else {},
        measures_panel=means_over([path.measures for path in finding.panel]),
        share=_share(hearing, finding),
        detectable=_detectable(hearing, finding),
        needed=_needed(hearing, finding),
        stable=finding.stable,
        float64=finding.float64,
        counterexample=None if found is None else json_of(found),
        counterexample_text=None if found is None else hearing.describe(found),
        violations=() if found is None else hearing.violations(found),
        text=error or _text(hearing, finding),
        reason=finding.reason,
        because=claim.because,
        error=error,
        script=None,
        seed=run.seed,
        profile=run.profile.name,
        source=claim.source,
        seconds=time.monotonic() - hearing.started,
        remembered=finding.remembered,
        panel=hearing.panel,
        quantity=claim.quantity or ("P" if claim.bounds is None else "mean"),
        named=claim.named is not None,
        diagram=_diagram(hearing),
        doc=inspect.getdoc(claim.function) or "",
        citation=_citation(claim),
        code=_code(claim),
        question=question_of(claim),
        answer=answer_of(claim, finding.verdict),
        headline=claim.headline,
    )


def _code(claim: Claim) -> str:
    """The function's source, for who reads the verdict; nothing is ever run from it."""
    try:
        return textwrap.dedent(inspect.getsource(claim.function)).strip()
    except (OSError, TypeError):
        return ""


def unheard(hearing: Hearing, reason: str) -> Verdict:
    """The row of a claim that the run did not come to the end of."""
    return verdict_of(hearing, Finding("UNDECIDED", None, reason=reason))


def _expected(claim: Claim, verdict: str) -> bool:
    if claim.expects_refutation:
        return verdict in ("REFUTED", "NOT JUDGED")
    return verdict != "REFUTED"


def _supported(finding: Finding) -> int:
    return sum(path.verdict == "SUPPORTED" for path in finding.panel)


def _diagram(hearing: Hearing) -> Json:
    """The map that the claim asks for, with the verdicts of the cells that were judged."""
    if hearing.claim.diagram is None:
        return None
    found = {e.index: e.verdict for e in hearing.evidence if e.stage == STAGE}
    judges = hearing.run.profile.judges
    title = hearing.claim.statement or hearing.name.rpartition("::")[2]
    return hearing.claim.diagram.row(title, found if judges else {})


def _citation(claim: Claim) -> str:
    """What the docstring of the claim's file says below its title, up to the origin."""
    module = inspect.getmodule(claim.function)
    below = ((module and inspect.getdoc(module)) or "").partition("\n\n")[2]
    return " ".join(below.partition("Origin:")[0].split())


def _share(hearing: Hearing, finding: Finding) -> float | None:
    """The share of the regime that the panel speaks for; named setups are no sample of it."""
    n = len(finding.panel)
    if not n or finding.verdict == "NOT JUDGED" or hearing.claim.named is not None:
        return None
    return panel_share(n, n - _supported(finding), hearing.levels.false_support)


def _detectable(hearing: Hearing, finding: Finding) -> float | None:
    """The largest true value that one setup would have been refuted at in 80 % of runs."""
    claim, profile = hearing.claim, hearing.run.profile
    if finding.verdict != "SUPPORTED":
        return None
    return detectable(
        claim.at_least, claim.tolerance, hearing.levels, profile.every, profile.most,
        bounds=claim.bounds,
    )  # fmt: skip


def _needed(hearing: Hearing, finding: Finding) -> int | None:
    """Trials that would decide in 80 % of runs if the worst setup's estimate were the truth."""
    path, claim = finding.deciding, hearing.claim
    if finding.verdict != "UNDECIDED" or path is None or path.judgement.estimate is None:
        return None
    if path.verdict != "UNDECIDED":
        return None
    return trials_to_decide(
        claim.at_least, claim.tolerance, hearing.levels, path.judgement.estimate,
        hearing.run.profile.every, bounds=claim.bounds,
    )  # fmt: skip


def _text(hearing: Hearing, finding: Finding) -> str:
    """The verdict as a sentence."""
    short, path = hearing.name.rpartition("::")[2], finding.deciding
    if finding.verdict == "MAPPED":
        cells = tally(_diagram(hearing)["verdicts"])
        return f"{cells}; the error levels are each cell's own, not the map's [{short}]"
    if path is None:
        return f"{finding.reason or 'nothing was judged'} [{short}]"
    figures = sentence(path.judgement, f"{short}, {hearing.describe(path.draw)}")
    if finding.reason:
        return f"{finding.reason}; {figures}"
    alone = len(finding.panel) == 1 and hearing.claim.named
    if finding.verdict == "SUPPORTED" and finding.panel and not alone:
        screened = sum(e.stage == "search" for e in hearing.evidence)
        more = "" if hearing.claim.named else f"{screened} more screened, none suspect; "
        supported = f"supported at {_supported(finding)} of {setups_of(finding.panel)}"
        return f"{supported}; {more}at the worst, {figures}"
    return figures
