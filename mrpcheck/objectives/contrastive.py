"""`Contrastive`: tell a sample's two maskings from those of all other samples (SimCLR, MoCo)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from mrpcheck.encoders import body_parameters, start_body
from mrpcheck.late import torch
from mrpcheck.nets import Net
from mrpcheck.objectives.base import Objective, by_autograd
from mrpcheck.objectives.masks import check_choice, check_keep
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

__all__ = ["Contrastive", "info_nce"]

SHARE = 16.0  # of the rate at which a captured feature's scores over T would have curvature 1
SETTLE = 300  # steps at T = 1/2, after the growth of the last feature; measured at the heart
GROWTHS = 1.5  # growth times of the feature that is captured last, as in masked prediction
MOST = 30_000  # steps

Parameters = dict[str, "Tensor"]


@dataclass(frozen=True, kw_only=True)
class Contrastive(Objective):
    """InfoNCE between two maskings of each sample, over all N samples of the trial.

    A masking's representation is h(X) = sum_p eps_p a_p / theta, a_p what patch p contributes to
    each unit, eps_p whether it is kept. Of all candidates, each masking has to find the other one
    of its own sample, h+:

        -log( exp(s(h, h+)/T) / sum_candidates exp(s(h, h')/T) ), the mean of both directions

    keep         theta: every patch is kept with this probability, anew in either masking
    similarity   "cosine": s(h, h') = <n(h), n(h')>, n(h) = h / sqrt(|h|^2 + (floor r)^2), r the
                 net's threshold; "dot": <h, h'>
    floor        of the cosine, in units of r. It lies under the root, so that a sample all of whose
                 patches are masked has a finite gradient. And it decides how training starts: near
                 0 the loss does not know the scale of h, kernels turn but nothing makes them grow
                 to r; at 1 it is <h, h'>/r^2 while h is small, so that features grow from a small
                 start as in the theory, and a cosine once they are captured
    temperature  T
    negatives    "both": the candidates are both maskings of all samples, but for the one that
                 asks (SimCLR's NT-Xent: 2N - 1); "other": the other masking of all samples (N)
    momentum     0: candidates come from the encoder itself, differentiated through; above 0: from
                 a momentum encoder, whose parameters follow as a moving average of that momentum
                 per step, and are not differentiated (MoCo)

    Source: van den Oord, Li, Vinyals (2018), InfoNCE; Chen, Kornblith, Norouzi, Hinton (ICML 2020),
    SimCLR; He, Fan, Wu, Xie, Girshick (CVPR 2020), MoCo, here with the batch's own keys and no
    queue, as in Chen, Xie, He (ICCV 2021), MoCo v3; Wen, Li (ICML 2021) analyse such losses with
    masks as augmentation. Origin: recalled; masks as the only augmentation, no projection head,
    and the floor are ours.
    """

    keep: float = 0.5
    similarity: Literal["cosine", "dot"] = "cosine"
    floor: float = 1.0
    temperature: float = 0.5
    negatives: Literal["both", "other"] = "both"
    momentum: float = 0.0

    masks = "sampled"
    maskings: ClassVar[int] = 2
    whole: ClassVar[bool] = True
    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_keep(self.keep, "Contrastive")
        check_choice("similarity", self.similarity, ("cosine", "dot"), "Contrastive")
        check_choice("negatives", self.negatives, ("both", "other"), "Contrastive")
        for name, ok, should in (
            ("floor", 0 < self.floor < math.inf, "finite and above 0"),
            ("temperature", 0 < self.temperature < math.inf, "finite and above 0"),
            ("momentum", 0 <= self.momentum <= 1, "in [0, 1]"),
        ):
            if not ok:
                value = getattr(self, name)
                raise ValueError(f"{name} = {value!r}, but should be {should} [Contrastive]")

    @classmethod
    def variants(cls) -> dict[str, Objective]:
        """SimCLR, and MoCo: keys of a momentum encoder."""
        return {
            "contrastive": cls(),
            "contrastive, momentum encoder": cls(negatives="other", momentum=0.99),
        }

    def recipe(self, data: MultiView, net: Net) -> tuple[float, int]:
        """Rate and steps: by the curvature of the scores, and by the growth of small features.

        A captured feature of strength Z adds Z w to h in one sample of k, so that a cross-entropy
        of scores over T has curvature E[Z^2] / (k T^2 s^2) up to a factor, s the scale of h in the
        similarity: floor times r of a cosine; of a dot product r, at a quarter of the rate and with
        four times the steps, since h grows on. Pulls are of order 1/T, so settling takes steps of
        order 1/T at that rate. While h is small each masking pulls it towards the other one, a
        growth of order 2q - 1 as that of masked latents. Origin: derived; constants ours.
        """
        cosine, r, t = self.similarity == "cosine", net.threshold, self.temperature
        scale = (self.floor * r) ** 2 if cosine else r**2 / 4
        rate = SHARE * t**2 * scale * data.classes / own_square(data)
        growth = GROWTHS * growth_time(data, net, 2 / (t * (scale if cosine else 1.0))) / rate
        settle = SETTLE / (2 * t) * (1 if cosine else 4)
        return rate, math.ceil(min(settle + growth, MOST))

    def start(self, kernels: Tensor, setup: Setup, trials: Trials) -> Parameters:
        """The parameters at step 0: kernels and, where there is one, the momentum encoder."""
        if not self.momentum:
            return {"kernels": kernels}
        body = start_body(kernels, setup, trials)
        body = {f"teacher.{name}": value.clone() for name, value in body.items()}
        return {"kernels": kernels, "teacher": kernels.clone(), **body}

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
        return self._nce(h, self._keys(parameters, x, net, mask), net)

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
        h, back = pulled(parameters["kernels"], x, net, mask, self.keep)
        loss, to_h = self._slope(h, self._keys(parameters, x, net, mask), net)
        return loss, {"kernels": back(to_h)}

    def _keys(
        self, parameters: Parameters, x: Tensor, net: Net, mask: Tensor | None
    ) -> Tensor | None:
        """The momentum encoder's representations, (trial, 2, sample, unit), or None."""
        if not self.momentum:
            return None
        body = {name: parameters[f"teacher.{name}"] for name in body_parameters(parameters)}
        with torch.no_grad():
            own = {"kernels": parameters["teacher"], **body}
            return representations(own, x, net, mask, self.keep)

    def _nce(self, h: Tensor, keys: Tensor | None, net: Net) -> Tensor:
        """The loss of representations h, (trial, 2, sample, unit): (trial,)."""
        asked, found = (self._embedded(each, net) for each in (h, h if keys is None else keys))
        return info_nce(asked @ found.mT / self.temperature, self.negatives)

    def _slope(self, h: Tensor, keys: Tensor | None, net: Net) -> tuple[Tensor, Tensor]:
        """`_nce` and its derivative by h, of the shape of h."""
        asked = self._embedded(h, net)
        found = asked if keys is None else self._embedded(keys, net)
        scores = asked @ found.mT / self.temperature
        error = _info_nce_slope(scores, self.negatives) / self.temperature
        slope = error @ found if keys is not None else error @ found + error.mT @ asked
        if self.similarity == "cosine":
            slope = through_normalised(h.flatten(1, 2), self.floor * net.threshold, slope)
        return info_nce(scores, self.negatives), slope.view(h.shape)

    def _embedded(self, h: Tensor, net: Net) -> Tensor:
        both = h.flatten(1, 2)  # (trial, 2 * sample, unit)
        return normalised(both, self.floor * net.threshold) if self.similarity == "cosine" else both

    def advance(self, parameters: Parameters) -> None:
        """Move the momentum encoder after a step, in place."""
        if self.momentum:
            parameters["teacher"].lerp_(parameters["kernels"], 1 - self.momentum)
            for name, value in body_parameters(parameters).items():
                parameters[f"teacher.{name}"].lerp_(value, 1 - self.momentum)


def info_nce(scores: Tensor, negatives: str = "both") -> Tensor:
    """InfoNCE summed over samples, the mean of both maskings, (trial,).

    scores (trial, 2N, 2N): of the maskings that ask (rows) and the candidates (columns), each the
    first masking of every sample, then the second. The right answer of a row is the other masking
    of the same sample; candidates as in `Contrastive`.
    """
    one, other, never = _pairs(scores, negatives)
    logs = scores.masked_fill(never, -torch.inf).logsumexp(-1)
    return (logs - scores[:, one, other]).sum(-1) / 2


def _info_nce_slope(scores: Tensor, negatives: str) -> Tensor:
    """The derivative of `info_nce` by the scores."""
    one, other, never = _pairs(scores, negatives)
    slope = scores.masked_fill(never, -torch.inf).softmax(-1)
    slope[:, one, other] -= 1
    return slope / 2


def _pairs(scores: Tensor, negatives: str) -> tuple[Tensor, Tensor, Tensor]:
    """Each row, its right answer, and what is no candidate, (row, column)."""
    samples = scores.shape[-1] // 2
    one = torch.arange(2 * samples, device=scores.device)
    place = one if negatives == "both" else one // samples
    return one, (one + samples) % (2 * samples), place[:, None] == place
