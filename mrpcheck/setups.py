"""`Setup`: a distribution, a net, an objective and a recipe; JSON both ways.

A setup is frozen, hashable and printable, and the unit of replay: with a run seed, a stream and a
trial's number it names every random number of a training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

from mrpcheck.clocks import GradientFlow
from mrpcheck.data import Data, data_kinds, late_words
from mrpcheck.encoders import is_local
from mrpcheck.nets import PLAIN, Net
from mrpcheck.objectives import MaskedPixels, Objective, OwnObjective, systems
from mrpcheck.plain import part_of, plain
from mrpcheck.recipes import Recipe, standard_recipe
from mrpcheck.seeds import digest
from mrpcheck.views import MultiView

__all__ = ["Recipe", "Setup", "standard_recipe"]

SCHEMA = "mrpcheck/setup/1"


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A multi-view distribution, a net, an objective and a recipe.

    `objective` may be a function of (kernels, patches), differentiated by autograd (see
    `OwnObjective`). `key` names the setup's random numbers: the digest of its content, or, for
    a setup derived from another, the other's (so that both arms of a comparison see the same data).
    """

    data: MultiView | Any = field(default_factory=MultiView)  # or any other `Data`
    net: Net = field(default_factory=Net)
    objective: Objective = field(default_factory=MaskedPixels)
    recipe: Recipe = field(default_factory=Recipe)
    parent: str | None = None

    def __post_init__(self) -> None:
        if callable(self.objective) and not isinstance(self.objective, OwnObjective):
            object.__setattr__(self, "objective", OwnObjective(self.objective))
        for name, kind in (
            ("data", Data),
            ("net", Net),
            ("objective", Objective),
            ("recipe", Recipe),
        ):
            if not isinstance(getattr(self, name), kind):
                should = getattr(kind, "__name__", "an objective or a function")
                raise TypeError(f"{name} = {getattr(self, name)!r}, but should be {should} [Setup]")
        if self.recipe.flow is not None:
            _check_flow(self.objective)
        _check_body(self.net, self.objective)

    @cached_property
    def key(self) -> str:
        """What the setup's random numbers are keyed by: 32 hexadecimal digits."""
        return self.parent or self.digest

    @cached_property
    def digest(self) -> str:
        """A name for the setup's content, parent aside."""
        content = self.to_json()
        content.pop("parent", None)
        return digest(content)

    @property
    def kernels(self) -> int:
        """km, the number of kernels."""
        return self.net.kernels_per_class * self.data.classes

    def replace(self, **changes: Any) -> Setup:
        """A new setup with new random numbers; `changes` name fields of any of the four parts."""
        return self._changed(None, changes)

    def derive(self, **changes: Any) -> Setup:
        """A changed setup on the same random numbers: another arm, a decoder, a ladder's step."""
        return self._changed(self.key, changes)

    def standard(self) -> Setup:
        """The same setup with the standard recipe for its data, net and objective."""
        samples, flow = self.recipe.samples, self.recipe.flow
        recipe = standard_recipe(self.data, self.net, self.objective, samples, flow)
        return replace(self, recipe=replace(recipe, labels=self.recipe.labels))

    def _changed(self, parent: str | None, changes: dict[str, Any]) -> Setup:
        parts: dict[str, Any] = {
            name: changes.pop(name, getattr(self, name))
            for name in ("data", "net", "objective", "recipe")
        }
        for part, value in list(parts.items()):
            plain = is_dataclass(value) and not isinstance(value, (OwnObjective, type))
            names = {f.name for f in fields(value)} if plain else set()
            mine = {name: changes.pop(name) for name in names & changes.keys()}
            parts[part] = replace(value, **mine) if mine else value
        if changes:
            raise TypeError(
                f"{next(iter(changes))} = {next(iter(changes.values()))!r}, but should be a field "
                "of the data, net, objective or recipe [Setup.replace]"
            )
        return Setup(**parts, parent=parent)

    def to_json(self) -> dict[str, Any]:
        """Plain values only; a user's own objective is named, not written."""
        if isinstance(self.objective, OwnObjective):
            named = {"type": "function", "name": self.objective.name}
            named["digest"] = self.objective.source_digest
        else:
            named = {"type": type(self.objective).__name__, **plain(self.objective)}
        content = {
            "schema": SCHEMA,
            "data": _data(self.data),
            "net": plain(self.net),
            "objective": named,
            "recipe": _clocked(self.recipe),
        }
        return content if self.parent is None else {**content, "parent": self.parent}

    @classmethod
    def from_json(cls, content: str | dict[str, Any], objective: Any = None) -> Setup:
        """Read what `to_json` wrote; a user's own `objective` must be handed over.

        Raises ValueError with one sentence where `content` is not a setup.
        """
        if isinstance(content, str):
            try:
                content = json.loads(content)
            except (ValueError, RecursionError) as error:
                raise ValueError(
                    f"text = not JSON ({error}), but should be a setup [Setup.from_json]"
                ) from None
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            found = content.get("schema") if isinstance(content, dict) else type(content).__name__
            raise ValueError(f"schema = {found!r}, but should be {SCHEMA!r} [Setup.from_json]")
        extra = content.keys() - {"schema", "data", "net", "objective", "recipe", "parent"}
        if extra:
            raise ValueError(f"{min(extra)} = ..., but should not be there [Setup.from_json]")
        parent = content.get("parent")
        if parent is not None and not isinstance(parent, str):
            raise ValueError(
                f"parent = {parent!r}, but should be a key or absent [Setup.from_json]"
            )
        return cls(
            data=_data_of(content.get("data")),
            net=part_of(Net, content, "net"),
            objective=_objective(content.get("objective"), objective),
            recipe=_recipe(content),
            parent=parent,
        )

    def __str__(self) -> str:
        d, n, r = self.data, self.net, self.recipe
        what = self.objective.name if isinstance(self.objective, OwnObjective) else self.objective
        return (
            f"{d.words()}; m={n.kernels_per_class} q={n.power:g} r={n.threshold:g} "
            f"sigma_0={n.init_scale:g}{late_words(n)}; {what}; N={r.samples}{late_words(r)}, {r}"
        )

    def _repr_html_(self) -> str:
        from mrpcheck.displays import setup_html

        return setup_html(self)


