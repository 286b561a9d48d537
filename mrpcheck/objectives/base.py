"""What an objective is: a loss over parameters and samples, and its exact gradient.

A system is one file in this package: a frozen dataclass that is an `Objective` and whose fields,
all with defaults, are its hyperparameters. Nothing lists it: its class name is what setups write.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from mrpcheck.late import torch
from mrpcheck.nets import PLAIN

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.data import Data, Samples
    from mrpcheck.nets import Net
    from mrpcheck.seeds import Trials
    from mrpcheck.setups import Setup
    from mrpcheck.views import MultiView

__all__ = ["HELD", "Objective", "by_autograd"]

Parameters = dict[str, "Tensor"]
HELD = ("teacher", "codebook")  # parameters of these names, or `teacher.x`: no gradient moves them


class Objective:
    """Base of every objective; axes: trial, sample, patch, dim, kernel, the first one leading.

    A system writes `loss`; one that has its gradient in closed form writes `gradient` too, and says
    in `closed_form` for which nets. Everything else goes through autograd, all trials at once.

    masks     "sampled": a loss is handed masks at each step, the same in every arm on the same
              random numbers (common random numbers); "exact": it is an expectation over masks
    maskings  masks that a sample gets at a step, where they are sampled
    whole     whether a sample's loss depends on the others, so that all go through at once
    labelled  whether it reads labels: it sees the labelled samples then, else those of pretraining
    stepwise  whether it changes from step to step beside its parameters, so that it has no flow
    """

    masks: Any = "exact"
    maskings: ClassVar[int] = 1
    whole: ClassVar[bool] = False
    labelled: ClassVar[bool] = False
    stepwise: ClassVar[bool] = False

    def start(self, kernels: Tensor, setup: Setup, trials: Trials) -> Parameters:
        """The parameters at step 0 by name, beside those of the encoder's body."""
        return {"kernels": kernels}

    def loss(
        self, parameters: Parameters, x: Tensor, label: Tensor, net: Net, mask: Tensor | None = None
    ) -> Tensor:
        """The loss summed over samples, (trial,): plain, differentiable, each trial its own.

        x (trial, sample, patch, dim), label (trial, sample), mask (trial, sample, patch, maskings)
        of 0 and 1 (1: kept), or None.
        """
        raise NotImplementedError

    def target(self, samples: Samples, data: Data) -> Tensor:
        """What `loss` is handed as `label`, sample axis second: (trial, sample), or a patch each.

        data is the distribution that the samples came from.
        """
        return samples.label

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
        """Loss (trial,) or None and gradients by name, both summed over samples; by autograd."""
        return by_autograd(self, parameters, x, label, net, mask)

    def closed_form(self, net: Net) -> bool:
        """Whether `gradient` is written by hand and right for this net; else autograd finds it."""
        return net.body == PLAIN and type(self).gradient is not Objective.gradient

    def trained(self, parameters: Parameters) -> Collection[str]:
        """The names of the parameters that the gradient moves."""
        return [name for name in parameters if name.split(".")[0] not in HELD]

    @classmethod
    def variants(cls) -> dict[str, Objective]:
        """The systems that tables over all systems show, by the names that the field uses."""
        return {cls.__name__: cls()}

    def recipe(self, data: MultiView, net: Net) -> tuple[float, int] | None:
        """Rate and steps of the standard recipe; None: those of masked prediction, by formula."""
        return None


def by_autograd(
    objective: Objective,
    parameters: Parameters,
    x: Tensor,
    label: Tensor,
    net: Net,
    mask: Tensor | None = None,
    *,
    with_loss: bool = True,
) -> tuple[Tensor | None, Parameters]:
    """The loss of every trial, (trial,), and its gradient by what the objective trains."""
    names = list(objective.trained(parameters))
    leaves = {name: parameters[name].detach().requires_grad_() for name in names}
    with torch.enable_grad():
        loss = objective.loss({**parameters, **leaves}, x, label, net, mask)
        slopes = torch.autograd.grad(loss.sum(), list(leaves.values()), allow_unused=True)
    found = {
        name: torch.zeros_like(parameters[name]) if slope is None else slope
        for name, slope in zip(names, slopes, strict=True)
    }
    return loss.detach(), found
