"""Mean intersection over union and mean average precision, against counting by hand."""

import numpy as np
import pytest
import torch

from mrpcheck.downstream.scores import (
    average_precision,
    mean_average_precision,
    mean_iou,
    overlaps,
)
from mrpcheck.models import Classifier
from mrpcheck.nets import Net
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.views import MultiView, features

SETUP = Setup(
    data=MultiView(
        classes=4, dim=8, patches=10, sparsity=1.5, noise=0.0, feature_noise=0.0, weak=0.05
    ),
    net=Net(kernels_per_class=2, power=1.0),
    recipe=Recipe(samples=20),
)
TRIALS = Trials(count=3, dtype="float64")


def slow_average_precision(scores, positive):
    """Threshold by threshold, counting rows."""
    area, recall = 0.0, 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        found = [bool(p) for s, p in zip(scores, positive, strict=True) if s >= threshold]
        now = sum(found) / sum(positive)
        area += (now - recall) * sum(found) / len(found)
        recall = now
    return area


def slow_overlaps(predicted, truth, classes):
    rows = []
    for c in range(classes):
        both = sum(p == c and t == c for p, t in zip(predicted, truth, strict=True))
        either = sum(p == c or t == c for p, t in zip(predicted, truth, strict=True))
        rows.append(both / either if either else float("nan"))
    return rows


@pytest.mark.parametrize("levels", [3, 10, 10**9])
def test_average_precision_is_the_area_counted_by_hand(levels):
    rng = np.random.default_rng(levels)
    for _ in range(20):
        scores = rng.integers(levels, size=60).astype(float)
        positive = rng.random(60) < rng.uniform(0.1, 0.9)
        positive[0] = True
        expected = slow_average_precision(scores, positive)
        assert average_precision(scores, positive) == pytest.approx(expected, abs=1e-12)
        assert average_precision(-scores, positive) != pytest.approx(expected, abs=1e-9)


def test_average_precision_of_known_rankings():
    positive = np.array([True, True, False, False])
    assert average_precision(np.array([4.0, 3, 2, 1]), positive) == 1
    assert average_precision(np.array([1.0, 2, 3, 4]), positive) == pytest.approx(
        (1 / 3 + 2 / 4) / 2
    )
    assert average_precision(np.zeros(4), positive) == 0.5  # all at one threshold
    assert np.isnan(average_precision(np.zeros(4), ~np.ones(4, bool)))


def test_overlaps_are_those_counted_by_hand():
    rng = np.random.default_rng(0)
    for classes in (2, 5):
        predicted, truth = rng.integers(classes, size=(2, 80))
        np.testing.assert_allclose(
            overlaps(predicted, truth, classes), slow_overlaps(predicted, truth, classes)
        )
    found = overlaps(np.array([0, 0]), np.array([0, 1]), 3)
    np.testing.assert_allclose(found, [0.5, 0, np.nan])


def by_hand(views, background, trials=TRIALS, setup=SETUP, diverged=()):
    """Kernels along all features; each class scores these views of it, background `background`."""
    data, count = setup.data, trials.count
    kernels = features(data, setup.key, trials)
    rows = data.classes + (background is not None)
    head = torch.zeros(count, rows, data.features, dtype=torch.float64)
    bias = torch.zeros(count, rows, 1, dtype=torch.float64)
    for c in range(data.classes):
        for view in views:
            head[:, c, data.views * c + view] = 1.0
    if background is not None:
        bias[:, -1, 0] = background * data.patches**0.5
    sane = torch.zeros(count, dtype=torch.bool)
    lost = sane.clone()
    lost[list(diverged)] = True
    name = f"{views} {background} {trials.numbers} {diverged}"
    return Classifier(
        setup, trials, kernels, head, 0 * sane, 0.0 * sane, lost, name, {"bias": bias}
    )


def test_who_knows_every_view_segments_perfectly_and_who_knows_one_does_not():
    """With half of the strong patches called background, the others are half of each class."""
    perfect = mean_iou(by_hand((0, 1), 0.01), SETUP, TRIALS, "multi-view")
    assert torch.equal(perfect, torch.ones_like(perfect))
    half = mean_iou(by_hand((0,), 0.01), SETUP, TRIALS, "multi-view")
    assert ((half > 0.4) & (half < 0.65)).all()


def test_weak_views_are_features_too():
    """A background between the weak view's strength and the others' hides it, and it alone."""
    over = mean_iou(by_hand((0, 1), 0.1), SETUP, TRIALS, "multi-view")
    assert (over == 1).all()
    hidden = mean_iou(by_hand((0, 1), 0.1), SETUP, TRIALS, "single-view")
    seen = mean_iou(by_hand((0, 1), 0.02), SETUP, TRIALS, "single-view")
    assert (seen == 1).all() and (hidden < 0.9).all()


def test_detection_is_perfect_on_multi_view_data_and_limited_by_the_weak_view_on_others():
    """Own strengths lie above all others; the weak view's patch lies below them."""
    model = by_hand((0, 1), None)
    perfect = mean_average_precision(model, SETUP, TRIALS, "multi-view")
    assert torch.equal(perfect, torch.ones_like(perfect))
    limited = mean_average_precision(model, SETUP, TRIALS, "single-view")
    assert ((limited > 0.5) & (limited < 0.8)).all()
    half = mean_average_precision(by_hand((0,), None), SETUP, TRIALS, "multi-view")
    assert ((half > 0.5) & (half < 0.7)).all()


@pytest.mark.parametrize("score", [mean_iou, mean_average_precision])
def test_a_trial_alone_scores_as_in_its_block_and_what_diverged_scores_nan(score):
    background = 0.1 if score is mean_iou else None
    model = by_hand((0,), background, diverged=(2,))
    block = score(model, SETUP, TRIALS, "single-view")
    assert block.isnan().tolist() == [False, False, True]
    one = Trials(count=1, first=1, dtype="float64")
    alone = score(by_hand((0,), background, trials=one), SETUP, one, "single-view")
    assert torch.equal(alone, block[1:2])
    assert block[0] != block[1]
