"""Workers take the GPUs that their caller named in turn, and only those."""

import os

import pytest

from mrpcheck.plugin.pinning import pin


@pytest.mark.parametrize(
    ("named", "asked", "worker", "left"),
    [
        ("2,3", "auto", "gw0", "2"),
        ("2,3", "auto", "gw1", "3"),
        ("2,3", "cuda", "gw4", "2"),
        ("GPU-4f,GPU-7a,GPU-9c", "auto", "gw2", "GPU-9c"),
        ("2,3", "cuda:1", "gw0", "2,3"),
        ("2,3", "cpu", "gw0", "2,3"),
        ("5", "auto", "gw3", "5"),
        ("", "auto", "gw3", ""),
    ],
)
def test_workers_take_turns(monkeypatch, named, asked, worker, left):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    pin(worker, asked)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == left


def test_what_nobody_named_stays_unnamed(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    pin("gw1", "auto")
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
