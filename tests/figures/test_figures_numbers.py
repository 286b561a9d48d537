"""Tables beside the pictures: what they say follows from the arrays."""

import numpy as np
import pytest

from mrpcheck import figures
from mrpcheck.figures.activations import predictions
from mrpcheck.figures.comparison import mean_of


def table(trace, name):
    columns, rows = figures.numbers(trace, name)
    assert all(len(row) == len(columns) for row in rows)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_patches_add_up_to_the_margin(fused):
    for one, scores in zip(predictions(fused, fused.mrp), fused.mrp.scores, strict=True):
        others = np.delete(scores, one.label)
        assert one.margin == pytest.approx(scores[one.label] - others.max(), rel=1e-5)
        assert one.patches.sum() == pytest.approx(one.margin, abs=1e-4)
        assert (one.said == one.label) == (one.margin > 0)
        assert one.words.startswith("right" if one.margin > 0 else f"wrong: class {one.said}")


def test_groups_of_patches_are_the_true_ones(fused):
    rows = [r for r in table(fused, "activations") if r["arm"] == "MRP"]
    first = {r["patches"]: r for r in rows if r["sample"].startswith("0: multi-view, class 0")}
    one = predictions(fused, fused.mrp)[0]
    assert first["view 0 of its class"]["adds to margin"] == pytest.approx(one.patches[1], rel=1e-3)
    assert first["view 1 of its class"]["adds to margin"] == pytest.approx(one.patches[4], rel=1e-3)
    other = first["other classes' features"]
    assert other["count"] == 1
    assert other["adds to margin"] == pytest.approx(one.patches[6], rel=1e-3)
    assert first["noise alone"]["count"] == 5


def test_means_are_paired_and_their_intervals_hold_them(heart):
    rows = {(r["quantity"], r["arm"]): r for r in table(heart, "comparison")}
    single = "accuracy, single-view"
    assert rows[single, "MRP"]["mean"] == 1.0
    assert rows[single, "SL"]["mean"] == pytest.approx(0.8)
    assert rows[single, "MRP − SL"]["mean"] == pytest.approx(0.2)
    assert rows["views captured a class, of 2", "SL"]["mean"] == 1.5
    for row in rows.values():
        assert row["lower (95 %)"] <= row["mean"] <= row["upper (95 %)"]
        assert row["trials"] == 16


def test_equal_gains_in_enough_trials_are_told_from_none():
    """Of 16 equal gains of 0.177 no test can tell; of 32 the interval does."""
    few, enough = (mean_of(np.full(n, 0.177), (-1.0, 1.0)) for n in (16, 32))
    assert few.lower < 0 < enough.lower
    assert enough.upper < few.upper < 0.4


def test_intervals_cover_as_often_as_they_say():
    rng = np.random.default_rng(5)
    draws = rng.beta(8, 2, size=(300, 16))  # mean 0.8
    found = [mean_of(values, (0.0, 1.0)) for values in draws]
    assert np.mean([m.lower <= 0.8 <= m.upper for m in found]) >= 0.95
    assert np.mean([m.lower <= 0.45 for m in found]) < 0.05


def test_the_caption_says_how_many_trials_there_are(heart):
    picture = figures.PICTURES["comparison"]
    assert "n = 16 trials" in picture.legend(heart)
    assert "valid for n independent trials of any distribution on [0, 1]" in picture.caption
    losses = figures.PICTURES["losses"]
    assert losses.legend(heart) == losses.caption


def test_a_diverged_trial_counts_as_the_worst():
    assert mean_of(np.array([1.0, np.nan]), (0.0, 1.0)).mean == 0.5
    assert mean_of(np.array([0.5, np.nan]), (-1.0, 1.0)).mean == -0.25
    assert mean_of(np.array([]), (0.0, 1.0)) is None


def test_every_picture_has_a_table(heart, fused):
    assert figures.names(heart) == list(figures.PICTURES)
    assert figures.names(fused) == [n for n in figures.PICTURES if n != "comparison"]
    for name in figures.names(heart):
        assert table(heart, name)


def test_tables_stay_small(large):
    for name in figures.names(large):
        assert len(table(large, name)) < 200
