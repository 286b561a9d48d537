"""A store at a URL: the same blocks, whole or not at all, without locks."""

import ast
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import numpy as np
import pytest

from mrpcheck import guarded, places, store
from mrpcheck.distant import Distant, is_url, shown

NAME = "ab" + "0" * 30


def block(value=1.0):
    return {"kernels": np.full((2, 3), value, "float32"), "diverged": np.array([False, True])}


def never():
    raise AssertionError("made again")


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path, monkeypatch):
    """A fresh store on a filesystem of each kind: one that puts, one that moves."""
    where = f"{request.param}://{tmp_path}/at"
    monkeypatch.setenv("MRPCHECK_STORE", where)
    yield where
    files, root = fsspec.core.url_to_fs(where)
    if files.exists(root):
        files.rm(root, recursive=True)


def path(url, name=NAME):
    return f"{fsspec.core.url_to_fs(url)[1]}/{name[:2]}/{name}.npz"


def files_of(url):
    return fsspec.core.url_to_fs(url)[0]


def forget():
    """As another process: nothing is held here."""
    guarded._guarded.cache_clear()


def test_a_block_is_made_once_and_comes_back_as_it_was(url):
    arrays = {
        "single": np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32),
        "double": np.array([np.nan, np.inf, 1e-300]),
        "steps": np.array([1, 2**40]),
    }
    store.fetch(NAME, lambda: arrays, trials=1)
    for meanwhile in (lambda: None, forget):
        meanwhile()
        again = store.fetch(NAME, never, trials=1)
        assert again.keys() == arrays.keys()
        for name, value in arrays.items():
            assert again[name].dtype == value.dtype
            np.testing.assert_array_equal(again[name], value)
    store.fetch("cd" + NAME, block, trials=1)
    with pytest.raises(AssertionError, match="made again"):
        store.fetch("ef" + NAME, never, trials=1)


def test_nothing_else_is_left_there(url):
    store.fetch(NAME, block, trials=1)
    assert list(files_of(url).find(url)) == [path(url)]


def test_what_is_handed_out_is_not_what_is_held(url):
    store.fetch(NAME, block, trials=1)["kernels"][:] = 7.0
    store.fetch(NAME, never, trials=1)["kernels"][:] = 8.0
    np.testing.assert_array_equal(store.fetch(NAME, never, trials=1)["kernels"], 1.0)


def test_a_folder_and_its_url_hold_the_same_blocks(monkeypatch, tmp_path):
    store.fetch(NAME, block, trials=1)
    content = store.folder().joinpath("ab", f"{NAME}.npz").read_bytes()
    monkeypatch.setenv("MRPCHECK_STORE", f"file://{store.folder()}")
    store.fetch(NAME, never, trials=1)
    other = "cd" + NAME
    store.fetch(other, block, trials=1)
    monkeypatch.setenv("MRPCHECK_STORE", str(tmp_path / "store"))
    store.fetch(other, never, trials=1)
    assert content == (tmp_path / "store" / "ab" / f"{NAME}.npz").read_bytes()


def test_the_bytes_of_a_block_are_those_of_its_content(url):
    store.fetch(NAME, block, trials=1)
    first = files_of(url).cat_file(path(url))
    for value, same in ((1.0, True), (1.5, False)):
        files_of(url).rm_file(path(url))
        forget()
        store.fetch(NAME, lambda value=value: block(value), trials=1)
        assert (files_of(url).cat_file(path(url)) == first) == same


@pytest.mark.parametrize("keep", [0.0, 0.5, 1.0])
def test_half_a_block_is_made_again_and_a_whole_one_is_not(url, keep, caplog):
    store.fetch(NAME, block, trials=1)
    content = files_of(url).cat_file(path(url))
    files_of(url).pipe_file(path(url), content[: int(keep * len(content))])
    forget()
    before = store.counts()["trained"]
    with caplog.at_level(logging.WARNING, logger="mrpcheck"):
        arrays = store.fetch(NAME, block, trials=1)
    np.testing.assert_array_equal(arrays["kernels"], 1.0)
    assert store.counts()["trained"] - before == (keep < 1)
    assert ("trained again" in caplog.text) == (keep < 1)
    assert files_of(url).cat_file(path(url)) == content


def test_a_block_under_another_name_is_not_mistaken_for_it(url, caplog):
    other = "ab" + "9" * 30
    store.fetch(other, lambda: block(7.0), trials=1)
    files_of(url).mv(path(url, other), path(url))
    forget()
    arrays = store.fetch(NAME, block, trials=1)
    np.testing.assert_array_equal(arrays["kernels"], 1.0)
    assert "the content of another block" in caplog.text


def test_what_was_trained_elsewhere_is_kept_unless_it_is_there(url):
    store.put(NAME, block(1.0), trials=1)
    forget()
    store.put(NAME, block(2.0), trials=1)
    forget()
    np.testing.assert_array_equal(store.fetch(NAME, never, trials=1)["kernels"], 1.0)


