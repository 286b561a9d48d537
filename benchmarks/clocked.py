"""A pytest plugin (`-p clocked`): how much of a run goes through the fast path, a file a process.

The fast path is the gradient in closed form: native code where there is some, torch elsewhere. A
user's own objective goes through autograd and is no part of it.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = "MRPCHECK_CLOCKED"
POINTS = {
    "native": (("mrpcheck.fused", "Fused", "gradient"), ("mrpcheck.fused", "Fused", "descend")),
    "closed form": (("mrpcheck.slopes", "Slopes", "at"),),
}
_spent = dict.fromkeys(POINTS, 0.0)
_inside: list[str] = []
_begun = {"process": time.perf_counter(), "judging": 0.0}


def pytest_collection_finish(session: Any) -> None:
    _begun["judging"] = time.perf_counter()
    for kind, points in POINTS.items():
        for module, owner, name in points:
            try:
                place = getattr(importlib.import_module(module), owner)
            except (ImportError, AttributeError):
                continue  # an older or a newer package: that point is not there
            if hasattr(place, name):
                setattr(place, name, _clocked(kind, getattr(place, name)))


def pytest_sessionfinish(session: Any) -> None:
    now = time.perf_counter()
    found = {
        "seconds": now - _begun["process"],
        "judging": now - _begun["judging"],
        **{kind.replace(" ", "_"): seconds for kind, seconds in _spent.items()},
    }
    Path(os.environ[FOLDER], f"{os.getpid()}.json").write_text(json.dumps(found), "utf-8")


def _clocked(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its time counted for `kind` where it is not inside another that counts."""

    @functools.wraps(function)
    def clocked(*args: Any, **named: Any) -> Any:
        own = getattr(getattr(args[0], "objective", None), "whole", False)
        if _inside or own:
            return function(*args, **named)
        _inside.append(kind)
        begun = time.perf_counter()
        try:
            return function(*args, **named)
        finally:
            _spent[kind] += time.perf_counter() - begun
            _inside.pop()

    return clocked
