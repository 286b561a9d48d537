"""Where samples come from: the base of every distribution, and a batch of samples with its truth.

`views.MultiView` is the theorem's distribution. Any other is a file of this package: a frozen
dataclass that is a `Data` and whose fields, all with defaults, are its hyperparameters. Nothing
lists it: its class name is what setups write.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.seeds import Trials

__all__ = ["Data", "Kind", "Samples", "data_kinds", "late_words"]

Kind = Literal["mixed", "multi-view", "single-view"]


@dataclass(frozen=True, eq=False)
class Samples:
    """A batch of trials' samples, with the ground truth of every patch.

    x (trial, sample, patch, dim), label (trial, sample), single_view (trial, sample) bool,
    feature (trial, sample, patch): the feature a patch holds, -1 for none,
    strength (trial, sample, patch): its z_p, 0 for none, features (trial, feature, dim).
    Where no truth is known, features has no rows and every patch holds -1.
    """

    x: Tensor
    label: Tensor
    single_view: Tensor
    feature: Tensor
    strength: Tensor
    features: Tensor

    @property
    def bytes(self) -> int:
        """What the batch takes."""
        parts = [getattr(self, name) for name in self.__dataclass_fields__]
        return sum(part.numel() * part.element_size() for part in parts)

    def trial(self, index: int) -> Samples:
        """One trial of the batch, its leading axis kept."""
        at = slice(index, index + 1)
        return Samples(*(getattr(self, name)[at] for name in self.__dataclass_fields__))


class Data:
    """Base of every distribution of samples: P patches of R^d each, with a label below `classes`.

    views  features a class owns; 0 where no features are known
    """

    classes: int
    views: int
    dim: int
    patches: int

    def samples(self, key: str, trials: Trials, size: int, kind: Kind, purpose: str) -> Samples:
        """`size` samples of each trial, from the streams of (setup `key`, trial, `purpose`)."""
        raise NotImplementedError

    def basis(self, key: str, trials: Trials) -> Tensor:
        """The features of each trial, (trial, feature, dim), row f // V the class."""
        raise ValueError(
            f"data = {type(self).__name__}, but should be MultiView: its features are not known "
            "[features]"
        )

    def pretraining(self) -> Data:
        """Where the samples of pretraining come from; labelled ones come from `self`."""
        return self

    def words(self) -> str:
        """The data in a setup's line."""
        return str(self)


def late_words(part: Any) -> str:
    """A part's late fields where they differ from their defaults: ` name=value`, or nothing."""
    late = [f for f in fields(part) if f.metadata.get("late")]
    changed = [(f.name, getattr(part, f.name)) for f in late if getattr(part, f.name) != f.default]
    return "".join(f" {name}={value}" for name, value in changed)


@cache
def data_kinds() -> dict[str, type[Data]]:
    """Every distribution but `MultiView`, by the name that setups write."""
    found: dict[str, type[Data]] = {}
    for module in iter_modules(__path__):
        content = vars(import_module(f"{__name__}.{module.name}"))
        found |= {
            name: kind
            for name, kind in content.items()
            if isinstance(kind, type) and issubclass(kind, Data) and is_dataclass(kind)
        }
    found.pop("MultiView", None)
    return dict(sorted(found.items()))
