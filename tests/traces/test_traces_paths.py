"""What a trace shows is what training does."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mrpcheck import (
    Captured,
    GradientFlow,
    MaskedLatents,
    MaskedPixels,
    encoders,
    finetune,
    pretrain,
    supervise,
)
from mrpcheck.events import correlations
from mrpcheck.measures import accuracy, features_captured
from mrpcheck.nets import activation
from mrpcheck.seeds import Trials
from mrpcheck.tracing import trace
from mrpcheck.views import TRAINING, features, sample
from mrpcheck.watched import POINTS

ONE = Trials(1, 3, seed=7)


def aligned(model, setup):
    """<w_r, v_f> of the one trial, (kernel, feature)."""
    return correlations(model.kernels, features(setup.data, setup.key, ONE))[0].numpy()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"objective": MaskedPixels(decoder="free")},
        {"objective": MaskedPixels(masks="sampled")},
        {"objective": MaskedLatents(teacher_scale=1.65), "rate": 0.1},
        {"objective": MaskedLatents(teacher="ema", momentum=0.9), "rate": 0.1},
    ],
    ids=["tied", "free", "sampled", "scaled", "ema"],
)
def test_a_descent_in_pieces_is_the_descent_in_one(tiny, changes):
    setup = tiny.replace(**changes)
    found, encoder = trace(setup, ONE, what="heart"), pretrain(setup, ONE)
    assert np.array_equal(found.mrp.correlations[-1], aligned(encoder, setup))
    assert np.array_equal(found.mrp.tuned, aligned(finetune(encoder, setup, ONE), setup))
    scratch = supervise(setup, ONE, "trained")
    assert np.array_equal(found.sl.correlations[-1], aligned(scratch, setup))
    assert np.array_equal(found.sl.tuned, aligned(scratch, setup))
    assert not np.array_equal(found.sl.tuned, found.mrp.tuned)
    assert (found.mrp.steps[[0, -1]] == [0, 120]).all() and found.sl.steps[-1] == 160
    assert 25 <= len(found.mrp.steps) <= POINTS and (np.diff(found.mrp.steps) > 0).all()


def test_what_is_seen_on_the_way_is_the_training_that_ends_there(tiny, traced):
    at = len(traced.mrp.steps) // 2
    shorter = replace(tiny, recipe=replace(tiny.recipe, steps=int(traced.mrp.steps[at])))
    shorter = replace(shorter, parent=tiny.key)
    assert np.array_equal(traced.mrp.correlations[at], aligned(pretrain(shorter, ONE), tiny))
    other = Trials(1, 4, seed=7)
    assert not np.allclose(trace(tiny, other, what="heart").mrp.tuned, traced.mrp.tuned)


def test_a_flow_in_pieces_ends_within_its_tolerance(tiny):
    setup = replace(tiny, recipe=replace(tiny.recipe, clock=GradientFlow(1e-5)))
    found, encoder = trace(setup, ONE, what="heart"), pretrain(setup, ONE)
    assert np.allclose(found.mrp.correlations[-1], aligned(encoder, setup), atol=1e-3)
    scratch = supervise(setup, ONE, "trained")
    assert np.allclose(found.sl.tuned, aligned(scratch, setup), atol=1e-3)
    assert len(found.mrp.steps) == POINTS and found.mrp.steps[-1] == 120


def test_losses_are_those_of_the_training_samples(tiny, traced):
    samples = sample(tiny.data, tiny.key, ONE, tiny.recipe.samples, purpose=TRAINING)
    loss = MaskedPixels().loss({"kernels": pretrain(tiny, ONE).kernels}, samples.x, None, tiny.net)
    assert traced.mrp.loss[-1] == pytest.approx(float(loss[0]) / tiny.recipe.samples, rel=1e-4)
    assert traced.sl.loss[0] == pytest.approx(np.log(2), rel=1e-5)  # no head yet
    assert traced.sl.loss[-1] < traced.sl.loss[0] and traced.mrp.loss[-1] < traced.mrp.loss[0]


def test_contributions_of_the_patches_sum_to_the_scores(tiny, traced):
    multi = sample(tiny.data, tiny.key, ONE, 1, kind="multi-view", purpose="multi-view shown")
    single = sample(tiny.data, tiny.key, ONE, 2, kind="single-view", purpose="single-view shown")
    x = torch.cat([multi.x, single.x], 1)
    models = finetune(pretrain(tiny, ONE), tiny, ONE), supervise(tiny, ONE, "trained")
    for arm, model in zip((traced.mrp, traced.sl), models, strict=True):
        assert np.allclose(arm.contributions.sum(1), arm.scores, atol=1e-5)
        scores = encoders.scores(model.parameters, x, tiny.net)[0]
        assert np.allclose(arm.scores, scores, atol=1e-5)
        for p in (0, 5):  # one patch alone adds what it is said to add
            h = activation(model.kernels[0] @ x[0, 1, p], tiny.net)
            assert np.allclose(arm.contributions[1, p], model.head[0] @ h, atol=1e-5)
    assert traced.single_view.tolist() == [False, True, True]
    assert np.array_equal(traced.feature[1:], single.feature[0])
    assert ((traced.feature >= 0) == (traced.strength > 0)).all()


def test_paired_trials_are_measured_on_the_same_data(tiny, traced):
    many = Trials(5, 3, seed=7)
    models = finetune(pretrain(tiny, many), tiny, many), supervise(tiny, many, "trained")
    for arm, model in zip((traced.mrp, traced.sl), models, strict=True):
        for kind, values in (("multi-view", arm.multi_view), ("single-view", arm.single_view)):
            assert np.array_equal(values, accuracy(model, tiny, many, kind).numpy())
        by_class = features_captured(model, tiny).numpy().reshape(5, 2, 2).sum(2)
        assert np.array_equal(arm.captured, by_class)
    assert trace(tiny, ONE, what="heart").mrp.captured.shape == (0, 2)  # none asked for


def test_what_leaves_the_world_midway_is_missing_from_there_on(tiny):
    found = trace(tiny.replace(rate=40.0), ONE, what="heart", paired=2)
    seen = np.isfinite(found.mrp.loss)
    assert seen[0] and not seen[-1] and (np.diff(seen.astype(int)) <= 0).all()
    assert np.array_equal(seen, np.isfinite(found.mrp.correlations).all((1, 2)))
    assert np.isnan(found.mrp.scores).all() and np.isnan(found.mrp.captured).all()
    assert np.isnan(found.mrp.multi_view).all()
    assert found.note == "pretraining diverged" and np.isfinite(found.sl.loss).all()


@pytest.mark.parametrize("clock", [None, GradientFlow(1e-4)], ids=["descent", "flow"])
def test_what_runs_away_is_shown_until_every_feature_is_captured(tiny, clock):
    setup = tiny.replace(objective=MaskedLatents(teacher_scale=2.5), steps=3000, clock=clock)
    found, stop = trace(setup, ONE, what="heart", paired=2), pretrain(setup, ONE, Captured())
    assert bool(stop.reached[0]) and bool(pretrain(setup, ONE).diverged[0])
    assert np.allclose(found.mrp.correlations[-1], aligned(stop, setup), atol=1e-2)
    assert np.array_equal(found.mrp.correlations[-1], aligned(stop, setup)) or clock
    assert np.allclose(found.mrp.steps[-1], float(stop.time[0]) / setup.recipe.rate)
    assert np.isfinite(found.mrp.tuned).all() and np.isfinite(found.mrp.single_view).all()
    assert found.note == "pretraining diverged: shown until every feature is captured"


@pytest.mark.parametrize("clock", [None, GradientFlow(1e-4)], ids=["descent", "flow"])
def test_a_trace_goes_to_the_event_that_it_is_asked_for(tiny, clock):
    setup = tiny.derive(steps=600, clock=clock)  # the same random numbers
    ends = []
    for until in (Captured(features="first"), Captured(), Captured(times=1.5)):
        found, stop = trace(setup, ONE, what="heart", until=until), pretrain(setup, ONE, until)
        assert bool(stop.reached[0]) and found.note == ""
        assert np.allclose(found.mrp.correlations[-1], aligned(stop, setup), atol=1e-2)
        assert np.array_equal(found.mrp.correlations[-1], aligned(stop, setup)) or clock
        ends.append(found.mrp.steps[-1])
    assert 0 < ends[0] < ends[1] < ends[2] < 600
    assert ends[2] == pytest.approx(1.5 * ends[1], abs=1e-6 if clock else 1)
    assert found.until == "1.5 times the moment at which every feature is captured"
    assert trace(setup, ONE, what="heart").until == ""


@pytest.mark.parametrize("clock", [None, GradientFlow(1e-4)], ids=["descent", "flow"])
def test_what_runs_away_before_its_event_is_shown_to_its_last_finite_step(tiny, clock):
    setup = tiny.replace(objective=MaskedLatents(teacher_scale=2.5), steps=3000, clock=clock)
    until = Captured(times=10)
    found, first = trace(setup, ONE, what="heart", until=until), pretrain(setup, ONE, Captured())
    assert bool(pretrain(setup, ONE, until).diverged[0])
    assert np.isfinite(found.mrp.correlations).all() and np.isfinite(found.mrp.loss).all()
    assert found.mrp.correlations[-1].max() > 10 * aligned(first, setup).max()
    assert found.mrp.steps[-1] * setup.recipe.rate > 1.1 * float(first.time[0])
    assert found.note.startswith("pretraining diverged: shown until shortly before, step ")


def test_an_event_that_does_not_come_is_waited_for_to_the_end(tiny):
    never = tiny.replace(threshold=5.0)
    found = trace(never, ONE, what="heart", until=Captured())
    assert found.mrp.steps[-1] == 120
    assert found.note == "the event was not reached: shown to the end"


def test_where_fine_tuning_diverges_the_pretrained_kernels_are_shown(tiny):
    found = trace(tiny.replace(tune_rate=1e5), ONE, what="heart")
    assert found.note == "fine-tuning diverged; supervised learning diverged"
    assert np.array_equal(found.mrp.tuned, found.mrp.correlations[-1])
    assert np.isfinite(found.mrp.tuned).all() and np.isnan(found.mrp.scores).all()
    assert np.isnan(found.sl.tuned).all()


def refuses(kernels, patches):
    raise RuntimeError("not today")


def test_an_objective_that_fails_leaves_the_other_arm(tiny):
    found = trace(tiny.replace(objective=refuses), ONE, what="heart", paired=2)
    assert found.mrp is None and len(found.sl.multi_view) == 2
    assert found.note == "pretraining failed: RuntimeError: not today"
    assert found.setup["objective"]["type"] == "function"
