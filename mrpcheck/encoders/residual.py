"""Residual blocks behind the theorem's first layer, each patch by itself.

a_0 = act(W x_p), then `Net.depth` times a + act(a B_in) B_out, act the net's own smoothed ReLU.

Source: He, Zhang, Ren, Sun (CVPR 2016), residual blocks; Zhang, Dauphin, Ma (ICLR 2019, Fixup),
their start. Origin: stated there; setting (no biases, smoothed ReLU, one block a layer) ours.

The start is Fixup's: B_out = 0, and B_in normal with variance 2/units (He et al., ICCV 2015), its
deviation divided by sqrt(depth). So the network begins as the theorem's own, and whatever the
deeper layers do they have learned. Fixup's biases are left out: without them a patch of zeros gives
zeros, so that masking a patch multiplies its outputs by 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mrpcheck.late import torch
from mrpcheck.nets import Net, activation

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.seeds import Trials
    from mrpcheck.setups import Setup

__all__ = ["LOCAL", "USES", "block", "drawn", "first_layer", "outputs", "start"]

LOCAL = True
USES = ("depth",)
PURPOSE = "body"  # of the random numbers that a body starts from


def start(net: Net, kernels: Tensor, setup: Setup, trials: Trials) -> dict[str, Tensor]:
    """`body.in` and `body.out`, (trial, block, unit, unit): random and zero."""
    units = kernels.shape[1]
    scale = (2 / units / net.depth) ** 0.5
    (inner,) = drawn({"in": (scale, (net.depth, units, units))}, kernels, setup, trials)
    return {"body.in": inner, "body.out": torch.zeros_like(inner)}


def outputs(
    parameters: dict[str, Tensor], x: Tensor, net: Net, mask: Tensor | None = None
) -> Tensor:
    """What each patch contributes to each unit, (trial, sample, patch, unit); 0 where it is 0."""
    a = first_layer(parameters, x if mask is None else x * mask, net)
    for layer in range(net.depth):
        a = block(a, parameters, layer, net)
    return a.view(*x.shape[:3], -1)


def first_layer(parameters: dict[str, Tensor], x: Tensor, net: Net) -> Tensor:
    """act(<w_r, x_p>), (trial, sample * patch, kernel)."""
    return activation(x.flatten(1, 2) @ parameters["kernels"].mT, net)


def block(a: Tensor, parameters: dict[str, Tensor], layer: int, net: Net) -> Tensor:
    """a + act(a B_in) B_out, one residual block on (trial, row, unit)."""
    inner = activation(a @ parameters["body.in"][:, layer], net)
    return a + inner @ parameters["body.out"][:, layer]


def drawn(
    wanted: dict[str, tuple[float, tuple[int, ...]]],
    like: Tensor,
    setup: Setup,
    trials: Trials,
) -> list[Tensor]:
    """Normal parameters of every trial, trial axis first: by name a deviation and a trial's shape.

    Each has a stream of its own, so that none moves when another changes.
    """
    found = []
    for name, (scale, shape) in wanted.items():
        rows = [
            trials.generator(setup.key, t, f"{PURPOSE} {name}").standard_normal(shape)
            for t in trials.numbers
        ]
        values = (scale * np.stack(rows)).astype(trials.dtype)
        found.append(torch.from_numpy(values).to(like.device))
    return found
