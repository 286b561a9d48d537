"""Scores of tasks on patches: mean intersection over union, mean average precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mrpcheck import store
from mrpcheck.calls import trains_block
from mrpcheck.late import torch
from mrpcheck.measures import drawn_tests
from mrpcheck.objectives.patches import patch_classes, patch_scores
from mrpcheck.seeds import Trials, digest
from mrpcheck.setups import Setup
from mrpcheck.training import Classifier
from mrpcheck.views import Kind

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["average_precision", "mean_average_precision", "mean_iou", "overlaps"]

Which = Kind | Literal["training"]
Score = Callable[[np.ndarray, np.ndarray], float]  # of (row, class) scores and (row,) classes


@trains_block
def mean_iou(model: Classifier, setup: Setup, trials: Trials, kind: Which) -> Tensor:
    """Intersection over union of every class and background, their mean, (trial,).

    As PASCAL VOC counts it: over all patches of a trial's 1000 test samples of that kind at once,
    background a class like the others, the mean over the classes that occur or are predicted. NaN
    where the model diverged; ValueError where it was not made by `segment`.
    """
    _check(model, setup.data.classes + 1, "mean_iou", "segment")

    def score(found: np.ndarray, truth: np.ndarray) -> float:
        return float(np.nanmean(overlaps(found.argmax(1), truth, found.shape[1])))

    return _scored("mean iou", score, model, setup, trials, kind)


@trains_block
def mean_average_precision(model: Classifier, setup: Setup, trials: Trials, kind: Which) -> Tensor:
    """Average precision of every class, their mean (mAP), (trial,).

    Of all patches of a trial's 1000 test samples of that kind: by class c, those with a feature of
    c in a sample of class c are to be ranked above the rest. NaN where the model diverged;
    ValueError where it was not made by `detect`.
    """
    _check(model, setup.data.classes, "mean_average_precision", "detect")

    def score(found: np.ndarray, truth: np.ndarray) -> float:
        classes = range(found.shape[1])
        return float(np.nanmean([average_precision(found[:, c], truth == c) for c in classes]))

    return _scored("mean average precision", score, model, setup, trials, kind)


def overlaps(predicted: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """Intersection over union of each class, (class,); NaN for one that is nowhere."""
    both = np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)
    union = both.sum(0) + both.sum(1) - both.diagonal()
    return np.where(union > 0, both.diagonal() / np.maximum(union, 1), np.nan)


def average_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under precision over recall, in steps: sum_n (R_n - R_(n-1)) P_n over thresholds.

    scores (row,), positive (row,) bool; rows of one score share a threshold. NaN with no positive.
    """
    if not positive.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], positive[order].cumsum()
    last = np.append(ranked[1:] != ranked[:-1], True)  # of the rows of one score
    hits, seen = hits[last], np.flatnonzero(last) + 1
    return float((np.diff(hits, prepend=0) * hits / seen).sum() / hits[-1])


def _check(model: Classifier, classes: int, where: str, maker: str) -> None:
    """Raise ValueError unless the model has a head on patches with so many classes."""
    found = model.head.shape[1] if "bias" in model.extra else 0
    if found != classes:
        raise ValueError(
            f"patch classes = {found}, but should be {classes}: a model of {maker} [{where}]"
        )


def _scored(
    how: str, score: Score, model: Classifier, setup: Setup, trials: Trials, kind: Which
) -> Tensor:
    """One number a trial, kept in the store."""
    name = digest(how, kind, model.name, setup.to_json(), store.source_digest())

    def make() -> store.Arrays:
        numbers = enumerate(model.trials.numbers)
        rows = [_trial(score, model, setup, kind, index, number) for index, number in numbers]
        return {"score": np.array(rows)}

    arrays = store.fetch(name, make, trials=0, patient=trials.patient)
    return torch.from_numpy(arrays["score"]).to(model.kernels)


def _trial(
    score: Score, model: Classifier, setup: Setup, kind: Which, index: int, number: int
) -> float:
    if bool(model.diverged[index]):
        return float("nan")
    tests = drawn_tests(setup, replace(model.trials, first=number, count=1), kind)
    at = slice(index, index + 1)
    parameters = {name: value[at] for name, value in model.parameters.items()}
    own = model.head.shape[1] == setup.data.classes
    truth = patch_classes(tests, setup.data, own=own).flatten().cpu().numpy()
    parts = [patch_scores(parameters, x, setup.net).flatten(0, 2) for x in tests.x.split(250, 1)]
    return score(torch.cat(parts).cpu().numpy(), truth)
