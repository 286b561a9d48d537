"""How the page writes numbers: an interval never shrinks."""

import math

import pytest

from mrpcheck.report.words import down, up


@pytest.mark.parametrize("value", [0.8029, 0.80201, 0.0, 1.0, -0.0447, 4.1e-4, -4.1e-4, 860.12345])
def test_ends_are_rounded_outward(value):
    lower, upper = (float(end(value).replace("−", "-")) for end in (down, up))
    assert lower <= value <= upper
    assert upper - lower <= 0.0011


def test_what_is_no_number_is_a_dash():
    assert down(None) == up(None) == down(math.nan) == up(math.inf) == "–"
