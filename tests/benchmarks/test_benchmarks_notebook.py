"""The notebook's design is the smallest that keeps its levels, and its trials end as ours do."""

import numpy as np
import pytest
from scipy.stats import binom

from mrpcheck.measures import features_per_kernel
from mrpcheck.seeds import Trials
from mrpcheck.stats import Levels
from mrpcheck.theorems import pixels_regime
from mrpcheck.training import pretrain


@pytest.mark.parametrize("levels", [Levels(0.05, 0.05), Levels(0.01, 0.001)])
def test_the_design_keeps_its_levels_and_no_smaller_one_does(levels):
    import notebook

    n, hits = notebook.fixed_design(0.9, 0.2, levels)

    def keep(n):
        """Which numbers of hits keep both levels: sums of single probabilities."""
        one_by_one = np.arange(n + 1)
        null, claimed = (binom.pmf(one_by_one, n, p) for p in (0.7, 0.9))
        false_support = np.cumsum(null[::-1])[::-1]
        false_refute = np.cumsum(claimed) - claimed
        return (false_support <= levels.false_support) & (false_refute <= levels.false_refute)

    assert keep(n)[hits]
    assert not keep(n)[hits - 1]
    assert not any(keep(m).any() for m in range(1, n))


def test_its_trials_end_as_ours():
    import notebook
    import suite

    setup, trials = pixels_regime().heart.derive(steps=130), Trials(8)
    mine = (features_per_kernel(pretrain(setup, trials), setup, at=0.3) <= 1).all(-1).tolist()

    def event(correlations, setup):
        return bool(((correlations >= 0.3 * setup.net.threshold).sum(1) <= 1).all())

    theirs = notebook.outcomes(setup, trials, event)
    assert theirs == mine
    assert len(set(mine)) == 2, "trials that all end alike would show nothing"
    assert notebook.outcomes(setup, Trials(8, seed=1), event) != mine
    assert suite.holds_one(features(setup), setup)


def features(setup):
    """The correlations of kernels that hold a feature each."""
    import torch

    return torch.eye(setup.kernels, setup.data.features)
