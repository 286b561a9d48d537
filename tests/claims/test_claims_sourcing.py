"""The digest of a claim's code goes through what its file defines, and through nothing else."""

import importlib.util
import itertools

import pytest

from mrpcheck.claims import claim_of
from mrpcheck.sourcing import edited

FILE = '''
"""A file of claims."""

import functools

from mrpcheck import control, with_probability

SIDE = 0.9  # of the coin
SIDES = [SIDE, 0.8]
low, high = 0, 1


def lands(side, trials):
    """Heads or tails."""
    # tossed as ever
    return [toss(side) for _ in trials.numbers]


@functools.lru_cache
def toss(side):
    return low < side < high


def idle():
    return lands(1, None)


@control(setup=SIDES)
@with_probability(at_least=0.9, tolerance=0.1)
def test_it(setup, trials):
    """It lands."""
    return lands(setup, trials)
'''
TREND = (
    FILE.replace("import control, with_probability", "import Ladder, at, falls")
    .replace(
        "@control(setup=SIDES)\n@with_probability(at_least=0.9, tolerance=0.1)",
        "@at(setup=SIDES)\n@falls(along=Ladder((4, 8), rung), by=0.1, tolerance=0.1)",
    )
    .replace("def lands", "def rung(setup, number):\n    return setup / number\n\n\ndef lands", 1)
)
count = itertools.count()


@pytest.fixture
def source(tmp_path):
    def digest(text):
        file = tmp_path / f"claims_{next(count)}.py"
        file.write_text(text)
        spec = importlib.util.spec_from_file_location("claims_of_a_file", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return claim_of(module.test_it).source

    return digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return [toss(side)", "return [not toss(side)"),
        ("low < side < high", "low < side <= high"),
        ("SIDE = 0.9", "SIDE = 0.95"),
        ("[SIDE, 0.8]", "[SIDE, 0.7]"),
        ("low, high = 0, 1", "low, high = 0, 2"),
        ("@functools.lru_cache\n", ""),
        ("return lands(setup, trials)", "return lands(1.0, trials)"),
        ("at_least=0.9", "at_least=0.8"),
    ],
)
def test_an_edit_on_the_way_of_the_claim_is_one(source, old, new):
    assert FILE.count(old) == 1
    assert edited(source(FILE), source(FILE.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [("setup / number", "setup * number"), ("low < side < high", "low < side <= high")],
)
def test_an_edit_on_the_way_of_a_trend_is_one(source, old, new):
    assert TREND.count(old) == 1
    assert edited(source(TREND), source(TREND.replace(old, new)))
    assert not edited(source(TREND), source(TREND.replace("    # tossed as ever\n", "")))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Heads or tails."""', '"""Tails or heads."""'),
        ("    # tossed as ever\n", ""),
        ("return lands(1, None)", "return lands(2, None)"),
        ("import functools", "import functools, math"),
        ('"""A file of claims."""', ""),
        ("    return low < side < high", "\n    return (low < side < high)"),
    ],
)
def test_an_edit_beside_it_is_none(source, old, new):
    assert FILE.count(old) == 1
    assert not edited(source(FILE), source(FILE.replace(old, new)))


def test_digests_that_were_made_in_other_ways_tell_nothing():
    assert edited("2-a", "2-b") and not edited("2-a", "2-a")
    assert not edited("a", "2-a") and not edited(None, "2-a") and not edited("2-a", None)
    assert edited("a", "b")
