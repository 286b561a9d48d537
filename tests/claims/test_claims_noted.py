"""Means of what events note beside their outcomes, and the sizes that profiles may have."""

import math

import pytest

from mrpcheck.noted import append, means_of, means_over
from mrpcheck.profiles import Profile

SIZES = {"name": "mine", "panel": 8, "most": 96, "search": 12, "shrink": 12, "doubled": 1}


def test_a_measure_that_some_blocks_lack_keeps_its_trials():
    notes = {}
    append(notes, 0, {"a": [1.0, 2.0]})
    append(notes, 2, {"b": [5.0, 7.0]})
    append(notes, 4, {"a": [6.0], "b": [0.0]})
    assert notes["a"][:2] == [1.0, 2.0]
    assert [math.isnan(v) for v in notes["a"]] == [False, False, True, True, False]
    assert means_of(notes, 4) == {"a": 1.5, "b": 6.0}
    assert means_of(notes, 2) == {"a": 1.5, "b": None}
    assert means_of(notes, 0) == {"a": None, "b": None}


def test_means_are_of_finite_values_and_have_six_digits_in_any_order():
    values = [0.1, 1e16, -1e16, 1 / 3, math.inf, math.nan]
    for order in (values, values[::-1], sorted(values)):
        assert means_of({"a": order}, 6) == {"a": 0.108333}
    assert means_of({"a": [1.7e308, 1.7e308]}, 2) == {"a": 1.7e308}


def test_a_mean_over_setups_leaves_out_those_without():
    assert means_over([{"a": 1.0}, {"a": None}, {"a": 4.0, "b": 2.0}]) == {"a": 2.5, "b": 2.0}
    assert means_over([]) == {}


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"every": 8}, "every = 8, but should be 16 to judge"),
        ({"block": 40}, "block = 40, but should be a multiple of 16"),
        ({"most": 100}, "most = 100, but should be a multiple of 16"),
        ({"every": 0, "judges": False}, "every = 0, but should be"),
    ],
)
def test_sizes_that_no_profile_can_have_are_refused(sizes, words):
    with pytest.raises(ValueError, match=words):
        Profile(**{**SIZES, **sizes})
