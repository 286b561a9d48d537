"""Claims: what a function of a drawn setup and its trials is said to do, and how it is judged.

A claim function takes what was drawn and `trials`, and returns one truth value a trial. Nothing
here knows of networks or training: `tests/` judge coins.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from mrpcheck.diagrams import Diagram
from mrpcheck.profiles import PROFILES, Profile, current_profile, use_profile
from mrpcheck.seeds import digest
from mrpcheck.sourcing import SCHEME, code
from mrpcheck.stats import Budget, Levels, MeanWalk, Walk

__all__ = [
    "PROFILES",
    "Claim",
    "Profile",
    "at",
    "claim_of",
    "control",
    "current_profile",
    "name_setups",
    "on_average",
    "refuted",
    "use_profile",
    "with_probability",
]

Function = Callable[..., Any]
AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


@dataclass(frozen=True)
class Claim:
    """An event's probability, or a mean between `bounds`, is at least `at_least`, give or take.

    `kind` is "claim", "diagram" (a map of verdicts, see `phase_diagram`), or one of those that are
    expected to be REFUTED: "control" and "refuted" (for the reason in `because`). `named` are the
    draws that it is judged at and nowhere else: one for a control, any number for `at`, a cell's
    each for a `diagram`, None where Hypothesis draws. `quantity` is what a mean is the mean of, in
    the words of a sentence; `answers` what SUPPORTED and REFUTED mean, `headline` whether that
    stands for the file's whole answer (see `answering`).
    """

    function: Function
    at_least: float
    tolerance: float
    bounds: tuple[float, float] | None = None
    kind: str = "claim"
    named: tuple[Mapping[str, Any], ...] | None = None
    because: str | None = None
    quantity: str | None = None
    diagram: Diagram | None = None
    answers: tuple[str, str] | None = None
    headline: bool = False

    @property
    def name(self) -> str:
        """`module::function`; under pytest the node id takes its place."""
        return f"{self.function.__module__}::{self.function.__qualname__}"

    @property
    def statement(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.function) or "").strip().partition("\n")[0]

    @property
    def origin(self) -> str:
        """The `Origin:` lines of the docstring, or else of the module's."""
        module = inspect.getmodule(self.function)
        docs = (inspect.getdoc(self.function), module and inspect.getdoc(module))
        return next((found for doc in docs if (found := _origin(doc or ""))), "")

    @property
    def source(self) -> str:
        """A digest of the claim's code and numbers: a changed claim needs a fresh seed.

        Of the code its file's helpers and constants are a part, comments and docstrings are not.
        """
        try:
            text = code(self.function)
        except (OSError, TypeError):
            text = self.name
        return SCHEME + digest(text, self.at_least, self.tolerance, self.bounds)

    @property
    def expects_refutation(self) -> bool:
        """Whether only REFUTED is as it should be."""
        return self.kind in ("control", "refuted")

    @property
    def stage(self) -> str:
        """The stage of the setups that are judged to a verdict, whatever comes of them."""
        alone = {"control": "control", "diagram": "cell"}
        return alone.get(self.kind, "panel" if self.named is None else "named")

    def walk(self, levels: Levels) -> Walk | MeanWalk:
        """The judge of one path of outcomes, at one claim's error levels."""
        if self.bounds is None:
            return Walk(self.at_least, self.tolerance, levels)
        quantity = self.quantity or "mean"
        return MeanWalk(self.at_least, self.tolerance, self.bounds, levels, quantity)

    def names(self) -> tuple[str, ...]:
        """What the function takes beside `trials`."""
        return tuple(p for p in inspect.signature(self.function).parameters if p != "trials")


def with_probability(*, at_least: float, tolerance: float) -> Callable[[Function], Function]:
    """Claim that, at every drawn setup, the event has P >= `at_least`.

    What is shown, where the claim is SUPPORTED, is P > at_least - tolerance. The function
    returns a truth value a trial, or a signed margin (hit when >= 0).
    """
    Walk(at_least, tolerance, Budget().levels)
    return functools.partial(_claim, at_least=at_least, tolerance=tolerance, bounds=None)


def on_average(
    *, at_least: float, tolerance: float, bounds: tuple[float, float]
) -> Callable[[Function], Function]:
    """Claim that, at every drawn setup, the mean over trials is at least `at_least`.

    The function returns a number within `bounds` a trial; a failed trial takes the lower one.
    """
    MeanWalk(at_least, tolerance, bounds, Budget().levels)
    return functools.partial(_claim, at_least=at_least, tolerance=tolerance, bounds=bounds)


def control(**named: Any) -> Callable[[Function], Function]:
    """Expect the claim below to be REFUTED at the one setup named here: a run without power fails.

    >>> @control(side=0.5)
    ... @with_probability(at_least=0.9, tolerance=0.1)
    ... def test_a_fair_coin_is_found_out(side, trials):
    ...     return [trials.generator("coin", t, "toss").random() < side for t in trials.numbers]
    """

    def mark(test: Function) -> Function:
        return name_setups(test, "control", [named], kind="control")

    return mark


