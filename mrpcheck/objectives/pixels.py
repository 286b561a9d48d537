"""`MaskedPixels`: predict patches from masked activations (MAE-like)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mrpcheck.encoders import is_local, outputs
from mrpcheck.late import torch
from mrpcheck.nets import Net
from mrpcheck.objectives.base import Objective
from mrpcheck.objectives.masks import CONTEXTS, Context, check_choice, check_keep, masked_error
from mrpcheck.products import product, responses
from mrpcheck.seeds import Trials

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.setups import Setup

__all__ = ["MaskedPixels"]


@dataclass(frozen=True, kw_only=True)
class MaskedPixels(Objective):
    """(1/2) E_mask ||target - decoded/theta||^2 per sample, decoded x^_p = sum_r a_{r,p} d_r.

    keep     theta: every patch is kept with this probability
    context  "patch", "pooled" or "others" (see `masks.masked_error`)
    decoder  "tied" (d_r = w_r) or "free" (d_r trained, from N(0, sigma_0^2 I))
    masks    "exact": the closed-form expectation over masks; "sampled": one mask a step

    Source: Pan, Zhou, Yan (ICLR 2023), MAE. Origin: setting ours; closed form derived.
    """

    keep: float = 0.5
    context: Context = "patch"
    decoder: Literal["tied", "free"] = "tied"
    masks: Literal["exact", "sampled"] = "exact"

    def __post_init__(self) -> None:
        check_keep(self.keep, "MaskedPixels")
        check_choice("context", self.context, CONTEXTS, "MaskedPixels")
        check_choice("decoder", self.decoder, ("tied", "free"), "MaskedPixels")
        check_choice("masks", self.masks, ("exact", "sampled"), "MaskedPixels")

    @classmethod
    def variants(cls) -> dict[str, Objective]:
        """Masked pixels in each context, with a tied and with a free decoder."""
        return {
            "pixels, patch, tied": cls(),
            "pixels, patch, free": cls(decoder="free"),
            "pixels, pooled, tied": cls(context="pooled"),
            "pixels, pooled, free": cls(context="pooled", decoder="free"),
            "MAE (others, free)": cls(context="others", decoder="free"),
        }

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
        loss, _ = masked_error(self.context, decoded, x, self.keep, mask)
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
        loss, error = masked_error(self.context, decoded, x, self.keep, mask, with_loss=with_loss)
        error = error.flatten(1, 2)  # (trial, sample * patch, dim)
        to_decoder = product(error.mT, a).mT  # (trial, kernel, dim)
        slope.mul_(product(error, decoder.mT))
        to_kernels = product(rows.mT, slope).mT  # (trial, kernel, dim)
        if self.decoder == "tied":
            return loss, {"kernels": to_kernels + to_decoder}
        return loss, {"kernels": to_kernels, "decoder": to_decoder}
