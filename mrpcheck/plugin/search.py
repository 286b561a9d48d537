"""The search: Hypothesis draws setups to break a claim, and shrinks what looks broken.

Everything that could make one run's draws differ from another's is set here: the seed, the
settings, the constants that Hypothesis picks up from imported modules, and its clock.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.errors import HypothesisDeprecationWarning
from hypothesis.internal.conjecture import engine, providers

from mrpcheck.draws import Draw
from mrpcheck.hearing import Screened
from mrpcheck.judging import strategies_of
from mrpcheck.plugin.steering import BACKEND, searching
from mrpcheck.profiles import PROFILES, Profile
from mrpcheck.suspects import UNSEEN

__all__ = ["load_settings", "search_of"]


RANDOM = "Do not use the `random` module inside strategies"
REPEATS = 8  # draws for each setup that may be screened: a setup drawn again costs nothing


class _Suspicious(Exception):
    """Tells Hypothesis that a draw is worth shrinking."""


class _Spent(BaseException):
    """Ends a search that has screened all it may; Hypothesis lets it through."""


def load_settings(tests: Sequence[Any], profile: Profile) -> None:
    """Register our settings, mrpcheck-quick and so on, and load them for claims alone."""
    for each in PROFILES.values():
        hypothesis.settings.register_profile(f"mrpcheck-{each.name}", _settings(each))
    ours = hypothesis.settings.get_profile(f"mrpcheck-{profile.name}")
    for test in tests:
        function = getattr(test, "__func__", test)
        if hasattr(function, "_hypothesis_internal_use_settings"):
            function._hypothesis_internal_use_settings = ours


def search_of(test: Any, seed: int, profile: Profile) -> Callable[..., Draw | None] | None:
    """The search over what `@given` draws for `test`; None where it draws nothing."""
    strategies = strategies_of(test)
    if not strategies:
        return None

    def search(screen: Callable[[Draw], Screened]) -> Draw | None:
        return _search(strategies, screen, seed, profile)

    return search


def _search(
    strategies: Mapping[str, Any],
    screen: Callable[[Draw], Screened],
    seed: int,
    profile: Profile,
) -> Draw | None:
    """The simplest suspect found; Hypothesis runs it last, so the last one seen is it."""
    suspects: list[Draw] = []

    def draws(**draw: Any) -> None:
        screened = screen(draw)
        if screened is UNSEEN and not suspects:
            raise _Spent
        if profile.steer and screened.badness is not None:
            hypothesis.target(screened.badness)
        if screened.suspect:
            suspects.append(draw)
            raise _Suspicious

    with _steady(), searching(seed):
        settings = hypothesis.settings(_settings(profile), backend=BACKEND)
        test = hypothesis.seed(seed)(settings(hypothesis.given(**strategies)(draws)))
        try:
            test()
        except _Suspicious:
            return suspects[-1]
        except _Spent:
            return None
    return None


def _settings(profile: Profile) -> hypothesis.settings:
    """Every setting named, so that neither CI's profile nor a user's shows through."""
    return hypothesis.settings(
        max_examples=max(1, REPEATS * profile.search),
        derandomize=False,
        database=None,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        stateful_step_count=1,
        report_multiple_bugs=False,
        suppress_health_check=tuple(HealthCheck),
        deadline=None,
        print_blob=False,
        backend="hypothesis",
    )


@contextmanager
def _steady() -> Iterator[None]:
    """Draws that depend on the seed alone.

    Hypothesis mixes in constants from whatever local modules happen to be imported, and stops
    shrinking after five minutes by the clock; here it does neither. It warns of a strategy that
    uses `random` by looking at its state, which other threads (Dask's) change meanwhile.
    """
    provider, constant = providers.HypothesisProvider, "_maybe_draw_constant"
    drawn, limit = getattr(provider, constant, None), getattr(engine, "MAX_SHRINKING_SECONDS", None)
    if drawn is not None:
        setattr(provider, constant, lambda *args, **kwargs: None)
    engine.MAX_SHRINKING_SECONDS = math.inf  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", RANDOM, HypothesisDeprecationWarning)
            yield
    finally:
        if drawn is not None:
            setattr(provider, constant, drawn)
        if limit is not None:
            engine.MAX_SHRINKING_SECONDS = limit
