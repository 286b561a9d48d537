"""Which GPU a worker of pytest-xdist takes, where its caller named several."""

from __future__ import annotations

import os

__all__ = ["pin"]

NAMED = "CUDA_VISIBLE_DEVICES"


def pin(worker: str, asked: str) -> None:
    """Leave the worker, "gw0" or on, one of the GPUs in CUDA_VISIBLE_DEVICES, in turn.

    Before torch first looks for them; not where `asked` names one by number. Where the variable
    names none or one, every worker takes the same.
    """
    named = [gpu for gpu in os.environ.get(NAMED, "").split(",") if gpu.strip()]
    if len(named) > 1 and asked in ("auto", "cuda"):
        os.environ[NAMED] = named[int(worker.removeprefix("gw")) % len(named)]
