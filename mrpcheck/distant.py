"""Stored blocks on any filesystem that fsspec reaches by a URL: shared, object storage, memory.

There are no locks: two processes may make the same block at a time. Their bytes are the same, and
those that come last stay. Readers find a block whole or not at all: one put is atomic in object
storage; elsewhere a block is written under a temporary name and moved. Where even a move is not
atomic, half a block is one that is damaged, which the store makes again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from mrpcheck.places import BLOCK, PART, File, block_of

__all__ = ["Distant", "is_url", "shown"]

# Of these a put shows whole or not at all
WHOLE = {"memory", "s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "r2"}
WRITTEN = ("mtime", "LastModified", "last_modified", "updated", "created")  # by filesystem


def is_url(address: str) -> bool:
    """Whether a place is named by a URL, and not by a path."""
    return "://" in address


def shown(url: str) -> str:
    """A URL without what may be secret in it: user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class Distant:
    """A folder, bucket or prefix by its URL.

    Raises ImportError where fsspec lacks a package for the URL's scheme, ValueError for a scheme
    that it does not know. What the methods raise is the filesystem's own.
    """

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs  # here: a plain path needs none of it

        self.address = shown(url)
        self._files, root = url_to_fs(url)
        self._root = root.rstrip("/")
        names = self._files.protocol
        names = {names} if isinstance(names, str) else set(names)
        self._whole, self._mounted = bool(names & WHOLE), "file" in names

    def read(self, name: str) -> bytes | None:
        """The bytes of a block; None where there is none.

        It counts as used now where the filesystem is mounted here: others keep the time at which
        it was written.
        """
        path = self._path(block_of(name))
        try:
            content: bytes = self._files.cat_file(path)
        except FileNotFoundError:
            return None
        if self._mounted:
            with contextlib.suppress(OSError):
                os.utime(path)
        return content

    def write(self, name: str, content: bytes) -> None:
        """Put it there whole, or write it under another name and move it."""
        path = self._path(block_of(name))
        if self._whole:
            self._files.pipe_file(path, content)
            return
        folder = path.rpartition("/")[0]
        part = f"{folder}/{name}.{secrets.token_hex(8)}{PART}"
        try:
            self._files.makedirs(folder, exist_ok=True)
            self._files.pipe_file(part, content)
            self._move(part, path)
        except BaseException:
            with contextlib.suppress(Exception):
                self._files.rm_file(part)
            raise

    def _move(self, part: str, path: str) -> None:
        if self._mounted:  # some versions of fsspec copy
            os.replace(part, path)
        else:
            self._files.mv(part, path)

    def has(self, name: str) -> bool:
        """Whether there is such a block, as far as the filesystem answers."""
        return bool(self._files.exists(self._path(block_of(name))))

    @contextlib.contextmanager
    def lock(self, name: str, patient: bool) -> Iterator[bool]:
        """Nothing to hold: what two processes make at a time is the same."""
        yield False

    def files(self) -> list[File]:
        """The blocks and what was half written, in no order, by one listing of all."""
        self._files.invalidate_cache()
        try:
            found = self._files.find(self._root, detail=True)
        except FileNotFoundError:
            return []
        finally:
            self._files.invalidate_cache()
        return [
            File(_written(about), int(about.get("size") or 0), where)
            for path, about in found.items()
            if (where := self._below(path)) is not None
        ]

    def remove(self, paths: Sequence[str]) -> set[str]:
        """Drop files, many a request where the filesystem takes them so."""
        whole = [self._path(path) for path in paths]
        if self._files.async_impl:
            with contextlib.suppress(FileNotFoundError):  # of one: then one after another
                self._files.rm(whole)
                return set(paths)
        for path in whole:
            with contextlib.suppress(FileNotFoundError):
                self._files.rm_file(path)
        return set(paths)

    def _path(self, below: str) -> str:
        return f"{self._root}/{below}"

    def _below(self, path: str) -> str | None:
        """The path below the root of a file of the store; None for what is not its own."""
        folder, _, file = path.rpartition("/")
        below = f"{folder.rpartition('/')[2]}/{file}"
        own = file.endswith((BLOCK, PART)) and file.startswith(below[:2])
        return below if own and path == self._path(below) else None


def _written(about: Mapping[str, Any]) -> float:
    """When a file was written, in epoch seconds; 0 where its filesystem does not tell."""
    for key in WRITTEN:
        value = about.get(key)
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return 0.0
