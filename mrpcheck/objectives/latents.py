"""`MaskedLatents`: predict a teacher's activations from masked ones (data2vec-like)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from mrpcheck.encoders import body_parameters, is_local, outputs, start_body
from mrpcheck.late import torch
from mrpcheck.nets import Net, activate
from mrpcheck.objectives.base import Objective
from mrpcheck.objectives.contextual import contextual_error
from mrpcheck.objectives.masks import CONTEXTS, Context, check_choice, check_keep, masked_error
from mrpcheck.objectives.rates import normalised_latents_recipe
from mrpcheck.objectives.targets import check_normalised, smooth_l1_error, standardised
from mrpcheck.plain import LATE, written
from mrpcheck.products import product, triton_kernels
from mrpcheck.seeds import Trials

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.setups import Setup
    from mrpcheck.views import MultiView

__all__ = ["MaskedLatents"]

TICK = 2.0**-20  # of the teacher's clock, a step: whole numbers of it are exact, and stay small


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
    momentum_end, momentum_steps  the momentum moves on a straight line from `momentum` at the
              first step to `momentum_end` at step `momentum_steps`, and stays; 0: it never moves
    normalised  whether a patch's targets have mean 0 and variance 1 over the units: data2vec's
              parameterless layer norm for images (one layer here, so there is none to average)
    epsilon   what is added to the variance then: where units respond by far less than its root, as
              they do to noise, targets stay near 0
    loss_kind "square", or "smooth_l1": e^2 / (2 beta) below beta, |e| - beta/2 beyond

    With normalised targets the teacher's scale does not matter, but units compete: on a patch those
    below the mean over units are pulled down. Smooth L1 has a closed form for context "patch" only,
    elsewhere masks must be sampled.

    Source: Pan, Zhou, Yan (ICLR 2023), the objective they analyse; Baevski, Hsu, Xu, Babu, Gu, Auli
    (ICML 2022), data2vec. Origin: recalled; closed form derived.
    """

    keep: float = 0.5
    context: Context = "pooled"
    teacher: Literal["scaled", "ema", "frozen"] = "scaled"
    teacher_scale: float = 1.4
    momentum: float = 0.99
    masks: Literal["exact", "sampled"] = "exact"
    momentum_end: float = field(default=1.0, metadata=LATE)
    momentum_steps: int = field(default=0, metadata=LATE)
    normalised: bool = field(default=False, metadata=LATE)
    epsilon: float = field(default=1e-5, metadata=LATE)
    loss_kind: Literal["square", "smooth_l1"] = field(default="square", metadata=LATE)
    beta: float = field(default=1.0, metadata=LATE)

    __repr__ = written

    def __post_init__(self) -> None:
        check_keep(self.keep, "MaskedLatents")
        check_choice("context", self.context, CONTEXTS, "MaskedLatents")
        check_choice("teacher", self.teacher, ("scaled", "ema", "frozen"), "MaskedLatents")
        check_choice("masks", self.masks, ("exact", "sampled"), "MaskedLatents")
        check_choice("loss_kind", self.loss_kind, ("square", "smooth_l1"), "MaskedLatents")
        check_normalised(self.normalised, self.epsilon, "MaskedLatents")
        if self.loss_kind == "smooth_l1" and self.masks == "exact" and self.context != "patch":
            raise ValueError(
                "masks = 'exact', but should be 'sampled' where loss_kind is 'smooth_l1' and "
                f"context {self.context!r}: its expectation has no closed form [MaskedLatents]"
            )
        for name, ok, should in (
            ("teacher_scale", 0 < self.teacher_scale < float("inf"), "finite and above 0"),
            ("momentum", 0 <= self.momentum <= 1, "in [0, 1]"),
            ("momentum_end", 0 <= self.momentum_end <= 1, "in [0, 1]"),
            ("momentum_steps", 0 <= self.momentum_steps < 2**24, "in [0, 2^24)"),
            ("beta", 0 < self.beta < float("inf"), "finite and above 0"),
        ):
            if not ok:
                value = getattr(self, name)
                raise ValueError(f"{name} = {value!r}, but should be {should} [MaskedLatents]")

    @classmethod
    def variants(cls) -> dict[str, Objective]:
        """Masked latents with the teachers that the paper and its readers speak of."""
        data2vec = cls(
            context="patch", teacher="ema", teacher_scale=1.0, masks="sampled", momentum=0.99,
            momentum_end=0.999, momentum_steps=200, normalised=True, loss_kind="smooth_l1",
        )  # fmt: skip
        return {
            "latents, pooled": cls(teacher_scale=1.65),
            "latents, patch": cls(context="patch", teacher_scale=1.65),
            "data2vec (EMA, normalised, smooth L1)": data2vec,
        }

    def recipe(self, data: MultiView, net: Net) -> tuple[float, int] | None:
        """Normalised targets do not grow with the teacher: see `normalised_latents_recipe`."""
        if not self.normalised:
            return None
        beta = self.beta if self.loss_kind == "smooth_l1" else 1.0
        return normalised_latents_recipe(data, net, self, beta)

    def start(self, kernels: Tensor, setup: Setup, trials: Trials) -> dict[str, Tensor]:
        """The parameters at step 0: kernels and, where it is not the student's own, the teacher."""
        if self.teacher == "scaled":
            return {"kernels": kernels}
        body = start_body(kernels, setup, trials)
        body = {f"teacher.{name}": value.clone() for name, value in body.items()}
        if self._scheduled:
            body["teacher.clock"] = kernels.new_zeros(len(kernels), 1, 1)  # steps, in TICKs
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
            target = self._standard(outputs(self._teacher(parameters), x, net))
        a = outputs(parameters, x, net, None if is_local(net) else mask)
        if not is_local(net):
            beta = self.beta if self.loss_kind == "smooth_l1" else None
            return contextual_error(self.context, a, target, mask, beta)
        loss, _ = self._error(a, target, mask, with_loss=True)
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
        other = self.normalised or self.loss_kind != "square"
        fast = None if with_loss or other or mask is not None else triton_kernels(x, net)
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
        target = self._standard(target.view(shape))
        loss, error = self._error(a.view(shape), target, mask, with_loss=with_loss)
        slope.mul_(error.flatten(1, 2))
        return loss, {"kernels": product(rows.mT, slope).mT}

    def _teacher(self, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
        """The teacher's parameters under the student's names, its first layer scaled by tau."""
        own = self.teacher == "scaled"
        prefix = "" if own else "teacher."
        kernels = parameters["kernels" if own else "teacher"]
        body = {name: parameters[prefix + name] for name in body_parameters(parameters)}
        return {"kernels": self.teacher_scale * kernels, **body}

    def _standard(self, target: Tensor) -> Tensor:
        """The targets that predictions are compared with, (trial, sample, patch, unit)."""
        return standardised(target, self.epsilon) if self.normalised else target

    def _error(
        self, predicted: Tensor, target: Tensor, mask: Tensor | None, *, with_loss: bool
    ) -> tuple[Tensor | None, Tensor]:
        """Loss summed over samples and its derivative by `predicted`."""
        if self.loss_kind == "square":
            return masked_error(
                self.context, predicted, target, self.keep, mask, with_loss=with_loss
            )
        loss, error = smooth_l1_error(self.context, predicted, target, self.keep, self.beta, mask)
        return (loss if with_loss else None), error

    @property
    def _scheduled(self) -> bool:
        return self.teacher == "ema" and self.momentum_steps > 0

    def advance(self, parameters: dict[str, Tensor]) -> None:
        """Move the "ema" teacher after a step, in place; its clock lies beside it."""
        if self.teacher != "ema":
            return
        share: float | Tensor = 1.0 - self.momentum
        if self._scheduled:
            clock = parameters["teacher.clock"]
            way = (clock / (self.momentum_steps * TICK)).clamp(max=1)
            share = share - (self.momentum_end - self.momentum) * way  # (trial, 1, 1)
            clock += TICK
        for name, value in {"": parameters["kernels"], **body_parameters(parameters)}.items():
            teacher = parameters[f"teacher.{name}" if name else "teacher"]
            teacher.lerp_(value, _shaped(share, value))


def _shaped(share: float | Tensor, value: Tensor) -> float | Tensor:
    """One number a trial, with as many axes as `value`."""
    return share if isinstance(share, float) else share.view(-1, *[1] * (value.ndim - 1))
