"""The most memory that this process has taken so far."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

__all__ = ["peak_gpu_memory", "peak_memory"]


def peak_memory() -> int | None:
    """In bytes, of the machine's memory; None where the system does not tell.

    Linux counts what a process' parent took into its own maximum, but not into its status.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_gpu_memory() -> int | None:
    """In bytes, of the fullest GPU, as torch counts it; None where none is in use."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return None
    return max(cuda.max_memory_allocated(i) for i in range(cuda.device_count()))
