"""`MaskedPixels`: predict patches from masked activations (MAE-like)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from mrpcheck.encoders import is_local, outputs
from mrpcheck.late import torch
from mrpcheck.nets import Net
from mrpcheck.objectives.base import Objective
from mrpcheck.objectives.contextual import contextual_error
from mrpcheck.objectives.masks import CONTEXTS, Context, check_choice, check_keep, masked_error
from mrpcheck.objectives.rates import normalised_recipe
from mrpcheck.objectives.targets import check_normalised, standardised
from mrpcheck.plain import LATE, written
from mrpcheck.products import product, responses
from mrpcheck.seeds import Trials

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.setups import Setup
    from mrpcheck.views import MultiView

__all__ = ["MaskedPixels"]


@dataclass(frozen=True, kw_only=True)
class MaskedPixels(Objective):
    """(1/2) E_mask ||target - decoded/theta||^2 per sample, decoded x^_p = sum_r a_{r,p} d_r.

    keep     theta: every patch is kept with this probability
    context  "patch", "pooled" or "others" (see `masks.masked_error`)
    decoder  "tied" (d_r = w_r) or "free" (d_r trained, from N(0, sigma_0^2 I))
    masks    "exact": the closed-form expectation over masks; "sampled": one mask a step
    normalised  whether a patch's target has mean 0 and variance 1 over its d entries, as in MAE
    epsilon  what is added to the variance then

    Normalised targets have norm sqrt(d) wherever a patch varies by more than sqrt(epsilon): those
    of weak and off-class features are as large as those of the own class, and those of patches that
    hold only noise are as large too, in directions that nothing predicts. Noise patches give little
    gradient all the same, since act is small where they are small; with epsilon far above sigma_p^2
    their targets fade, and weak features' with them.

    Source: Pan, Zhou, Yan (ICLR 2023), MAE; He, Chen, Xie, Li, Dollar, Girshick (CVPR 2022), MAE
    and its normalised targets (their code divides by the variance with d - 1, here with d).
    Origin: setting ours; closed form derived.
    """

    keep: float = 0.5
    context: Context = "patch"
    decoder: Literal["tied", "free"] = "tied"
    masks: Literal["exact", "sampled"] = "exact"
    normalised: bool = field(default=False, metadata=LATE)
    epsilon: float = field(default=1e-6, metadata=LATE)

    __repr__ = written

    def __post_init__(self) -> None:
        check_keep(self.keep, "MaskedPixels")
        check_choice("context", self.context, CONTEXTS, "MaskedPixels")
        check_choice("decoder", self.decoder, ("tied", "free"), "MaskedPixels")
        check_choice("masks", self.masks, ("exact", "sampled"), "MaskedPixels")
        check_normalised(self.normalised, self.epsilon, "MaskedPixels")

    @classmethod
    def variants(cls) -> dict[str, Objective]:
        """Masked pixels in each context, with a tied and with a free decoder."""
        return {
            "pixels, patch, tied": cls(),
            "pixels, patch, free": cls(decoder="free"),
            "pixels, pooled, tied": cls(context="pooled"),
            "pixels, pooled, free": cls(context="pooled", decoder="free"),
            "MAE (others, free)": cls(context="others", decoder="free"),
            "MAE, normalised targets": cls(context="others", decoder="free", normalised=True),
        }

    def recipe(self, data: MultiView, net: Net) -> tuple[float, int] | None:
        """Normalised targets are larger than the patches: see `normalised_recipe`."""
        if not self.normalised:
            return None
        return normalised_recipe(data, net, self, self.epsilon)

    def start(self, kernels: Tensor, setup: Setup, trials: Trials) -> dict[str, Tensor]:
        """The parameters at step 0: kernels and, where it is free, the decoder."""
        if self.decoder == "tied":
            return {"kernels": kernels}
        rows = [
            trials.generator(setup.key, t, "decoder").standard_normal(kernels.shape[1:])
            for t in trials.numbers
        ]
        start = (setup.net.init_scale * np.stack(rows)).astype(trials.dtype)
        return {"kernels": kernels, "decoder": torch.from_numpy(start).to(kernels.device)}

    def loss(
        self,
        parameters: dict[str, Tensor],
        x: Tensor,
        label: Tensor | None,
        net: Net,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The loss summed over samples, (trial,): plain and differentiable, the reference."""
        a = outputs(parameters, x, net, None if is_local(net) else mask)
        decoder = parameters["kernels" if self.decoder == "tied" else "decoder"]
        decoded = torch.einsum("tnpr,trd->tnpd", a, decoder)
        if not is_local(net):
            return contextual_error(self.context, decoded, self._target(x), mask)
        loss, _ = masked_error(self.context, decoded, self._target(x), self.keep, mask)
        assert loss is not None
        return loss

    def gradient(
        self,
        parameters: dict[str, Tensor],
        x: Tensor,
        label: Tensor,
        net: Net,
        mask: Tensor | None = None,
        *,
        with_loss: bool = False,
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """Loss (trial,) or None and exact gradients, both summed over samples; no autograd."""
        kernels = parameters["kernels"]
        decoder = kernels if self.decoder == "tied" else parameters["decoder"]
        rows = x.flatten(1, 2)  # (trial, sample * patch, dim)
        a, slope = responses(rows, kernels, net)  # (trial, sample * patch, kernel)
        decoded = product(a, decoder).view(x.shape)
        target = self._target(x)
        loss, error = masked_error(
            self.context, decoded, target, self.keep, mask, with_loss=with_loss
        )
        error = error.flatten(1, 2)  # (trial, sample * patch, dim)
        to_decoder = product(error.mT, a).mT  # (trial, kernel, dim)
        slope.mul_(product(error, decoder.mT))
        to_kernels = product(rows.mT, slope).mT  # (trial, kernel, dim)
        if self.decoder == "tied":
            return loss, {"kernels": to_kernels + to_decoder}
        return loss, {"kernels": to_kernels, "decoder": to_decoder}

    def _target(self, x: Tensor) -> Tensor:
        return standardised(x, self.epsilon) if self.normalised else x
