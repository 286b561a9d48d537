"""`Clustering`: predict one masking's balanced cluster assignment from the other (SwAV)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mrpcheck.encoders import outputs, start_body
from mrpcheck.late import torch
from mrpcheck.nets import Net
from mrpcheck.objectives.base import Objective, by_autograd
from mrpcheck.objectives.masks import check_keep
from mrpcheck.objectives.representations import (
    growth_time,
    normalised,
    own_square,
    pulled,
    representations,
    through_normalised,
)
from mrpcheck.seeds import Trials

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.setups import Setup
    from mrpcheck.views import MultiView

__all__ = ["Clustering", "sinkhorn"]

SHARE = 20.0  # of the rate at which a captured feature's scores would have curvature 1
SETTLE = 500  # steps after the growth of the last feature; measured at the heart
GROWTHS = 1.5  # growth times of the feature that is captured last, as in masked prediction
MOST = 30_000  # steps

Parameters = dict[str, "Tensor"]


@dataclass(frozen=True, kw_only=True)
class Clustering(Objective):
    """Swapped prediction: each masking predicts the prototype that the other one is assigned to.

    The scores of a masking are <n(h), c/|c|> for every prototype c, with h and n(h) those of
    `Contrastive`. Its target is the other masking's assignment: scores over `epsilon`, made
    balanced over the prototypes by Sinkhorn-Knopp, not differentiated through. The loss is the
    cross-entropy of softmax(scores/T) to it, the mean of both directions.

    keep         theta: every patch is kept with this probability, anew in either masking
    prototypes   K, trained with the encoder, from directions uniform on the sphere
    temperature  T, of the prediction
    epsilon      of the assignment, sharper than the prediction below T. While h is small, and were
                 the prototypes fixed, a single feature would grow for T/epsilon > 1/(theta (1 - c))
                 and decay below: a masking's own score counts its kept patches 1/theta times, and
                 balancing takes the mean over samples off the target, c = E[z^q]^2 / E[z^2q] of it.
                 Views that occur together count as more patches and grow together below that line,
                 as in `MaskedLatents` (derived; prototypes that learn lower it somewhat)
    sinkhorn     iterations of Sinkhorn-Knopp
    floor        n(h) = h / sqrt(|h|^2 + (floor r)^2), r the net's threshold: see `Contrastive`

    Source: Caron, Misra, Mairal, Goyal, Bojanowski, Joulin (NeurIPS 2020), SwAV, after Caron,
    Bojanowski, Joulin, Douze (ECCV 2018), DeepCluster. Origin: recalled; masks as the only
    augmentation, no projection head, and the floor are ours.
    """

    keep: float = 0.5
    prototypes: int = 20
    temperature: float = 0.1
    epsilon: float = 0.05
    sinkhorn: int = 3
    floor: float = 1.0

    masks = "sampled"
    maskings: ClassVar[int] = 2
    whole: ClassVar[bool] = True
    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_keep(self.keep, "Clustering")
        for name, low in (("prototypes", 2), ("sinkhorn", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < low:
                should = f"a whole number >= {low}"
                raise ValueError(f"{name} = {value!r}, but should be {should} [Clustering]")
        for name in ("temperature", "epsilon", "floor"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                should = "finite and above 0"
                raise ValueError(f"{name} = {value!r}, but should be {should} [Clustering]")

    @classmethod
    def variants(cls) -> dict[str, Objective]:
        """SwAV."""
        return {"clustering": cls()}

    def recipe(self, data: MultiView, net: Net) -> tuple[float, int]:
        """Rate and steps: as those of `Contrastive`, scores being shared by all units.

        Prototypes start in random directions of the units and turn towards classes while features
        grow: slower than `Contrastive`. Origin: derived; constants ours.
        """
        scale = (self.floor * net.threshold) ** 2
        rate = SHARE * self.temperature * scale * data.classes / own_square(data)
        units = net.kernels_per_class * data.classes
        growth = growth_time(data, net, 1 / (self.epsilon * self.temperature * units * scale))
        return rate, math.ceil(min(SETTLE + GROWTHS * growth / rate, MOST))

    def start(self, kernels: Tensor, setup: Setup, trials: Trials) -> Parameters:
        """The parameters at step 0: kernels and prototypes (trial, prototype, unit), of norm 1."""
        body = start_body(kernels, setup, trials)
        nothing = kernels.new_zeros(len(kernels), 1, setup.data.patches, setup.data.dim)
        units = outputs({"kernels": kernels, **body}, nothing, setup.net).shape[-1]
        rows = [
            trials.generator(setup.key, t, "prototypes").standard_normal((self.prototypes, units))
            for t in trials.numbers
        ]
        start = np.stack(rows)
        start /= np.linalg.norm(start, axis=-1, keepdims=True)
        prototypes = torch.from_numpy(start.astype(trials.dtype)).to(kernels.device)
        return {"kernels": kernels, "prototypes": prototypes}

    def loss(
        self,
        parameters: Parameters,
        x: Tensor,
        label: Tensor | None,
        net: Net,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The loss summed over samples, (trial,): plain and differentiable, the reference.

        mask (trial, sample, patch, 2) of 0 and 1; None keeps every patch in both maskings.
        """
        h = representations(parameters, x, net, mask, self.keep)
        towards = normalised(parameters["prototypes"], 0.0).unsqueeze(1)
        scores = normalised(h, self.floor * net.threshold) @ towards.mT
        with torch.no_grad():
            target = self._target(scores)
        return self._cross_entropy(target, scores)

    def gradient(
        self,
        parameters: Parameters,
        x: Tensor,
        label: Tensor,
        net: Net,
        mask: Tensor | None = None,
        *,
        with_loss: bool = False,
    ) -> tuple[Tensor | None, Parameters]:
        """Loss (trial,) and exact gradients, both summed over samples; no autograd."""
        if mask is None:
            return by_autograd(self, parameters, x, label, net)
        floor, prototypes = self.floor * net.threshold, parameters["prototypes"]
        h, back = pulled(parameters["kernels"], x, net, mask, self.keep)
        n, towards = normalised(h, floor), normalised(prototypes, 0.0)
        scores = n @ towards.unsqueeze(1).mT  # (trial, 2, sample, prototype)
        target = self._target(scores)
        error = ((scores / self.temperature).softmax(-1) - target) / (2 * self.temperature)
        slope = error.flatten(1, 2).mT @ n.flatten(1, 2)  # (trial, prototype, unit)
        return self._cross_entropy(target, scores), {
            "kernels": back(through_normalised(h, floor, error @ towards.unsqueeze(1))),
            "prototypes": through_normalised(prototypes, 0.0, slope),
        }

    def _target(self, scores: Tensor) -> Tensor:
        """The other masking's balanced assignments, (trial, 2, sample, prototype)."""
        return sinkhorn(scores / self.epsilon, self.sinkhorn).flip(1)

    def _cross_entropy(self, target: Tensor, scores: Tensor) -> Tensor:
        return -(target * (scores / self.temperature).log_softmax(-1)).sum((1, 2, 3)) / 2


def sinkhorn(logits: Tensor, iterations: int) -> Tensor:
    """Balanced assignments, (..., sample, prototype): rows sum to 1, columns to N/K nearly.

    logits (..., sample, prototype). Each iteration scales the columns of exp(logits) to equal
    sums, then the rows; in logarithms, so that nothing overflows.
    """
    for _ in range(iterations):
        logits = logits - logits.logsumexp(-2, keepdim=True)
        logits = logits - logits.logsumexp(-1, keepdim=True)
    return logits.exp()
