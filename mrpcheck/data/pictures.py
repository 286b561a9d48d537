"""`Pictures`: labelled pictures as bags of patches, split anew in every trial, whole or half blank.

Trials share the pictures: they differ in which are trained on, in their order, in the kernels'
start and in the halves that are blanked. A verdict is thus about random splits and initialisations
of one set of pictures, not about the population that they come from.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mrpcheck.data import Data, Kind, Samples
from mrpcheck.late import torch
from mrpcheck.seeds import Trials
from mrpcheck.views import TRAINING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["HALVES", "Pictures", "blank_halves", "cut"]

HALVES = ("left", "right", "top", "bottom")
SPLIT = "split"  # the purpose of the random numbers that hold pictures out


class Pictures(Data):
    """Base of data made of square pictures; axes: picture, row, column, channel.

    side       pixels of a picture's side
    patch      pixels of a patch's side; a patch is its pixels, row by row, channels last
    stride     pixels from one patch to the next; patch: disjoint patches
    positions  whether a patch ends with a one-hot code of its place, P coordinates more: without
               it the sum over patches does not know where anything was
    held       share of the pictures that a trial holds out of training, at random
    occluded   share of "mixed" samples that are half blank

    Pixels lie in [0, 1]. `dim` is patch^2 channels (+ P), `patches` ((side - patch)/stride + 1)^2.

    Kinds of sample: "multi-view" is a whole picture; "single-view" one whose left, right, top or
    bottom half, uniformly drawn, is set to 0 (`Samples.single_view` says which are), the codes of
    places as they were; "mixed" is half blank with probability `occluded`, as training samples are.

    Training samples are pictures that are not held out, without replacement. All other samples are
    held-out ones in random order, and from the first again where more are asked for than there are:
    every one counts equally often, give or take one.
    """

    side: int
    patch: int
    stride: int
    positions: bool
    held: float
    occluded: float
    channels: int

    def pictures(self) -> tuple[np.ndarray, np.ndarray]:
        """Every picture, (picture, row, column, channel) in [0, 1], and its class, (picture,)."""
        raise NotImplementedError

    def measure(self, classes: int, channels: int = 1) -> None:
        """Check the fields; set what follows from them: classes, views, channels, patches, dim."""
        where = type(self).__name__
        for name in ("side", "patch", "stride"):
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
            _check(name, value, whole, "a whole number >= 1", where)
        _check("patch", self.patch, self.patch <= self.side, f"at most {self.side}", where)
        fits = self.stride <= self.patch and (self.side - self.patch) % self.stride == 0
        should = f"at most the patch, {self.patch}, and divide {self.side} - {self.patch}"
        _check("stride", self.stride, fits, should, where)
        _check("positions", self.positions, isinstance(self.positions, bool), "a bool", where)
        _check("held", self.held, 0 < self.held < 1, "in (0, 1)", where)
        _check("occluded", self.occluded, 0 <= self.occluded <= 1, "in [0, 1]", where)
        patches = ((self.side - self.patch) // self.stride + 1) ** 2
        dim = self.patch**2 * channels + (patches if self.positions else 0)
        derived = {"classes": classes, "views": 0, "channels": channels}
        for name, value in {**derived, "patches": patches, "dim": dim}.items():
            object.__setattr__(self, name, value)  # no fields: setups do not write them

    def samples(self, key: str, trials: Trials, size: int, kind: Kind, purpose: str) -> Samples:
        """`size` samples of each trial; no features are known, so every patch holds -1."""
        parts = [self._trial(key, trials, t, size, kind, purpose) for t in trials.numbers]
        x, label, single = (np.stack(part) for part in zip(*parts, strict=True))
        x = x.astype(trials.dtype)
        shape = x.shape[:3]
        return Samples(
            x=_tensor(x, trials),
            label=_tensor(label, trials),
            single_view=_tensor(single, trials),
            feature=_tensor(np.full(shape, -1), trials),
            strength=_tensor(np.zeros(shape, dtype=trials.dtype), trials),
            features=_tensor(np.zeros((len(x), 0, self.dim), dtype=trials.dtype), trials),
        )

    def words(self) -> str:
        """The data in a setup's line."""
        places = ", places" if self.positions else ""
        occluded = f" occluded={self.occluded:g}" if self.occluded else ""
        return (
            f"{self.name()} k={self.classes} d={self.dim} P={self.patches} ({self.patch}x"
            f"{self.patch} of {self.side}x{self.side}, stride {self.stride}{places}) "
            f"held={self.held:g}{occluded}"
        )

    def name(self) -> str:
        """What the pictures are called in a setup's line."""
        return type(self).__name__

    @property
    def pixels(self) -> int:
        """Coordinates of a patch that are pixels, the first ones; the rest say its place."""
        return self.patch**2 * self.channels

    def _trial(
        self, key: str, trials: Trials, trial: int, size: int, kind: Kind, purpose: str
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One trial's patches (sample, patch, dim), labels and whether half is blank (sample,)."""
        pictures, classes = self.pictures()
        held = self._held_out(len(classes))
        order = trials.generator(key, trial, SPLIT).permutation(len(classes))
        rng = trials.generator(key, trial, purpose)
        pool = order[held:] if purpose == TRAINING else order[:held]
        if purpose == TRAINING and size > len(pool):
            raise ValueError(
                f"samples = {size}, but should be at most {len(pool)}: {held} of the "
                f"{len(classes)} pictures are held out [{type(self).__name__}]"
            )
        chosen = np.resize(rng.permutation(pool), size)
        share = {"mixed": self.occluded, "multi-view": 0.0, "single-view": 1.0}[kind]
        half = rng.integers(len(HALVES), size=size)
        single = rng.random(size) < share
        seen = blank_halves(pictures[chosen], np.where(single, half, -1))
        x = cut(seen, self.patch, self.stride)
        if self.positions:
            code = np.broadcast_to(np.eye(self.patches), (size, self.patches, self.patches))
            x = np.concatenate([x, code], 2)
        return x, classes[chosen], single

    def _held_out(self, count: int) -> int:
        """How many of `count` pictures a trial holds out: one at least, not all."""
        return min(max(round(self.held * count), 1), count - 1)


def blank_halves(pictures: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Pictures (picture, row, column, channel) with a half set to 0: `HALVES[half]`; -1: none.

    Of an odd side the middle line is in neither half.
    """
    side = pictures.shape[1]
    low, high = np.arange(side) < side // 2, np.arange(side) >= math.ceil(side / 2)
    none = np.zeros(side, dtype=bool)
    columns = np.stack([low, high, none, none, none])[half]  # (picture, column); -1 is the last
    rows = np.stack([none, none, low, high, none])[half]
    blank = columns[:, None, :] | rows[:, :, None]
    return np.where(blank[..., None], 0.0, pictures)


def cut(pictures: np.ndarray, patch: int, stride: int) -> np.ndarray:
    """The patches of (picture, row, column, channel), row by row: (picture, patch, dim)."""
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (patch, patch), axis=(1, 2))
    windows = windows[:, ::stride, ::stride]  # (picture, row, column, channel, patch, patch)
    count = windows.shape[1] * windows.shape[2]
    return np.moveaxis(windows, 3, -1).reshape(len(pictures), count, -1)


def _tensor(array: np.ndarray, trials: Trials) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(trials.device)


def _check(name: str, value: object, ok: bool, should: str, where: str) -> None:
    if not ok:
        raise ValueError(f"{name} = {value!r}, but should be {should} [{where}]")
