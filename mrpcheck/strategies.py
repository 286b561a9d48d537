"""Hypothesis strategies for setups: simple means deep inside the regime.

The heart of a regime is what Hypothesis tries first and shrinks toward; the draw moves outward from
it, hyperparameter by hyperparameter, and every draw is inside by construction.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mrpcheck.profiles import current_profile
from mrpcheck.regimes import Range, Regime
from mrpcheck.setups import Setup
from mrpcheck.theorems import (
    latents_regime,
    pixels_regime,
    small_latents_regime,
    small_pixels_regime,
)

__all__ = [
    "header",
    "latents_setups",
    "regimes_setups",
    "setups",
    "small_latents_setups",
    "small_setups",
    "systems_setups",
]

REGIMES = {
    "pixels": pixels_regime,
    "latents": latents_regime,
    "small pixels": small_pixels_regime,
    "small latents": small_latents_regime,
}
STEPS = 128  # a draw lies on a grid of this many steps from one end of a range to the other


def setups() -> SearchStrategy[Setup]:
    """Setups of the theorem regime for masked pixels (context patch, tied decoder)."""
    return regimes_setups(_regime("pixels", current_profile().name))


def latents_setups() -> SearchStrategy[Setup]:
    """Setups of the theorem regime for masked latents (context pooled, scaled teacher)."""
    return regimes_setups(_regime("latents", current_profile().name))


def small_setups() -> SearchStrategy[Setup]:
    """Setups with a small initialisation, masked pixels, followed along the gradient flow."""
    return regimes_setups(_regime("small pixels", current_profile().name))


def small_latents_setups() -> SearchStrategy[Setup]:
    """Setups with a small initialisation, masked latents, followed along the gradient flow."""
    return regimes_setups(_regime("small latents", current_profile().name))


def systems_setups(name: str, **changes: Any) -> SearchStrategy[Setup]:
    """Setups of the regime of a system by its name in tables (`mrpcheck.systems.variants`).

    `changes` leave the papers' data or network: `body="residual", masks="sampled"`.
    """
    from mrpcheck.systems import system_regime

    return regimes_setups(system_regime(name, current_profile().name, **changes))


def regimes_setups(regime: Regime) -> SearchStrategy[Setup]:
    """Setups of any `regime`; a claim over it judges the regime's panel before Hypothesis draws."""

    @st.composite
    def outward(draw: Any) -> Setup:
        return regime.draw(lambda name, range_, heart: draw(_around(range_, heart)))

    strategy = outward()
    strategy.regime = regime  # type: ignore[attr-defined]
    return strategy


def header(profile: str) -> list[str]:
    """One line a regime: where the profile's regime is narrower than the full one."""
    return [f"regime {_regime(kind, profile).note}" for kind in REGIMES]


@lru_cache
def _regime(kind: str, profile: str) -> Regime:
    return REGIMES[kind](profile)


def _around(range_: Range, heart: Any) -> SearchStrategy[Any]:
    """Values of a range, simplest at the heart (or at the value nearest to it).

    A range with a single value still costs a choice: Hypothesis finds fewer choices simpler, and
    would shrink away from the heart, toward setups whose other ranges have collapsed.
    """
    heart = range_.clip(heart)
    if range_.choices:
        others = [choice for choice in range_.choices if choice != heart]
        return st.sampled_from([heart, *(others or [heart])])
    if range_.whole:
        low, high = range_.ends
        offsets = st.integers(low - heart, max(high - heart, low - heart + 1))
        return offsets.map(lambda off: range_.clip(heart + off))
    below, above = _steps(range_, heart)
    return st.integers(-below, above).map(
        lambda off: _outward(range_, heart, off / (above if off > 0 else max(below, 1)))
    )


def _steps(range_: Range, heart: float) -> tuple[int, int]:
    """The grid's steps on either side of the heart: as many as its share of the natural scale."""
    scale = math.log if range_.log else float
    low, high, middle = scale(range_.low), scale(range_.high), scale(heart)
    below = round(STEPS * (middle - low) / (high - low)) if high > low else 0
    return below, STEPS - below


def _outward(range_: Range, heart: float, share: float) -> float:
    """`share` of the way from the heart to the upper (> 0) or the lower end, in natural scale."""
    end = range_.high if share > 0 else range_.low
    if share == 0:
        return heart
    if range_.log:
        value = heart * (end / heart) ** abs(share)
    else:
        value = heart + (end - heart) * abs(share)
    return float(range_.clip(float(f"{value:.3g}")))