class Slow:
    """A filesystem that shows what is there after half of a file is written."""

    def __init__(self, files, look):
        self.files, self.look = files, look

    def __getattr__(self, name):
        return getattr(self.files, name)

    def pipe_file(self, path, content):
        with self.files.open(path, "wb") as file:
            file.write(content[: len(content) // 2])
            file.flush()
            self.look()
            file.write(content[len(content) // 2 :])


@pytest.mark.parametrize("before", [None, b"the one before"])
@pytest.mark.parametrize("moves", [True, False])
def test_who_reads_meanwhile_sees_all_of_a_block_or_nothing(tmp_path, before, moves):
    """Were it written in its own place, the reader would see half: the test has teeth."""
    place, reader = (Distant(f"file://{tmp_path}") for _ in range(2))
    seen = []
    if before is not None:
        place.write(NAME, before)
    else:
        (tmp_path / "ab").mkdir()
    place._files = Slow(place._files, lambda: seen.append(reader.read(NAME)))
    place._whole = not moves
    place.write(NAME, b"whole " * 100)
    assert seen == [before if moves else b"whole " * 50]
    assert reader.read(NAME) == b"whole " * 100


def test_what_fails_while_it_is_written_leaves_nothing_behind(tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    place = Distant(f"file://{tmp_path}")
    place._files = Slow(place._files, interrupt)
    with pytest.raises(KeyboardInterrupt):
        place.write(NAME, b"whole")
    assert list((tmp_path / "ab").iterdir()) == []


BUSY = """
import logging, sys, time
import numpy as np
from mrpcheck import store

names, end = [f"{i:02x}" + "5" * 30 for i in range(3)], time.monotonic() + float(sys.argv[1])
logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
place, rounds = store._place(), 0
print("begun", flush=True)
while time.monotonic() < end:
    for i, name in enumerate(names):
        arrays = {"kernels": np.full(50_000, float(i))}
        if (rounds + i) % 3 == 0:
            store._write(place, name, arrays)
        place._held.clear()
        found = store.fetch(name, lambda: arrays, trials=1)
        assert (found["kernels"] == i).all() and len(found["kernels"]) == 50_000
    rounds += 1
print("rounds", rounds)
"""


def busy(url, seconds):
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path)), "MRPCHECK_STORE": url}
    return subprocess.Popen(
        [sys.executable, "-c", BUSY, str(seconds)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_writers_and_readers_at_a_time_and_one_killed_see_whole_blocks_only(tmp_path):
    url = f"file://{tmp_path}/at"
    with busy(url, 2) as one, busy(url, 2) as two, busy(url, 60) as killed:
        assert killed.stdout.readline() == "begun\n"
        time.sleep(0.5)
        killed.kill()
        for process in (one, two):
            said = process.communicate(timeout=60)[0].splitlines()
            assert [line.split()[0] for line in said] == ["begun", "rounds"], said
            assert int(said[1].split()[1]) > 0
    blocks = Distant(url)
    for i in range(3):
        assert np.load(tmp_path / "at" / f"{i:02x}" / f"{i:02x}{'5' * 30}.npz")["kernels"][0] == i
    left = [file.path for file in blocks.files() if file.path.endswith(places.PART)]
    assert len(left) <= 1  # of the one that was killed


def test_a_plain_path_imports_no_fsspec_and_a_url_does(tmp_path):
    script = """
import sys
import numpy as np
from mrpcheck import store
store.fetch("ab01", lambda: {"kernels": np.ones(3)}, trials=1)
store.trim()
print("fsspec" in sys.modules, "torch" in sys.modules)
"""
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    for where, imported in ((f"{tmp_path}/a", "False"), (f"file://{tmp_path}/a", "True")):
        environment["MRPCHECK_STORE"] = where
        said = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True
        )
        assert said.stdout.split() == [imported, "False"], said.stderr


def test_where_blocks_lie_takes_nothing_of_what_training_gives():
    """They are no part of the digest of sources, so they import nothing but each other."""
    modules = ("places", "distant", "guarded", "trimming")
    assert not set(modules) & set(store.SOURCES)
    for module in modules:
        tree = ast.parse(Path(store.__file__).with_name(f"{module}.py").read_text())
        imported = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        imported += [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        own = {name.partition(".")[2] for name in imported if name.startswith("mrpcheck")}
        assert own <= set(modules), module


@pytest.mark.parametrize("address", ["s3://blocks/x", "file:///x", "memory://x"])
def test_what_a_url_is(address, monkeypatch):
    assert is_url(address)
    assert not is_url(address.replace("://", "/"))
    monkeypatch.setenv("MRPCHECK_STORE", address)
    with pytest.raises(ValueError, match="but should be a path"):
        store.folder()


def test_what_is_secret_in_a_url_is_not_shown():
    assert shown("sftp://ann:word@host:22/blocks?token=1#x") == "sftp://host:22/blocks"
    assert shown("s3://bucket/prefix") == "s3://bucket/prefix"


def test_a_process_that_was_forked_opens_a_place_of_its_own(monkeypatch):
    here = guarded.guarded("memory://x")
    assert guarded.guarded("memory://x") is here
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert guarded.guarded("memory://x") is not here
