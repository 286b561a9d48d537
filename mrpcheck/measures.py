"""One number or truth value per trial: correlations, captured features, accuracy.

The leading axis is always trial. An encoder or a classifier carries the setup and the trials it was
trained for, so that the features it should have found are known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mrpcheck import events, store
from mrpcheck.batches import labelled_samples
from mrpcheck.calls import trains_block
from mrpcheck.encoders import scores
from mrpcheck.late import torch
from mrpcheck.nets import initial_kernels
from mrpcheck.seeds import Trials, digest
from mrpcheck.setups import Setup
from mrpcheck.training import Classifier, Encoder
from mrpcheck.views import Kind, Samples, features, sample

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "accuracy",
    "correlations",
    "drawn_tests",
    "features_captured",
    "features_per_kernel",
    "initial_correlations",
    "initial_leader_wins",
    "initial_winners",
    "second_to_first",
    "winners",
]

TESTS = 1000  # test samples of one kind, drawn once per trial and shared by the arms


def correlations(model: Encoder | Classifier, setup: Setup) -> Tensor:
    """<w_r, v_f> after training, (trial, kernel, feature)."""
    return events.correlations(model.kernels, features(setup.data, setup.key, model.trials))


def initial_correlations(model: Encoder | Classifier, setup: Setup) -> Tensor:
    """<w_r(0), v_f>, (trial, kernel, feature)."""
    data = setup.data
    start = initial_kernels(setup.net, data.classes, data.dim, setup.key, model.trials)
    return events.correlations(start, features(data, setup.key, model.trials))


def features_captured(model: Encoder | Classifier, setup: Setup, at: float = 1.0) -> Tensor:
    """Whether some kernel has <w_r, v_f> >= `at` times r, (trial, feature) bool.

    With views of cosine c a kernel along one of them captures its siblings too where its norm
    exceeds r/c: what is captured then is seen, but need not have a kernel of its own.
    """
    return (correlations(model, setup) >= at * setup.net.threshold).any(1)


def features_per_kernel(model: Encoder | Classifier, setup: Setup, at: float = 1.0) -> Tensor:
    """How many features each kernel holds, <w_r, v_f> >= `at` times r: (trial, kernel).

    Of dependent views these may be the shadows of one, see `features_captured`.
    """
    return (correlations(model, setup) >= at * setup.net.threshold).sum(2)


def second_to_first(model: Encoder | Classifier, setup: Setup) -> Tensor:
    """Mean over capturing kernels of their second-largest over largest correlation, (trial,).

    0 where no kernel has captured anything.
    """
    top = correlations(model, setup).topk(2, dim=2).values  # (trial, kernel, 2)
    capturing = top[..., 0] >= setup.net.threshold
    ratio = torch.where(capturing, top[..., 1].clamp_min(0) / top[..., 0], 0.0)
    return ratio.sum(1) / capturing.sum(1).clamp_min(1)


def initial_leader_wins(model: Encoder | Classifier, setup: Setup) -> Tensor:
    """Fraction of features whose best kernel at initialisation is their best kernel now, (trial,).

    Features that no kernel has captured are lost. By chance it would be 1/(km).
    """
    now, start = correlations(model, setup), initial_correlations(model, setup)
    won = (now.argmax(1) == start.argmax(1)) & (now.amax(1) >= setup.net.threshold)
    return won.to(now.dtype).mean(1)


def winners(model: Encoder | Classifier, setup: Setup) -> Tensor:
    """The view of each class that some kernel holds most of, (trial, class): 0 to V - 1."""
    return _leading_views(correlations(model, setup), setup)


def initial_winners(model: Encoder | Classifier, setup: Setup) -> Tensor:
    """The view of each class that led at initialisation, (trial, class).

    Among the class' own m kernels, those that a fixed head gives it.
    """
    start = initial_correlations(model, setup)  # (trial, kernel, feature)
    classes, views = setup.data.classes, setup.data.views
    own = start.view(len(start), classes, -1, classes, views).amax(2)  # kernels' class, class, view
    return own.diagonal(dim1=1, dim2=2).argmax(1)


def _leading_views(values: Tensor, setup: Setup) -> Tensor:
    best = values.amax(1)  # (trial, feature)
    return best.view(len(best), setup.data.classes, setup.data.views).argmax(2)


@trains_block
def accuracy(
    model: Classifier, setup: Setup, trials: Trials, kind: Kind | Literal["training"]
) -> Tensor:
    """Fraction of 1000 new samples of one kind that are classified correctly, (trial,).

    The samples are drawn once per trial and shared by every model of the same setup, and balanced
    however imbalanced the classes are in training, but for the training samples. A model that
    diverged scores NaN. kind: "multi-view", "single-view", "mixed"; "training" for its own samples.
    ValueError where the model tells the classes of patches.
    """
    if "bias" in model.extra:
        raise ValueError("model = one of patches, but should tell a sample's class [accuracy]")
    name = digest("accuracy", kind, TESTS, model.name, setup.to_json(), store.source_digest())
    make = lambda: {"accuracy": _accuracy(model, setup, kind)}  # noqa: E731
    arrays = store.fetch(name, make, trials=0, patient=trials.patient)
    return torch.from_numpy(arrays["accuracy"]).to(model.kernels)


def _accuracy(model: Classifier, setup: Setup, kind: Kind | Literal["training"]) -> np.ndarray:
    rows = []
    for index, number in enumerate(model.trials.numbers):
        tests = drawn_tests(setup, replace(model.trials, first=number, count=1), kind)
        at = slice(index, index + 1)
        parameters = {name: value[at] for name, value in model.parameters.items()}
        parts = [scores(parameters, x, setup.net) for x in tests.x.split(250, 1)]
        right = (torch.cat(parts, 1).argmax(2) == tests.label).double().mean()
        rows.append(float("nan") if bool(model.diverged[index]) else float(right))
    return np.array(rows)


def drawn_tests(setup: Setup, trial: Trials, kind: Kind | Literal["training"]) -> Samples:
    """The test samples of a kind, the same for every model and measure; or the training samples."""
    if kind == "training":
        return labelled_samples(setup, trial)
    return sample(setup.data, setup.key, trial, TESTS, kind=kind, purpose=f"{kind} tests")
