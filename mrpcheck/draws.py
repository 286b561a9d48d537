"""What was drawn for a claim: by name, with a key, JSON, and the regime it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from mrpcheck.seeds import digest

__all__ = ["Draw", "Regime", "identity", "json_of", "key_of"]

Draw = Mapping[str, Any]


class Regime(Protocol):
    """What a strategy's `regime` offers: a panel, and a way toward its heart."""

    def sample(self, n: int, seed: int) -> Sequence[Any]:
        """The first n setups of the panel that belongs to `seed`."""

    def violations(self, setup: Any) -> Sequence[str]:
        """Sentences: what the setup violates."""

    def toward_heart(self, setup: Any) -> Iterator[Any]:
        """Simpler setups, one coordinate moved at a time."""

    def describe(self, setup: Any) -> str:
        """The setup in words."""


def identity(draw: Draw) -> str:
    """A name for exactly this draw: setups that share a key, and so their trials, still differ."""
    return digest(key_of(draw), json_of(draw))


def key_of(draw: Draw) -> str:
    """The drawn setup's own key, or a digest where something else was drawn."""
    values = list(draw.values())
    key = getattr(values[0], "key", None) if len(values) == 1 else None
    return key if isinstance(key, str) else digest(json_of(draw))


def json_of(draw: Draw) -> Any:
    """A draw of one `setup` is that setup's JSON; any other draw an object by name."""
    if tuple(draw) == ("setup",):
        return _json(draw["setup"])
    return {name: _json(value) for name, value in draw.items()}


def _json(value: Any) -> Any:
    if hasattr(value, "to_json"):
        return value.to_json()
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        return repr(value)
