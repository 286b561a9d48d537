"""Contrastive learning and clustering: which features they capture, fuse, and classify by.

SimCLR: Chen, Kornblith, Norouzi, Hinton, ICML 2020. MoCo: He, Fan, Wu, Xie, Girshick, CVPR 2020.
SwAV: Caron, Misra, Mairal, Goyal, Bojanowski, Joulin, NeurIPS 2020. What is asked of them:
Theorems 1 and 2 of Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), who state them for masked
prediction.
Origin: question of readers; setting (masks as the only augmentation) and sizes ours.
"""

from dataclasses import replace

from mrpcheck import (
    accuracy,
    control,
    finetune,
    phase_diagram,
    pretrain,
    supervise,
    with_probability,
)
from mrpcheck.answering import answers
from mrpcheck.measures import correlations, features_captured, features_per_kernel
from mrpcheck.objectives.clustering import Clustering
from mrpcheck.systems import system_setup, variants

QUESTION = (
    "3a. Contrastive learning and clustering: do they capture every feature, one a kernel, and "
    "beat SL on single-view data?"
)

HEART = system_setup("contrastive")
SYSTEMS = ["contrastive", "contrastive, momentum encoder", "clustering"]
TEMPERATURES = [0.2, 0.5]
SHARPER = 2.0  # T/epsilon of SwAV, kept while its temperature is changed


def of(setup, system, temperature=None):
    """The setup with that system, on the same random numbers, at its standard recipe."""
    objective = variants()[system]
    if temperature is not None:
        objective = replace(objective, temperature=temperature)
        if isinstance(objective, Clustering):
            objective = replace(objective, epsilon=temperature / SHARPER)
    return setup.derive(objective=objective).standard()


def counted(setup, trials):
    """The encoder, and notes of how many features are captured and how many kernels hold two."""
    encoder = pretrain(setup, trials)
    held = features_per_kernel(encoder, setup)  # (trial, kernel)
    trials.note(
        captured=features_captured(encoder, setup).sum(1),
        captured_at_half_r=features_captured(encoder, setup, at=0.5).sum(1),
        kernels_with_one=(held == 1).sum(1),
        kernels_with_two=(held >= 2).sum(1),
    )
    return encoder, held


def beats(setup, trials):
    """Better than SL of the same network on single-view data, no worse by 0.01 on multi-view."""
    tuned = finetune(pretrain(setup, trials), setup, trials)
    scratch = supervise(setup, trials, "trained")
    mrp, sl = (accuracy(model, setup, trials, "single-view") for model in (tuned, scratch))
    ours, theirs = (accuracy(model, setup, trials, "multi-view") for model in (tuned, scratch))
    trials.note(pretrained_single_view=mrp, sl_single_view=sl, pretrained_multi_view=ours)
    return (mrp > sl) & (ours >= theirs - 0.01)


@answers(
    yes="in over 80 % of trainings every feature is captured (<w, v> >= r) at the end of "
    "pretraining",
    no="in over 10 % of trainings some feature is not captured at the end of pretraining",
    headline=True,
)
@phase_diagram(setup=HEART, system=SYSTEMS, temperature=TEMPERATURES)
@with_probability(at_least=0.9, tolerance=0.1)
def test_every_feature_is_captured(setup, system, temperature, trials):
    """T1a: after pretraining some kernel has <w, v> >= r for every feature v.

    The lower the temperature, the earlier two samples are told apart, and the smaller kernels stay:
    features that are learned need not reach r.
    """
    setup = of(setup, system, temperature)
    encoder, _ = counted(setup, trials)
    return features_captured(encoder, setup).all(1)  # (trial,)


@answers(
    yes="in over 80 % of trainings every feature is held at half the threshold, <w, v> >= r/2",
    no="in over 10 % of trainings some feature is held by no kernel, <w, v> < r/2 for each",
)
@phase_diagram(setup=HEART, system=SYSTEMS, temperature=TEMPERATURES)
@with_probability(at_least=0.9, tolerance=0.1)
def test_every_feature_is_held_at_half_the_threshold(setup, system, temperature, trials):
    """T1a at r/2: after pretraining some kernel has <w, v> >= r/2 for every feature v.

    At the start that holds of one feature in six, and of all ten practically never.
    """
    setup = of(setup, system, temperature)
    encoder, _ = counted(setup, trials)
    return features_captured(encoder, setup, at=0.5).all(1)  # (trial,)


@answers(
    yes="in over 80 % of trainings kernels capture features, and none captures two",
    no="in over 10 % of trainings some kernel captures two features, or none captures any",
)
@phase_diagram(setup=HEART, system=SYSTEMS, views=[1, 2])
@with_probability(at_least=0.9, tolerance=0.1)
def test_no_kernel_has_captured_two_features(setup, system, trials):
    """T1b, where a class has one view, and where it has two.

    Two maskings of a sample may show one view of its class each, and then they are to be alike: a
    kernel that holds both makes them so. With one view a class there is nothing to fuse.
    """
    _, held = counted(of(setup, system), trials)
    return (held <= 1).all(1) & (held >= 1).any(1)  # (trial,)


@answers(
    yes="in over 80 % of trainings some kernel holds both views of a class, and none holds "
    "features of two classes",
    no="in over 10 % of trainings no kernel holds both views of a class, or one holds features of "
    "two classes",
)
@phase_diagram(setup=HEART, system=SYSTEMS, temperature=TEMPERATURES)
@with_probability(at_least=0.9, tolerance=0.1)
def test_kernels_fuse_the_views_of_a_class(setup, system, temperature, trials):
    """Kernels capture views together, and only views of one class."""
    setup = of(setup, system, temperature)
    encoder, held = counted(setup, trials)
    at = features_of_kernels(encoder, setup)  # (trial, kernel, class)
    return ((at > 0).sum(2) <= 1).all(1) & (held >= 2).any(1)  # (trial,)


def features_of_kernels(encoder, setup):
    """How many views of each class a kernel has captured, (trial, kernel, class)."""
    captured = correlations(encoder, setup) >= setup.net.threshold  # (trial, kernel, feature)
    return captured.unflatten(2, (setup.data.classes, setup.data.views)).sum(3)


@answers(
    yes="in over 80 % of trainings the fine-tuned system beats SL of the same network on "
    "single-view data, and loses less than 1 point on multi-view data",
    no="in over 10 % of trainings the fine-tuned system does not beat SL of the same network on "
    "single-view data, or loses more than 1 point on multi-view data",
    headline=True,
)
@phase_diagram(setup=HEART, system=SYSTEMS, temperature=TEMPERATURES)
@with_probability(at_least=0.9, tolerance=0.1)
def test_beats_supervised_learning_of_the_same_network(setup, system, temperature, trials):
    """T2c: equal width, data and steps; strictly better on single-view data.

    On multi-view data it may be worse by 0.01 at most.
    """
    return beats(of(setup, system, temperature), trials)


@control(setup=HEART.replace(steps=1))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_a_single_step_captures_nothing(setup, trials):
    """T1a where it must fail: a single step of pretraining."""
    encoder, _ = counted(setup, trials)
    return features_captured(encoder, setup).all(1)  # (trial,)


@control(setup=HEART.replace(views=1))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_without_a_second_view_nothing_is_fused(setup, trials):
    """Fusion where it must be absent: one view a class, and independent classes."""
    _, held = counted(setup.standard(), trials)
    return (held >= 2).any(1)  # (trial,)


@control(setup=HEART.replace(single_view=0.5))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_where_sl_sees_enough_single_view_samples(setup, trials):
    """T2c where it must fail: half of the training samples are single-view."""
    return beats(setup, trials)
