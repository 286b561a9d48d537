"""Every system of the package at one setup: what tables over all systems are judged at.

A system is a variant of an objective (`Objective.variants`). Its setup is the heart of the theorem
regime of masked pixels with that objective and its own standard recipe: the data, the network and
every random number are the same for all.
"""

from __future__ import annotations

from mrpcheck.objectives import Objective, systems
from mrpcheck.setups import Setup
from mrpcheck.theorems import pixels_regime

__all__ = ["system_setup", "system_setups", "variants"]


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
