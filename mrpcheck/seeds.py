"""Every random number, keyed by (run seed, drawn setup, stream, trial, purpose).

Nothing else in the package makes a generator, and nothing touches a global one: a trial's
random numbers depend neither on the batch it sits in, nor on the worker, nor on the device.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

__all__ = ["Facts", "Trials", "beside", "digest", "generator"]


def digest(*parts: object, size: int = 16) -> str:
    """A hexadecimal name for `parts` (anything JSON can write), equal on every machine."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def generator(*key: object) -> np.random.Generator:
    """A counter-based generator (Philox, 128-bit key) for `key`; equal keys, equal numbers."""
    words = np.frombuffer(bytes.fromhex(digest("mrpcheck", *key)), dtype="<u8")
    return np.random.Generator(np.random.Philox(key=words))


def beside(rng: np.random.Generator) -> np.random.Generator:
    """A generator 2^128 numbers ahead of `rng`, which stays where it is."""
    bits = rng.bit_generator
    assert isinstance(bits, np.random.Philox)
    return np.random.Generator(bits.jumped())


@dataclass
class Facts:
    """What training and measures tell about the trials of one request, beside the event.

    `failed`: trials (absolute numbers) whose training diverged or left the finite numbers;
    each is a miss of the event. `notes`: extra measures by name, one value a trial.
    `end_state`: whether anything was judged after a fixed number of steps. `setups`: those that
    were trained, in that order: an event may train others than the one that was drawn. `stops`:
    those that were pretrained, each with the event at which pretraining stops.
    """

    failed: set[int] = field(default_factory=set)
    notes: dict[str, list[float]] = field(default_factory=dict)
    end_state: bool = False
    setups: list[object] = field(default_factory=list)
    stops: list[tuple[object, object]] = field(default_factory=list)


@dataclass(frozen=True)
class Trials:
    """A request for `count` i.i.d. repetitions: trials `first` to `first + count - 1` of a stream.

    seed     the run's seed
    stream   "panel", "search", "confirm", ...: streams never share random numbers
    device   where to train; the random numbers do not depend on it
    dtype    "float32" or "float64"
    horizon  a factor on every fixed number of steps (2 asks whether an end state was the end)
    fixed    purposes that take the numbers of trial 0 in every trial
    redrawn  purposes that take other numbers than they otherwise would, independent of those
    patient  wait for a block that another process is training, instead of raising `store.Busy`
    """

    count: int
    first: int = 0
    seed: int = 0
    stream: str = "panel"
    device: str = "cpu"
    dtype: str = "float32"
    horizon: int = 1
    fixed: frozenset[str] = frozenset()
    redrawn: frozenset[str] = frozenset()
    patient: bool = True
    facts: Facts = field(default_factory=Facts, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.count < 1 or self.first < 0:
            raise ValueError(
                f"trials = {self.first} to {self.first + self.count - 1}, "
                "but should be at least one, numbered from 0 [Trials]"
            )
        if self.dtype not in ("float32", "float64"):
            raise ValueError(
                f"dtype = {self.dtype!r}, but should be 'float32' or 'float64' [Trials]"
            )

    @property
    def numbers(self) -> range:
        """The trials' absolute numbers in their stream."""
        return range(self.first, self.first + self.count)

    def generator(self, key: str, trial: int, purpose: str) -> np.random.Generator:
        """The generator of one `purpose` in one `trial` of the setup whose key is `key`."""
        number = 0 if purpose in self.fixed else trial
        again = ["redrawn"] if purpose in self.redrawn else []
        return generator(self.seed, key, self.stream, number, purpose, *again)

    def fixing(self, *purposes: str) -> Trials:
        """The same trials, with `purposes` held at trial 0's random numbers throughout."""
        return replace(self, fixed=self.fixed | set(purposes))

    def redrawing(self, *purposes: str) -> Trials:
        """The same trials, but for fresh random numbers for `purposes` in each of them."""
        return replace(self, redrawn=self.redrawn | set(purposes))

    def fail(self, failed: Iterable[bool]) -> None:
        """Count trials as failed: `failed` holds one truth value a trial."""
        self.facts.failed.update(t for t, bad in zip(self.numbers, failed, strict=True) if bad)

    def note(self, **measures: Sequence[float]) -> None:
        """Record measures beside the event: one value a trial, under each name."""
        for name, values in measures.items():
            row = [float(v) for v in values]
            if len(row) != self.count:
                raise ValueError(
                    f"len({name}) = {len(row)}, but should be {self.count}, "
                    "one value a trial [Trials.note]"
                )
            self.facts.notes[name] = row
