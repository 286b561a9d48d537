"""A user's own objective: a function of parameters and patches, differentiated by autograd."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mrpcheck.late import torch
from mrpcheck.nets import Net
from mrpcheck.objectives.base import Objective
from mrpcheck.seeds import digest

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["OwnObjective"]


@dataclass(frozen=True)
class OwnObjective(Objective):
    """A trial's mean loss: `function(kernels, patches)` or `function(kernels, patches, net)`.

    kernels (kernel, dim), patches (sample, patch, dim); returns a scalar tensor. Trained by
    autograd, in the same blocks as the package's objectives, one trial at a time.
    """

    function: Callable[..., Tensor]
    whole = True  # sees all samples at once

    def __post_init__(self) -> None:
        if not inspect.isfunction(self.function) or len(self._asks) not in (2, 3):
            raise TypeError(
                f"objective = {self.function!r}, but should be a function of (kernels, patches) "
                "or (kernels, patches, net) [Setup]"
            )

    @property
    def _asks(self) -> list[str]:
        """The parameters without a default."""
        found = inspect.signature(self.function).parameters.values()
        return [p.name for p in found if p.default is p.empty and p.kind is not p.VAR_KEYWORD]

    @property
    def name(self) -> str:
        """Where the function was defined."""
        return f"{self.function.__module__}.{self.function.__qualname__}"

    @cached_property
    def source_digest(self) -> str:
        """A digest of the function's source and of what it reaches by name: values, functions."""
        return digest(_reached(self.function, set()))

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
        more = (net,) if len(self._asks) == 3 else ()
        losses, slopes = [], []
        for kernels, patches in zip(parameters["kernels"], x, strict=True):
            leaf = kernels.detach().requires_grad_()
            loss = self.function(leaf, patches, *more)
            if not isinstance(loss, torch.Tensor) or loss.ndim:
                what = tuple(loss.shape) if isinstance(loss, torch.Tensor) else type(loss).__name__
                raise ValueError(f"loss = {what}, but should be a scalar tensor [{self.name}]")
            if not loss.requires_grad:
                raise ValueError(
                    f"loss = {loss.item():g}, but should be differentiable by kernels [{self.name}]"
                )
            (slope,) = torch.autograd.grad(loss, leaf)
            losses.append(loss.detach() * x.shape[1])
            slopes.append(slope * x.shape[1])
        return torch.stack(losses) if with_loss else None, {"kernels": torch.stack(slopes)}


def _reached(function: Any, seen: set[Any]) -> list[Any]:
    """The function's source and defaults, and every value that its names stand for."""
    seen.add(function)
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        code = function.__code__
        source = code.co_code.hex() + _text(code.co_consts)
    names = inspect.getclosurevars(function)
    values = {**names.globals, **names.nonlocals}
    return [source, _text(function.__defaults__), {n: _text(v) for n, v in values.items()}] + [
        _reached(value, seen)
        for _, value in sorted(values.items())
        if inspect.isfunction(value)
        and value.__module__ == function.__module__
        and value not in seen
    ]


def _text(value: Any) -> str:
    """A value as text that is the same in every process."""
    if isinstance(value, ModuleType):
        return value.__name__
    plain = value.tolist() if hasattr(value, "tolist") else value
    plain = sorted(plain, key=repr) if isinstance(plain, (set, frozenset)) else plain
    return re.sub(r" at 0x[0-9a-f]+", "", repr(plain))
