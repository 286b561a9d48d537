"""Representations of two maskings of a sample, and losses that see nothing but them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from mrpcheck.encoders import is_local, outputs
from mrpcheck.late import torch
from mrpcheck.nets import Net
from mrpcheck.products import product, responses

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.views import MultiView

__all__ = [
    "growth_time",
    "normalised",
    "own_square",
    "pulled",
    "representations",
    "through_normalised",
]

Parameters = dict[str, "Tensor"]


def representations(
    parameters: Parameters, x: Tensor, net: Net, mask: Tensor | None, keep: float
) -> Tensor:
    """h = sum_p eps_p a_p / theta of two maskings, (trial, 2, sample, unit), differentiable.

    x (trial, sample, patch, dim), mask (trial, sample, patch, 2) of 0 and 1 (1: kept); None keeps
    every patch in both, as if theta were 1.
    """
    if mask is None:
        return outputs(parameters, x, net).sum(2).unsqueeze(1).expand(-1, 2, -1, -1)
    if is_local(net):  # masked outputs are the outputs times the mask: one pass for both
        return _pooled(outputs(parameters, x, net), mask, keep)
    seen = [mask[..., j : j + 1] for j in range(2)]
    both = [(outputs(parameters, x, net, one) * one).sum(2) / keep for one in seen]
    return torch.stack(both, 1)


def _pooled(a: Tensor, mask: Tensor, keep: float) -> Tensor:
    return (mask.mT @ a).transpose(1, 2) / keep


def normalised(h: Tensor, floor: float) -> Tensor:
    """h / sqrt(|h|^2 + floor^2) along the last axis: on the sphere once |h| is above `floor`."""
    return h / _size(h, floor)


def through_normalised(h: Tensor, floor: float, slope: Tensor) -> Tensor:
    """The derivative by h, where that by `normalised(h, floor)` is `slope`; all of one shape."""
    size = _size(h, floor)
    n = h / size
    return (slope - n * (n * slope).sum(-1, keepdim=True)) / size


def _size(h: Tensor, floor: float) -> Tensor:
    return (h.square().sum(-1, keepdim=True) + floor**2).sqrt()


def pulled(
    kernels: Tensor, x: Tensor, net: Net, mask: Tensor, keep: float
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """`representations` h of the theorem's own network, and its pull-back; no autograd.

    The pull-back takes dL/dh, of the shape of h, to dL/dw, (trial, kernel, dim):
    dL/dw_r = sum_{n,p} (sum_j eps_{p,j} dL/dh_{j,r} / theta) act'(<w_r, x_p>) x_p. Once only: it
    works in place.
    """
    rows = x.flatten(1, 2)  # (trial, sample * patch, dim)
    a, slope = responses(rows, kernels, net)  # (trial, sample * patch, kernel)

    def back(to_h: Tensor) -> Tensor:
        to_a = mask @ (to_h.transpose(1, 2) / keep)  # (trial, sample, patch, kernel)
        return product(rows.mT, slope.mul_(to_a.flatten(1, 2))).mT

    return _pooled(a.view(*x.shape[:3], -1), mask, keep), back


def own_square(data: MultiView) -> float:
    """E[Z^2] of a class' own feature in multi-view samples."""
    low, high = data.own
    return (low * low + low * high + high * high) / 3


def growth_time(data: MultiView, net: Net, pull: float) -> float:
    """Time (steps times rate) of the last feature from its start to r, pulled by `pull` h.

    A push on each masking's h of `pull` times the other's grows a small correlation as
    dt/dtime = B t^(2q-1), as for `MaskedLatents`, whose margin `pull` takes the place of.
    Origin: derived.
    """
    from mrpcheck.growth import late_scale, strength_moment  # which import this package

    (q, steep), r = net.early, net.threshold
    kernels = net.kernels_per_class * data.classes
    start = net.init_scale * late_scale(kernels, data.classes * data.views, competing=False)
    if start <= 0:
        return math.inf
    speed = pull * steep**2 * strength_moment(data, 2 * q) / (q * r ** (2 * q - 2))
    if q == 1:
        return max(math.log(r / start), 0.0) / speed
    return float(1 / ((2 * q - 2) * speed * start ** (2 * q - 2)))
