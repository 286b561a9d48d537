"""Masks without reconstruction, reconstruction without masks: which of them wins single-view data.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorem 2: what is asked is what its gain owes to.
Masking as augmentation: DeVries, Taylor, 2017 (arXiv:1708.04552); Zhong et al., AAAI 2020.
Origin: question of readers; setting (masked pixels, context patch, tied decoder) and sizes ours.
"""

from mrpcheck import (
    accuracy,
    answers,
    at,
    control,
    finetune,
    phase_diagram,
    pretrain,
    refuted,
    supervise,
    with_probability,
)
from mrpcheck.measures import features_captured, features_per_kernel
from mrpcheck.theorems import pixels_regime

QUESTION = "4. Is it the objective or the mask? SL with masking as augmentation against MRP"

HEART = pixels_regime().heart
SETUPS = [HEART, *pixels_regime().sample(2, seed=4)]  # the heart, and two drawn from its regime
OWN = (
    "a class has only its own m kernels there, and now and then none of them starts on the side of "
    "its second view, masks or not; refuted on seeds 1122 and 2211"
)
KEEPS = [0.25, 0.5, 0.75, 1.0]
WAYS = ["MRP", "SL, same network", "SL, fixed head"]
MASKS = (
    "where a mask hides one view of a class, the labels are left to the other: masked multi-view "
    "samples are single-view ones, which SL learns both views from"
)


def classifier(setup, trials, way, keep):
    """MRP with the keep probability in its objective, or SL with it in its augmentation."""
    if way == "MRP":
        setup = setup.derive(keep=keep)
        return finetune(pretrain(setup, trials), setup, trials)
    return supervise(setup, trials, "trained" if way == WAYS[1] else "fixed", keep=keep)


def share(model, setup):
    """The share of the features that are captured, (trial,)."""
    return features_captured(model, setup).double().mean(1)


def compared(setup, trials, head, keep):
    """Single-view accuracy of MRP and of SL under masks, (trial,) each, and notes on them."""
    mrp = finetune(pretrain(setup, trials), setup, trials)
    masked, plain = supervise(setup, trials, head, keep=keep), supervise(setup, trials, head)
    found = [accuracy(model, setup, trials, "single-view") for model in (mrp, masked, plain)]
    trials.note(
        mrp=found[0],
        masked_sl=found[1],
        sl=found[2],
        captured_by_masked_sl=share(masked, setup),
        captured_by_sl=share(plain, setup),
    )
    return found[0], found[1]


@answers(
    yes="in over 80 % of trainings single-view accuracy is 0.98 at least at this keep probability "
    "(1: no mask)",
    no="in over 10 % of trainings single-view accuracy is below 0.98 at this keep probability (1: "
    "no mask)",
)
@phase_diagram(setup=HEART, keep=KEEPS, way=WAYS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_it_classifies_single_view_data(setup, keep, way, trials):
    """T2a with and without masks: in the objective of MRP, or as augmentation of SL.

    At keep = 1 MRP reconstructs what it sees, and SL is what it always was.
    """
    model = classifier(setup, trials, way, keep)
    found = accuracy(model, setup, trials, "single-view")
    trials.note(single_view=found, captured=share(model, setup))
    return found >= 0.98  # (trial,)


@refuted(because=MASKS)
@answers(
    yes="in over 80 % of trainings MRP beats SL of the same network on single-view data even "
    "where masks are its augmentation, half of the patches kept",
    no="in over 10 % of trainings MRP does not beat SL of the same network on single-view data "
    "where masks are its augmentation, half of the patches kept",
)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_beats_supervised_learning_under_masks(setup, trials):
    """T2c against SL of the same network under masks; a tie is a miss."""
    mrp, masked = compared(setup, trials, "trained", 0.5)
    return mrp > masked  # (trial,)


@answers(
    yes="with masks as augmentation, half of the patches kept, SL of the same network is within 1 "
    "point of MRP on single-view data, or above it, in over 80 % of trainings",
    no="with masks as augmentation, half of the patches kept, SL of the same network still loses "
    "more than 1 point to MRP on single-view data in over 10 % of trainings",
    headline=True,
)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_under_masks_the_same_network_is_no_worse_than_pretraining(setup, trials):
    """Masks as augmentation close the gap: SL of the same network, from scratch."""
    mrp, masked = compared(setup, trials, "trained", 0.5)
    return masked >= mrp - 0.01  # (trial,)


@refuted(because=OWN)
@answers(
    yes="with masks as augmentation, half of the patches kept, AZL's SL (fixed head) is within 1 "
    "point of MRP on single-view data, or above it, in over 80 % of trainings",
    no="with masks as augmentation, half of the patches kept, AZL's SL (fixed head) still loses "
    "more than 1 point to MRP on single-view data in over 10 % of trainings",
    headline=True,
)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_under_masks_a_fixed_head_is_no_worse_than_pretraining(setup, trials):
    """Masks as augmentation close the gap: each class the sum of its own kernels."""
    mrp, masked = compared(setup, trials, "fixed", 0.5)
    return masked >= mrp - 0.01  # (trial,)


@answers(
    yes="with masks as augmentation, half of the patches kept, SL of the same network captures "
    "every feature in over 80 % of trainings",
    no="with masks as augmentation, half of the patches kept, SL of the same network misses a "
    "feature in over 10 % of trainings",
)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_under_masks_supervised_learning_captures_every_feature(setup, trials):
    """T1a of SL under masks: the lottery between the views of a class is off."""
    masked = supervise(setup, trials, "trained", keep=0.5)
    held = features_per_kernel(masked, setup)  # (trial, kernel)
    fused = (held >= 2).sum(1) / (held >= 1).sum(1).clamp_min(1)
    trials.note(captured=share(masked, setup), fused_kernels=fused)
    return features_captured(masked, setup).all(1)  # (trial,)


@control(setup=HEART)
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_without_masks_the_same_network_is_worse(setup, trials):
    """Where no mask helps: SL of the same network that keeps every patch."""
    mrp, kept = compared(setup, trials, "trained", 1.0)
    return kept >= mrp - 0.01  # (trial,)
