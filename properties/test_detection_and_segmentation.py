"""Detection and segmentation: what pretraining gains where patches have labels, or are looked for.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorem 2: what is asked is whether its gain over
training from scratch carries over. Tasks: He et al., CVPR 2022; Zhou et al., CVPR 2016 (class
activation maps).
Origin: question of readers; tasks, setting and sizes ours.
"""

from dataclasses import replace

import torch
from hypothesis import given

from mrpcheck import (
    answers,
    at,
    control,
    finetune,
    on_average,
    pretrain,
    refuted,
    strategies as st,
    supervise,
    with_probability,
)
from mrpcheck.downstream import detect, localise, mean_average_precision, mean_iou, segment
from mrpcheck.measures import features_captured
from mrpcheck.seeds import digest
from mrpcheck.theorems import pixels_regime
from mrpcheck.views import features

QUESTION = "15. Detection and segmentation: does the gain carry over?"

HEART = pixels_regime().heart
SETUPS = [HEART, *pixels_regime().sample(2, seed=4)]  # the heart, and two drawn from its regime
EACH_VIEW = (
    "the labels of patches name every view of a class by itself, so that from scratch too none "
    "starves the other, and little or nothing is left to gain"
)


def scores(setup, trials, task, kind):
    """Score of a task from the pretrained encoder and from scratch, (trial,) each, same samples."""
    score = mean_iou if task is segment else mean_average_precision
    tuned = task(pretrain(setup, trials), setup, trials)
    scratch = task(None, setup, trials)
    return score(tuned, setup, trials, kind), score(scratch, setup, trials, kind)


def beats(setup, trials, task):
    """Better than from scratch on single-view data, no worse by 0.01 on multi-view, as in T2c."""
    mrp, scratch = scores(setup, trials, task, "single-view")
    mrp_multi, scratch_multi = scores(setup, trials, task, "multi-view")
    trials.note(
        mrp_single_view=mrp,
        scratch_single_view=scratch,
        mrp_multi_view=mrp_multi,
        scratch_multi_view=scratch_multi,
    )
    return (mrp > scratch) & (mrp_multi >= scratch_multi - 0.01)  # (trial,)


def gain(setup, trials, task):
    """What pretraining gains on single-view data, (trial,)."""
    mrp, scratch = scores(setup, trials, task, "single-view")
    name = "iou" if task is segment else "map"
    trials.note(**{f"{name}_mrp": mrp, f"{name}_scratch": scratch})
    return mrp - scratch


