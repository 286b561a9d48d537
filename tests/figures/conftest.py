"""Traces made by hand, in which what happened is known."""

import dataclasses

import numpy as np
import pytest

from mrpcheck.traces import Arm, Trace

R = 0.5


def arm(final, start=None, points=33, trials=0, seed=0, patches=8, samples=3, classes=3):
    """An arm whose correlations grow from `start` to `final`, (kernel, feature)."""
    rng = np.random.default_rng(seed)
    final = np.asarray(final, dtype=np.float32)
    start = np.full(final.shape, 0.05, np.float32) if start is None else start
    time = np.linspace(0, 1, points, dtype=np.float32)[:, None, None]
    growth = np.minimum(1, time * (1.2 + np.linspace(0, 1, final.shape[1])))
    contributions = rng.normal(size=(samples, patches, classes)).astype(np.float32)
    return Arm(
        steps=np.linspace(0, 320, points),
        loss=np.geomspace(2, 0.01, points),
        correlations=start + (final - start) * growth,
        tuned=final,
        scores=contributions.sum(1),
        contributions=contributions,
        multi_view=np.full(trials, 1.0),
        single_view=np.linspace(0.7, 0.9, trials),
        captured=np.full((trials, classes), 1.5),
    )


def trace(mrp, sl, patches=8, classes=3, views=2, **changes):
    """A trace of three samples: multi-view of class 0, single-view of classes 1 and 2."""
    feature = np.full((3, patches), -1)
    for sample in range(3):
        feature[sample, [1, 4]] = sample * views, sample * views + 1
        feature[sample, 6] = (sample + 1) % classes * views
    values = {
        "what": "counterexample", "claim": "properties/test_t.py::test_apart", "regime": "",
        "words": "masked pixels at its heart but for q = 4 (heart 3)", "setup": {},
        "trials": {"seed": 3, "stream": "confirm", "dtype": "float32", "first": 7},
        "threshold": R, "views": views, "label": np.arange(3),
        "single_view": np.array([False, True, True]), "feature": feature,
        "strength": np.where(feature >= 0, 0.5, 0.0), "mrp": mrp, "sl": sl,
    }  # fmt: skip
    return Trace(**{**values, **changes})


FUSED = np.full((9, 6), 0.1)
FUSED[7, [0, 3]] = 0.9, 0.8  # fused across classes
FUSED[2, 1] = 0.7
FUSED[5, 2] = 0.6
FUSED[0, [4, 5]] = 1.2, 0.55  # fused within a class
FUSED[3, 5] = 0.9
APART = np.full((9, 6), 0.1)
APART[np.arange(6), [3, 0, 5, 1, 2, 4]] = 0.8


@pytest.fixture(scope="session")
def fused():
    """Kernels 0 and 7 hold two features each, kernels 2, 3 and 5 one; SL keeps them apart."""
    return trace(arm(FUSED), arm(APART, seed=1))


@pytest.fixture(scope="session")
def heart():
    """Six features kept apart, and sixteen trials of both arms."""
    both = arm(APART, trials=16), arm(FUSED, trials=16, seed=1)
    mrp = dataclasses.replace(both[0], single_view=np.full(16, 1.0))
    return trace(mrp, both[1], what="heart", claim="", regime="masked pixels")


@pytest.fixture(scope="session")
def large():
    """As large as regimes go: 12 classes of 2 views, 192 kernels, 40 patches."""
    rng = np.random.default_rng(0)
    arms = []
    for seed in (0, 1):
        final = np.abs(rng.normal(0.1, 0.12, (192, 24)))
        final[rng.permutation(192)[:96], np.arange(96) % 24] = rng.uniform(0.5, 3, 96)
        arms.append(arm(final, patches=40, classes=12, trials=16, seed=seed))
    return trace(*arms, patches=40, classes=12)


@pytest.fixture(scope="session")
def make():
    """`make(mrp, sl, ...)`: a trace of these arms; `make.arm(final, ...)`: an arm."""
    trace.arm = arm
    return trace
