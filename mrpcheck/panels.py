"""The panel: setups drawn i.i.d. from the regimes, the same for every claim of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from mrpcheck.draws import Draw, json_of
from mrpcheck.hearing import Hearing
from mrpcheck.seeds import digest

__all__ = ["panel_digest", "panel_of"]


def panel_of(hearing: Hearing) -> Sequence[Draw]:
    """The setups that a claim is judged at whatever the search finds: the panel, or those named."""
    claim, run = hearing.claim, hearing.run
    if claim.named is not None:
        return claim.named
    names = [n for n in claim.names() if n not in hearing.fixed]
    if not names or set(names) - set(hearing.regimes):
        return []
    columns = [
        hearing.regimes[name].sample(run.profile.panel, _seed(run.seed, place, name))
        for place, name in enumerate(names)
    ]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def panel_digest(draws: Sequence[Draw]) -> str:
    """A digest of the setups: an edited regime gives others, and needs a fresh seed."""
    text = json.dumps([json_of(draw) for draw in draws], sort_keys=True)
    return digest(re.sub(r" at 0x[0-9a-f]+", "", text))  # where an object lies says nothing of it


def _seed(seed: int, place: int, name: str) -> int:
    """The run's seed for the first argument; others must not repeat its random numbers."""
    return seed if place == 0 else int(digest("panel", seed, name, size=6), 16)
