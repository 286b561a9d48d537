"""A store that cannot be had costs one warning a kind and the sharing, never a result."""

import errno
import fcntl
import logging
import os
import subprocess
from typing import ClassVar

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from mrpcheck import guarded, store

NAMES = [f"{i:02x}" + "7" * 30 for i in range(100)]


class Faulty(MemoryFileSystem):
    """A filesystem in memory that fails as it is told, and counts what it is asked for."""

    protocol = ("faulty", "memory")
    fails: ClassVar[dict] = {}
    asked: ClassVar[list] = []

    def ask(self, what):
        type(self).asked.append(what)
        if what in self.fails:
            raise self.fails[what]

    def cat_file(self, path, **options):
        self.ask("read")
        return super().cat_file(path, **options)

    def pipe_file(self, path, value, **options):
        self.ask("write")
        super().pipe_file(path, value, **options)

    def find(self, path, **options):
        self.ask("list")
        return super().find(path, **options)

    def rm_file(self, path):
        self.ask("remove")
        super().rm_file(path)


@pytest.fixture(autouse=True)
def clock(monkeypatch, caplog):
    """The time that places go by, in seconds; moved by tests."""
    now = [1000.0]
    monkeypatch.setattr(guarded.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(Faulty, "fails", {})
    monkeypatch.setattr(Faulty, "asked", [])
    guarded._guarded.cache_clear()
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    caplog.set_level(logging.WARNING, logger="mrpcheck")
    yield now
    MemoryFileSystem.store.clear()
    guarded._guarded.cache_clear()


@pytest.fixture
def faulty(monkeypatch, tmp_path):
    monkeypatch.setenv("MRPCHECK_STORE", f"faulty://{tmp_path}")
    return Faulty


def fetched(names=NAMES):
    """How many blocks had to be made; all of them come back."""
    before = store.counts()["trained"]
    for i, name in enumerate(names):
        arrays = store.fetch(name, lambda i=i: {"kernels": np.full(9, float(i))}, trials=1)
        np.testing.assert_array_equal(arrays["kernels"], i)
    return store.counts()["trained"] - before


def said(caplog):
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense://ann:word@host/x", "Protocol not known"),
        ("absent://bucket/x", "Please install no_such_package"),
    ],
)
def test_a_store_that_cannot_be_opened_is_told_once(url, why, monkeypatch, caplog):
    fsspec.register_implementation(
        "absent", "no_such_package.Files", errtxt="Please install no_such_package", clobber=True
    )
    monkeypatch.setenv("MRPCHECK_STORE", url)
    assert fetched() == 100
    store.trim()
    (told,) = said(caplog)
    assert told.startswith(f"store = {url.replace('ann:word@', '')}, but should be reachable: ")
    assert why in told


def test_a_store_that_is_fine_is_asked_for_each_block_and_says_nothing(faulty, caplog):
    assert fetched() == 100
    assert faulty.asked == ["read", "write"] * 100
    guarded._guarded.cache_clear()
    assert fetched() == 0
    assert said(caplog) == []


def test_a_store_that_cannot_be_written_is_still_read(faulty, caplog):
    fetched(NAMES[:10])
    guarded._guarded.cache_clear()
    faulty.fails, faulty.asked = {"write": PermissionError(errno.EACCES, "read only")}, []
    assert fetched() == 90
    assert faulty.asked.count("write") == 1
    assert faulty.asked.count("read") == 100
    (told,) = said(caplog)
    assert "but should be writable" in told
    assert "read only" in told


def test_a_store_that_comes_back_is_used_again(faulty, caplog, clock):
    cut = ConnectionError("the link is cut")
    faulty.fails = {"read": cut, "write": cut}
    assert fetched() == 100
    assert faulty.asked == ["read", "write"]
    guarded.guarded(store.address())._held.clear()
    faulty.fails = {}
    assert fetched(NAMES[:5]) == 5  # not tried again so soon
    guarded.guarded(store.address())._held.clear()
    clock[0] += guarded.LEAST
    assert fetched(NAMES[:5]) == 5
    guarded.guarded(store.address())._held.clear()
    assert fetched(NAMES[:5]) == 0
    assert len(said(caplog)) == 2  # one that it cannot be read, one that it cannot be written


