"""A setup so small that tracing it takes no time."""

import numpy as np
import pytest

from mrpcheck import MultiView, Net, Recipe, Setup
from mrpcheck.seeds import Trials
from mrpcheck.traces import Arm
from mrpcheck.tracing import trace

TINY = Setup(
    data=MultiView(classes=2, dim=6, patches=6, sparsity=1.0, single_view=0.1),
    net=Net(kernels_per_class=3, power=3.0),
    recipe=Recipe(samples=24, steps=120, rate=0.3, tune_steps=40, tune_rate=0.8),
)


@pytest.fixture
def tiny():
    return TINY


@pytest.fixture(scope="session")
def traced(store_of_the_session):
    """Both arms of the tiny setup, five trials of them paired."""
    return trace(TINY, Trials(1, 3, seed=7), what="heart", regime="tiny", words="tiny", paired=5)


@pytest.fixture
def same():
    def same(one, other):
        """Whether two traces, or arms, say the same to the last bit."""
        if one is None or other is None:
            return one is other
        return all(
            same(mine, theirs)
            if isinstance(mine, Arm)
            else np.array_equal(mine, theirs, equal_nan=True) and mine.dtype == theirs.dtype
            if isinstance(mine, np.ndarray)
            else mine == theirs
            for mine, theirs in zip(vars(one).values(), vars(other).values(), strict=True)
        )

    return same
