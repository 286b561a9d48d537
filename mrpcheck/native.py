"""The fused step on the CPU: one small library without torch, loaded by ctypes where it was built.

`setup.py` compiles `step.cpp` for several processors, each where the compiler can; the best that
this processor runs is taken. Without one, or with MRPCHECK_NATIVE=0 in the environment, `name()` is
"torch" and everything runs on the closed forms of `objectives`, with the same results to rounding.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

__all__ = ["Problem", "Until", "library", "name"]

SOURCE = Path(__file__).with_name("step.cpp")
LEVELS = {4: "v4", 3: "v3", 1: "base"}

_log = logging.getLogger("mrpcheck")
_Int, _Real, _At = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p


class Problem(ctypes.Structure):
    """One trial's objective, samples and parameters, as `step.cpp` reads them."""

    _fields_ = [
        *[(n, _Int) for n in ("samples", "patches", "dim", "stride", "kernels", "classes")],
        *[(n, _Int) for n in ("features", "objective", "context", "other_teacher")],
        *[(n, _Int) for n in ("free_decoder", "train_head")],
        *[(n, _Real) for n in ("power", "threshold", "keep", "teacher_scale", "momentum")],
        *[(n, _At) for n in ("x", "mask", "label", "w", "second", "to_kernels", "to_second")],
    ]


class Until(ctypes.Structure):
    """The event that a descent stops at, and what counts as divergence."""

    _fields_ = [
        ("event", _Int),
        ("features", _At),
        ("fall", _Real),
        ("over", _Int),
        ("losses", _At),
        ("diverged", _Real),
    ]


def name() -> str:
    """Which step this process takes: "v4", "v3" or "base" (native), or "torch"."""
    return _found()[0]


def library() -> ctypes.CDLL | None:
    """The library, or None where there is none."""
    return _found()[1]


@lru_cache
def _found() -> tuple[str, ctypes.CDLL | None]:
    if os.environ.get("MRPCHECK_NATIVE") == "0":
        return "torch", None
    base = _load("base")
    runs = base.mrp_processor() if base else 0
    for level, variant in LEVELS.items():
        found = _load(variant) if level <= runs else None
        if found:
            return variant, found
    return "torch", None


def _load(variant: str) -> ctypes.CDLL | None:
    """The library of one variant; one that was built from another `step.cpp` is left alone."""
    source = hashlib.blake2b(SOURCE.read_bytes(), digest_size=8).hexdigest()
    for suffix in EXTENSION_SUFFIXES:
        path = SOURCE.with_name(f"_step_{variant}{suffix}")
        if path.is_file():
            try:
                found = _declared(ctypes.CDLL(str(path)))
            except (OSError, AttributeError) as error:  # built elsewhere, or cut short
                _log.warning("native step = %s, but should load; torch is used instead", error)
                return None
            if found.mrp_source().decode() == source:
                return found
            _log.warning(
                "native step = %s, built from another step.cpp, but should be built again "
                "(pip install); torch is used instead",
                path.name,
            )
    return None


def _declared(found: ctypes.CDLL) -> ctypes.CDLL:
    problem = ctypes.POINTER(Problem)
    found.mrp_gradient.argtypes = [problem, _Int, _Int]
    found.mrp_gradient.restype = _Real
    found.mrp_descend.argtypes = [
        problem,
        _Int,
        _Real,
        _Int,
        ctypes.POINTER(Until),
        ctypes.POINTER(_Int),
    ]
    found.mrp_descend.restype = _Int
    found.mrp_source.argtypes, found.mrp_source.restype = [], ctypes.c_char_p
    found.mrp_lanes.argtypes, found.mrp_lanes.restype = [_Int], _Int
    found.mrp_processor.argtypes, found.mrp_processor.restype = [], _Int
    return found
