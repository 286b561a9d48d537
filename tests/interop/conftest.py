"""Runs of claims about coins with a JUnit file, each made once for all tests here."""

import os
import subprocess
import sys

import pytest

COINS = '''
"""Coins.

Origin: statement stated; setting ours.
"""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mrpcheck import at, control, on_average, with_probability

claimed = with_probability(at_least=0.9, tolerance=0.1)


class Sides:
    name = "sides"

    def sample(self, n, seed):
        return [0.5 + 0.01 * i for i in range(n)]

    def violations(self, side):
        return ["]]> <side> & more \\x07"]

    def toward_heart(self, side):
        return iter(())

    def describe(self, side):
        return f"side {side:g} <]]>"


def sides():
    strategy = st.integers(1, 40).map(lambda i: i / 40)
    strategy.regime = Sides()
    return strategy


def toss(side, trials, p):
    tosses = [trials.generator(repr(side), t, "toss").random() for t in trials.numbers]
    return np.array(tosses) < p


@given(side=sides())
@claimed
def test_true(side, trials):
    """A good coin <lands>."""
    trials.note(side=[side] * trials.count)
    return toss(side, trials, 0.98)


@given(side=sides())
@claimed
def test_false(side, trials):
    """A bad coin lands ]]."""
    return toss(side, trials, 0.3)


@at(side=[0.7, 0.8])
@on_average(at_least=0.4, tolerance=0.3, bounds=(-1, 1))
@pytest.mark.parametrize("by", [1.0, 1.25])
def test_mean(side, trials, by):
    return toss(side, trials, 0.6) / by


@control(side=0.5)
@claimed
def test_control(side, trials):
    return toss(side, trials, 0.5)


@given(side=sides())
@claimed
def test_breaks(side, trials):
    raise RuntimeError("<broken> ]]")


@pytest.mark.skip("not today")
@given(side=sides())
@claimed
def test_skipped(side, trials):
    return toss(side, trials, 1.0)


def test_plain():
    """No claim at all."""
'''


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Make a run with these options, once; the folder it ran in, with junit.xml and reports/."""
    there = {}

    def make(*options):
        if options not in there:
            there[options] = folder = tmp_path_factory.mktemp("interop")
            (folder / "test_coins.py").write_text(COINS)
            words = ["-p", "no:cacheprovider", "--mrp-device=cpu", "--junitxml=junit.xml"]
            env = {k: v for k, v in os.environ.items() if k != "PYTEST_XDIST_WORKER"}
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", *words, *options],
                cwd=folder, env=env, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 1, done.stdout + done.stderr
        return there[options]

    return make
