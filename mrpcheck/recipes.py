"""`Recipe`: how to train, and the standard recipe by formula."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from mrpcheck.clocks import GradientDescent, GradientFlow
from mrpcheck.growth import RATE_SHARE, growth_steps, stable_rate
from mrpcheck.nets import Net
from mrpcheck.objectives import Objective
from mrpcheck.plain import LATE
from mrpcheck.views import MultiView

__all__ = ["Recipe", "standard_recipe"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train on the full batch: how many samples, how many steps, at which rates.

    samples         N, drawn once a trial; fine-tuning and SL see the same ones, labelled
    rate, steps     of pretraining
    tune_rate,      of fine-tuning, of the linear probe and of SL; SL takes steps + tune_steps
    tune_steps
    clock           None: by steps of gradient descent; `GradientFlow`: along the gradient flow, for
                    the time that the steps come to, rate * steps; `GradientDescent` is another way
                    to write rate and steps
    labels          how many of the N samples have labels, the first ones: fine-tuning, the probe
                    and SL see them alone, pretraining sees all N; 0: all have
    """

    samples: int = 150
    rate: float = 0.4
    steps: int = 600
    tune_rate: float = 1.0
    tune_steps: int = 300
    clock: GradientDescent | GradientFlow | None = None
    labels: int = field(default=0, metadata=LATE)

    def __post_init__(self) -> None:
        if isinstance(self.clock, GradientDescent):
            object.__setattr__(self, "rate", self.clock.rate)
            object.__setattr__(self, "steps", self.clock.steps)
            object.__setattr__(self, "clock", None)
        if not isinstance(self.clock, GradientFlow | None):
            raise TypeError(
                f"clock = {self.clock!r}, but should be None, GradientDescent(...) or "
                "GradientFlow(...) [Recipe]"
            )
        for name in ("samples", "steps", "tune_steps"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} = {value!r}, but should be a whole number >= 1 [Recipe]")
        whole = isinstance(self.labels, int) and not isinstance(self.labels, bool)
        if not whole or not 0 <= self.labels <= self.samples:
            raise ValueError(
                f"labels = {self.labels!r}, but should be a whole number from 0 (all) to samples = "
                f"{self.samples} [Recipe]"
            )
        for name in ("rate", "tune_rate"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"{name} = {value!r}, but should be finite and above 0 [Recipe]")

    @property
    def flow(self) -> GradientFlow | None:
        """The clock where it is a gradient flow, None where it is descent."""
        return self.clock if isinstance(self.clock, GradientFlow) else None

    def __str__(self) -> str:
        if self.flow is None:
            steps, tune_steps = f"{self.steps} steps at {self.rate:g}", self.tune_steps
            return f"{steps}, then {tune_steps} at {self.tune_rate:g}"
        time, tune_time = self.rate * self.steps, self.tune_rate * self.tune_steps
        return f"gradient flow ({self.flow.tolerance:g}) for {time:g}, then {tune_time:g}"


# Constants of the standard recipe, the same for every setup. Origin: ours, derived.
GROWTHS = 1.5  # steps last this many growth times of the feature that is captured last ...
WAITS = 3.0  # as many along a flow, where waiting is cheap and captured features delay the others
SETTLE = 400  # ... and this many steps more, for late kernels to let go of a second feature
TUNE_RATE, TUNE_STEPS = 0.4, 150  # with labels; the rate per class
LONGEST = 100_000  # steps of descent; a flow waits for as long as it takes ...
AGES = 10**15  # ... but for what never grows


def standard_recipe(
    data: MultiView,
    net: Net,
    objective: Objective,
    samples: int,
    clock: GradientFlow | None = None,
) -> Recipe:
    """The recipe by formula: rates from the curvature, steps from the growth time of sigma_0."""
    if not data.views:
        raise ValueError(
            f"data = {type(data).__name__}, but should be MultiView: the standard recipe is a "
            "formula of its features' strengths; say rate and steps [standard_recipe]"
        )
    own = objective.recipe(data, net)
    if own is None:
        growths, longest = (WAITS, AGES) if isinstance(clock, GradientFlow) else (GROWTHS, LONGEST)
        wait = min(SETTLE + growths * growth_steps(data, net, objective), longest)
        own = RATE_SHARE * stable_rate(data, objective), math.ceil(wait)
    rate, steps = own
    return Recipe(
        samples=samples,
        rate=_round(rate),
        steps=steps,
        tune_rate=_round(TUNE_RATE * data.classes),
        tune_steps=TUNE_STEPS,
        clock=clock,
    )


def _round(value: float) -> float:
    """Three significant digits: what is printed is what is used."""
    return float(f"{value:.3g}")
