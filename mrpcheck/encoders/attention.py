"""Transformer blocks over a sample's patches: multi-head self-attention, then a residual MLP.

A patch's token u_p is act(W x_p), the units of the theorem's first layer; a masked patch's is 0.
`Net.depth` blocks follow, of `Net.heads` heads each, in residual form:

    u_p + sum_h sum_p' softmax_p'(<(u_p + e_p) Q_h, (u_p' + e_p') K_h> / sqrt(width)) u_p' V_h O_h

and then u + act(u B_in) B_out, act the net's own smoothed ReLU. Masked patches are no keys: nobody
attends to them; they attend to the visible ones, so a masked patch's own output predicts it from
them. Where all patches are masked attention adds nothing.

Source: Vaswani et al. (NeurIPS 2017), attention; Dosovitskiy et al. (ICLR 2021), over patches; He
et al. (CVPR 2022, MAE), masked patches that only ask. Origin: stated there; setting (one width, one
or few heads, no layer norm, no learned mask token) ours.

Positions e, learned and N(0, sigma_0^2) at the start, are added to what queries and keys are made
of and not to the tokens themselves (as in Carion et al., ECCV 2020): activations are of the order
sigma_0^q at the start, and a position in their place would drown them. For the same reason there is
no layer norm: it divides a token by its size, so that all activations would be of order 1 at step
0, and nothing would be left of features growing from small starts, which the theorems are about.
In its stead each branch starts at zero (O = B_out = 0: Zhang, Dauphin, Ma, ICLR 2019, Fixup;
Bachlechner et al., UAI 2021, ReZero): the network begins as the theorem's own. A learned mask token
would be a bias of all masked patches at once, with the curvature of them all: at the standard
recipe's rate, which knows of single patches, that diverges. Masked patches differ by position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrpcheck.encoders.residual import block, drawn, first_layer
from mrpcheck.late import torch
from mrpcheck.nets import Net

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.seeds import Trials
    from mrpcheck.setups import Setup

__all__ = ["LOCAL", "USES", "attention", "outputs", "start"]

LOCAL = False
USES = ("depth", "heads")
FAR = -1e9  # added to the score of a key that is masked: exp of it is 0


def start(net: Net, kernels: Tensor, setup: Setup, trials: Trials) -> dict[str, Tensor]:
    """The body's parameters at step 0.

    `body.query`, `body.key`, `body.value` (trial, block, unit, head * width), width the units by
    the heads, rounded up, and `body.mix` (trial, block, head * width, unit): O of all heads.
    `body.in`, `body.out` (trial, block, unit, unit) and `body.position` (trial, patch, unit).
    """
    units, depth = kernels.shape[1], net.depth
    wide = net.heads * -(-units // net.heads)
    scale, shape = units**-0.5, (depth, units, wide)
    query, key, value, inner, position = drawn(
        {
            "query": (scale, shape),
            "key": (scale, shape),
            "value": (scale, shape),
            "in": ((2 / depth) ** 0.5 * scale, (depth, units, units)),
            "position": (net.init_scale, (setup.data.patches, units)),
        },
        kernels,
        setup,
        trials,
    )
    return {
        "body.query": query,
        "body.key": key,
        "body.value": value,
        "body.mix": torch.zeros_like(value.mT).contiguous(),
        "body.in": inner,
        "body.out": torch.zeros_like(inner),
        "body.position": position,
    }


def outputs(
    parameters: dict[str, Tensor], x: Tensor, net: Net, mask: Tensor | None = None
) -> Tensor:
    """Each patch's units behind the last block, (trial, sample, patch, unit)."""
    return _run(parameters, x, net, mask)[0]


def attention(
    parameters: dict[str, Tensor], x: Tensor, net: Net, mask: Tensor | None = None
) -> Tensor:
    """Who attends to whom, (trial, sample, head, query, key), the heads of all blocks in a row.

    A query's weights sum to 1 over the visible keys (patches); all are 0 where none is visible.
    """
    return torch.cat(_run(parameters, x, net, mask)[1], 2)


def _run(
    parameters: dict[str, Tensor], x: Tensor, net: Net, mask: Tensor | None
) -> tuple[Tensor, list[Tensor]]:
    """The units behind the last block, and the attention of every block."""
    shape, maps = x.shape[:3], []
    u = first_layer(parameters, x, net)  # (trial, row, unit)
    if mask is not None:
        u = u * mask.flatten(1, 2)
    for layer in range(net.depth):
        weights = _weights(parameters, layer, u, shape, net, mask)
        maps.append(weights)
        value = _by_head(u @ parameters["body.value"][:, layer], shape, net.heads)
        mixed = (weights @ value).transpose(2, 3).flatten(3).flatten(1, 2)  # (trial, row, wide)
        u = u + mixed @ parameters["body.mix"][:, layer]
        u = block(u, parameters, layer, net)
    return u.view(*shape, -1), maps


def _weights(
    parameters: dict[str, Tensor],
    layer: int,
    u: Tensor,
    shape: torch.Size,
    net: Net,
    mask: Tensor | None,
) -> Tensor:
    """The attention of one block, (trial, sample, head, query, key)."""
    placed = u.view(*shape, -1) + parameters["body.position"].unsqueeze(1)
    placed = placed.flatten(1, 2)
    query = _by_head(placed @ parameters["body.query"][:, layer], shape, net.heads)
    key = _by_head(placed @ parameters["body.key"][:, layer], shape, net.heads)
    scores = query @ key.mT * query.shape[-1] ** -0.5
    if mask is None:
        return torch.softmax(scores, -1)
    seen = mask[..., 0][:, :, None, None]  # (trial, sample, 1, 1, key)
    return torch.softmax(scores + FAR * (1 - seen), -1) * seen


def _by_head(rows: Tensor, shape: torch.Size, heads: int) -> Tensor:
    """(trial, sample * patch, head * width) as (trial, sample, head, patch, width)."""
    return rows.view(*shape, heads, -1).transpose(2, 3)
