"""Encoders: what `Net.body` names, from patches to what each patch contributes to each unit.

"convolution" is the theorem's two-layer network: one activation a kernel and patch. Any other body
is a file of this package of the same name, with

    start(net, kernels, setup, trials) -> parameters beside the kernels, their names in `body.`
    outputs(parameters, x, net, mask) -> (trial, sample, patch, unit)

and LOCAL, whether a patch's outputs depend on that patch alone and are 0 where it is 0, so that
masking a patch multiplies them by 0 and expectations over masks have their closed form. The first
layer's kernels are `parameters["kernels"]` in every body.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from mrpcheck.late import torch
from mrpcheck.nets import PLAIN, Net, activation

if TYPE_CHECKING:
    from torch import Tensor

    from mrpcheck.seeds import Trials
    from mrpcheck.setups import Setup

__all__ = ["bodies", "body_of", "body_parameters", "is_local", "outputs", "scores", "start_body"]


def bodies() -> tuple[str, ...]:
    """The names that `Net.body` may take."""
    return (PLAIN, *sorted(found.name for found in iter_modules(__path__)))


def body_of(net: Net) -> Any:
    """The module of the net's body; None for the theorem's own network."""
    return None if net.body == PLAIN else import_module(f"{__name__}.{net.body}")


def is_local(net: Net) -> bool:
    """Whether masking a patch multiplies its outputs by 0 and changes nothing else."""
    body = body_of(net)
    return body is None or bool(body.LOCAL)


def start_body(kernels: Tensor, setup: Setup, trials: Trials) -> dict[str, Tensor]:
    """The body's parameters at step 0, beside the kernels."""
    body = body_of(setup.net)
    return {} if body is None else body.start(setup.net, kernels, setup, trials)


def body_parameters(parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    """Those of the parameters that belong to the body."""
    return {name: value for name, value in parameters.items() if name.startswith("body.")}


def outputs(
    parameters: dict[str, Tensor], x: Tensor, net: Net, mask: Tensor | None = None
) -> Tensor:
    """What each patch contributes to each unit: (trial, sample, patch, unit), differentiable.

    x (trial, sample, patch, dim), mask (trial, sample, patch, 1) of 0 and 1 (1: kept) or None.
    """
    body = body_of(net)
    if body is not None:
        return body.outputs(parameters, x, net, mask)
    seen = x if mask is None else x * mask
    return activation(torch.einsum("tnpd,trd->tnpr", seen, parameters["kernels"]), net)


def scores(parameters: dict[str, Tensor], x: Tensor, net: Net) -> Tensor:
    """F_i(X) = sum_r u_{i,r} h_r(X), h the sum over patches: (trial, sample, class)."""
    h = outputs(parameters, x, net).sum(2)
    if "hidden" in parameters:  # a nonlinear head: its hidden layer's units in the place of h
        h = torch.relu(h @ parameters["hidden"].mT + parameters["hidden_bias"].mT)
    return h @ parameters["head"].mT
