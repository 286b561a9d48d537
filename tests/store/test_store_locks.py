"""Several processes and one block: it is made once, by whoever is alive."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from mrpcheck import store

NAME = "ef" + "1" * 30
MAKER = """
import select
import sys
import numpy as np
from mrpcheck import store

def make():
    print("making", flush=True)
    select.select([sys.stdin], [], [], 20)  # and no longer, should something hang
    return {"kernels": np.full(3, 7.0)}

store.fetch(%r, make, trials=3)
assert "torch" not in sys.modules
print(store.counts()["trained"], flush=True)
"""


@pytest.fixture
def other():
    """Another process that is making the block, until it is sent a line."""
    script = MAKER % NAME
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    environment["MRPCHECK_STORE"] = str(store.folder())
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout.readline() == "making\n"
        yield process
        process.kill()


def never():
    raise AssertionError("made twice")


def mine():
    return {"kernels": np.full(3, 8.0)}


def test_who_is_not_patient_is_told_that_it_is_busy(other):
    with pytest.raises(store.Busy, match=NAME):
        store.fetch(NAME, never, trials=3, patient=False)
    store.fetch("00" + NAME, mine, trials=3, patient=False)  # another block is not
    other.communicate("go\n")
    before = store.counts()
    arrays = store.fetch(NAME, never, trials=3, patient=False)
    np.testing.assert_array_equal(arrays["kernels"], 7.0)
    assert store.counts() == {"asked": before["asked"] + 3, "trained": before["trained"]}


def test_who_is_patient_waits_and_shares(other):
    found = []
    waiter = threading.Thread(target=lambda: found.append(store.fetch(NAME, never, trials=3)))
    waiter.start()
    waiter.join(0.3)
    assert waiter.is_alive()
    assert other.communicate("go\n")[0] == "3\n"
    waiter.join(20)
    np.testing.assert_array_equal(found[0]["kernels"], 7.0)


def test_a_killed_maker_is_taken_over(other):
    with pytest.raises(store.Busy):
        store.fetch(NAME, never, trials=3, patient=False)
    other.kill()
    other.wait()
    start = time.monotonic()
    arrays = store.fetch(NAME, mine, trials=3, patient=False)
    np.testing.assert_array_equal(arrays["kernels"], 8.0)
    assert time.monotonic() - start < 5
    leftovers = [file.suffix for file in (store.folder() / "ef").iterdir()]
    assert leftovers == [".npz"]