def test_another_kind_of_trouble_is_told_and_the_same_one_is_not(faulty, caplog, clock):
    for error in (OSError(errno.ENOSPC, "full"), OSError(errno.EIO, "broken")):
        for name in NAMES[:5]:
            faulty.fails = {"write": error}
            clock[0] += guarded.MOST
            fetched([name])
        guarded.guarded(store.address())._held.clear()
    assert [line.rpartition("] ")[2] for line in said(caplog)] == ["full", "broken"]


@pytest.mark.parametrize(("took", "rest"), [(0.0, 10.0), (3.0, 30.0), (500.0, 600.0)])
def test_the_longer_a_failure_takes_the_longer_the_store_is_left_alone(faulty, clock, took, rest):
    class Slow(dict):
        def __contains__(self, what):
            clock[0] += took if what == "write" else 0.0
            return what == "write"

        def __getitem__(self, what):
            return TimeoutError()

    faulty.fails = Slow()
    fetched(NAMES[:1])
    for seconds, tries in ((rest - 1, 1), (1.5, 2)):
        clock[0] += seconds
        guarded.guarded(store.address()).write(NAMES[1], b"")
        assert faulty.asked.count("write") == tries


def test_what_is_not_stored_is_held_for_this_process(faulty):
    faulty.fails = {"write": OSError(errno.ENOSPC, "full")}
    assert fetched() == 100
    assert fetched() == 0


def test_what_is_held_is_bounded(faulty, monkeypatch):
    fetched(NAMES[:1])
    held = guarded.guarded(store.address())._held
    monkeypatch.setattr(guarded, "HELD", 3 * len(held[NAMES[0]]))
    fetched(NAMES[:5])
    assert list(held) == NAMES[2:5]


def test_a_store_that_cannot_be_listed_or_dropped_from_is_not_trimmed(faulty, caplog):
    fetched(NAMES[:5])
    faulty.fails = {"remove": PermissionError(errno.EACCES, "keep")}
    store.trim(0)
    faulty.fails = {"list": OSError(errno.EIO, "unlisted")}
    store.trim(0)
    assert [line.rpartition("] ")[2] for line in said(caplog)] == ["keep", "unlisted"]
    guarded._guarded.cache_clear()
    faulty.fails = {}
    assert fetched(NAMES[:5]) == 0


def test_an_interrupt_comes_through(faulty):
    faulty.fails = {"read": KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        fetched(NAMES[:1])


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS])
def test_a_folder_whose_filesystem_has_no_locks_keeps_blocks(monkeypatch, code, caplog):
    def refused(handle, operation):
        raise OSError(code, "no locks")

    monkeypatch.setattr(fcntl, "flock", refused)
    assert fetched(NAMES[:3]) == 3
    assert fetched(NAMES[:3]) == 0
    assert said(caplog) == []


@pytest.fixture
def small(tmp_path):
    """A filesystem of 64 kB, where this user may mount one."""
    tmp_path.joinpath("small").mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path / "small")]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a small disk = not mounted, but should be, by root")
    yield tmp_path / "small"
    subprocess.run(["umount", str(tmp_path / "small")], check=True)


@pytest.mark.parametrize("kind", ["{}/store", "file://{}/store"])
def test_a_disk_that_is_full_costs_one_warning(small, kind, monkeypatch, caplog, clock):
    monkeypatch.setenv("MRPCHECK_STORE", kind.format(small))
    big = {"kernels": np.zeros(2000)}  # 16 kB: three fit
    for name in NAMES:
        store.fetch(name, lambda: big, trials=1)
        assert store.fetch(name, lambda: big, trials=1)["kernels"].shape == (2000,)
    (told,) = said(caplog)
    assert "but should be writable" in told
    assert "No space left on device" in told
    kept = [file for file in small.rglob("*") if file.is_file()]
    assert 1 <= len(kept) <= 3
    assert {file.suffix for file in kept} == {".npz"}
    os.unlink(kept[0])
    clock[0] += guarded.MOST
    before = store.counts()["trained"]
    for _ in range(2):
        guarded._guarded.cache_clear()
        store.fetch(NAMES[-1], lambda: big, trials=1)
    assert store.counts()["trained"] == before + 1  # shared again
