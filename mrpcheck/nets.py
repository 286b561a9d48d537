"""Smoothed ReLU, the two-layer convolution, and its random start.

Axes: trial, sample, patch, dim, kernel, class; the leading axis is always trial.
Source: Pan, Zhou, Yan (ICLR 2023), the network; Allen-Zhu & Li (ICLR 2023), the activation.
Origin: recalled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mrpcheck.late import torch
from mrpcheck.plain import LATE
from mrpcheck.seeds import Trials

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLAIN", "Net", "activate", "activation", "encode", "initial_kernels", "logits"]

PLAIN = "convolution"  # the theorem's two-layer network


@dataclass(frozen=True, kw_only=True)
class Net:
    """km convolution kernels of R^d behind a smoothed ReLU.

    kernels_per_class  m; kernels are shared by all classes
    power              q >= 1; q = 1 is plain ReLU, whatever the threshold
    threshold          r > 0 (the papers' varrho): where the activation turns linear
    init_scale         sigma_0: kernels start as N(0, sigma_0^2 I)
    body               what follows the first layer: "convolution" is the theorem's own network, any
                       other a file of `mrpcheck.encoders`
    """

    kernels_per_class: int = 6
    power: float = 4.0
    threshold: float = 0.3
    init_scale: float = 0.06
    body: str = field(default=PLAIN, metadata=LATE)

    def __post_init__(self) -> None:
        for name, ok, should in (
            ("kernels_per_class", isinstance(self.kernels_per_class, int), "an integer"),
            ("kernels_per_class", self.kernels_per_class >= 1, "at least 1"),
            ("power", 1 <= self.power < np.inf, "finite and at least 1"),
            ("threshold", 0 < self.threshold < np.inf, "finite and above 0"),
            ("init_scale", 0 <= self.init_scale < np.inf, "finite and at least 0"),
        ):
            if not ok:
                value = getattr(self, name)
                raise ValueError(f"{name} = {value!r}, but should be {should} [Net]")
        if self.body != PLAIN:
            _check_body(self.body)


def _check_body(body: object) -> None:
    from mrpcheck.encoders import bodies  # which import this module

    if body not in bodies():
        raise ValueError(f"body = {body!r}, but should be one of {', '.join(bodies())} [Net]")


def activation(t: Tensor, net: Net) -> Tensor:
    """act(t), elementwise: 0 below 0, t^q / (q r^(q-1)) on [0, r], t - (1 - 1/q) r above.

    Branch-free and differentiable by autograd (once), at 0 and at r too.
    """
    q, r = net.power, net.threshold
    if q == 1:
        return torch.relu(t)
    u = t.clamp(0, r)
    if q < 2:  # u^(q-1) has no derivative at 0, u^q has
        return (u / r) ** q * (r / q) + torch.relu(t - r)
    return (u / r) ** (q - 1) * u / q + torch.relu(t - r)


def activate(z: Tensor, slope: Tensor, net: Net) -> None:
    """Put act(z) into `z` and act'(z) into `slope` (same shape), in place.

    act'(t) = min(max(t, 0) / r, 1)^(q-1); for q = 1 it is 1 above 0 and 0 elsewhere, a case of its
    own, since 0^0 would make it 1 everywhere.
    """
    q, r = net.power, net.threshold
    if q == 1:
        slope.copy_(z > 0)
        z.clamp_min_(0)
        return
    torch.clamp(z, 0, r, out=slope)  # u
    z.sub_(r).clamp_min_(0)
    power = _power(slope, q - 1)  # u^(q-1)
    z.addcmul_(slope, power, value=1 / (q * r ** (q - 1)))
    torch.mul(power, r ** (1 - q), out=slope)


def _power(u: Tensor, exponent: float) -> Tensor:
    """u^exponent, elementwise; small integers by products, which are much cheaper."""
    if exponent == 1:
        return u.clone()
    if exponent not in (2, 3, 4):
        return u.pow(exponent)
    square = u * u
    if exponent == 2:
        return square
    return square.mul_(u if exponent == 3 else square)


def encode(kernels: Tensor, x: Tensor, net: Net) -> Tensor:
    """h_r(X) = sum_p act(<w_r, x_p>): (trial, sample, kernel).

    kernels (trial, kernel, dim), x (trial, sample, patch, dim).
    """
    z = torch.einsum("tnpd,trd->tnpr", x, kernels)
    return activation(z, net).sum(2)


def logits(kernels: Tensor, head: Tensor, x: Tensor, net: Net) -> Tensor:
    """F_i(X) = sum_r u_{i,r} h_r(X): (trial, sample, class); head (trial, class, kernel)."""
    return encode(kernels, x, net) @ head.mT


def initial_kernels(net: Net, classes: int, dim: int, key: str, trials: Trials) -> Tensor:
    """w_r(0) ~ N(0, sigma_0^2 I), (trial, kernel, dim)."""
    shape = (net.kernels_per_class * classes, dim)
    rows = [trials.generator(key, t, "kernels").standard_normal(shape) for t in trials.numbers]
    start = (net.init_scale * np.stack(rows)).astype(trials.dtype)
    return torch.from_numpy(start).to(trials.device)
