"""What happened at one setup, for pictures: a `Trace`, kept as one `.npz` of plain arrays.

`tracing` makes traces while a run goes on; reports and `mrpcheck show` only read them, so a page
never trains anything. Nothing here is ever pickled.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from mrpcheck.jsonfiles import loads, write_whole
from mrpcheck.seeds import digest

__all__ = ["SCHEMA", "Arm", "Trace", "name_of", "read", "read_all", "write"]

SCHEMA = 1
FOLDER = "traces"
LONGEST = 150  # characters of a file's name that say what it is of
MOST = 2**28  # bytes in a file that is read: what somebody sent may be made to fill the memory
Json = Any
Array = np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Arm:
    """One way to train at the setup: "mrp" (pretrained, then fine-tuned) or "sl" (from scratch).

    Axes: point (of training at which it was looked at), kernel, feature, sample, patch, class,
    trial. Only trial 0 of the trace has points and samples; `trial` arrays are over all its trials.

    steps         (point,) steps of the training so far, ascending from 0; of a flow, its time over
                  the recipe's rate
    loss          (point,) the objective's mean loss on the training samples
    correlations  (point, kernel, feature) <w_r, v_f>
    tuned         (kernel, feature) <w_r, v_f> of the classifier: after fine-tuning; the last point
                  where there is none
    scores        (sample, class) of the shown samples
    contributions (sample, patch, class): what each patch adds to each score; sums to `scores`
    multi_view, single_view  (trial,) accuracy on new samples of that kind; empty if not measured
    captured      (trial, class) views captured by the classifier's kernels; empty if not measured
    """

    steps: Array
    loss: Array
    correlations: Array
    tuned: Array
    scores: Array
    contributions: Array
    multi_view: Array
    single_view: Array
    captured: Array

    def __repr__(self) -> str:
        points, kernels, features = self.correlations.shape
        return f"<arm: {points} points, {kernels} kernels, {features} features>"


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """One setup looked at closely.

    what        "counterexample" or "heart"
    claim       the node id whose counterexample it is; "" for a heart
    regime      the name of the regime whose heart it is, or that the claim draws from; "" if none
    words       the setup in words
    setup       its JSON
    trials      where the trial comes from: {"seed", "stream", "dtype", "first"} of `Trials`
    threshold   r: a kernel has captured a feature where their correlation reaches it
    views       V; feature f belongs to class f // V
    label, single_view  (sample,); feature, strength  (sample, patch): the truth of every patch of
                the three shown samples (multi-view, and two single-view ones), -1 for none
    mrp, sl     the two arms; None where that training is not defined or did not come to an end
    note        why something is missing; "" where nothing is
    until       the event at which pretraining stops, in words; "" for the recipe's end
    """

    what: str
    claim: str
    regime: str
    words: str
    setup: Json
    trials: dict[str, Any]
    threshold: float
    views: int
    label: Array
    single_view: Array
    feature: Array
    strength: Array
    mrp: Arm | None
    sl: Arm | None
    note: str = ""
    until: str = ""

    def __repr__(self) -> str:
        arms = ", ".join(f"{name} {arm}" for name in ARMS if (arm := getattr(self, name)))
        return f"<trace of a {self.what}, {self.claim or self.regime or self.words}: {arms}>"


ARMS = ("mrp", "sl")
_PLAIN = (
    "what", "claim", "regime", "words", "setup", "trials", "threshold", "views", "note", "until",
)  # fmt: skip
_TRUTH = ("label", "single_view", "feature", "strength")
_ARM = tuple(f.name for f in fields(Arm))
WHATS = ("counterexample", "heart")
TRUTH_AXES = {
    "label": "sample", "single_view": "sample", "feature": "sample patch",
    "strength": "sample patch",
}  # fmt: skip
ARM_AXES = {
    "steps": "point", "loss": "point", "correlations": "point kernel feature",
    "tuned": "kernel feature", "scores": "sample class", "contributions": "sample patch class",
    "multi_view": "trial", "single_view": "trial", "captured": "trial class",
}  # fmt: skip


def name_of(what: str, whose: str) -> str:
    """The file's name: of the counterexample of claim `whose`, or of the heart of a regime."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in whose.removesuffix(".py"))
    return f"{what}-{plain[:LONGEST]}_{digest(whose, size=3)}.npz"


def write(folder: Path, trace: Trace) -> Path:
    """Write a trace of the run in `folder`, whole or not at all, the same bytes for the same trace.

    Raises OSError where it cannot be written.
    """
    arrays = {name: np.asarray(getattr(trace, name)) for name in _TRUTH}
    for side in ARMS:
        if (arm := getattr(trace, side)) is not None:
            arrays |= {f"{side}_{name}": np.asarray(getattr(arm, name)) for name in _ARM}
    about = {"schema": SCHEMA, **{name: getattr(trace, name) for name in _PLAIN}}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    file = folder / FOLDER / name_of(trace.what, trace.claim or trace.regime)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, [_zipped(arrays)])
    return file


