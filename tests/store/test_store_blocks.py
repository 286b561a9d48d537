"""Blocks are made once, read back whole, and never trusted when damaged."""

import logging
import os
import pickle

import numpy as np
import pytest

from mrpcheck import store

NAME = "ab" + "0" * 30


class Maker:
    """Makes a block, and counts how often."""

    def __init__(self, value=1.0):
        self.value, self.made = value, 0

    def __call__(self):
        self.made += 1
        return {"kernels": np.full((2, 3), self.value), "diverged": np.array([False, True])}


def counted(action):
    """What `action` adds to the counts of trials asked for and trained."""
    before = store.counts()
    action()
    return {name: count - before[name] for name, count in store.counts().items()}


def path(name=NAME):
    return store.folder() / name[:2] / f"{name}.npz"


def test_a_block_is_made_once():
    make = Maker()
    first = counted(lambda: store.fetch(NAME, make, trials=5))
    second = counted(lambda: store.fetch(NAME, make, trials=5))
    assert first == {"asked": 5, "trained": 5}
    assert second == {"asked": 5, "trained": 0}
    assert make.made == 1
    store.fetch("cd" + NAME, make, trials=5)
    assert make.made == 2


def test_what_comes_back_is_what_was_made():
    arrays = {
        "single": np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32),
        "double": np.array([np.nan, np.inf, 1e-300]),
        "steps": np.array([1, 2**40]),
        "flag": np.array([True, False]),
    }
    store.fetch(NAME, lambda: arrays, trials=1)
    again = store.fetch(NAME, Maker(), trials=1)
    assert again.keys() == arrays.keys()
    for name, value in arrays.items():
        assert again[name].dtype == value.dtype
        np.testing.assert_array_equal(again[name], value)


def test_nothing_else_is_left_in_the_folder():
    store.fetch(NAME, Maker(), trials=1)
    assert [file.name for file in path().parent.iterdir()] == [path().name]


def test_the_folder_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("MRPCHECK_STORE", str(tmp_path / "elsewhere"))
    store.fetch(NAME, Maker(), trials=1)
    assert (tmp_path / "elsewhere" / "ab" / f"{NAME}.npz").exists()
    monkeypatch.delenv("MRPCHECK_STORE")
    assert str(store.folder()) == ".mrpcheck/store"


def half(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flipped(file):
    content = bytearray(file.read_bytes())
    at = content.find(np.full(1, 1.0).tobytes())
    content[at + 7] ^= 1
    file.write_bytes(content)


def with_objects(file):
    with file.open("wb") as handle:
        np.savez(handle, kernels=np.array([{"a": 1}], dtype=object))


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def pickled(file):
    file.write_bytes(pickle.dumps(Bomb()))


def with_a_bomb(file):
    with file.open("wb") as handle:
        np.savez(handle, kernels=np.array([Bomb()], dtype=object))


@pytest.mark.parametrize(
    "damage",
    [
        half,
        flipped,
        with_objects,
        pickled,
        with_a_bomb,
        lambda file: file.write_bytes(b""),
        lambda file: file.write_text("not a block"),
    ],
)
def test_a_damaged_block_is_made_again_and_never_unpickled(damage, caplog, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    make = Maker()
    store.fetch(NAME, make, trials=3)
    damage(path())
    with caplog.at_level(logging.WARNING, logger="mrpcheck"):
        arrays = store.fetch(NAME, make, trials=3)
    assert make.made == 2
    np.testing.assert_array_equal(arrays["kernels"], 1.0)
    assert "trained again" in caplog.text
    assert not (tmp_path / "exploded").exists()
    store.fetch(NAME, make, trials=3)
    assert make.made == 2  # and stored whole


@pytest.mark.parametrize("where", ["/dev/null/store", "/proc/nowhere"])
def test_a_store_that_cannot_be_written_costs_a_warning_only(where, monkeypatch, caplog):
    monkeypatch.setenv("MRPCHECK_STORE", where)
    make = Maker()
    with caplog.at_level(logging.WARNING, logger="mrpcheck"):
        first = store.fetch(NAME, make, trials=1)
        store.fetch(NAME, make, trials=1, patient=False)
    assert make.made == 2
    np.testing.assert_array_equal(first["kernels"], 1.0)
    assert f"store = {where}, but should be writable" in caplog.text


def test_a_disk_that_is_full_leaves_nothing_behind(monkeypatch, caplog):
    def full(handle, **arrays):
        handle.write(b"half a bl")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    arrays = store.fetch(NAME, Maker(), trials=1)
    assert arrays["kernels"].shape == (2, 3)
    assert list(path().parent.iterdir()) == []
    assert "No space left" in caplog.text


def test_a_folder_in_the_blocks_place_costs_a_warning_only(caplog):
    path().mkdir(parents=True)
    make = Maker()
    store.fetch(NAME, make, trials=1)
    store.fetch(NAME, make, trials=1)
    assert make.made == 2


def test_what_making_raises_comes_through_and_stores_nothing():
    def broken():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.fetch(NAME, broken, trials=1)
    assert list(path().parent.iterdir()) == []
    make = Maker()
    store.fetch(NAME, make, trials=1, patient=False)  # and the lock is free
    assert make.made == 1


def filled():
    """Four blocks, the oldest first; returns their names and the size of one."""
    names = [f"{n}{n}" + "0" * 30 for n in range(4)]
    for age, name in enumerate(names):
        store.fetch(name, Maker(), trials=1)
        os.utime(path(name), (1000 + age, 1000 + age))
    return names, path(names[0]).stat().st_size


def kept(names):
    return [path(name).exists() for name in names]


def test_trimming_drops_the_oldest_blocks():
    names, size = filled()
    store.trim(4 * size)
    assert kept(names) == [True] * 4
    store.trim(4 * size - 1)
    assert kept(names) == [False, True, True, True]
    store.trim(size)
    assert kept(names) == [False, False, False, True]
    store.trim(0)
    assert kept(names) == [False] * 4


def test_trimming_keeps_what_was_used_lately():
    names, size = filled()
    store.fetch(names[0], Maker(), trials=1)
    store.trim(2 * size)
    assert kept(names) == [True, False, False, True]


def test_trimming_nothing_is_fine(monkeypatch):
    monkeypatch.setenv("MRPCHECK_STORE", "/dev/null/store")
    store.trim()


def test_a_block_under_another_name_is_not_mistaken_for_it(caplog):
    other = "ab" + "9" * 30
    store.fetch(other, Maker(7.0), trials=1)
    path(other).rename(path())
    make = Maker()
    with caplog.at_level(logging.WARNING, logger="mrpcheck"):
        arrays = store.fetch(NAME, make, trials=1)
    assert make.made == 1
    np.testing.assert_array_equal(arrays["kernels"], 1.0)
    assert "the content of another block" in caplog.text


def test_an_interrupt_while_a_block_is_written_leaves_nothing_behind(monkeypatch):
    def interrupted(handle, **arrays):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.fetch(NAME, Maker(), trials=1)
    assert list(path().parent.iterdir()) == []


def test_trimming_drops_what_a_kill_left_half_written():
    store.fetch(NAME, Maker(), trials=1)
    old, new = (path().with_name(name) for name in ("old.part", "new.part"))
    for file in (old, new):
        file.touch()
    os.utime(old, (1000, 1000))
    store.trim()
    assert sorted(file.name for file in path().parent.iterdir()) == [path().name, "new.part"]
