"""Runs of claims about coins, made by pytest in processes of their own, once for all tests here."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COINS = '''
"""Coins.

Origin: statement stated; setting ours.
"""

from pathlib import Path

import numpy as np
from hypothesis import given, strategies as st

from mrpcheck.claims import control, on_average, with_probability

claimed = with_probability(at_least=0.9, tolerance=0.1)


class Heads:
    name = "coins"

    def sample(self, n, seed):
        return [0.5 + 0.01 * i for i in range(n)]

    def violations(self, side):
        return []

    def toward_heart(self, side):
        return iter(())

    def describe(self, side):
        return f"side {side:g}"


def sides():
    strategy = st.integers(1, 40).map(lambda i: i / 40)
    strategy.regime = Heads()
    return strategy


def toss(side, trials, p):
    Path("tossed").touch()
    tosses = [trials.generator(repr(side), t, "toss").random() for t in trials.numbers]
    return np.array(tosses) < p


@given(side=sides())
@claimed
def test_true(side, trials):
    """A good coin lands."""
    trials.note(side=[side] * trials.count)
    return toss(side, trials, 0.98)


@given(side=sides())
@claimed
def test_false(side, trials):
    """A bad coin lands."""
    return toss(side, trials, 0.5)


@given(side=sides())
@on_average(at_least=0.05, tolerance=0.05, bounds=(-1, 1))
def test_mean(side, trials):
    return toss(side, trials, 0.7) * 0.5 - 0.1


@control(side=2.0)
@claimed
def test_control(side, trials):
    return toss(side, trials, 0.3)
'''


MORE = '''
"""More coins, of every kind that a record can hold.

Origin: ours.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mrpcheck.claims import at, claim_of, control, on_average, refuted, with_probability

claimed = with_probability(at_least=0.9, tolerance=0.1)


@dataclass(frozen=True)
class Coin:
    x: float

    def to_json(self):
        return {"x": self.x}


class Coins:
    def sample(self, n, seed):
        return [Coin(i / 10) for i in range(n)]

    def violations(self, coin):
        return ["x: above a half"] if coin.x > 0.5 else []

    def toward_heart(self, coin):
        yield from (Coin(x) for x in (0.0, coin.x / 2) if x != coin.x)

    def describe(self, coin):
        return f"x = {coin.x:.3g}"

    def from_json(self, content):
        return Coin(content["x"])


def coins():
    strategy = st.integers(0, 64).map(lambda i: Coin(i / 64))
    strategy.regime = Coins()
    return strategy


def toss(setup, trials):
    Path("store.txt").write_text(os.environ.get("MRPCHECK_STORE", "none"))
    key = repr(getattr(setup, "x", setup))
    return np.array([trials.generator(key, t, "toss").random() for t in trials.numbers])


@pytest.fixture
def bias():
    return 0.05


class TestOfAClass:
    @pytest.mark.parametrize("more", [0.0, 0.9])
    @refuted(because="the coin is fair where x is large")
    @given(setup=coins())
    @claimed
    def test_margin(self, setup, trials, bias, more):
        tossed = toss(setup, trials)
        trials.note(tossed=tossed, never=[float("nan")] * trials.count)
        trials.fail([t == 5 for t in trials.numbers])
        return tossed - bias - setup.x + 0.01 * more


@at(setup=[0.7, 0.8])
@on_average(at_least=0.4, tolerance=0.3, bounds=(-1, 1))
def test_named(setup, trials):
    return toss(setup, trials) / 1.25


@control(setup=Coin(0.6))
@with_probability(at_least=0.9, tolerance=0.1)
def test_object(setup, trials):
    return toss(setup, trials) > setup.x
'''


def command(*words, cwd, **more):
    """Run a command where no test of this run's options shows through."""
    env = {**os.environ, "COLUMNS": "100", **more}
    env.pop("PYTEST_XDIST_WORKER", None)
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=cwd, env=env, capture_output=True, text=True
    )


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """What pytest printed, and the folder it ran in."""
    folder = tmp_path_factory.mktemp("coins")
    (folder / "test_coins.py").write_text(COINS)
    found = command("pytest", "-p", "no:cacheprovider", "--mrp-device=cpu", cwd=folder)
    assert found.returncode == 1, found.stdout
    return found.stdout, folder


@pytest.fixture(scope="session")
def more_made(tmp_path_factory):
    """The folder of a run of claims of every other kind."""
    folder = tmp_path_factory.mktemp("more")
    (folder / "test_more.py").write_text(MORE)
    found = command("pytest", "-p", "no:cacheprovider", "--mrp-device=cpu", cwd=folder)
    assert found.returncode == 0, found.stdout
    return folder


@pytest.fixture
def mrpcheck():
    """Run the command line in a process of its own."""
    return functools.partial(command, "mrpcheck.cli")


@pytest.fixture(scope="session")
def mrpcheck_pytest():
    """Run pytest in a process of its own, on the CPU."""
    return functools.partial(command, "pytest", "-p", "no:cacheprovider", "--mrp-device=cpu")


@pytest.fixture
def coins(made, tmp_path, monkeypatch):
    """A folder of one's own with that run in it, and the current one."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(shutil.copytree(made[1], tmp_path / "coins"))
    return Path.cwd()