def by_true_features(model, setup, trials):
    """A detector like `model` whose kernels are the true features, each read out for its class."""
    known = features(setup.data, setup.key, trials)
    kernels, head = torch.zeros_like(model.kernels), torch.zeros_like(model.head)
    kernels[:, : known.shape[1]] = known.to(kernels)
    for feature in range(known.shape[1]):
        head[:, feature // setup.data.views, feature] = 1
    extra = {**model.extra, "bias": torch.zeros_like(model.extra["bias"])}
    name = digest("by true features", model.name)
    return replace(model, name=name, kernels=kernels, head=head, extra=extra)


def as_good_as_the_features(model, setup, trials):
    """Whether mAP on single-view data is at most 0.01 below that of the true features, (trial,)."""
    models = (model, by_true_features(model, setup, trials))
    found, ideal = (mean_average_precision(m, setup, trials, "single-view") for m in models)
    trials.note(found=found, true_features=ideal)
    return found >= ideal - 0.01


def localisation(setup, trials, kind):
    """mAP of class activation maps, of fine-tuned MRP and of SL of the same network."""
    tuned = localise(finetune(pretrain(setup, trials), setup, trials))
    scratch = localise(supervise(setup, trials, "trained"))
    mrp, sl = (mean_average_precision(m, setup, trials, kind) for m in (tuned, scratch))
    trials.note(mrp=mrp, sl=sl)
    return mrp, sl


@answers(
    yes="with labels for every patch there is little to gain: pretraining adds at most 5 points of "
    "mean IoU in segmentation and of mAP in detection of single-view data, in over 80 % of "
    "trainings",
    no="with labels for every patch there is a setup where in over 10 % of trainings pretraining "
    "adds more than 5 points of mean IoU in segmentation or of mAP in detection of single-view "
    "data",
    headline=True,
)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_with_labels_for_every_patch_there_is_little_to_gain(setup, trials):
    """Segmentation and detection gain 5 points at most on single-view data.

    The margin is that of gains on average; of 4 trials of seed 987 at each setup none gained more
    than 0.037 in segmentation or 0.004 in detection.
    """
    segmented, detected = (gain(setup, trials, task) for task in (segment, detect))
    return (segmented <= 0.05) & (detected <= 0.05)  # (trial,)


@refuted(because=EACH_VIEW)
@answers(
    yes="with labels for every patch, segmentation from the pretrained encoder beats segmentation "
    "from scratch on single-view data in over 80 % of trainings",
    no="with labels for every patch, there is a setup where segmentation from the pretrained "
    "encoder does not beat segmentation from scratch on single-view data, at equal data and steps, "
    "in over 10 % of trainings",
)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_segmentation_beats_training_from_scratch(setup, trials):
    """T2c for segmentation: mean IoU higher on single-view data, no worse on multi-view."""
    return beats(setup, trials, segment)


@answers(
    yes="with labels for every patch, detection from the pretrained encoder scores higher than "
    "detection from scratch on single-view data, but by at most 0.01 of mAP, in over 80 % of "
    "trainings",
    no="with labels for every patch, there is a setup where in over 10 % of trainings detection "
    "from the pretrained encoder does not score higher than detection from scratch on single-view "
    "data, or by more than 0.01 of mAP",
)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_detection_beats_training_from_scratch_by_very_little(setup, trials):
    """T2c for detection: mAP higher on single-view data, if by 0.01 at most; multi-view no worse.

    The margin was chosen after a run in which the gain was 0.001 to 0.003.
    """
    return beats(setup, trials, detect) & (gain(setup, trials, detect) <= 0.01)  # (trial,)


@answers(
    yes="why there is so little: detection from scratch comes within 0.01 of the mAP of kernels "
    "set to the true features, or above it, in over 80 % of trainings",
    no="there is a setup where in over 10 % of trainings detection from scratch is more than 0.01 "
    "of mAP below kernels set to the true features",
)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_detection_from_scratch_comes_up_to_the_true_features(setup, trials):
    """mAP on single-view data is that of kernels along the true features, or at most 0.01 below.

    That is no 1: weak views of a sample's own class rank behind strong features of others. Margin
    chosen after 4 trials of seed 987, where the true features scored 0.62, 0.64 and 0.55.
    """
    return as_good_as_the_features(detect(None, setup, trials), setup, trials)


@answers(
    yes="from scratch, with the classes of patches as labels, the network captures every feature "
    "in over 80 % of trainings",
    no="from scratch, with the classes of patches as labels, there is a setup where the network "
    "misses some feature in over 10 % of trainings",
)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_labels_of_patches_leave_no_feature_out(setup, trials):
    """T1a of segmentation from scratch; SL with labels of samples misses some."""
    scratch = segment(None, setup, trials)
    captured = features_captured(scratch, setup)  # (trial, feature)
    sl = features_captured(supervise(setup, trials, "trained"), setup)
    share = lambda found: found.double().mean(1)  # noqa: E731
    trials.note(captured=share(captured), captured_by_sl=share(sl))
    return captured.all(1)  # (trial,)


@answers(
    yes="with labels for samples alone the gain carries over: the patches that a fine-tuned "
    "classifier goes by find the class' features better (mAP) than those of SL of the same "
    "network, on single-view data, in over 80 % of trainings",
    no="with labels for samples alone there is a setup where in over 10 % of trainings the patches "
    "that a fine-tuned classifier goes by find the class' features no better (mAP) than those of "
    "SL of the same network, on single-view data",
    headline=True,
)
@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_localisation_from_labels_of_samples_beats_training_from_scratch(setup, trials):
    """T2c for class activation maps: mAP higher on single-view data."""
    mrp, sl = localisation(setup, trials, "single-view")
    return mrp > sl  # (trial,)


@answers(
    yes="with labels for samples alone, pretraining gains mAP in finding the patches of a class in "
    "multi-view data on average, where accuracy has nothing to gain",
    no="with labels for samples alone, there is a setup where pretraining gains less than 5 points "
    "of mAP in finding the patches of a class in multi-view data on average",
)
@given(setup=st.setups())
@on_average(at_least=0.05, tolerance=0.05, bounds=(-0.25, 0.5))
def test_localisation_in_multi_view_data_gains_on_average(setup, trials):
    """Where one view is enough to classify, SL need not find the other: MRP does."""
    mrp, sl = localisation(setup, trials, "multi-view")
    return (mrp - sl).clamp(-0.25, 0.5)


@control(setup=HEART.replace(steps=1))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_segmentation_where_pretraining_captures_nothing(setup, trials):
    """T2c for segmentation where it must fail: a single step of pretraining."""
    return beats(setup, trials, segment)


@control(setup=HEART.replace(steps=1))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_detection_where_pretraining_captures_nothing(setup, trials):
    """T2c for detection where it must fail: a single step of pretraining."""
    return beats(setup, trials, detect)


@control(setup=HEART)
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_with_labels_for_samples_there_is_more_to_gain(setup, trials):
    """A gain of 5 points at most where there must be more: class activation maps."""
    mrp, sl = localisation(setup, trials, "single-view")
    return mrp - sl <= 0.05  # (trial,)


@control(setup=HEART)
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_from_labels_for_samples_scratch_stays_below_the_true_features(setup, trials):
    """Near the true features where SL must not be: it has learned one view of some classes."""
    scratch = localise(supervise(setup, trials, "trained"))
    return as_good_as_the_features(scratch, setup, trials)


@control(setup=HEART.replace(steps=1))
@on_average(at_least=0.05, tolerance=0.05, bounds=(-0.25, 0.5))
def test_control_localisation_where_pretraining_captures_nothing(setup, trials):
    """Class activation maps where they can gain nothing: a single step of pretraining."""
    mrp, sl = localisation(setup, trials, "multi-view")
    return (mrp - sl).clamp(-0.25, 0.5)
