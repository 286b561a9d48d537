"""What a walk concludes: a verdict with its evidence, whose text is a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["Judgement", "Verdict", "sentence"]

Verdict = Literal["SUPPORTED", "REFUTED", "UNDECIDED"]


@dataclass(frozen=True)
class Judgement:
    """The verdict on one setup, and the evidence it rests on.

    verdict         None while undecided with budget left
    trials          those counted: up to the look that decided, or the last look
    hits            None for a mean
    estimate        hits / trials or the mean of the counted trials; None before the first look
    lower, upper    the inverted e-processes: lower > at_least - tolerance exactly when
                    P <= at_least - tolerance is rejected, upper < at_least exactly when
                    P >= at_least is (should both happen at one look, REFUTED outranks)
    log_e_support   largest log e-value at any look, of which a decision is made; at most 1e9,
    log_e_refute    so that any record can hold it
    last_log_e_...  the same at the last look
    quantity        what a sentence calls it; None: P, or mean where there are no hits
    """

    verdict: Verdict | None
    trials: int
    hits: int | None
    estimate: float | None
    lower: float
    upper: float
    log_e_support: float
    log_e_refute: float
    last_log_e_support: float
    last_log_e_refute: float
    at_least: float
    tolerance: float
    quantity: str | None = None

    @property
    def text(self) -> str:
        """The judgement as a sentence; see `sentence`."""
        return sentence(self)


def sentence(judgement: Judgement, where: str = "") -> str:
    """`P in [0.32, 0.78] from 36/64 trials, but should be >= 0.95 [where]`.

    The interval is rounded outward, to as many decimals as the verdict needs to show in it.
    A mean is called `mean` or by its `quantity`, and has no hits.
    """
    j = judgement
    name = j.quantity or ("mean" if j.hits is None else "P")
    count = f"{j.trials}" if j.hits is None else f"{j.hits}/{j.trials}"
    weak = round(j.at_least - j.tolerance, 12) + 0.0  # 0.3 - 0.2 is 0.1 to a reader
    above, below = f"{name} > {weak:g}", f"{name} < {j.at_least:g}"
    ending = {
        "SUPPORTED": f"which shows {above}",
        "REFUTED": f"but should be >= {j.at_least:g}",
        "UNDECIDED": f"which shows neither {above} nor {below}",
        None: f"which shows neither {above} nor {below} yet",
    }[j.verdict]
    tail = f" [{where}]" if where else ""
    return f"{name} in {_interval(j)} from {count} trials, {ending}{tail}"


def _interval(j: Judgement) -> str:
    for decimals in range(2, 9):
        unit = 10.0**-decimals
        lower = math.floor(j.lower / unit + 1e-9) * unit
        upper = math.ceil(j.upper / unit - 1e-9) * unit
        hidden = (j.lower > j.at_least - j.tolerance >= lower - unit * 1e-6) or (
            j.upper < j.at_least <= upper + unit * 1e-6
        )
        if not hidden:
            break
    return f"[{lower + 0.0:.{decimals}f}, {upper + 0.0:.{decimals}f}]"