def _check_flow(objective: Objective) -> None:
    """Raise ValueError where the objective changes from step to step and has no flow."""
    for name, value in (("teacher", "ema"), ("masks", "sampled")):
        if getattr(objective, name, None) == value:
            raise ValueError(
                f"{name} = {value!r}, but should be another one along a gradient flow: "
                "it changes by the step [Setup]"
            )
    if objective.stepwise:
        raise ValueError(
            f"objective = {objective}, but should be another one along a gradient flow: "
            "it changes by the step [Setup]"
        )


def _check_body(net: Net, objective: Objective) -> None:
    """Raise ValueError where the objective has no loss for the encoder's body."""
    if net.body == PLAIN:
        return
    if isinstance(objective, OwnObjective):
        raise ValueError(
            f"body = {net.body!r}, but should be {PLAIN!r}: a function sees the kernels alone "
            "[Setup]"
        )
    expected = getattr(objective, "keep", 1.0) < 1 and objective.masks == "exact"
    if expected and not is_local(net):
        raise ValueError(
            f"masks = 'exact', but should be 'sampled' with body {net.body!r}: a patch's outputs "
            "depend on the others there, so the expectation over masks has no closed form [Setup]"
        )


def _recipe(content: dict[str, Any]) -> Recipe:
    """The recipe of a setup's JSON object, whose `clock` is absent or a gradient flow."""
    values = content.get("recipe")
    if not isinstance(values, dict) or "clock" not in values:
        return part_of(Recipe, content, "recipe")
    clock = values["clock"]
    if not isinstance(clock, dict) or clock.get("type") != "GradientFlow":
        raise ValueError(
            f"recipe.clock = {clock!r}, but should be absent or of type 'GradientFlow' "
            "[Setup.from_json]"
        )
    rest = {name: value for name, value in clock.items() if name != "type"}
    flow = part_of(GradientFlow, {"recipe.clock": rest}, "recipe.clock")
    rest = {name: value for name, value in values.items() if name != "clock"}
    return replace(part_of(Recipe, {"recipe": rest}, "recipe"), clock=flow)


def _objective(content: Any, given: Any) -> Any:
    if not isinstance(content, dict) or "type" not in content:
        raise ValueError(f"objective = {content!r}, but should name its type [Setup.from_json]")
    if content["type"] == "function":
        own = OwnObjective(given) if given is not None else None
        if own is None or own.source_digest != content.get("digest"):
            should = "handed over" if own is None else "the function that was recorded"
            raise ValueError(
                f"objective = function {content.get('name')!r}, but should be {should} "
                "[Setup.from_json]"
            )
        return own
    return _typed(systems(), content, "objective", " or 'function'")


def _typed(kinds: Mapping[str, type], content: dict[str, Any], name: str, more: str = "") -> Any:
    """A part whose JSON object names its type."""
    kind, rest = content["type"], {n: value for n, value in content.items() if n != "type"}
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(
            f"{name} type = {kind!r}, but should be one of {sorted(kinds)}{more} [Setup.from_json]"
        )
    return part_of(kinds[kind], {name: rest}, name)


def _data(data: Data) -> dict[str, Any]:
    """Any data but multi-view ones, which were there first, name their type."""
    own = {} if isinstance(data, MultiView) else {"type": type(data).__name__}
    return {**own, **plain(data)}


def _data_of(content: Any) -> Data:
    if isinstance(content, dict) and "type" in content:
        return _typed(data_kinds(), content, "data")
    return part_of(MultiView, {"data": content}, "data")


def _clocked(recipe: Recipe) -> dict[str, Any]:
    values = plain(recipe)
    clock = values.pop("clock")
    if clock is not None:
        values["clock"] = {"type": type(clock).__name__, **plain(clock)}
    return values
