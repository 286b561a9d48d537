"""Which kernel holds which feature of a trace: winners, losers, captures, fused kernels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mrpcheck.traces import Arm, Trace

__all__ = [
    "Rows",
    "arms",
    "captured_at",
    "feature_name",
    "held",
    "holders",
    "look",
    "maps",
    "rows",
    "winners",
]

Array = np.ndarray
NAMES = {"mrp": "MRP", "sl": "SL"}


@dataclass(frozen=True, eq=False)
class Rows:
    """The kernels of a map in the order in which they are drawn, (row,).

    `fused` of them come first: they hold two features or more. Those that hold one follow, by
    feature. `empty` kernels hold nothing and have no row.
    """

    kernels: Array
    fused: int
    empty: int


def arms(trace: Trace) -> Iterator[tuple[str, Arm]]:
    """The arms that the trace has, by what people call them."""
    for side, name in NAMES.items():
        if (arm := getattr(trace, side)) is not None:
            yield name, arm


def maps(trace: Trace) -> Iterator[tuple[str, Array]]:
    """The final maps <w_r, v_f>, (kernel, feature), by name; none of what diverged."""
    if trace.mrp is not None:
        if len(trace.mrp.steps):
            end = look(trace.mrp, trace.threshold)
            last = end == len(trace.mrp.steps) - 1
            when = "pretrained" if last else f"step {trace.mrp.steps[end]:g}"
            yield f"MRP, {when}", clean(trace.mrp.correlations[end])
        if np.isfinite(trace.mrp.tuned).all() and np.isfinite(trace.mrp.scores).all():
            yield "MRP, fine-tuned", clean(trace.mrp.tuned)
    if trace.sl is not None and np.isfinite(trace.sl.tuned).all():
        yield "SL", clean(trace.sl.tuned)


def look(arm: Arm, threshold: float) -> int:
    """The point at which an arm is looked at: its last one.

    Of one that diverges the first at which every feature is captured; or the last finite one.
    """
    finite = np.all(np.isfinite(arm.correlations), axis=(1, 2))  # (point,)
    if finite.all():
        return len(finite) - 1
    reached = clean(arm.correlations) >= threshold  # (point, kernel, feature)
    all_captured = np.all(np.any(reached, axis=1), axis=1) & finite
    return int(all_captured.argmax() if all_captured.any() else max(finite.argmin() - 1, 0))


def clean(values: Array) -> Array:
    """The values, with what diverged as far below any threshold as can be drawn."""
    values = np.asarray(values, dtype=np.float64)
    return np.clip(np.nan_to_num(values, nan=-1e6, posinf=1e6, neginf=-1e6), -1e6, 1e6)


def held(values: Array, threshold: float) -> Array:
    """Which kernel holds which feature, (kernel, feature) bool, from one map."""
    return clean(values) >= threshold


def holders(values: Array, threshold: float) -> tuple[int, int, int]:
    """How many features are captured, how many kernels hold one or more, and how many two."""
    holds = held(values, threshold)
    return int(holds.any(0).sum()), int(holds.any(1).sum()), int((holds.sum(1) >= 2).sum())


def winners(values: Array) -> Array:
    """The kernel with the largest correlation with each feature, (feature,)."""
    return clean(values).argmax(0)


def rows(values: Array, threshold: float) -> Rows:
    """The order in which fusion shows: fused kernels together, then a diagonal."""
    values = clean(values)
    holds = held(values, threshold)
    count = holds.sum(1)  # (kernel,)
    best = values.argmax(1) if values.shape[1] else np.zeros(len(values), dtype=int)
    first = np.where(count > 0, holds.argmax(1), 0) if values.shape[1] else best
    group = np.where(count >= 2, first, best)
    order = np.lexsort((-values.max(1, initial=-1e6), group, count < 2))
    kept = order[count[order] > 0]
    return Rows(kept, int((count >= 2).sum()), int((count == 0).sum()))


def captured_at(arm: Arm, threshold: float) -> list[Any]:
    """The steps of the first point at which each feature is captured, or None, by feature."""
    reached = np.any(clean(arm.correlations) >= threshold, axis=1)  # (point, feature)
    return [
        float(arm.steps[points.argmax()]) if points.any() else None for points in reached.T
    ]  # fmt: skip


def feature_name(feature: int, views: int) -> str:
    """Feature f belongs to class f // V, all counted from 0 as the arrays are."""
    return f"class {feature // views}, view {feature % views}"
