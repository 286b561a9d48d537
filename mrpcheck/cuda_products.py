"""Products, activations and sums of a group of trials by the Triton kernels of `cuda_kernels`.

Axes: trial, sample, patch, dim, kernel; row is (sample, patch) as one axis. Tiles follow from the
shape of one trial alone, so a trial's bits depend neither on its group nor on the other tiles.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch
from torch import Tensor

from mrpcheck import cuda_kernels
from mrpcheck.nets import Net

__all__ = ["WIDEST", "masked_latents", "pooled", "product", "responses", "summed", "total"]

TILE = {torch.float32: 64, torch.float64: 32}  # rows and columns of a program's tile, at most
DEPTH = 16  # of the shared dimension at once
WIDEST = 128  # patches of a sample that one tile holds
POOL = 128  # units summed by one program
TOTAL = 1024  # entries added at once


def product(a: Tensor, b: Tensor) -> Tensor:
    """a b of every trial: a (trial, m, k), b (trial, k, n), of any strides."""
    (trials, m, k), n = a.shape, b.shape[2]
    c = a.new_empty(trials, m, n)
    rows, columns = _tile(m, a.dtype), _tile(n, a.dtype)
    grid = (-(-m // rows) * -(-n // columns), trials)
    with _on(a):
        cuda_kernels.multiply[grid](
            a, b, c, m, n, k, *a.stride(), *b.stride(), *c.stride(),
            rows=rows, columns=columns, depth=DEPTH, enable_fp_fusion=True,
        )  # fmt: skip
    return c


def responses(rows: Tensor, kernels: Tensor, net: Net) -> tuple[Tensor, Tensor]:
    """act(z) and act'(z) of rows (trial, row, dim), both (trial, row, kernel)."""
    shape = (*rows.shape[:2], kernels.shape[1])
    a, slope = rows.new_empty(shape), rows.new_empty(shape)
    _respond(rows.unsqueeze(2), kernels, kernels, a, slope, net, "plain")
    return a, slope


def summed(x: Tensor, kernels: Tensor, net: Net) -> tuple[Tensor, Tensor]:
    """The sum of act(z) over patches, (trial, sample, kernel), and act'(z), (trial, row, kernel).

    x (trial, sample, patch, dim) of at most `WIDEST` patches.
    """
    trials, samples, patches, _ = x.shape
    h = x.new_empty(trials, samples, kernels.shape[1])
    slope = x.new_empty(trials, samples * patches, kernels.shape[1])
    _respond(x, kernels, kernels, h, slope, net, "summed")
    return h, slope


def masked_latents(
    x: Tensor, kernels: Tensor, teacher: Tensor | None, net: Net, context: str, keep: float,
    scale: float,
) -> Tensor:  # fmt: skip
    """The derivative of the expected error of masked latents by z, (trial, row, kernel).

    x (trial, sample, patch, dim) of at most `WIDEST` patches; teacher (trial, kernel, dim), or None
    for the student's own; `scale` multiplies its z.
    """
    slope = x.new_empty(len(x), x.shape[1] * x.shape[2], kernels.shape[1])
    _respond(x, kernels, teacher, slope, slope, net, context, keep, scale)
    return slope


def pooled(values: Tensor) -> Tensor:
    """The sum over patches: (trial, sample, patch, unit) to (trial, sample, 1, unit)."""
    trials, samples, patches, units = values.shape
    sums = values.new_empty(trials, samples, 1, units)
    with _on(values):
        cuda_kernels.pool[(trials * samples, -(-units // POOL))](
            values.contiguous(), sums, patches, units, columns=POOL, enable_fp_fusion=True
        )
    return sums


def total(values: Tensor) -> Tensor:
    """The sum of all entries of every trial, (trial,)."""
    sums = values.new_empty(len(values))
    with _on(values):
        cuda_kernels.total[(len(values),)](
            values.contiguous(), sums, values[0].numel(), columns=TOTAL, enable_fp_fusion=True
        )
    return sums


def _respond(
    x: Tensor, kernels: Tensor, teacher: Tensor | None, a: Tensor, slope: Tensor, net: Net,
    context: str, keep: float = 1.0, scale: float = 1.0,
) -> None:  # fmt: skip
    trials, n, patches, dim = x.shape
    units = kernels.shape[1]
    other = kernels if teacher is None else teacher
    if other.stride() != kernels.stride():  # one set of strides serves both
        kernels, other = kernels.contiguous(), other.contiguous()
    width = _power_of_two(patches)
    samples, columns = max(1, TILE[x.dtype] // width), _tile(units, x.dtype)
    grid = (-(-n // samples) * -(-units // columns), trials)
    with _on(x):
        cuda_kernels.respond[grid](
            x, kernels, other, a, slope,
            _constants(net.power, net.threshold, keep, scale, x.device),
            n, patches, units, dim, *x.stride(), *kernels.stride(), slope.stride(0), a.stride(0),
            power=int(net.power) if net.power in (1, 2, 3, 4, 5) else 0, context=context,
            taught=teacher is not None, samples=samples, width=width, columns=columns, depth=DEPTH,
            num_warps=4 if teacher is None else 8,  # two products fill twice the registers
            enable_fp_fusion=True,  # its default differs between versions of Triton
        )  # fmt: skip


@cache  # without end: a recorded graph keeps reading them
def _constants(q: float, r: float, keep: float, scale: float, device: torch.device) -> Tensor:
    """What a kernel takes by address, since a number in a call would be rounded to float32."""
    return torch.tensor([q, r, keep, scale], dtype=torch.float64, device=device)


def _on(values: Tensor) -> AbstractContextManager[object]:
    """Triton starts its kernels on the current device."""
    return torch.cuda.device(values.device) if values.is_cuda else nullcontext()


def _tile(size: int, dtype: torch.dtype) -> int:
    return max(16, min(TILE[dtype], _power_of_two(size)))


def _power_of_two(size: int) -> int:
    """The smallest power of two that is at least `size`."""
    return 1 << (size - 1).bit_length()
