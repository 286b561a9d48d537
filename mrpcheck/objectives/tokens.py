"""`MaskedTokens`: predict the tokens of patches, numbers in a codebook (BEiT-like, PeCo-like)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mrpcheck.batches import training_samples
from mrpcheck.encoders import body_parameters, is_local, outputs
from mrpcheck.growth import RATE_SHARE, stable_rate
from mrpcheck.late import torch
from mrpcheck.nets import Net
from mrpcheck.objectives.base import Objective
from mrpcheck.objectives.codebooks import fit_codebook, nearest_codes
from mrpcheck.objectives.masks import CONTEXTS, Context, check_choice, check_keep
from mrpcheck.objectives.pixels import MaskedPixels
from mrpcheck.objectives.surprise import growth_time, surprise
from mrpcheck.products import pooled, product, responses, total
from mrpcheck.seeds import Facts, Trials

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.setups import Setup
    from mrpcheck.views import MultiView

__all__ = ["MaskedTokens"]

GROWTHS = 1.5  # as in the standard recipe: steps last this many growth times ...
SETTLE = 400  # ... and this many more
LONGEST = 20_000  # steps, for what hardly grows


@dataclass(frozen=True, kw_only=True)
class MaskedTokens(Objective):
    """-sum_p log softmax(b + D h)[token_p] per sample: D the decoder, b its bias, both trained.

    The token of a patch is the number of its nearest code in a codebook that k-means makes once a
    trial, from all patches of the pretraining samples. What h is, and which patches count:

    context  "others": h = sum of the visible patches' activations / theta, the masked patches'
             tokens count (BEiT proper; all masked patches of a sample have one prediction, since
             the network knows no places). "pooled": the same h, all patches count. "patch":
             h = the patch's own activations / theta or, where it is masked, 0; all patches count
    keep     theta: every patch is kept with this probability
    codes    how many tokens; 0: one for each feature and one for the patches without, kV + 1
    codebook "pixels": codes of patches, as they are (BEiT); "perceptual": codes of the activations
             of another encoder, the teacher, on the patches (PeCo). It is pretrained by
             `MaskedPixels` on the same samples, from a start of its own, by the standard recipe
    masks    "sampled": one mask a step; "exact": the expectation over masks, of "patch" alone

    The decoder (trial, code, unit) starts at zero, so that what it reads from a kernel is decided
    by the data; the bias (trial, code) at the logarithm of the tokens' frequencies, since most
    patches hold no feature and kernels would else grow first to tell that.

    Source: Bao, Dong, Piao, Wei (ICLR 2022), BEiT; Dong, Bao, Zhang, Chen, Zhang, Yuan, Chen, Wen,
    Yu, Guo (AAAI 2023), PeCo. Origin: recalled; k-means in the place of their autoencoders, the
    linear decoder and its start ours.
    """

    keep: float = 0.5
    context: Context = "others"
    codes: int = 0
    codebook: Literal["pixels", "perceptual"] = "pixels"
    masks: Literal["exact", "sampled"] = "sampled"

    def __post_init__(self) -> None:
        check_keep(self.keep, "MaskedTokens")
        check_choice("context", self.context, CONTEXTS, "MaskedTokens")
        check_choice("codebook", self.codebook, ("pixels", "perceptual"), "MaskedTokens")
        known = ("exact", "sampled") if self.context == "patch" else ("sampled",)
        check_choice("masks", self.masks, known, f"MaskedTokens, context {self.context!r}")
        if not isinstance(self.codes, int) or self.codes < 0 or self.codes == 1:
            should = "0 (kV + 1) or a whole number >= 2"
            raise ValueError(f"codes = {self.codes!r}, but should be {should} [MaskedTokens]")

    @classmethod
    def variants(cls) -> dict[str, Objective]:
        """Tokens of patches, and of the features of another encoder."""
        return {
            "BEiT (tokens)": cls(),
            "PeCo (perceptual tokens)": cls(codebook="perceptual"),
        }

    def recipe(self, data: MultiView, net: Net) -> tuple[float, int]:
        """The rate of masked pixels; steps from the growth time of a kernel and its decoder.

        Origin: derived (`surprise.growth_time`). At the heart twice the rate no longer trains
        context "pooled", four times the rate no longer "others".
        """
        rate = RATE_SHARE * stable_rate(data, self)
        push = surprise(data, self.context, self.keep)
        steps = SETTLE + GROWTHS * growth_time(data, net, push) / rate
        return rate, math.ceil(min(steps, LONGEST))

    def start(self, kernels: Tensor, setup: Setup, trials: Trials) -> dict[str, Tensor]:
        """The parameters at step 0: kernels, decoder, bias, codebook and, for PeCo, the teacher."""
        count = self._count(setup)
        teacher = _teacher(setup, trials) if self.codebook == "perceptual" else {}
        x = training_samples(setup, trials, self).x
        rows = self._described(teacher, x, setup.net)  # (trial, sample * patch, unit)
        found = [
            fit_codebook(each, count, trials.generator(setup.key, t, "codebook"))
            for t, each in zip(trials.numbers, rows.cpu().double().numpy(), strict=True)
        ]
        codebook = torch.from_numpy(np.stack(found)).to(kernels)
        often = _one_hot(nearest_codes(rows, codebook), count).sum(1)  # (trial, code)
        bias = (often.clamp_min(1) / rows.shape[1]).log().to(kernels.dtype)
        decoder = kernels.new_zeros(len(kernels), count, kernels.shape[1])
        own = {"decoder": decoder, "bias": bias, "codebook": codebook}
        return {"kernels": kernels, **own, **teacher}

    def _count(self, setup: Setup) -> int:
        if self.codes or setup.data.views:
            return self.codes or setup.data.classes * setup.data.views + 1
        raise ValueError(
            f"codes = {self.codes!r}, but should be said: the features of "
            f"{type(setup.data).__name__} are not known [MaskedTokens]"
        )

    def tokens(self, parameters: dict[str, Tensor], x: Tensor, net: Net) -> Tensor:
        """The number of the nearest code of every patch, (trial, sample, patch)."""
        with torch.no_grad():
            rows = self._described(parameters, x, net)
            return nearest_codes(rows, parameters["codebook"]).view(x.shape[:3])

    def prepare(self, parameters: dict[str, Tensor], x: Tensor, net: Net) -> Tensor:
        """Patches with their tokens beside them, as 0 and a single 1: x with `code` more dims.

        Tokens never change, so they are found once; `loss` and `gradient` find those of bare
        patches themselves.
        """
        count = parameters["codebook"].shape[1]
        found = [
            torch.cat([part, _one_hot(self.tokens(parameters, part, net), count).to(x.dtype)], 3)
            for part in torch.split(x, 64, dim=1)
        ]
        return torch.cat(found, 1)

    def _parts(self, parameters: dict[str, Tensor], x: Tensor, net: Net) -> tuple[Tensor, Tensor]:
        """Patches, and their tokens as rows of 0 and a single 1: (trial, sample, patch, code)."""
        dim = parameters["kernels"].shape[2]
        both = self.prepare(parameters, x, net) if x.shape[3] == dim else x
        return both[..., :dim], both[..., dim:]

    def loss(
        self,
        parameters: dict[str, Tensor],
        x: Tensor,
        label: Tensor | None,
        net: Net,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The loss summed over samples, (trial,): plain and differentiable, the reference."""
        x, targets = self._parts(parameters, x, net)
        a = outputs(parameters, x, net, None if is_local(net) else mask)
        h, counts = self._predicted(a, targets, mask)
        scores = torch.einsum("tnpr,tcr->tnpc", h, parameters["decoder"])
        scores = scores + parameters["bias"][:, None, None]
        return -(counts * scores.log_softmax(3)).flatten(1).sum(1)

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
        x, targets = self._parts(parameters, x, net)
        decoder, rows = parameters["decoder"], x.flatten(1, 2)  # (trial, sample * patch, dim)
        a, slope = responses(rows, parameters["kernels"], net)  # (trial, sample * patch, kernel)
        a = a.view(*x.shape[:3], -1)
        h, counts = self._predicted(a, targets, mask)
        shape, h, counts = h.shape, h.flatten(1, 2), counts.flatten(1, 2)
        logs = product(h, decoder.mT).add_(parameters["bias"][:, None]).log_softmax(2)
        error = logs.exp().mul_(counts.sum(2, keepdim=True)).sub_(counts)
        back = product(error, decoder).view(shape)  # by h
        if mask is None:
            back = back[:, :, : x.shape[2]] / self.keep
        else:
            back = back * (mask / self.keep)  # (trial, sample, patch, kernel)
        slope.mul_(back.flatten(1, 2))
        return (-total(counts * logs) if with_loss else None), {
            "kernels": product(rows.mT, slope).mT,
            "decoder": product(error.mT, h),
            "bias": pooled(error[:, None])[:, 0, 0],
        }

    def _predicted(self, a: Tensor, targets: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """What predicts, h (trial, sample, place, unit), and how often each code is right there.

        A place is a patch, or the whole sample where all patches have one prediction; without a
        mask it is a patch that is kept, or, the last one, all those that are not.
        """
        if mask is None:
            if self.context != "patch":
                raise ValueError(
                    f"mask = None, but should be given in context {self.context!r} [MaskedTokens]"
                )
            hidden = (1 - self.keep) * pooled(targets)
            h = torch.cat([a / self.keep, torch.zeros_like(a[:, :, :1])], 2)
            return h, torch.cat([self.keep * targets, hidden], 2)
        seen = a * (mask / self.keep)
        if self.context == "patch":
            return seen, targets
        counted = targets * (1 - mask) if self.context == "others" else targets
        return pooled(seen), pooled(counted)

    def _described(self, parameters: dict[str, Tensor], x: Tensor, net: Net) -> Tensor:
        """What the codebook has codes of, (trial, sample * patch, unit)."""
        if self.codebook == "pixels":
            return x.flatten(1, 2)
        body = body_parameters({n.removeprefix("teacher."): v for n, v in parameters.items()
                                if n.startswith("teacher.")})  # fmt: skip
        return outputs({"kernels": parameters["teacher"], **body}, x, net).flatten(1, 2)


def _one_hot(numbers: Tensor, count: int) -> Tensor:
    """Rows of 0 and a single 1, int64."""
    return torch.nn.functional.one_hot(numbers, count)


def _teacher(setup: Setup, trials: Trials) -> dict[str, Tensor]:
    """Another encoder, pretrained to the end by masked pixels, under the teacher's names.

    Its samples are the student's own, its first kernels are not. One that diverged makes the trial
    a failed one, since its kernels are among the parameters.
    """
    from mrpcheck.training import pretrain  # which imports the objectives

    pixels = MaskedPixels(masks="exact" if is_local(setup.net) else "sampled")
    pupil = replace(trials, horizon=1, patient=True, facts=Facts()).redrawing("kernels")
    encoder = pretrain(setup.derive(objective=pixels).standard(), pupil)
    body = body_parameters(encoder.extra)
    return {"teacher": encoder.kernels, **{f"teacher.{name}": v for name, v in body.items()}}
