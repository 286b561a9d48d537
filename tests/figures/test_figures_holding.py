"""Who holds what, and the order in which it is drawn and listed."""

import dataclasses

import numpy as np
import pytest

from mrpcheck import figures
from mrpcheck.figures import holding
from mrpcheck.figures.thinning import thin


def test_fused_kernels_come_first_and_the_others_follow_by_feature(fused):
    values, r = fused.mrp.tuned, fused.threshold
    order = holding.rows(values, r)
    assert order.kernels.tolist() == [7, 0, 2, 5, 3]  # 7: features 0, 3; 0: 4, 5; then 1, 2, 5
    assert (order.fused, order.empty) == (2, 4)
    counts = (values >= r).sum(1)[order.kernels]
    assert (counts[: order.fused] >= 2).all() and (counts[order.fused :] == 1).all()
    assert set(order.kernels) == set(np.flatnonzero((values >= r).any(1)))


def test_features_kept_apart_make_a_diagonal(heart):
    order = holding.rows(heart.mrp.tuned, heart.threshold)
    assert order.fused == 0
    assert heart.mrp.tuned[order.kernels].argmax(1).tolist() == list(range(6))


def test_the_first_and_last_correlations_are_those_of_the_arrays(fused):
    columns, rows = figures.numbers(fused, "correlations")
    mine = [dict(zip(columns, row, strict=True)) for row in rows if row[0] == "MRP"]
    assert [row["feature"] for row in mine[:3]] == [
        "class 0, view 0", "class 0, view 1", "class 1, view 0",
    ]  # fmt: skip
    paths = fused.mrp.correlations  # (point, kernel, feature)
    for feature, row in enumerate(mine):
        kernel = int(row["winner"].removeprefix("kernel "))
        curve = paths[:, kernel, feature]
        assert curve[-1] == paths[-1, :, feature].max()
        assert row["first"] == pytest.approx(curve[0], rel=1e-3)
        assert row["last"] == pytest.approx(curve[-1], rel=1e-3)
        step = fused.mrp.steps[np.flatnonzero(paths[:, :, feature].max(1) >= 0.5)[0]]
        assert row["captured at step"] == pytest.approx(step)
        holders = (paths[-1, :, feature] >= 0.5).sum()
        assert row["other kernels that hold it"] == holders - 1


def test_what_is_never_captured_has_no_step(make):
    never = make.arm(np.full((4, 6), 0.3))
    columns, rows = figures.numbers(make(never, None), "correlations")
    assert {row[columns.index("captured at step")] for row in rows} == {None}
    _, rows = figures.numbers(make(never, None), "alignment")
    assert [row[:3] for row in rows] == [
        ["MRP, pretrained", "4 others", "nothing"], ["MRP, fine-tuned", "4 others", "nothing"],
    ]  # fmt: skip


def test_the_alignment_table_names_what_a_kernel_holds(fused):
    _, rows = figures.numbers(fused, "alignment")
    mine = [row for row in rows if row[0] == "MRP, fine-tuned"]
    assert mine[0][1:] == ["kernel 7", "class 0, view 0; class 1, view 1", 0.9, 0.8]
    assert mine[1][1:3] == ["kernel 0", "class 2, view 0; class 2, view 1"]
    assert mine[-1][1:3] == ["4 others", "nothing"]


def test_an_arm_that_diverges_is_looked_at_where_all_is_captured(fused):
    paths = fused.mrp.correlations.copy()
    paths[30:] = np.nan
    whole = (paths >= 0.5).any(1).all(1)
    diverged = dataclasses.replace(fused.mrp, correlations=paths)
    assert holding.look(fused.mrp, 0.5) == 32
    assert holding.look(diverged, 0.5) == np.flatnonzero(whole)[0]
    assert holding.look(diverged, 9.0) == 29
    names = [name for name, _ in holding.maps(dataclasses.replace(fused, mrp=diverged))]
    assert names[0] == f"MRP, step {fused.mrp.steps[np.flatnonzero(whole)[0]]:g}"


def test_thinned_curves_stay_close():
    x = np.linspace(0, 10, 201)
    y = np.tanh(x - 5)
    few_x, few_y = thin(x, y, 0.01)
    assert len(few_x) < 40
    assert np.abs(np.interp(x, few_x, few_y) - y).max() <= 0.01 + 1e-12
    assert (few_x[0], few_x[-1]) == (0, 10)
    line = thin(x, 3 * x, 1e-9)
    assert line[0].tolist() == [0, 10]
    gaps = thin(x, np.where(x > 5, np.nan, x), 1e-9)
    assert gaps[0].tolist() == [0, 5]
    assert thin(x[:0], x[:0], 0.1)[0].size == 0
