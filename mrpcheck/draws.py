"""What was drawn for a claim: by name, with a key, JSON, and the regime it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from mrpcheck.seeds import digest

if TYPE_CHECKING:
    from mrpcheck.claims import Claim

__all__ = ["Draw", "Regime", "draw_of", "identity", "json_of", "key_of"]

Draw = Mapping[str, Any]


class Regime(Protocol):
    """What a strategy's `regime` offers: a panel, and a way toward its heart.

    One whose setups are objects of its own may offer `from_json(content)` too, the inverse of
    their `to_json()`: records of such setups are read back by it.
    """

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


def draw_of(claim: Claim, regimes: Mapping[str, Regime], content: Any) -> Draw:
    """The draw that `json_of` wrote as `content`; one sentence where it cannot be read back.

    What the claim names itself is taken from there, so a function as an objective is the claim's
    own; otherwise `content` is nothing but values, and names no code.
    """
    for own in claim.named or ():
        if json_of(own) == content:
            return dict(own)
    names = claim.names()
    if isinstance(content, dict) and content.keys() - {"setup"} and content.keys() <= {*names}:
        written = content
    elif "setup" in names:
        written = {"setup": content}
    else:
        raise ValueError(f"setup = {_short(content)}, but should hold {', '.join(names)} by name")
    draw = {name: _value(name, value, regimes.get(name)) for name, value in written.items()}
    if json_of(draw) != content:
        raise ValueError(
            f"setup = {_short(content)}, but should be written as {_short(json_of(draw))}"
        )
    return draw


def _value(name: str, content: Any, regime: Regime | None) -> Any:
    """One argument from what `_json` wrote."""
    read = getattr(regime, "from_json", None)
    if read is None and isinstance(content, dict) and _is_setup(content):
        from mrpcheck.setups import Setup  # only where there is one: claims know nothing of nets

        heart = getattr(getattr(regime, "heart", None), "objective", None)
        own = getattr(heart, "function", None)
        read = lambda content: Setup.from_json(content, own)  # noqa: E731
    if read is not None:
        try:
            return read(content)
        except ValueError:
            raise
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise ValueError(f"{name} = {what}, but should be what was drawn") from error
    if isinstance(content, dict) and content.keys() == {"repr"}:
        raise ValueError(f"{name} = {content['repr']}, but should be something that JSON can carry")
    if regime is not None and any(hasattr(s, "to_json") for s in regime.sample(1, 0)):
        raise ValueError(
            f"{name} = {_short(content)}, but should be read by a from_json of its regime"
        )
    return content


def _is_setup(content: Mapping[str, Any]) -> bool:
    return str(content.get("schema")).startswith("mrpcheck/setup/")


def _json(value: Any) -> Any:
    if hasattr(value, "to_json"):
        return value.to_json()
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        return {"repr": repr(value)}  # for a reader; it cannot be read back


def _short(content: Any) -> str:
    text = json.dumps(content)
    return text if len(text) <= 80 else text[:77] + "..."
