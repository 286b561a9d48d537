"""A folder in which pytest runs claims about coins, with the plugin loaded exactly once."""

import importlib.metadata
import json

import hypothesis.strategies  # noqa: F401 - pytester forgets what is imported first inside it
import matplotlib.backends.backend_svg  # noqa: F401
import numpy as np  # noqa: F401
import pytest

import mrpcheck.plugin.beginning
import mrpcheck.report.charts
import mrpcheck.report.page  # noqa: F401

COINS = """
from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as hypothesis_strategies

from mrpcheck.claims import control, on_average, refuted, with_probability

claimed = with_probability(at_least=0.9, tolerance=0.1)


@dataclass(frozen=True)
class Coin:
    x: float
    y: float = 0.0

    @property
    def key(self):
        return f"{self.x!r} {self.y!r}"

    def to_json(self):
        return {"x": self.x, "y": self.y}


class Coins:
    name = "coins"

    def sample(self, n, seed):
        return [Coin(*xy) for xy in np.random.default_rng(seed).random((n, 2)).tolist()]

    def violations(self, coin):
        return []

    def toward_heart(self, coin):
        yield from (Coin(x, coin.y) for x in (0.0, coin.x / 2) if x != coin.x)
        yield from (Coin(coin.x, y) for y in (0.0, coin.y / 2) if y != coin.y)

    def describe(self, coin):
        return f"x = {coin.x:.3g}, y = {coin.y:.3g}"


@hypothesis_strategies.composite
def drawn(draw):
    share = hypothesis_strategies.integers(0, 64).map(lambda i: i / 64)
    return Coin(draw(share), draw(share))


def coins():
    strategy = drawn()
    strategy.regime = Coins()
    return strategy


def toss(setup, trials, p):
    tosses = [trials.generator(setup.key, t, "toss").random() for t in trials.numbers]
    return np.array(tosses) < p
"""

CLAIMS = '''
"""Coins.

Origin: statement stated; setting ours.
"""

import pytest
from coins import *


@given(setup=coins())
@claimed
def test_true(setup, trials):
    """A good coin lands."""
    trials.note(size=[setup.x] * trials.count)
    return toss(setup, trials, 0.98)


@given(setup=coins())
@claimed
def test_false(setup, trials):
    """A bad coin lands."""
    return toss(setup, trials, 0.98 if setup.x < 0.5 else 0.3)


@given(setup=coins())
@claimed
def test_borderline(setup, trials):
    return [t % 7 > 0 for t in trials.numbers]


@given(setup=coins())
@on_average(at_least=0.05, tolerance=0.05, bounds=(-1, 1))
def test_mean(setup, trials):
    return toss(setup, trials, 0.7) * 0.5 - 0.1


@refuted(because="it is a fair coin")
@given(setup=coins())
@claimed
def test_refuted(setup, trials):
    return toss(setup, trials, 0.5)


@control(setup=Coin(2.0))
@claimed
def test_control(setup, trials):
    return toss(setup, trials, 0.5)
'''


@pytest.fixture
def run(pytester, monkeypatch, request):
    """Run pytest here on a file of claims; `rows()` reads the verdicts it left."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    monkeypatch.setenv("COLUMNS", "100")
    pytester.makepyfile(coins=COINS)
    installed = importlib.metadata.entry_points(group="pytest11")
    load = () if any(e.value == "mrpcheck.plugin" for e in installed) else ("-p", "mrpcheck.plugin")

    def runs(*options, claims=CLAIMS, subprocess=False):
        bare = "trials" in claims and "from coins" not in claims
        pytester.makepyfile(test_coins=IMPORTS + claims if bare else claims)
        options = (*load, "--mrp-device=cpu", "-p", "no:cacheprovider", *options)
        if subprocess:
            return pytester.runpytest_subprocess(*options)
        return pytester.runpytest_inprocess(*options, no_reraise_ctrlc=True)

    runs.rows = lambda report="reports/latest": rows(pytester.path / report)
    return runs


IMPORTS = "import pytest\nfrom coins import *\n"


def rows(report):
    """The verdicts by the claim's short name."""
    content = json.loads((report / "verdicts.json").read_text())
    assert content["schema"] == 1
    return {row["claim"].rpartition("::")[2]: row for row in content["claims"]}
