"""Detection and segmentation: what pretraining gains where patches have labels, or are looked for.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorem 2: what is asked is whether its gain over
training from scratch carries over. Tasks: He et al., CVPR 2022; Zhou et al., CVPR 2016 (class
activation maps).
Origin: question of readers; tasks, setting and sizes ours.
"""

from hypothesis import given

from mrpcheck import (
    accuracy,
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
from mrpcheck.theorems import pixels_regime

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
        gain_in_classification=gain_in_classification(setup, trials),
    )
    return (mrp > scratch) & (mrp_multi >= scratch_multi - 0.01)  # (trial,)


def gain(setup, trials, task):
    """What pretraining gains on single-view data, (trial,), clipped to [-0.25, 0.5]."""
    mrp, scratch = scores(setup, trials, task, "single-view")
    trials.note(mrp_single_view=mrp, scratch_single_view=scratch)
    return (mrp - scratch).clamp(-0.25, 0.5)


def gain_in_classification(setup, trials):
    """T2c's gain at the same setup: accuracy of MRP less that of SL of the same network."""
    tuned = finetune(pretrain(setup, trials), setup, trials)
    scratch = supervise(setup, trials, "trained")
    found = [accuracy(model, setup, trials, "single-view") for model in (tuned, scratch)]
    return found[0] - found[1]


def localisation(setup, trials, kind):
    """mAP of class activation maps, of fine-tuned MRP and of SL of the same network."""
    tuned = localise(finetune(pretrain(setup, trials), setup, trials))
    scratch = localise(supervise(setup, trials, "trained"))
    mrp, sl = (mean_average_precision(m, setup, trials, kind) for m in (tuned, scratch))
    trials.note(mrp=mrp, sl=sl)
    return mrp, sl


@refuted(because=EACH_VIEW)
@answers(
    yes="with labels for every patch, segmentation from the pretrained encoder beats segmentation "
    "from scratch on single-view data",
    no="with labels for every patch, there is a setup where segmentation from the pretrained "
    "encoder does not beat segmentation from scratch on single-view data, at equal data and steps",
)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_segmentation_beats_training_from_scratch(setup, trials):
    """T2c for segmentation: mean IoU higher on single-view data, no worse on multi-view."""
    return beats(setup, trials, segment)


@answers(
    yes="with labels for every patch, detection from the pretrained encoder scores higher than "
    "detection from scratch on single-view data, by however little",
    no="with labels for every patch, there is a setup where detection from the pretrained encoder "
    "does not reliably score higher than detection from scratch on single-view data",
)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_detection_beats_training_from_scratch(setup, trials):
    """T2c for detection: mAP higher on single-view data, no worse on multi-view."""
    return beats(setup, trials, detect)


@refuted(because=EACH_VIEW)
@answers(
    yes="with labels for every patch, pretraining gains mean IoU in segmentation of "
    "single-view data on average",
    no="with labels for every patch, there is a setup where pretraining gains less than 5 points "
    "of mean IoU in segmentation of single-view data on average",
)
@at(setup=SETUPS)
@on_average(at_least=0.05, tolerance=0.05, bounds=(-0.25, 0.5))
def test_segmentation_gains_over_training_from_scratch_on_average(setup, trials):
    """T2c as a mean, for segmentation: at least 5 points of mean IoU on single-view data."""
    return gain(setup, trials, segment)


@refuted(because=EACH_VIEW)
@answers(
    yes="with labels for every patch, pretraining gains mAP in detection on single-view data on "
    "average",
    no="with labels for every patch, there is a setup where pretraining gains less than 5 points "
    "of mAP in detection on single-view data on average",
)
@at(setup=SETUPS)
@on_average(at_least=0.05, tolerance=0.05, bounds=(-0.25, 0.5))
def test_detection_gains_over_training_from_scratch_on_average(setup, trials):
    """T2c as a mean, for detection: at least 5 points of mAP on single-view data."""
    return gain(setup, trials, detect)


@answers(
    yes="from scratch, with the classes of patches as labels, the network captures every feature",
    no="from scratch, with the classes of patches as labels, the network misses features too often",
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
    yes="with labels for samples alone, the patches that a fine-tuned classifier goes by find the "
    "class' features better (mAP) than those of SL of the same network, on single-view data",
    no="with labels for samples alone, there is a setup where the patches that a fine-tuned "
    "classifier goes by do not reliably find the class' features better (mAP) than those of SL",
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
@on_average(at_least=0.05, tolerance=0.05, bounds=(-0.25, 0.5))
def test_control_localisation_where_pretraining_captures_nothing(setup, trials):
    """Class activation maps where they can gain nothing: a single step of pretraining."""
    mrp, sl = localisation(setup, trials, "multi-view")
    return (mrp - sl).clamp(-0.25, 0.5)
