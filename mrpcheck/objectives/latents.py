"""`MaskedLatents`: predict a teacher's activations from masked ones (data2vec-like)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mrpcheck.encoders import body_parameters, is_local, outputs, start_body
from mrpcheck.late import torch
from mrpcheck.nets import Net, activate
from mrpcheck.objectives.base import Objective
from mrpcheck.objectives.masks import CONTEXTS, Context, check_choice, check_keep, masked_error
from mrpcheck.products import product, triton_kernels
from mrpcheck.seeds import Trials

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.setups import Setup

__all__ = ["MaskedLatents"]


@dataclass(frozen=True, kw_only=True)
class MaskedLatents(Objective):
    """(1/2) E_mask ||target - a/theta||^2 per sample and kernel, target act(<w^_r, x_p>).

    keep      theta: every patch is kept with this probability
    context   "pooled", "patch" or "others" (see `masks.masked_error`)
    teacher   "scaled" (w^ = tau w, the student's own, not differentiated), "ema" (w^ = tau times
              a moving average of w) or "frozen" (w^ = tau times the initial w)
    teacher_scale  tau; for "scaled", tau = 1 is plain self-distillation and always decays
    momentum  of the "ema" teacher, per step
    masks     "exact": the closed-form expectation over masks; "sampled": one mask a step

    Source: Pan, Zhou, Yan (ICLR 2023), the objective they analyse. Origin: recalled; closed form
    derived.
    """

    keep: float = 0.5
    context: Context = "pooled"
    teacher: Literal["scaled", "ema", "frozen"] = "scaled"
    teacher_scale: float = 1.4
    momentum: float = 0.99
    masks: Literal["exact", "sampled"] = "exact"

    def __post_init__(self) -> None:
        check_keep(self.keep, "MaskedLatents")
        check_choice("context", self.context, CONTEXTS, "MaskedLatents")
        check_choice("teacher", self.teacher, ("scaled", "ema", "frozen"), "MaskedLatents")
        check_choice("masks", self.masks, ("exact", "sampled"), "MaskedLatents")
        for name, ok, should in (
            ("teacher_scale", 0 < self.teacher_scale < float("inf"), "finite and above 0"),
            ("momentum", 0 <= self.momentum <= 1, "in [0, 1]"),
        ):
            if not ok:
                value = getattr(self, name)
                raise ValueError(f"{name} = {value!r}, but should be {should} [MaskedLatents]")

    @classmethod
    def variants(cls) -> dict[str, Objective]:
        """Masked latents with the teachers that the paper and its readers speak of."""
        return {
            "latents, pooled": cls(teacher_scale=1.65),
            "latents, patch": cls(context="patch", teacher_scale=1.65),
        }

    def start(self, kernels: Tensor, setup: Setup, trials: Trials) -> dict[str, Tensor]:
        """The parameters at step 0: kernels and, where it is not the student's own, the teacher."""
        if self.teacher == "scaled":
            return {"kernels": kernels}
        body = start_body(kernels, setup, trials)
        body = {f"teacher.{name}": value.clone() for name, value in body.items()}
        return {"kernels": kernels, "teacher": kernels.clone(), **body}

    def loss(
        self,
        parameters: dict[str, Tensor],
        x: Tensor,
        label: Tensor | None,
        net: Net,
        mask: Tensor | None = None,
    ) -> Tensor:
        """The loss summed over samples, (trial,): plain and differentiable, the reference."""
        with torch.no_grad():
            target = outputs(self._teacher(parameters), x, net)
        a = outputs(parameters, x, net, None if is_local(net) else mask)
        loss, _ = masked_error(self.context, a, target, self.keep, mask)
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
        kernels, rows = parameters["kernels"], x.flatten(1, 2)  # (trial, sample * patch, dim)
        fast = None if with_loss or mask is not None else triton_kernels(x)
        if fast and x.shape[2] <= fast.WIDEST:
            slope = fast.masked_latents(
                x, kernels, parameters.get("teacher"), net,
                self.context, self.keep, self.teacher_scale,
            )  # fmt: skip
            return None, {"kernels": product(rows.mT, slope).mT}
        a = product(rows, kernels.mT)  # (trial, sample * patch, kernel)
        slope = torch.empty_like(a)
        if self.teacher == "scaled":
            target = a * self.teacher_scale
        else:
            target = product(rows, parameters["teacher"].mT).mul_(self.teacher_scale)
        activate(target, slope, net)
        activate(a, slope, net)
        shape = (*x.shape[:3], a.shape[-1])
        loss, error = masked_error(
            self.context, a.view(shape), target.view(shape), self.keep, mask, with_loss=with_loss
        )
        slope.mul_(error.flatten(1, 2))
        return loss, {"kernels": product(rows.mT, slope).mT}

    def _teacher(self, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
        """The teacher's parameters under the student's names, its first layer scaled by tau."""
        own = self.teacher == "scaled"
        prefix = "" if own else "teacher."
        kernels = parameters["kernels" if own else "teacher"]
        body = {name: parameters[prefix + name] for name in body_parameters(parameters)}
        return {"kernels": self.teacher_scale * kernels, **body}

    def advance(self, parameters: dict[str, Tensor]) -> None:
        """Move the "ema" teacher after a step, in place."""
        if self.teacher == "ema":
            parameters["teacher"].lerp_(parameters["kernels"], 1 - self.momentum)
            for name, value in body_parameters(parameters).items():
                parameters[f"teacher.{name}"].lerp_(value, 1 - self.momentum)