def at(**named: Any) -> Callable[[Function], Function]:
    """Judge the claim below at exactly the setups named here, in the place of `@given`.

    A list names several, each judged to a verdict: SUPPORTED needs all of them, and REFUTED is
    one that is confirmed on fresh trials. Lists for several arguments go together, one of each
    a setup; any other value goes with all. Nothing is drawn or searched, so nothing is said of
    the rest of a regime.

    >>> @at(side=[0.95, 0.99])
    ... @with_probability(at_least=0.9, tolerance=0.1)
    ... def test_two_loaded_coins(side, trials):
    ...     return [trials.generator("coin", t, "toss").random() < side for t in trials.numbers]
    """

    def mark(test: Function) -> Function:
        claim = _nameable(test, "at", named)
        return name_setups(test, "at", _draws(named, claim.name))

    return mark


def name_setups(
    test: Function, by: str, draws: Sequence[Mapping[str, Any]], **fields: Any
) -> Function:
    """The claim that `test` carries, judged at `draws` alone: what decorators are made of."""
    claim = _nameable(test, by, draws[0] if draws else {})
    return _test(replace(claim, named=tuple(dict(draw) for draw in draws), **fields))


def refuted(*, because: str) -> Callable[[AnyFunction], AnyFunction]:
    """Expect the claim below to be REFUTED, for a reason; the suite fails the day it is not."""

    def mark(test: AnyFunction) -> AnyFunction:
        claim = replace(_marked(test, "refuted"), kind="refuted", because=because)
        test.mrpcheck_claim = claim  # type: ignore[attr-defined]
        return test

    return mark


def claim_of(test: object) -> Claim | None:
    """The claim that a decorated test carries, or the claim itself."""
    if isinstance(test, Claim):
        return test
    claim = getattr(test, "mrpcheck_claim", None)
    return claim if isinstance(claim, Claim) else None


def _claim(
    function: Function,
    *,
    at_least: float,
    tolerance: float,
    bounds: tuple[float, float] | None,
) -> Function:
    where = f"{function.__module__}::{function.__qualname__}"
    if hasattr(function, "is_hypothesis_test"):
        raise TypeError(f"@given = inside the claim, but should be outside it [{where}]")
    if "trials" not in inspect.signature(function).parameters:
        raise TypeError(f"arguments = no `trials`, but should have it [{where}]")
    return _test(Claim(function, at_least, tolerance, bounds))


def _test(claim: Claim) -> Function:
    """What pytest collects: it asks for neither `trials` nor what a control names."""

    def test(**draw: Any) -> Any:
        raise TypeError(
            f"{claim.name} = called, but should be judged: by pytest with the mrpcheck plugin, "
            "or by mrpcheck.judging.judge"
        )

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(test, name, getattr(claim.function, name))
    given = {"trials", *(claim.named or ({},))[0]}
    signature = inspect.signature(claim.function)
    kept = [p for p in signature.parameters.values() if p.name not in given]
    test.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    test.mrpcheck_claim = claim  # type: ignore[attr-defined]
    test.pytestmark = list(getattr(claim.function, "pytestmark", ()))  # type: ignore[attr-defined]
    return test


def _marked(test: Function, by: str) -> Claim:
    claim = claim_of(test)
    if claim is None:
        name = getattr(test, "__qualname__", repr(test))
        raise TypeError(f"@{by} = above {name}, but should be above a claim")
    if claim.kind != "claim":
        kind = "phase_diagram" if claim.kind == "diagram" else claim.kind
        raise TypeError(f"@{by} = above @{kind}, but should stand alone [{claim.name}]")
    return claim


def _nameable(test: Function, by: str, named: Mapping[str, Any]) -> Claim:
    """The claim that `test` carries, if it takes what is `named` and nothing else gives it."""
    claim = _marked(test, by)
    if hasattr(test, "is_hypothesis_test"):
        raise TypeError(f"@{by} = above @given, but should be without it [{claim.name}]")
    if claim.named is not None:
        raise TypeError(f"@{by} = above @at, but should be without it [{claim.name}]")
    if not named or not set(named) <= set(claim.names()):
        raise TypeError(
            f"@{by} = names {', '.join(named) or 'nothing'}, but should name what the "
            f"claim takes: {', '.join(claim.names())} [{claim.name}]"
        )
    return claim


def _draws(named: Mapping[str, Any], where: str) -> tuple[dict[str, Any], ...]:
    """One draw for each place in the lists among the values; one where there is no list."""
    sizes = {name: len(value) for name, value in named.items() if isinstance(value, list)}
    if len(set(sizes.values())) > 1 or 0 in sizes.values():
        names, counts = ", ".join(sizes), ", ".join(map(str, sizes.values()))
        wanted = "as many setups each, and one at least"
        raise ValueError(f"len({names}) = {counts}, but should be {wanted} [@at, {where}]")
    columns: list[Sequence[Any]] = [
        value if name in sizes else [value] * max(sizes.values(), default=1)
        for name, value in named.items()
    ]
    return tuple(dict(zip(named, row, strict=True)) for row in zip(*columns, strict=True))


def _origin(doc: str) -> str:
    lines = iter(doc.splitlines())
    for line in lines:
        if line.strip().startswith("Origin:"):
            rest = _until_blank(lines)
            return " ".join([line.strip().removeprefix("Origin:").strip(), *rest]).strip()
    return ""


def _until_blank(lines: Iterable[str]) -> list[str]:
    found = []
    for line in lines:
        if not line.strip():
            break
        found.append(line.strip())
    return found
