"""Fine-tuned, which systems beat supervised learning on single-view data, by how much, and why.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorem 2; each system's own paper in
`mrpcheck.objectives`.
Origin: T2c stated for masked latents; its extension to other systems a question of readers; setting
and sizes ours.
"""

import numpy as np
import torch
from scipy.stats import rankdata

from mrpcheck import (
    accuracy,
    answers,
    at,
    control,
    finetune,
    on_average,
    phase_diagram,
    pretrain,
    supervise,
    with_probability,
)
from mrpcheck.measures import features_captured
from mrpcheck.systems import system_setup, variants

QUESTION = (
    "3. Fine-tuned MRP against SL on single-view data: which systems beat SL, by how much, and "
    "does capturing more features predict the gain?"
)
HEART = system_setup("pixels, patch, tied")
SHARES = (0.1, 0.2, 0.3, 0.45, 0.7, 1.0)  # of the recipe's steps: from nothing captured to all
MARGINS = [0.0, 0.05, 0.15]


def arms(setup, trials):
    """Single-view accuracy of fine-tuned MRP and of SL, the same network and samples: (trial,)."""
    tuned = finetune(pretrain(setup, trials), setup, trials)
    scratch = supervise(setup, trials, "trained")
    return tuple(accuracy(model, setup, trials, "single-view") for model in (tuned, scratch))


@answers(
    yes="fine-tuned, this system is ahead of SL of the same network on single-view data by more "
    "than the margin, in eight trainings of ten and more",
    no="it is ahead by more than the margin in fewer than nine trainings of ten",
)
@phase_diagram(margin=MARGINS, system=list(variants()))
@with_probability(at_least=0.9, tolerance=0.1)
def test_is_ahead_of_supervised_learning(margin, system, trials):
    """More accurate than SL of the same network on single-view data, by more than a margin."""
    setup = system_setup(system)
    mrp, sl = arms(setup, trials)
    trials.note(mrp_single_view=mrp, sl_single_view=sl)
    return mrp - sl > margin  # (trial,)


@answers(
    yes="the more features are captured the larger the gain: along pretraining their rank "
    "correlation is 0.5 at least on average",
    no="how many features are captured says little of the gain: along pretraining their rank "
    "correlation is below 0.6 on average",
)
@at(
    setup=[
        HEART,
        system_setup("pixels, patch, free"),
        HEART.replace(classes=8, dim=24, samples=112).standard(),
    ]
)
@on_average(at_least=0.6, tolerance=0.1, bounds=(-1, 1))
def test_capturing_more_features_predicts_the_gain(setup, trials):
    """Rank correlation of features captured and gain over SL, over six lengths of pretraining.

    Within a trial: data, start and labels are the same, pretraining is cut short. 0 where either
    does not vary.
    """
    held, ahead = [], []
    for share in SHARES:
        cut = setup.derive(steps=max(1, round(share * setup.recipe.steps)))
        encoder = pretrain(cut, trials)
        tuned = finetune(encoder, cut, trials)
        held.append(features_captured(encoder, cut).sum(-1).double())
        ahead.append(accuracy(tuned, cut, trials, "single-view"))
    sl = accuracy(supervise(setup, trials, "trained"), setup, trials, "single-view")
    gains = torch.stack([one - sl for one in ahead], 1)  # (trial, length)
    return rank_correlation(torch.stack(held, 1), gains)


def rank_correlation(a, b):
    """Spearman's, row by row: (trial, length) twice to (trial,); 0 where a row does not vary."""
    a, b = (rankdata(v.numpy(), axis=1) for v in (a, b))
    a, b = (v - v.mean(1, keepdims=True) for v in (a, b))
    spread = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.divide((a * b).sum(1), spread, out=np.zeros(len(a)), where=spread > 0)


@control(setup=HEART.derive(steps=1))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_one_step_of_pretraining(setup, trials):
    """T2c where it must fail: fine-tuning from kernels that have hardly moved."""
    mrp, sl = arms(setup, trials)
    return mrp > sl  # (trial,)
