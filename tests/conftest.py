"""Every test has a store of its own, and one thread."""

import os
import sys

import pytest

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # read by torch when it is first imported
    os.environ.setdefault(name, "1")


@pytest.fixture(scope="session", autouse=True)
def store_of_the_session(tmp_path_factory):
    """Where fixtures that several tests share keep their trained blocks."""
    os.environ["MRPCHECK_STORE"] = str(tmp_path_factory.mktemp("shared") / "store")


@pytest.fixture(autouse=True)
def store_of_the_test(tmp_path, monkeypatch):
    """An empty store, so that no test sees what another one trained."""
    monkeypatch.setenv("MRPCHECK_STORE", str(tmp_path / "store"))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