def read(file: Path) -> Trace:
    """The trace in `file`; ValueError, a sentence, where it holds none that can be read."""
    try:
        arrays = _arrays(file)
        about = loads(arrays.pop("about").tobytes())
        if about.pop("schema") != SCHEMA:
            raise ValueError(f"of another schema than {SCHEMA}")
        parts: Json = {name: arrays[name] for name in _TRUTH}
        parts |= {side: _arm(arrays, side) for side in ARMS}
        found = Trace(**about, **parts)
        _check(found)
        return found
    except Exception as error:  # somebody else may have made it: anything may be wrong with it
        why = str(error) or type(error).__name__
        raise ValueError(f"trace = {file}, but should be a trace of a run: {why}") from None


def read_all(folder: Path) -> list[Trace]:
    """The traces of the run in `folder` that can be read, by name."""
    found = []
    for file in sorted((folder / FOLDER).glob("*.npz")):
        if file.is_symlink() or not file.is_file():
            continue
        try:
            found.append(read(file))
        except ValueError:  # cut short: the run was killed while it was copied
            continue
    return found


def _arrays(file: Path) -> dict[str, Array]:
    """The arrays in a file; of numbers alone, and no more of them than a trace may have."""
    with zipfile.ZipFile(file) as parts:
        if sum(part.file_size for part in parts.infolist()) > MOST:
            raise ValueError(f"more than {MOST} bytes")
    with np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name} of kind {array.dtype}")
    return arrays


def _arm(arrays: dict[str, Array], side: str) -> Arm | None:
    if f"{side}_steps" not in arrays:
        return None
    return Arm(**{name: arrays[f"{side}_{name}"] for name in _ARM})


def _check(trace: Trace) -> None:
    """Raise ValueError where what it says is of another kind, or its arrays do not fit together."""
    texts = (trace.what, trace.claim, trace.regime, trace.words, trace.note, trace.until)
    if not all(isinstance(text, str) for text in texts) or trace.what not in WHATS:
        raise ValueError("what it is of is not said in words")
    for name in ("setup", "trials"):
        if not isinstance(getattr(trace, name), dict):
            raise ValueError(f"{name} = {getattr(trace, name)!r:.40}")
    number = isinstance(trace.threshold, (int, float)) and math.isfinite(trace.threshold)
    if not number or not isinstance(trace.views, int) or trace.views < 1:
        raise ValueError(f"threshold = {trace.threshold!r:.40}, views = {trace.views!r:.40}")
    sizes: dict[str, int] = {}
    _fit("", {name: getattr(trace, name) for name in _TRUTH}, TRUTH_AXES, sizes)
    for side in ARMS:
        if (arm := getattr(trace, side)) is not None:
            own = {axis: size for axis, size in sizes.items() if axis not in ("point", "trial")}
            _fit(f"{side}_", {name: getattr(arm, name) for name in _ARM}, ARM_AXES, own)
            sizes |= own
            if not (
                arm.steps.size and np.isfinite(arm.steps).all() and (np.diff(arm.steps) > 0).all()
            ):
                raise ValueError(f"{side}_steps not ascending")
    _range(trace, sizes)


def _fit(
    side: str, arrays: Mapping[str, Array], axes: Mapping[str, str], sizes: dict[str, int]
) -> None:
    """Raise ValueError where an array has other axes than it should, or one of another size."""
    for name, array in arrays.items():
        names = axes[name].split()
        fits = array.ndim == len(names) and all(
            sizes.setdefault(axis, size) == size
            for axis, size in zip(names, array.shape, strict=True)
        )
        if not fits:
            raise ValueError(f"{side}{name} of shape {array.shape}, not ({', '.join(names)})")


def _range(trace: Trace, sizes: Mapping[str, int]) -> None:
    """Raise ValueError where a label or a feature is none that there is."""
    classes = sizes.get("class", math.inf)
    if sizes.get("feature", classes * trace.views) != classes * trace.views or not sizes["sample"]:
        raise ValueError(f"{sizes.get('feature')} features, {classes} classes")
    for name, low, high in (("label", 0, classes), ("feature", -1, classes * trace.views)):
        values = getattr(trace, name)
        if values.dtype.kind not in "iu" or ((values < low) | (values >= high)).any():
            raise ValueError(f"{name} outside [{low}, {high})")


def _zipped(arrays: dict[str, Array]) -> bytes:
    """As `numpy.savez_compressed` writes it, but for the time of day in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as into:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            into.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED)
    return file.getvalue()
