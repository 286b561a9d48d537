"""What workers do in the place of training: sleep as long as a block takes, and answer alike.

Imports neither torch nor mrpcheck, so that hundreds of slots fit a few small processes.
"""

from __future__ import annotations

import io
import json
import time
from functools import lru_cache
from importlib import import_module

import numpy as np

__all__ = ["PRETRAIN", "imported", "sleep_instead"]

PRETRAIN = "training.pretrain"
SMALL = 1e-3  # no kernel captures anything: claims of at most one feature hold in every trial


def sleep_instead(asked: str, text: str, arrays: bytes, *, seconds: float, block: int) -> bytes:
    """In the place of `mrpcheck.working.work`: an archive of the shapes that pretraining gives.

    Takes `seconds` for `block` trials, and their share for a part of a block.
    """
    call = json.loads(text)
    if call["function"] != PRETRAIN:
        raise ValueError(f"function = {call['function']}, but should be {PRETRAIN} [sleep_instead]")
    setup, trials = (call["arguments"][name]["content"] for name in ("setup", "trials"))
    time.sleep(seconds * trials["count"] / block)
    kernels = setup["net"]["kernels_per_class"] * setup["data"]["classes"]
    return _archive(trials["count"], kernels, setup["data"]["dim"])


def imported(module: str) -> None:
    """Have a worker import what it needs before the clock starts."""
    import_module(module)


@lru_cache(maxsize=64)
def _archive(count: int, kernels: int, dim: int) -> bytes:
    rng, held = np.random.default_rng(0), io.BytesIO()
    np.savez(
        held,
        kernels=SMALL * rng.standard_normal((count, kernels, dim), dtype=np.float32),
        steps=np.full(count, 400),
        time=np.full(count, 100.0),
        reached=np.ones(count, bool),
        diverged=np.zeros(count, bool),
    )
    return held.getvalue()
