"""How much a store may hold: `$MRPCHECK_STORE_BOUND`, and dropping what is more."""

from __future__ import annotations

import os
import re
import time
import zlib
from collections import deque
from typing import TYPE_CHECKING

from mrpcheck.places import BLOCK, PART, File

if TYPE_CHECKING:
    from mrpcheck.guarded import Guarded

__all__ = ["bound", "is_turn", "size_of", "trim"]

BOUND = 8 * 2**30  # bytes
LEFT = 3600.0  # seconds after which a half-written file is one that a kill left
OFTEN = 8  # times that a store is trimmed while as much as its bound is written
PREFIXES = " kmgtp"  # by powers of 1000, or of 1024 with an i


def bound() -> int | None:
    """The most bytes that are kept: $MRPCHECK_STORE_BOUND, or 8 GiB; None for any number.

    Raises ValueError where the environment says neither a size nor "none".
    """
    text = os.environ.get("MRPCHECK_STORE_BOUND", "").strip()
    if not text:
        return BOUND
    size = size_of(text)
    if size is None and text.lower() != "none":
        raise ValueError(
            f"MRPCHECK_STORE_BOUND = {text!r}, but should be a size such as '8 GB', or 'none' "
            "[store]"
        )
    return size


def size_of(text: str) -> int | None:
    """The bytes of a size as people write it; None for what is not one.

    >>> size_of("1.5 kB"), size_of("2MiB"), size_of("100"), size_of("much")
    (1500, 2097152, 100, None)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?(?:e\d{1,2})?) *([kmgtp]?)(i?)b?", text.strip().lower())
    if found is None or (found[3] and not found[2]):
        return None
    power = PREFIXES.index(found[2] or " ")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)


def trim(place: Guarded, most: int) -> None:
    """Drop the blocks used longest ago until a place holds at most `most` bytes.

    Where its filesystem does not tell when a block was used, those written longest ago. What a kill
    left half-written goes after an hour.
    """
    files, old = place.files(), time.time() - LEFT
    left = [file.path for file in files if file.path.endswith(PART) and file.used < old]
    if left:
        place.remove(left)
    blocks = deque(sorted(file for file in files if file.path.endswith(BLOCK)))
    total = sum(file.size for file in blocks)
    while blocks and total > most:
        chosen = _first(blocks, total - most)
        gone = place.remove([file.path for file in chosen])
        total -= sum(file.size for file in chosen if file.path in gone)


def _first(blocks: deque[File], size: int) -> list[File]:
    """Take out the first blocks that hold `size` bytes together, or all."""
    taken = []
    while blocks and size > 0:
        taken.append(blocks.popleft())
        size -= taken[-1].size
    return taken


def is_turn(name: str, size: int) -> bool:
    """Whether the store is trimmed after a block of this size: by chance, as its name decides.

    A trim comes about `OFTEN` times while as much as the bound is written, by one process or many.
    """
    try:
        most = bound()
    except ValueError:  # said when the run began
        return False
    return most is not None and zlib.crc32(name.encode()) * most < OFTEN * size * 2**32
