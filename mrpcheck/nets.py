"""Smoothed ReLU and GELU, the two-layer convolution, and its random start.

Axes: trial, sample, patch, dim, kernel, class; the leading axis is always trial.
Source: Pan, Zhou, Yan (ICLR 2023), the network; Allen-Zhu & Li (ICLR 2023), the smoothed ReLU;
Hendrycks, Gimpel (2016, arXiv:1606.08415), GELU. Origin: recalled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mrpcheck.late import torch
from mrpcheck.plain import LATE
from mrpcheck.seeds import Trials
from mrpcheck.starts import KINDS, start

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "PLAIN",
    "SMOOTHED",
    "Net",
    "activate",
    "activation",
    "initial_kernels",
]

PLAIN = "convolution"  # the theorem's two-layer network
SMOOTHED, GELU = "smoothed", "gelu"
ACTIVATIONS = "'smoothed' or 'gelu' (plain ReLU is power = 1)"


@dataclass(frozen=True, kw_only=True)
class Net:
    """km convolution kernels of R^d behind an activation.

    kernels_per_class  m; kernels are shared by all classes
    power              q >= 1; q = 1 is plain ReLU, whatever the threshold
    threshold          r > 0 (the papers' varrho): where the smoothed ReLU turns linear, and what a
                       correlation must reach to count as captured, whatever the activation
    init_scale         sigma_0: kernels start as N(0, sigma_0^2 I)
    body               what follows the first layer: "convolution" is the theorem's own network, any
                       other a file of `mrpcheck.encoders`
    depth, heads       blocks behind the first layer, and heads of each, for the bodies that have
                       them
    activation         "smoothed": the smoothed ReLU of power q; "gelu": t Phi(t), which knows
                       neither q nor r, and is half as steep as a ReLU, and linear, around 0
    initialisation     "gaussian", "uniform", "sparse" or "orthogonal": the law of the start, of the
                       same E|w_r|^2 = sigma_0^2 d (see `mrpcheck.starts`)
    """

    kernels_per_class: int = 6
    power: float = 4.0
    threshold: float = 0.3
    init_scale: float = 0.06
    body: str = field(default=PLAIN, metadata=LATE)
    depth: int = field(default=1, metadata=LATE)
    heads: int = field(default=1, metadata=LATE)
    activation: str = field(default=SMOOTHED, metadata=LATE)
    initialisation: str = field(default="gaussian", metadata=LATE)

    def __post_init__(self) -> None:
        for name, ok, should in (
            ("kernels_per_class", isinstance(self.kernels_per_class, int), "an integer"),
            ("kernels_per_class", self.kernels_per_class >= 1, "at least 1"),
            ("power", 1 <= self.power < np.inf, "finite and at least 1"),
            ("threshold", 0 < self.threshold < np.inf, "finite and above 0"),
            ("init_scale", 0 <= self.init_scale < np.inf, "finite and at least 0"),
            ("activation", self.activation in (SMOOTHED, GELU), ACTIVATIONS),
            ("initialisation", self.initialisation in KINDS, f"one of {', '.join(KINDS)}"),
        ):
            if not ok:
                value = getattr(self, name)
                raise ValueError(f"{name} = {value!r}, but should be {should} [Net]")
        if self.body != PLAIN:
            _check_body(self)

    @property
    def early(self) -> tuple[float, float]:
        """(q, s) with act(t) = s t^q / (q r^(q-1)) for small t > 0: what growth goes by."""
        return (1.0, 0.5) if self.activation == GELU else (self.power, 1.0)


def _check_body(net: Net) -> None:
    from mrpcheck.encoders import bodies, body_of  # which import this module

    if net.body not in bodies():
        raise ValueError(f"body = {net.body!r}, but should be one of {', '.join(bodies())} [Net]")
    for name in getattr(body_of(net), "USES", ()):
        value = getattr(net, name)
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} = {value!r}, but should be a whole number >= 1 [Net]")


def activation(t: Tensor, net: Net) -> Tensor:
    """act(t), elementwise: 0 below 0, t^q / (q r^(q-1)) on [0, r], t - (1 - 1/q) r above.

    Branch-free and differentiable by autograd (once), at 0 and at r too. For "gelu" t Phi(t), Phi
    the normal distribution function.
    """
    if net.activation == GELU:
        return torch.nn.functional.gelu(t)
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
    own, since 0^0 would make it 1 everywhere. For "gelu" Phi(t) + t phi(t), phi the normal density.
    """
    if net.activation == GELU:
        share = torch.special.ndtr(z)
        torch.mul(z, z, out=slope)
        slope.mul_(-0.5).exp_().mul_(z).mul_((2 * math.pi) ** -0.5).add_(share)
        z.mul_(share)
        return
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


def initial_kernels(net: Net, classes: int, dim: int, key: str, trials: Trials) -> Tensor:
    """w_r(0) ~ N(0, sigma_0^2 I), (trial, kernel, dim), or of the net's own kind of start."""
    kind, count = net.initialisation, net.kernels_per_class * classes
    streams = [trials.generator(key, t, "kernels") for t in trials.numbers]
    rows = [start(kind, stream, count, dim) for stream in streams]
    scaled = (net.init_scale * np.stack(rows)).astype(trials.dtype)
    return torch.from_numpy(scaled).to(trials.device)
