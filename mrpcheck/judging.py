"""From setups to a claim: the panel, the search for suspects, and the one confirmation.

REFUTED is one confirmed counterexample, judged on a stream that no search touched. SUPPORTED is
every setup of the panel supported and no suspect left standing. Everything else is UNDECIDED.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mrpcheck.claims import Claim, claim_of
from mrpcheck.draws import Draw, Regime
from mrpcheck.hearing import EventError, Hearing, Path, first_line, is_busy
from mrpcheck.profiles import Profile, named_profile
from mrpcheck.records import Verdict
from mrpcheck.runs import Run
from mrpcheck.seeds import digest
from mrpcheck.stats import Budget
from mrpcheck.suspects import Search, Suspect, search_for, shrink
from mrpcheck.verdicts import Finding, verdict_of, worst_of

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
) -> Verdict:
    """Judge one claim; an event that fails is UNDECIDED with its error, and the run goes on.

    `fixed` are arguments that nothing draws (pytest's parameters and fixtures).
    """
    hearing = Hearing(claim, name, run, regimes, fixed or {})
    try:
        if claim.named is not None:
            finding = _judge_control(hearing, claim.named)
        else:
            with _drawing(hearing):
                panel = _panel_draws(hearing) if draws is None else draws
            finding = _judge_claim(hearing, panel, search)
    except EventError as error:
        run.trace("".join(traceback.format_exception(error.__cause__ or error)))
        return verdict_of(hearing, Finding("UNDECIDED", None, reason=str(error)), str(error))
    return verdict_of(hearing, finding)


def _panel_draws(hearing: Hearing) -> list[Draw]:
    """The panel: i.i.d. from each regime, the same for every claim of the run."""
    run = hearing.run
    names = [n for n in hearing.claim.names() if n not in hearing.fixed]
    if not names or set(names) - set(hearing.regimes):
        return []
    columns = [
        hearing.regimes[name].sample(run.profile.panel, _panel_seed(run.seed, place, name))
        for place, name in enumerate(names)
    ]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _panel_seed(seed: int, place: int, name: str) -> int:
    """The run's seed for the first argument; others must not repeat its random numbers."""
    return seed if place == 0 else int(digest("panel", seed, name, size=6), 16)


def _judge_control(hearing: Hearing, named: Draw) -> Finding:
    hearing.tell("control", 0, 1)
    path = Path(hearing, dict(named), "control", 0, "control").finish()
    if not hearing.run.profile.judges:
        return Finding("NOT JUDGED", path)
    reason = None if path.verdict == "REFUTED" else "the control was not refuted"
    return Finding(path.verdict or "UNDECIDED", path, reason=reason)


def _judge_claim(hearing: Hearing, draws: Sequence[Draw], search: Search | None) -> Finding:
    panel = _judge_panel(hearing, draws)
    if not hearing.run.profile.judges:
        _search(hearing, search)
        return Finding("NOT JUDGED", worst_of(panel), panel)
    worst = worst_of([path for path in panel if path.verdict == "REFUTED"])
    suspect = _search(hearing, search) if worst is None else shrink(hearing, worst)
    if suspect is not None:
        return _confirm(hearing, panel, suspect)
    return _by_panel(hearing, panel)


def _judge_panel(hearing: Hearing, draws: Sequence[Draw]) -> list[Path]:
    """Every setup to its verdict, a block each a round, until a round leaves one refuted.

    A claim with a suspect cannot be SUPPORTED any more, so the others are left undecided then:
    borderline setups would otherwise spend the whole budget. Rounds make that point the same
    whichever worker trains what when.
    """
    paths = [Path(hearing, draw, "panel", i, "panel") for i, draw in enumerate(draws)]
    while left := [path for path in paths if path.verdict is None]:
        hearing.tell("panel", len(paths) - len(left), len(paths))
        busy = [path for path in left if not _advanced(path)]
        for path in busy:
            path.step(patient=True)
        if any(path.verdict == "REFUTED" for path in left):
            break
    for path in paths:
        path.rest()
    return paths


def _advanced(path: Path) -> bool:
    """Judge one more block, or say that another process is training it."""
    try:
        path.step(patient=False)
    except Exception as error:
        if not is_busy(error):
            raise
        return False
    return True


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
    path = Path(hearing, suspect.draw, "confirm", 0, "confirm").finish()
    if path.verdict != "REFUTED":
        reason = f"a suspect was not confirmed: {suspect.text}; then {path.judgement.text}"
        return Finding("UNDECIDED", worst_of(panel) or path, panel, reason=reason)
    hearing.tell("float64", 0, 1)
    again = Path(hearing, suspect.draw, "float64", 0, "confirm", dtype="float64").finish()
    stable = _stable(hearing, [path])
    return Finding("REFUTED", path, panel, suspect.draw, float64=again.verdict, stable=stable)


def _by_panel(hearing: Hearing, panel: Sequence[Path]) -> Finding:
    """No suspect is left standing: the panel decides."""
    worst = worst_of(panel)
    if worst is None:
        return Finding("UNDECIDED", None, reason="no panel: what it draws from has no regime")
    undecided = sum(path.verdict != "SUPPORTED" for path in panel)
    if undecided:
        reason = f"undecided at {undecided} of {len(panel)} panel setups"
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
        Path(hearing, p.draw, "doubled", i, p.stream, p.dtype, horizon=2).finish()
        for i, p in enumerate(paths)
    ]
    pairs = [(a.verdict, b.verdict) for a, b in zip(paths, twice, strict=True)]
    if any(after not in (before, "UNDECIDED") for before, after in pairs):
        return False
    return None if any(after == "UNDECIDED" for _, after in pairs) else True
