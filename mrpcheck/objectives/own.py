"""A user's own objective: a function of parameters and patches, differentiated by autograd."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mrpcheck.nets import Net
from mrpcheck.seeds import Trials, digest

__all__ = ["OwnObjective"]


@dataclass(frozen=True)
class OwnObjective:
    """The mean loss of one trial as `function(kernels, patches)` or `function(kernels, patches, net)`.

    kernels (kernel, dim), patches (sample, patch, dim); returns a scalar tensor. Trained by
    autograd, in the same blocks as the package's objectives, one trial at a time.
    """

    function: Callable[..., Tensor]
    whole = True  # sees all samples at once

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(
                f"objective = {self.function!r}, but should be a function of kernels and patches "
                "[Setup]"
            )

    @property
    def name(self) -> str:
        """Where the function was defined."""
        return f"{self.function.__module__}.{self.function.__qualname__}"

    @property
    def source_digest(self) -> str:
        """A digest of the function's source and of the plain values it closes over."""
        try:
            source = inspect.getsource(self.function)
        except (OSError, TypeError):
            source = repr(self.function)
        cells = inspect.getclosurevars(self.function).nonlocals
        return digest(source, {name: repr(value) for name, value in sorted(cells.items())})

    def start(self, kernels: Tensor, net: Net, key: str, trials: Trials) -> dict[str, Tensor]:
        """The parameters at step 0: the kernels."""
        return {"kernels": kernels}

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
        """Loss (trial,) or None and gradients, both times the number of samples."""
        takes_net = len(inspect.signature(self.function).parameters) > 2
        losses, slopes = [], []
        for kernels, patches in zip(parameters["kernels"], x, strict=True):
            leaf = kernels.detach().requires_grad_()
            loss = self.function(leaf, patches, net) if takes_net else self.function(leaf, patches)
            if not isinstance(loss, Tensor) or loss.ndim:
                what = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
                raise ValueError(f"loss = {what}, but should be a scalar tensor [{self.name}]")
            (slope,) = torch.autograd.grad(loss, leaf)
            losses.append(loss.detach() * x.shape[1])
            slopes.append(slope * x.shape[1])
        return torch.stack(losses) if with_loss else None, {"kernels": torch.stack(slopes)}
