"""Which parts of a sample a classifier rests on: its patches are blanked, one at a time.

Source: Zeiler & Fergus (ECCV 2014), occlusion sensitivity. Origin of the figures: ours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mrpcheck.data import Data, Kind
from mrpcheck.data.pictures import Pictures
from mrpcheck.encoders import scores
from mrpcheck.late import torch
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.training import Classifier
from mrpcheck.views import sample

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["blanked", "decisive_parts", "effective_parts", "score_drops"]

LOOKED = 200  # test samples of a trial whose patches are blanked
PURPOSE = "occlusion tests"


def blanked(x: Tensor, patch: int, data: Data) -> Tensor:
    """x (trial, sample, patch, dim) with one patch's content set to 0; a code of place stays."""
    content = data.pixels if isinstance(data, Pictures) else data.dim
    x = x.clone()
    x[:, :, patch, :content] = 0
    return x


def score_drops(
    model: Classifier, setup: Setup, trials: Trials, kind: Kind = "multi-view"
) -> tuple[Tensor, Tensor]:
    """What each patch means to the score of the true class, and whether the answer hangs on it.

    Returns the drop (trial, sample, patch) of F_y - mean_i F_i when that patch is blanked, and
    whether the predicted class is another then, on 200 new samples of one kind, the same for all
    models of a setup.
    """
    asked = replace(trials, horizon=1)
    tests = sample(setup.data, setup.key, asked, LOOKED, kind=kind, purpose=PURPOSE)
    whole = scores(model.parameters, tests.x, setup.net)  # (trial, sample, class)
    drops, changes = [], []
    for patch in range(setup.data.patches):
        x = blanked(tests.x, patch, setup.data)
        without = scores(model.parameters, x, setup.net)
        drops.append(_true(whole, tests.label) - _true(without, tests.label))
        changes.append(without.argmax(2) != whole.argmax(2))
    return torch.stack(drops, 2), torch.stack(changes, 2)


def effective_parts(
    model: Classifier, setup: Setup, trials: Trials, kind: Kind = "multi-view"
) -> Tensor:
    """On how many patches the score of the true class rests, mean over samples, (trial,).

    (sum_p d_p)^2 / sum_p d_p^2 of the drops that are positive: 1 where it rests on one patch, P
    where it rests on all alike; a sample without any counts as 0. NaN for a model that diverged.
    """
    drops, _ = score_drops(model, setup, trials, kind)
    drops = drops.double().clamp_min(0)
    square = drops.square().sum(2)
    parts = torch.where(square > 0, drops.sum(2).square() / square, 0.0).mean(1)
    return parts.masked_fill(model.diverged, float("nan"))


def decisive_parts(
    model: Classifier, setup: Setup, trials: Trials, kind: Kind = "multi-view"
) -> Tensor:
    """How many patches change the predicted class when blanked, mean over samples, (trial,)."""
    _, changes = score_drops(model, setup, trials, kind)
    return changes.double().sum(2).mean(1).masked_fill(model.diverged, float("nan"))


def _true(found: Tensor, label: Tensor) -> Tensor:
    """The score of the true class above the mean of all, (trial, sample)."""
    return found.gather(2, label[..., None])[..., 0] - found.mean(2)
