"""Every system of the package at one setup: what tables over all systems are judged at.

A system is a variant of an objective (`Objective.variants`). Its setup is the heart of the theorem
regime of masked pixels with that objective and its own standard recipe: the data, the network and
every random number are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from mrpcheck.departures import DEPARTURES, asked
from mrpcheck.events import Captured
from mrpcheck.objectives import MaskedLatents, MaskedPixels, Objective, systems
from mrpcheck.recipes import Recipe
from mrpcheck.regimes import Inequality, Regime
from mrpcheck.setups import Setup
from mrpcheck.theorems import latents_regime, pixels_regime

__all__ = ["end_of", "system_regime", "system_setup", "system_setups", "variants"]

Sides = Callable[[Setup], tuple[float, float]]


def variants() -> dict[str, Objective]:
    """Every system by name, in the order of the names."""
    found = {n: o for kind in systems().values() for n, o in kind.variants().items()}
    return dict(sorted(found.items()))


def system_setup(name: str) -> Setup:
    """The setup of one system; ValueError where there is none of that name."""
    known = variants()
    if name not in known:
        raise ValueError(f"system = {name!r}, but should be one of {', '.join(known)}")
    return pixels_regime().heart.derive(objective=known[name]).standard()


def system_setups() -> dict[str, Setup]:
    """The setups of all systems by name."""
    return {name: system_setup(name) for name in variants()}


def end_of(setup: Setup) -> Captured | None:
    """What `pretrain(setup, trials, until=...)` takes as the end of a system's pretraining.

    None, the recipe's end; or, where there is no such end, the step at which every feature is
    captured: masked latents that predict the sum of the patches run away soon after it under a
    teacher that follows them, since kernels that hold several features grow without bound. Origin:
    derived, see `critical`.
    """
    own = setup.objective
    if not isinstance(own, MaskedLatents) or own.normalised or own.teacher == "frozen":
        return None
    return Captured() if own.context == "pooled" else None


def system_regime(name: str, profile: str = "quick", **changes: Any) -> Regime:
    """Where the theorems are asked of a system: the data and networks of the theorem regimes.

    `changes` name fields of any part of a setup that stay as given, such as `body="residual"` or
    `tails="student"`: the conditions that they leave give way to what is asked.

    Masked latents under a scaled teacher have a regime of their own, since growth depends on the
    teacher; any other objective takes that of masked pixels: its inequalities on data and network
    are the theorem's, whatever is trained. Rate and steps are those of the system's own recipe,
    whose reasons its `recipe` gives. Origin: conditions as in `conditions`; the transfer ours.
    """
    heart = system_setup(name).derive(**changes)
    own: Any = heart.objective
    latents = isinstance(own, MaskedLatents) and own.teacher == "scaled"
    base = latents_regime(profile, own.context) if latents else pixels_regime(profile)
    names = {f.name for f in fields(own)} & set(base.coordinates)

    def place(setup: Setup) -> Setup:
        """A drawn setup with this system's objective, and what was drawn of its hyperparameters."""
        drawn = {name: getattr(setup.objective, name) for name in names}
        return setup.replace(objective=replace(own, **drawn)).derive(**changes).standard()

    left = {n: value for n, value in changes.items() if n in DEPARTURES}
    gone = {"rate", "steps", *(DEPARTURES[n].name for n in left)}
    kept = [i for i in base.inequalities if i.name not in gone]
    if not latents:
        kept = [replace(i, sides=_of_pixels(i.sides)) for i in kept]
    return replace(
        base,
        name=", ".join([f"{base.name}: {name}", *(f"{n} {v}" for n, v in changes.items())]),
        heart=heart,
        draw=lambda pick: place(base.draw(pick)),
        inequalities=(*kept, *(asked(n, value) for n, value in left.items()), *RECIPE),
    )


def _of_pixels(sides: Sides) -> Sides:
    """An inequality of masked pixels, asked of a setup with another objective."""
    return lambda setup: sides(setup.derive(objective=MaskedPixels()))


def _recipe(setup: Setup) -> Recipe:
    return setup.standard().recipe


RECIPE = (
    Inequality(
        "rate of the standard recipe",
        lambda s: (s.recipe.rate, _recipe(s).rate),
        "the step must be stable for this system",
        "ours, see its `recipe`",
    ),
    Inequality(
        "steps of the standard recipe",
        lambda s: (_recipe(s).steps, s.recipe.steps),
        "training must reach its end",
        "ours, see its `recipe`",
    ),
)
