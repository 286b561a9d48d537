"""What attention heads and the units of deeper encoders pick, measured on samples of known truth.

Of a deeper encoder "kernels" become two things: the units behind its last block, and its attention
heads. The kernels of its first layer are measured as ever (`measures`). The leading axis is always
trial. Origin: question of readers; measures ours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mrpcheck.encoders import body_of, body_parameters, outputs
from mrpcheck.late import torch
from mrpcheck.nets import Net, activation
from mrpcheck.setups import Setup
from mrpcheck.training import Classifier, Encoder
from mrpcheck.views import Samples, features, sample

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["attention_lift", "head_features", "lift", "unit_features", "unit_responses"]

SAMPLES = 500  # new ones a trial, of the mixed kind, that a head is watched on


def lift(weights: Tensor, feature: Tensor, features: int) -> Tensor:
    """How much more than chance each head attends to each feature, (trial, head, feature).

    weights  (trial, sample, head, query, key), each query's summing to 1: the attention
    feature  (trial, sample, patch): the feature that a patch holds, -1 for none
    features their number

    Of the samples that hold the feature: the mean attention that its patches get, over all queries,
    by what they would get by chance, their share of the patches. 1 is chance (and what patches get
    that attend to themselves alone), P / C_p all of the attention; NaN where no sample holds it.
    """
    got = weights.mean(3)  # (trial, sample, head, key)
    held = torch.nn.functional.one_hot(feature + 1, features + 1)[..., 1:].to(got.dtype)
    mass = torch.einsum("tnhp,tnpf->thf", got, held)
    chance = held.mean(2).sum(1)  # (trial, feature)
    return mass / chance.unsqueeze(1)


def attention_lift(model: Encoder | Classifier, setup: Setup) -> Tensor:
    """`lift` of a trained model on 500 new samples a trial: (trial, head, feature).

    The heads of all blocks in a row. Nothing is masked. Raises ValueError for a body without heads.
    """
    body = _with_heads(setup.net)
    seen = _fresh(model, setup)
    parameters = _parameters(model)
    found = []
    for index in range(len(seen.x)):
        at = slice(index, index + 1)
        own = {name: value[at] for name, value in parameters.items()}
        weights = torch.cat(
            [body.attention(own, x, setup.net) for x in seen.x[at].split(100, 1)], 1
        )
        found.append(lift(weights, seen.feature[at], seen.features.shape[1]))
    return torch.cat(found)


def head_features(model: Encoder | Classifier, setup: Setup, at: float = 2.0) -> Tensor:
    """Whether a head picks a feature, (trial, head, feature) bool: a lift of `at` or more.

    at  times what the feature's patches would get by chance
    """
    return attention_lift(model, setup) >= at


def unit_responses(model: Encoder | Classifier, setup: Setup) -> Tensor:
    """h_r of a sample that is one feature, at strength 1 in one patch: (trial, unit, feature).

    The other patches are 0. Of the theorem's own network it is act(<w_r, v_f>).
    """
    basis = features(setup.data, setup.key, model.trials)  # (trial, feature, dim)
    x = basis.new_zeros(*basis.shape[:2], setup.data.patches, basis.shape[2])
    x[:, :, 0] = basis
    return outputs(_parameters(model), x, setup.net).sum(2).mT


def unit_features(model: Encoder | Classifier, setup: Setup, at: float = 1.0) -> Tensor:
    """Whether a unit holds a feature, (trial, unit, feature) bool: its response is act(`at` r).

    In the theorem's own network that is `measures.features_captured`, kernel by kernel.
    """
    threshold = torch.tensor(at * setup.net.threshold, dtype=torch.float64)
    enough = float(activation(threshold, setup.net))
    return unit_responses(model, setup) >= enough


def _with_heads(net: Net) -> Any:
    body = body_of(net)
    if not hasattr(body, "attention"):
        raise ValueError(f"body = {net.body!r}, but should be one with attention heads [heads]")
    return body


def _fresh(model: Encoder | Classifier, setup: Setup) -> Samples:
    trials = replace(model.trials, horizon=1)
    return sample(setup.data, setup.key, trials, SAMPLES, purpose="samples for heads")


def _parameters(model: Encoder | Classifier) -> dict[str, Tensor]:
    return {"kernels": model.kernels, **body_parameters(model.extra)}
