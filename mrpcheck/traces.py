"""What happened at one setup, for pictures: a `Trace`, kept as one `.npz` of plain arrays.

`tracing` makes traces while a run goes on; reports and `mrpcheck show` only read them, so a page
never trains anything. Nothing here is ever pickled.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from mrpcheck.jsonfiles import write_whole

__all__ = ["SCHEMA", "Arm", "Trace", "name_of", "read", "read_all", "write"]

SCHEMA = 1
FOLDER = "traces"
Json = Any
Array = np.ndarray


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False)
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


ARMS = ("mrp", "sl")
_PLAIN = ("what", "claim", "regime", "words", "setup", "trials", "threshold", "views", "note")
_TRUTH = ("label", "single_view", "feature", "strength")
_ARM = tuple(f.name for f in fields(Arm))


def name_of(what: str, whose: str) -> str:
    """The file's name: of the counterexample of claim `whose`, or of the heart of a regime."""
    plain = "".join(c if c.isalnum() else "_" for c in whose.removesuffix(".py"))
    return f"{what}-{plain}.npz"


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
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(arrays.pop("about").tobytes())
        if about.pop("schema") != SCHEMA:
            raise ValueError(f"of another schema than {SCHEMA}")
        arms = {side: _arm(arrays, side) for side in ARMS}
        return Trace(**about, **{name: arrays[name] for name in _TRUTH}, **arms)
    except (OSError, ValueError, LookupError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"trace = {file}, but should be a trace of a run: {error}") from None


def read_all(folder: Path) -> list[Trace]:
    """The traces of the run in `folder` that can be read, by name."""
    found = []
    for file in sorted((folder / FOLDER).glob("*.npz")):
        try:
            found.append(read(file))
        except ValueError:  # cut short: the run was killed while it was copied
            continue
    return found


def _arm(arrays: dict[str, Array], side: str) -> Arm | None:
    if f"{side}_steps" not in arrays:
        return None
    return Arm(**{name: arrays[f"{side}_{name}"] for name in _ARM})


def _zipped(arrays: dict[str, Array]) -> bytes:
    """As `numpy.savez_compressed` writes it, but for the time of day in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as into:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            into.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED)
    return file.getvalue()
