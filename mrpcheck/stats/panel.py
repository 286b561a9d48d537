"""What a panel of setups, sampled at random from a regime, says about the whole of it."""

from __future__ import annotations

from scipy.special import betaincinv

__all__ = ["panel_share"]


def panel_share(setups: int, misses: int, false_support: float, confidence: float = 0.95) -> float:
    """Lower bound, at `confidence`, on the share of the regime that satisfies P > p - e.

    `misses` of the `setups` did not come out SUPPORTED. A setup comes out supported with
    probability at most q = f + (1 - f) a, where f is the share and a = `false_support` the level
    of one setup; the Clopper-Pearson bound of q ((1 - confidence)^(1/n) without a miss) is
    solved for f.

    >>> [round(panel_share(n, 0, 0.005), 2) for n in (8, 28, 59)]
    [0.69, 0.9, 0.95]
    """
    if not 0 <= misses <= setups or setups < 1:
        raise ValueError(f"misses = {misses} of {setups}, but should be in [0, setups] [panel]")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence:g}, but should be in (0, 1) [panel]")
    if misses == setups:
        return 0.0
    supported = float(betaincinv(setups - misses, misses + 1, 1 - confidence))
    return max(0.0, (supported - false_support) / (1 - false_support))
