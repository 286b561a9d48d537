"""`Digits`: handwritten digits of 8x8 pixels, as scikit-learn ships them.

Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998), its test set,
1797 pictures of 13 writers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from mrpcheck.data.images import installed
from mrpcheck.data.pictures import Pictures

__all__ = ["Digits"]

SIDE, CLASSES, FULL = 8, 10, 16.0  # FULL: the largest value of a pixel, black


@dataclass(frozen=True, kw_only=True)
class Digits(Pictures):
    """1797 handwritten digits of 8x8 pixels, cut into patches; see `Pictures` for the fields.

    Pixels 0 to 16 are divided by 16: 0 is paper, so half of an occluded digit is blank paper. Needs
    scikit-learn (`pip install "mrpcheck[images]"`), and no network.

    Trials share the pictures: a verdict is about random splits and initialisations of this set.

    Raises ValueError where patches do not cover the picture, or more training samples are asked
    for than are not held out; ImportError without scikit-learn, when samples are asked for.
    """

    patch: int = 2
    stride: int = 2
    positions: bool = True
    held: float = 0.4
    occluded: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "side", SIDE)
        self.measure(CLASSES)

    def pictures(self) -> tuple[np.ndarray, np.ndarray]:
        """All 1797 digits, (picture, 8, 8, 1) in [0, 1], and what they show, (picture,)."""
        return _pictures()


@cache
def _pictures() -> tuple[np.ndarray, np.ndarray]:
    bunch = installed("sklearn.datasets", "Digits").load_digits()
    pictures = (bunch.images / FULL)[..., None]
    classes = bunch.target.astype(np.int64)
    for array in (pictures, classes):
        array.flags.writeable = False
    return pictures, classes
