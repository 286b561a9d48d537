"""A store holds at most what it is told to, and what was used lately stays."""

import os
import time

import fsspec
import numpy as np
import pytest

from mrpcheck import guarded, places, store, trimming
from mrpcheck.distant import _written
from mrpcheck.plugin import beginning

NAMES = [f"{n}{n}" + "0" * 30 for n in range(4)]


def block():
    return {"kernels": np.zeros((2, 3))}


def fetch(name):
    """Whether the block had to be made, by a process that holds nothing."""
    guarded._guarded.cache_clear()
    before = store.counts()["trained"]
    store.fetch(name, block, trials=1)
    return store.counts()["trained"] > before


def kept():
    place = store._place()._open()
    return [place.has(name) for name in NAMES]


@pytest.fixture(params=["{}", "file://{}", "memory://{}"])
def size(request, tmp_path, monkeypatch):
    """The bytes of one of four blocks, the first written longest ago; in a place of each kind."""
    where = request.param.format(tmp_path / "at")
    monkeypatch.setenv("MRPCHECK_STORE", where)
    for age, name in enumerate(NAMES):
        assert fetch(name)
        if not where.startswith("memory"):
            os.utime(tmp_path / "at" / places.block_of(name), (1000 + age, 1000 + age))
        time.sleep(0.002)
    yield store._place().files()[0].size
    fsspec.filesystem("memory").store.clear()


def test_trimming_drops_the_oldest_blocks(size):
    for most, left in ((4 * size, 4), (4 * size - 1, 3), (3 * size, 3), (size, 1), (0, 0)):
        store.trim(most)
        assert kept() == [False] * (4 - left) + [True] * left


def test_what_was_used_lately_stays_where_the_filesystem_can_tell(size):
    assert not fetch(NAMES[0])
    store.trim(2 * size)
    told = not store.address().startswith("memory")
    assert kept() == ([True, False, False, True] if told else [False, False, True, True])


def test_trimming_leaves_alone_what_is_not_its_own(size, tmp_path):
    others = ["data.npz", "00/data.npz", "runs/one/00/0042.npz", "00/notes.txt", "11/0011.npz"]
    files, root = fsspec.core.url_to_fs(store.address())
    for other in others:
        files.makedirs(f"{root}/{other}".rpartition("/")[0], exist_ok=True)
        files.pipe_file(f"{root}/{other}", b"mine")
    store.trim(0)
    assert kept() == [False] * 4
    assert {path.removeprefix(f"{root}/") for path in files.find(root)} == set(others)


@pytest.mark.parametrize("kind", ["{}", "file://{}"])
def test_what_a_kill_left_half_written_goes_after_an_hour(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("MRPCHECK_STORE", kind.format(tmp_path / "at"))
    assert fetch(NAMES[0])
    old, new = (tmp_path / "at" / "00" / f"00{name}.part" for name in ("old", "new"))
    for file, age in ((old, 3700), (new, 3500)):
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    store.trim()
    assert (old.exists(), new.exists()) == (False, True)
    assert not fetch(NAMES[0])


def test_what_cannot_be_dropped_is_made_up_for_by_the_next(monkeypatch):
    for name in NAMES:
        fetch(name)
    place = store._place()
    files = sorted(place.files())
    stays = files[0].path
    drop = place._open().remove
    monkeypatch.setattr(
        place._open(), "remove", lambda paths: drop([path for path in paths if path != stays])
    )
    trimming.trim(place, 2 * files[0].size)
    assert [file.path for file in sorted(place.files())] == [stays, files[3].path]


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 8 * 2**30), ("8 GB", 8 * 10**9), ("8GiB", 2**33), ("1.5 TB", 15 * 10**11), ("0", 0),
     ("500 m", 5 * 10**8), ("12345", 12345), ("2e9", 2 * 10**9), (" 3 kb ", 3000), ("none", None)],
)  # fmt: skip
def test_the_bound_is_read_from_the_environment(text, size, monkeypatch):
    monkeypatch.setenv("MRPCHECK_STORE_BOUND", text)
    assert store.bound() == size


@pytest.mark.parametrize("text", ["much", "-1", "8 iB", "8 XB", "GB", "1e999", "nan", "8 GB 3"])
def test_a_bound_that_is_nonsense_is_refused_with_a_sentence(text, monkeypatch):
    monkeypatch.setenv("MRPCHECK_STORE_BOUND", text)
    said = f"MRPCHECK_STORE_BOUND = {text!r}, but should be a size such as '8 GB', or 'none'"
    with pytest.raises(ValueError, match=said):
        store.trim()
    with pytest.raises(pytest.UsageError, match=said):
        beginning._refuse({}, None)
    assert fetch(NAMES[0])  # and costs no result


def test_without_a_bound_nothing_is_listed(monkeypatch):
    for name in NAMES:
        fetch(name)
    monkeypatch.setattr(places.Folder, "files", None)
    monkeypatch.setenv("MRPCHECK_STORE_BOUND", "none")
    store.trim()
    assert kept() == [True] * 4
    monkeypatch.setenv("MRPCHECK_STORE_BOUND", "0")
    with pytest.raises(TypeError):
        places.Folder("x").files()


def test_a_long_run_stays_near_its_bound_by_itself(monkeypatch):
    """Of N blocks a share of 8 b / B trims, as their names decide: mean 160, sd 12 of 2000."""
    names = [f"{i * 2654435761 % 2**32:08x}" for i in range(2000)]
    monkeypatch.setenv("MRPCHECK_STORE_BOUND", "10000")
    turns = sum(trimming.is_turn(name, 100) for name in names)
    assert 110 < turns < 210
    monkeypatch.setenv("MRPCHECK_STORE_BOUND", "none")
    assert not any(trimming.is_turn(name, 10**12) for name in names)
    monkeypatch.setenv("MRPCHECK_STORE_BOUND", "8 kB")
    most = 0
    for name in names[:200]:
        fetch(name)
        most = max(most, sum(file.size for file in store._place().files()))
    assert 6000 < most < 12000  # 1.5 times the bound; two hundred blocks are 110 kB


@pytest.mark.parametrize(
    ("about", "seconds"),
    [({"mtime": 12.5}, 12.5), ({"LastModified": "2026-11-22T00:00:00Z"}, 1795305600.0),
     ({"created": 3}, 3.0), ({"size": 7}, 0.0), ({"mtime": None, "created": 4.0}, 4.0)],
)  # fmt: skip
def test_filesystems_tell_when_a_file_was_written_in_their_own_ways(about, seconds):
    assert _written(about) == seconds
