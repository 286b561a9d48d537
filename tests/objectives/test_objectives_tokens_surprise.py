"""The growth of tokens' features: against sampled data, and against its equations integrated."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from mrpcheck import Trials
from mrpcheck.growth import late_scale
from mrpcheck.objectives.surprise import growth_time, surprise
from mrpcheck.objectives.tokens import MaskedTokens
from mrpcheck.theorems import pixels_regime
from mrpcheck.views import MultiView, sample

CONTEXTS = ("patch", "pooled", "others")
HEART = pixels_regime().heart


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_surprise_is_that_of_sampled_data(context):
    data = MultiView(classes=3, dim=12, patches=13, patches_per_feature=2, sparsity=0.0)
    drawn = sample(data, "a key", Trials(count=1), 6000, kind="multi-view", purpose="anything")
    token = drawn.feature[0].numpy() + 1  # 0: a patch without a feature
    keep, eye = 0.3, np.eye(7)
    often = eye[token.ravel()].mean(0)
    sample_, patch = np.nonzero(token == 1)
    counted = eye[token[sample_]]  # (visible patch of the first feature, patch, code)
    if context == "patch":
        seen = eye[1] - often
    elif context == "pooled":
        seen = (counted - often).sum(1).mean(0)
    else:
        counted = counted.copy()
        counted[np.arange(len(patch)), patch] = often  # itself is visible, not to be predicted
        seen = (1 - keep) * (counted - often).sum(1).mean(0)
    rel = 0.12 if context == "others" else 0.05  # it leaves 1/P of the frequencies out there
    assert surprise(data, context, keep) == pytest.approx(np.linalg.norm(seen), rel=rel)
    assert surprise(data, context, keep) != pytest.approx(np.linalg.norm(seen) / 2, rel=rel)


def test_the_growth_time_is_that_of_the_two_equations():
    data, net = HEART.data, HEART.net
    size = surprise(data, "patch", 0.5)
    found = growth_time(data, net, size)
    start = net.init_scale * late_scale(30, 10, competing=True)
    own = (2.0**4 - 1.0**4) / 4 / data.classes  # E[z^3] of the own class
    push = own / (3 * net.threshold**2) * size
    ends = lambda t, y: y[0] - 1e4  # noqa: E731
    ends.terminal = True
    path = solve_ivp(
        lambda t, y: (3 * push * y[0] ** 2 * y[1], push * y[0] ** 3),
        (0, 10 * found), (start, 0.0), events=ends, rtol=1e-8, atol=1e-12,
    )  # fmt: skip
    assert path.t[-1] == pytest.approx(found, rel=0.05)  # patches of other classes add 2 per cent
    assert path.t[-1] != pytest.approx(found / 2, rel=0.05)  # that of a decoder at its balance


def test_steps_follow_the_share_of_masked_patches_where_only_they_are_predicted():
    steps = lambda **fields: MaskedTokens(**fields).recipe(HEART.data, HEART.net)[1] - 400  # noqa: E731
    assert steps(keep=0.75) == pytest.approx(2 * steps(keep=0.5), abs=2)
    assert steps(keep=0.75, context="pooled") == steps(keep=0.5, context="pooled")


def test_a_time_without_end_is_cut():
    assert growth_time(HEART.data, HEART.net, 0.0) == float("inf")
    assert MaskedTokens(keep=1.0).recipe(HEART.data, HEART.net)[1] == 20_000
