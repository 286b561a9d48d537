"""What an event may return, and the one sentence for what it may not."""

import numpy as np
import pytest

from mrpcheck.outcomes import read_outcomes
from mrpcheck.seeds import Trials

FOUR = Trials(4, first=8)


def values(returned, trials=FOUR, bounds=None):
    return read_outcomes(returned, trials, bounds).values.tolist()


def test_truth_values_are_hits():
    assert values([True, False, True, True]) == [1, 0, 1, 1]
    assert values(np.array([True, False, True, True])) == [1, 0, 1, 1]


def test_a_margin_hits_from_zero_up():
    assert values([0.5, 0.0, -0.0, -1e-9]) == [1, 1, 1, 0]
    assert read_outcomes([1.0, 2.0, 3.0, -4.0], FOUR, None).margins.tolist() == [1, 2, 3, -4]


def test_nan_is_a_failed_miss():
    found = read_outcomes([1.0, float("nan"), float("inf"), -float("inf")], FOUR, None)
    assert found.values.tolist() == [1, 0, 1, 0]
    assert found.failed == (9,)


def test_a_failed_trial_is_a_miss_whatever_it_returned():
    trials = Trials(4, first=8)
    trials.fail([False, False, True, False])
    found = read_outcomes([True] * 4, trials, None)
    assert found.values.tolist() == [1, 1, 0, 1]
    assert found.failed == (10,)


def test_a_bound_as_float32_is_that_bound():
    clipped = np.full(4, -9.0, np.float32).clip(-0.2, 0.1)
    assert float(clipped[0]) < -0.2
    assert values(clipped, bounds=(-0.2, 0.1)) == [-0.2] * 4
    assert values(-clipped / 2, bounds=(-0.2, 0.1)) == [0.1] * 4
    with pytest.raises(ValueError, match="within the bounds"):
        values(clipped.astype(float) - 1e-6, bounds=(-0.2, 0.1))


def test_a_failed_trial_takes_the_worst_value_of_a_mean():
    trials = Trials(4)
    trials.fail([False, True, False, False])
    assert values([0.5, 0.9, float("nan"), 1.0], trials, (-1, 1)) == [0.5, -1, -1, 1]


class Tensor:
    """As much of a torch tensor as reading it needs."""

    def __init__(self, array):
        self.array = np.asarray(array)

    def detach(self):
        return self

    def cpu(self):
        return self

    def is_floating_point(self):
        return self.array.dtype.kind == "f"

    def double(self):
        return Tensor(self.array.astype(float))

    def numpy(self):
        return self.array


def test_tensors_are_read_without_torch():
    assert values(Tensor([True, False, True, True])) == [1, 0, 1, 1]
    assert values(Tensor(np.float32([1, -1, 1, 1]))) == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("returned", "bounds", "words"),
    [
        ([True] * 3, None, r"shape = \(3,\), but should be \(4,\)"),
        (True, None, r"shape = \(\), but should be \(4,\)"),
        (np.ones((4, 1), bool), None, r"shape = \(4, 1\), but should be"),
        ([1, 0, 1, 1], None, "dtype = int64, but should be bool, or a floating margin"),
        (["a"] * 4, None, "dtype = <U1, but should be"),
        (None, None, "value = None, but should be"),
        ([0.5, 0.5, 3.0, 0.5], (-1, 1), r"value = 3.0, but should be within the bounds"),
        ([1, 2, 3, 4], (-9, 9), "dtype = int64, but should be floating"),
    ],
)
def test_anything_else_is_one_sentence(returned, bounds, words):
    with pytest.raises(ValueError, match=words):
        read_outcomes(returned, FOUR, bounds)
