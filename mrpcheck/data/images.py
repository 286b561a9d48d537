"""`Images`: any folder of pictures, one subfolder a class."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mrpcheck.data.pictures import Pictures

__all__ = ["Images", "installed"]

CHUNK = 2**20  # bytes of a file that are read at once
FULL = 255.0


@dataclass(frozen=True, kw_only=True)
class Images(Pictures):
    """The pictures of `folder`, whose subfolders are the classes; see `Pictures` for the fields.

    folder   one subfolder a class, in the order of their names, each with pictures of any format
             that pillow reads, and nothing else; names that begin with a dot are left out
    digest   of the names and contents of all files; found by itself. A setup that was written down
             holds it, so that a folder that has changed since is refused
    colour   red, green and blue; else grey
    side     pixels of the side to which every picture is resized, whatever its shape

    Pixels 0 to 255 are divided by 255. Needs pillow (`pip install "mrpcheck[images]"`).

    Trials share the pictures: a verdict is about random splits and initialisations of this set.

    Raises ValueError for a folder that is none, holds fewer than two classes, a class without
    pictures or one that cannot be read, or has changed; ImportError without pillow, when samples
    are asked for.
    """

    folder: str = ""
    digest: str = ""
    colour: bool = False
    side: int = 8
    patch: int = 2
    stride: int = 2
    positions: bool = True
    held: float = 0.4
    occluded: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", str(self.folder))
        if not isinstance(self.colour, bool):
            raise ValueError(f"colour = {self.colour!r}, but should be a bool [Images]")
        found = content_digest(self.folder)
        if self.digest not in ("", found):
            raise ValueError(
                f"digest = {self.digest!r}, but should be {found!r}: {self.folder} has changed "
                "[Images]"
            )
        object.__setattr__(self, "digest", found)
        self.measure(len(_files(self.folder)), 3 if self.colour else 1)

    def pictures(self) -> tuple[np.ndarray, np.ndarray]:
        """Every picture, (picture, side, side, channel) in [0, 1], and its class, (picture,)."""
        return _read(self.folder, self.digest, self.side, self.colour)

    def name(self) -> str:
        """The folder's own name, and the first digits of its content's."""
        return f"Images {Path(self.folder).name} {self.digest[:8]}"


def content_digest(folder: str) -> str:
    """A name for all that lies in the folder's classes: 32 hexadecimal digits."""
    seen = [(path, path.stat()) for files in _files(folder).values() for path in files]
    return _digest(folder, tuple((str(p), s.st_size, s.st_mtime_ns) for p, s in seen))


@lru_cache(maxsize=16)
def _digest(folder: str, stamps: tuple[tuple[str, int, int], ...]) -> str:
    """The digest of files as they were at these sizes and times; names are within the folder."""
    found = hashlib.blake2b(digest_size=16)
    for name, size, _ in stamps:
        path = Path(name)
        found.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        with path.open("rb") as file:
            while part := file.read(CHUNK):
                found.update(part)
    return found.hexdigest()


def _files(folder: str) -> dict[str, list[Path]]:
    """The files of each class, classes and files in the order of their names."""
    root = Path(folder)
    if not folder or not root.is_dir():
        raise ValueError(
            f"folder = {folder!r}, but should be a folder with one subfolder a class [Images]"
        )
    kept = sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] != ".")
    if len(kept) < 2:
        raise ValueError(
            f"folder = {folder!r}, but should hold one subfolder a class, two at least: "
            f"there {'is' if len(kept) == 1 else 'are'} {len(kept)} [Images]"
        )
    classes = {
        path.name: sorted(p for p in path.iterdir() if p.is_file() and p.name[0] != ".")
        for path in kept
    }
    for name, files in classes.items():
        if not files:
            raise ValueError(f"class = {name!r}, but should hold pictures [Images {folder}]")
    return classes


@lru_cache(maxsize=2)
def _read(folder: str, digest: str, side: int, colour: bool) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of a folder whose content is `digest`, converted and resized."""
    library = installed("PIL.Image", "Images")
    classes = list(_files(folder).values())
    found = [_picture(library, path, side, colour) for files in classes for path in files]
    labels = np.repeat(np.arange(len(classes)), [len(files) for files in classes])
    pictures = np.stack(found) / FULL
    for array in (pictures, labels):
        array.flags.writeable = False
    return pictures, labels


def _picture(library: Any, path: Path, side: int, colour: bool) -> np.ndarray:
    """One picture, (side, side, channel), 0 to 255."""
    try:
        with library.open(path) as file:
            whole = file.convert("RGB" if colour else "L")
    except Exception as error:  # pillow's formats fail in ways of their own
        why = str(error) or type(error).__name__
        raise ValueError(f"picture = {path}, but should be one that pillow reads: {why}") from None
    resized = np.asarray(whole.resize((side, side), library.Resampling.BILINEAR), dtype=np.float64)
    return resized if colour else resized[..., None]


def installed(module: str, whose: str) -> ModuleType:
    """The module; ImportError, one sentence, where the package that has it is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = {"sklearn": "scikit-learn", "PIL": "pillow"}[module.partition(".")[0]]
        raise ImportError(
            f"{package} = not there ({error}), but should be: "
            f'pip install "mrpcheck[images]" [{whose}]'
        ) from None
