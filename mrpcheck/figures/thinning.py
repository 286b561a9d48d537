"""Curves with only the points that show."""

from __future__ import annotations

import numpy as np

__all__ = ["thin"]

Array = np.ndarray


def thin(x: Array, y: Array, tolerance: float) -> tuple[Array, Array]:
    """The finite points of a curve without those that lie within `tolerance` of its chords, in y.

    Ramer, Douglas, Peucker: the point furthest from the chord stays, and so on either side.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    kept = {0, len(x) - 1} if len(x) else set()
    spans = [(0, len(x) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        inner = slice(first + 1, last)
        off = np.abs(y[inner] - np.interp(x[inner], x[[first, last]], y[[first, last]]))
        if off.max() > tolerance:
            middle = first + 1 + int(off.argmax())
            kept.add(middle)
            spans += [(first, middle), (middle, last)]
    chosen = sorted(kept)
    return x[chosen], y[chosen]
