"""The error rates of a whole run, and the share of them that each claim may spend."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Budget", "Levels"]


def _check_rate(name: str, rate: float, where: str) -> None:
    if not 0 < rate < 0.5:
        raise ValueError(f"{name} = {rate:g}, but should be in (0, 0.5) [{where}]")


@dataclass(frozen=True)
class Levels:
    """The two error rates of one judgement.

    false_support  largest probability of SUPPORTED although P <= at_least - tolerance
    false_refute   largest probability of REFUTED although P >= at_least
    """

    false_support: float
    false_refute: float

    def __post_init__(self) -> None:
        _check_rate("false_support", self.false_support, "Levels")
        _check_rate("false_refute", self.false_refute, "Levels")


@dataclass(frozen=True)
class Budget:
    """The two error rates of a run of up to `claims` claims.

    Every claim has the fixed level rate / claims, however many were collected, so that a
    selection of tests changes no verdict.

    >>> Budget(false_support=0.05, false_refute=0.001, claims=50).levels
    Levels(false_support=0.001, false_refute=2e-05)
    """

    false_support: float = 0.05
    false_refute: float = 0.001
    claims: int = 64

    def __post_init__(self) -> None:
        _check_rate("false_support", self.false_support, "Budget")
        _check_rate("false_refute", self.false_refute, "Budget")
        if self.claims < 1:
            raise ValueError(f"claims = {self.claims}, but should be at least 1 [Budget]")

    @property
    def levels(self) -> Levels:
        """The levels of one claim."""
        return Levels(self.false_support / self.claims, self.false_refute / self.claims)

    def refusal(self, collected: int) -> str | None:
        """Why `collected` claims cannot share this budget, or None when they can."""
        if collected <= self.claims:
            return None
        return (
            f"claims = {collected}, but should be at most {self.claims}, "
            "the number that the run's error budget is divided by [Budget]"
        )
