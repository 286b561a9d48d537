"""Where questions leave the papers' own data and network: what the theorems take for granted.

Source: Pan, Zhou, Yan (ICLR 2023), setting of Theorems 1 and 2; Allen-Zhu & Li (ICLR 2023), the
data. Origin: recalled; the hyperparameters that leave it are ours, for questions of readers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mrpcheck.nets import PLAIN
from mrpcheck.regimes import Inequality
from mrpcheck.setups import Setup

__all__ = ["DEPARTURES", "asked"]


def _differs(value: Callable[[Setup], Any], own: Any) -> Callable[[Setup], tuple[float, float]]:
    return lambda setup: (float(value(setup) != own), 0.0)


DEPARTURES: Mapping[str, Inequality] = {
    "body": Inequality(
        "blocks behind the first layer",
        _differs(lambda s: s.net.body, PLAIN),
        "the theorems' encoder is one convolution and its activation",
        "stated",
    ),
    "initialisation": Inequality(
        "a start that is not Gaussian",
        _differs(lambda s: s.net.initialisation, "gaussian"),
        "which kernel leads on a feature follows from a Gaussian's largest values",
        "recalled",
    ),
    "correlation": Inequality(
        "cosine of two views of a class",
        lambda s: (abs(s.data.correlation), 0.0),
        "features are orthogonal: what a kernel gains on one it does not gain on another",
        "recalled",
    ),
    "coverage": Inequality(
        "share of the features that pretraining leaves out",
        lambda s: (1.0 - s.data.coverage, 0.0),
        "pretraining sees what the labelled samples show",
        "stated",
    ),
    "imbalance": Inequality(
        "how many times as frequent as the rarest class the most frequent is",
        lambda s: (s.data.imbalance, 1.0),
        "classes are equally likely",
        "recalled",
    ),
    "tails": Inequality(
        "noise with heavier tails than Gaussian noise",
        _differs(lambda s: s.data.tails, "gaussian"),
        "noise on a patch must stay far below the threshold on all patches at once",
        "recalled",
    ),
}


def asked(name: str, value: Any) -> Inequality:
    """The condition of a regime that leaves the papers' at one hyperparameter: it is `value`."""
    return Inequality(
        f"{name} other than {value}",
        _differs(lambda setup: _value(setup, name), value),
        "the question is asked of this one",
        "ours",
    )


def _value(setup: Setup, name: str) -> Any:
    return getattr(setup.net if hasattr(setup.net, name) else setup.data, name)
