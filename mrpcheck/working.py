"""A worker's side: one block from a call as data, under the versions that the coordinator asks for.

Whatever runs it (Dask, a process pool, submitit) calls `work` with strings and bytes alone.
"""

from __future__ import annotations

import json
import socket

import numpy as np

from mrpcheck import native, store
from mrpcheck.calls import bytes_of, read_call
from mrpcheck.late import torch

__all__ = ["Refused", "terms", "work"]


class Refused(Exception):
    """A worker whose versions differ trains nothing; text is a sentence."""


def terms() -> str:
    """All versions that decide what training gives, as JSON: equal terms, equal blocks."""
    versions = {
        "torch": torch.__version__,
        "numpy": np.__version__,
        "mrpcheck's sources": store.source_digest(),
        "step": native.name(),
        "torch's instructions": torch.backends.cpu.get_cpu_capability(),
    }
    return json.dumps(versions, sort_keys=True)


def work(asked: str, text: str, arrays: bytes) -> bytes:
    """The block of a call (`Call.write`) as an archive of arrays; `Refused` under other terms."""
    if asked != terms():
        raise Refused(_sentence(json.loads(asked), json.loads(terms())))
    torch.set_num_threads(1)
    with store.asking(None), store.noting() as blocks:
        read_call(text, arrays).make()
    return bytes_of(blocks[-1])


def _sentence(asked: dict[str, str], mine: dict[str, str]) -> str:
    name = next(name for name in asked if asked[name] != mine.get(name))
    return (
        f"{name} = {mine.get(name)}, but should be {asked[name]}, as at the coordinator "
        f"[worker on {socket.gethostname()}]"
    )
