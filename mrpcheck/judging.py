"""From setups to a claim: the panel, the search for suspects, and the one confirmation.

REFUTED is one confirmed counterexample, judged on a stream that no search touched. SUPPORTED is
every setup of the panel supported and no suspect left standing. Everything else is UNDECIDED.
Where a claim names its setups they take the place of the panel, and nothing is searched. A phase
diagram is MAPPED: every cell has a verdict, and the claim none.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mrpcheck.asks import asks_of
from mrpcheck.claims import Claim, claim_of
from mrpcheck.diagrams import STAGE
from mrpcheck.draws import Draw, Regime
from mrpcheck.foreseeing import current, foreseen
from mrpcheck.hearing import EventError, Hearing, Path, first_line, is_busy
from mrpcheck.panels import panel_digest, panel_of
from mrpcheck.profiles import Profile, named_profile
from mrpcheck.records import Verdict
from mrpcheck.remembering import Earlier, remember
from mrpcheck.runs import Run
from mrpcheck.stats import Budget
from mrpcheck.suspects import Search, Suspect, search_for, shrink
from mrpcheck.verdicts import Finding, setups_of, verdict_of, worst_of

__all__ = ["hear", "judge", "regimes_of", "strategies_of"]


def judge(
    test: Any,
    draws: Sequence[Draw] | None = None,
    *,
    seed: int = 0,
    profile: str | Profile = "quick",
    device: str = "cpu",
    budget: Budget | None = None,
    search: Search | None = None,
    record: Callable[[Any], None] = lambda entry: None,
) -> Verdict:
    """Judge a claim without pytest: `draws` are the panel, or else the regime's own.

    >>> from mrpcheck.claims import with_probability
    >>> @with_probability(at_least=0.9, tolerance=0.1)
    ... def heads(bias, trials):
    ...     key = f"bias {bias}"
    ...     return [trials.generator(key, t, "toss").random() < bias for t in trials.numbers]
    >>> judge(heads, [{"bias": 0.99}]).verdict
    'SUPPORTED'
    """
    claim = claim_of(test)
    if claim is None:
        raise TypeError(f"claim = {test!r}, but should be decorated with_probability or on_average")
    run = Run(seed, named_profile(profile), budget or Budget(), device, record)
    return hear(claim, run, claim.name, regimes_of(test), search, draws)


def strategies_of(test: Any) -> dict[str, Any]:
    """What `@given` draws from, by name."""
    handle = getattr(test, "hypothesis", None)
    return dict(getattr(handle, "_given_kwargs", None) or {})


def regimes_of(test: Any) -> dict[str, Regime]:
    """The regimes of what `@given` draws from; a strategy without one is left out."""
    found = {name: getattr(s, "regime", None) for name, s in strategies_of(test).items()}
    return {name: regime for name, regime in found.items() if regime is not None}


def hear(
    claim: Claim,
    run: Run,
    name: str,
    regimes: Mapping[str, Regime],
    search: Search | None = None,
    draws: Sequence[Draw] | None = None,
    fixed: Mapping[str, Any] | None = None,
    earlier: Sequence[Earlier] = (),
) -> Verdict:
    """Judge one claim; an event that fails is UNDECIDED with its error, and the run goes on.

    `fixed` are arguments that nothing draws (pytest's parameters and fixtures), `earlier` the
    counterexamples of other runs that are tried again where this one finds none.
    """
    hearing = Hearing(claim, name, run, regimes, fixed or {})
    try:
        with _drawing(hearing):
            panel = panel_of(hearing) if draws is None else draws
            hearing.panel = panel_digest(panel)
        if claim.kind == "control":
            finding = _judge_control(hearing)
        elif claim.kind == "diagram":
            finding = _judge_cells(hearing, claim.named or ())
        elif claim.named is not None:
            finding = _judge_named(hearing, claim.named)
        else:
            finding = _judge_claim(hearing, panel, search, earlier)
    except EventError as error:
        run.trace("".join(traceback.format_exception(error.__cause__ or error)))
        return verdict_of(hearing, Finding("UNDECIDED", None, reason=str(error)), str(error))
    return verdict_of(hearing, finding)


def _judge_control(hearing: Hearing) -> Finding:
    (named,) = hearing.claim.named or ()
    hearing.tell("control", 0, 1)
    path = _finished(Path(hearing, named, "control", 0, "control"))
    if not hearing.run.profile.judges:
        return Finding("NOT JUDGED", path)
    reason = None if path.verdict == "REFUTED" else "the control was not refuted"
    return Finding(path.verdict or "UNDECIDED", path, reason=reason)


def _judge_named(hearing: Hearing, named: Sequence[Draw]) -> Finding:
    """Each named setup to its verdict; the worst of those refuted is the one suspect."""
    profile = hearing.run.profile
    paths = _judge_all(hearing, named if profile.judges else named[: profile.rungs], "named")
    if not profile.judges:
        return Finding("NOT JUDGED", worst_of(paths), paths)
    worst = worst_of([path for path in paths if path.verdict == "REFUTED"])
    if worst is not None:
        return _confirm(hearing, paths, Suspect(worst.draw, worst.judgement.text))
    return _by_all(hearing, paths)


def _judge_cells(hearing: Hearing, cells: Sequence[Draw]) -> Finding:
    """Every cell of a phase diagram to its verdict: none of them is a suspect."""
    profile = hearing.run.profile
    paths = _judge_all(hearing, cells if profile.judges else cells[: profile.rungs], STAGE)
    return Finding("MAPPED" if profile.judges else "NOT JUDGED", None, paths)


def _judge_claim(
    hearing: Hearing, draws: Sequence[Draw], search: Search | None, earlier: Sequence[Earlier]
) -> Finding:
    panel = _judge_all(hearing, draws, "panel")
    if not hearing.run.profile.judges:
        _search(hearing, search)
        return Finding("NOT JUDGED", worst_of(panel), panel)
    worst = worst_of([path for path in panel if path.verdict == "REFUTED"])
    suspect = _search(hearing, search) if worst is None else shrink(hearing, worst)
    suspect = suspect or remember(hearing, earlier)
    if suspect is not None:
        return _confirm(hearing, panel, suspect)
    return _by_all(hearing, panel)


def _judge_all(hearing: Hearing, draws: Sequence[Draw], stage: str) -> list[Path]:
    """Every setup to its verdict, a block each a round, until a round leaves one refuted.

    A claim with a suspect cannot be SUPPORTED any more, so the others are left undecided then:
    borderline setups would otherwise spend the whole budget. Rounds make that point the same
    whichever worker trains what when. Cells of a phase diagram are all judged to the end. `stage`
    is also the stream: panel, named or cell.
    """
    paths = [Path(hearing, draw, stage, i, stage) for i, draw in enumerate(draws)]
    while left := [path for path in paths if path.verdict is None]:
        hearing.tell(stage, len(paths) - len(left), len(paths))
        busy = _busy(left)
        with foreseen(asks_of(busy)):
            for path in busy:
                path.step(patient=True)
        if stage != STAGE and any(path.verdict == "REFUTED" for path in left):
            break
    for path in paths:
        path.rest()
    return paths


def _busy(paths: Sequence[Path]) -> list[Path]:
    """Those that have to be waited for; the others are judged one more block.

    Where workers train what is waited for, all are judged in their order from the first that is
    busy on: a claim that fails at one of them then fails there whatever came back first.
    """
    busy: list[Path] = []
    for path in paths:
        if (busy and current() is not None) or not _advanced(path):
            busy.append(path)
    return busy


def _advanced(path: Path) -> bool:
    """Judge one more block, or say that another process is training it."""
    try:
        path.step(patient=False)
    except Exception as error:
        if not is_busy(error):
            raise
        return False
    return True


def _finished(path: Path) -> Path:
    """The path, asked until its setup is decided or its budget spent, waiting where need be."""
    decided = False
    while not decided:
        with foreseen(asks_of([path])):
            decided = path.step()
    return path


def _search(hearing: Hearing, search: Search | None) -> Suspect | None:
    with _drawing(hearing):
        return search_for(hearing, search)


@contextmanager
def _drawing(hearing: Hearing) -> Iterator[None]:
    """A strategy or a regime that fails is the claim's own failure, said in a sentence."""
    try:
        yield
    except EventError:
        raise
    except Exception as error:
        raise EventError(
            f"{type(error).__name__} = {first_line(error)}, but should be a draw [{hearing.name}]"
        ) from error


def _confirm(hearing: Hearing, panel: Sequence[Path], suspect: Suspect) -> Finding:
    """The one judgement that refutes: a fresh stream at the suspect, once a claim and run."""
    hearing.tell("confirm", 0, 1)
    stream = "confirm" if suspect.run is None else "remembered"
    path = _finished(Path(hearing, suspect.draw, "confirm", 0, stream))
    if path.verdict != "REFUTED":
        reason = f"a suspect was not confirmed: {suspect.text}; then {path.judgement.text}"
        return Finding("UNDECIDED", worst_of(panel) or path, panel, reason=reason)
    hearing.tell("float64", 0, 1)
    again = _finished(Path(hearing, suspect.draw, "float64", 0, stream, dtype="float64"))
    return Finding(
        "REFUTED", path, panel, suspect.draw, float64=again.verdict,
        stable=_stable(hearing, [path]), remembered=suspect.run,
    )  # fmt: skip


def _by_all(hearing: Hearing, panel: Sequence[Path]) -> Finding:
    """No suspect is left standing: the panel decides, or the named setups in its place."""
    worst = worst_of(panel)
    if worst is None:
        return Finding("UNDECIDED", None, reason="no panel: what it draws from has no regime")
    undecided = sum(path.verdict != "SUPPORTED" for path in panel)
    if undecided:
        reason = f"undecided at {undecided} of {setups_of(panel)}"
        return Finding("UNDECIDED", worst, panel, reason=reason)
    ranked = sorted(panel, key=lambda p: (p.judgement.upper, p.index))
    doubled = ranked[: hearing.run.profile.doubled]
    return Finding("SUPPORTED", worst, panel, stable=_stable(hearing, doubled))


def _stable(hearing: Hearing, paths: Sequence[Path]) -> bool | None:
    """Whether twice the steps change no verdict; None where no end state was judged or told."""
    if not hearing.end_state or not paths:
        return None
    hearing.tell("doubled", 0, len(paths))
    twice = [
        _finished(Path(hearing, p.draw, "doubled", i, p.stream, p.dtype, horizon=2))
        for i, p in enumerate(paths)
    ]
    pairs = [(a.verdict, b.verdict) for a, b in zip(paths, twice, strict=True)]
    if any(after not in (before, "UNDECIDED") for before, after in pairs):
        return False
    return None if any(after == "UNDECIDED" for _, after in pairs) else True
