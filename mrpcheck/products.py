"""Products, activations and sums of a group of trials, a trial's the same in whatever group.

torch on a CPU, where one trial is trained at a time; the Triton kernels of `cuda_products` on CUDA.
torch's own choose their order of summation there by the size of the group, so without Triton they
are called once a trial. Axes: trial, sample, patch, dim, kernel; row is (sample, patch) as one.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

from mrpcheck.late import torch
from mrpcheck.nets import SMOOTHED, Net, activate

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "full_precision",
    "norms",
    "pooled",
    "product",
    "responses",
    "summed",
    "total",
    "triton_kernels",
]

LEAST_TRITON = (3, 5)  # earlier ones have no float64 products


def product(a: Tensor, b: Tensor) -> Tensor:
    """a b of every trial: a (trial, m, k), b (trial, k, n), of any strides."""
    kernels = triton_kernels(a)
    return kernels.product(a, b) if kernels else _each(torch.bmm, a, b)


def responses(rows: Tensor, kernels: Tensor, net: Net) -> tuple[Tensor, Tensor]:
    """act(z) and act'(z) of rows (trial, row, dim), z = <w_r, x>: both (trial, row, kernel)."""
    fast = triton_kernels(rows, net)
    if fast:
        return fast.responses(rows, kernels, net)
    a = product(rows, kernels.mT)
    slope = torch.empty_like(a)
    activate(a, slope, net)
    return a, slope


def summed(x: Tensor, kernels: Tensor, net: Net) -> tuple[Tensor, Tensor]:
    """The sum of act(z) over patches, (trial, sample, kernel), and act'(z), (trial, row, kernel).

    x (trial, sample, patch, dim).
    """
    fast = triton_kernels(x, net)
    if fast and x.shape[2] <= fast.WIDEST:
        return fast.summed(x, kernels, net)
    a, slope = responses(x.flatten(1, 2), kernels, net)
    return pooled(a.view(*x.shape[:3], a.shape[-1]))[:, :, 0], slope


def pooled(values: Tensor) -> Tensor:
    """The sum over patches: (trial, sample, patch, unit) to (trial, sample, 1, unit)."""
    fast = triton_kernels(values)
    return fast.pooled(values) if fast else _each(lambda v: v.sum(2, keepdim=True), values)


def total(values: Tensor) -> Tensor:
    """The sum of all entries of every trial, (trial,)."""
    fast = triton_kernels(values)
    return fast.total(values) if fast else _each(lambda v: v.flatten(1).sum(1), values)


def norms(values: Tensor) -> Tensor:
    """The Euclidean norm of every row: (trial, row, entry) to (trial, row)."""
    if not _on_cuda(values):
        return torch.linalg.vector_norm(values, dim=2)
    squares = (values * values).flatten(0, 1)
    return total(squares).view(values.shape[:2]).sqrt_()


def triton_kernels(values: Tensor, net: Net | None = None) -> ModuleType | None:
    """`cuda_products` for `values` on CUDA where Triton is installed, else None.

    None too for what autograd follows, as it does in the plain losses: kernels have no derivative;
    and for a `net` whose activation they do not know.
    """
    known = net is None or net.activation == SMOOTHED
    return _kernels() if known and _on_cuda(values) and not values.requires_grad else None


def full_precision(device: str) -> None:
    """Where `device` is CUDA, let no float32 product of torch's own be rounded to TF32."""
    if device.startswith("cuda"):
        torch.set_float32_matmul_precision("highest")


def _on_cuda(values: Tensor) -> bool:
    return values.is_cuda


@cache
def _kernels() -> ModuleType | None:
    triton = importlib.import_module("triton") if importlib.util.find_spec("triton") else None
    version = triton.__version__ if triton else "not installed"
    if triton is None or tuple(map(int, version.split(".")[:2])) < LEAST_TRITON:
        logging.getLogger("mrpcheck").warning(
            f"triton = {version}, but should be 3.5 or later for speed: products go trial by trial"
        )
        return None
    from mrpcheck import cuda_products

    return cuda_products


def _each(function: Callable[..., Tensor], *values: Tensor) -> Tensor:
    """The function of all trials at once on a CPU, of one after the other elsewhere."""
    if not _on_cuda(values[0]):
        return function(*values)
    trials = range(len(values[0]))
    return torch.cat([function(*(value[t : t + 1] for value in values)) for t in trials])
