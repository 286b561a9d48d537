"""Fine-tuned, the pretrained encoder classifies multi-view and single-view data, and beats SL.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorem 2.
Origin: statement stated; setting (masked pixels, context patch, tied decoder) and sizes ours.
"""

from hypothesis import given

from mrpcheck import (
    accuracy,
    control,
    finetune,
    on_average,
    pretrain,
    refuted,
    strategies as st,
    supervise,
    with_probability,
)
from mrpcheck.measures import features_captured
from mrpcheck.theorems import pixels_regime

HEART = pixels_regime().heart
TIES = (
    "with a sum of its own kernels for each class, SL holds both views of every class in many a "
    "trial of few classes at q = 3, and then a tie is all that is left to win"
)


def accuracies(setup, trials, head, kind):
    """Accuracy of fine-tuned MRP and of SL, (trial,) each, on the same new samples."""
    tuned = finetune(pretrain(setup, trials), setup, trials)
    scratch = supervise(setup, trials, head)
    return accuracy(tuned, setup, trials, kind), accuracy(scratch, setup, trials, kind)


def gain(setup, trials, head):
    """Accuracy gained over SL on single-view data, (trial,), clipped to [-0.25, 0.5]."""
    mrp, sl = accuracies(setup, trials, head, "single-view")
    return (mrp - sl).clamp(-0.25, 0.5)


def beats(setup, trials, head):
    """Better than SL on single-view data (a tie is a miss), no worse by 0.01 on multi-view."""
    mrp, sl = accuracies(setup, trials, head, "single-view")
    mrp_multi, sl_multi = accuracies(setup, trials, head, "multi-view")
    trials.note(mrp_single_view=mrp, sl_single_view=sl)
    return (mrp > sl) & (mrp_multi >= sl_multi - 0.01)


@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_fine_tuned_classifies_single_view_data(setup, trials):
    """T2a: new single-view samples are classified with accuracy 0.98 at least."""
    tuned = finetune(pretrain(setup, trials), setup, trials)
    return accuracy(tuned, setup, trials, "single-view") >= 0.98  # (trial,)


@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_fine_tuned_classifies_multi_view_data(setup, trials):
    """T2a: new multi-view samples are classified with accuracy 0.98 at least."""
    tuned = finetune(pretrain(setup, trials), setup, trials)
    return accuracy(tuned, setup, trials, "multi-view") >= 0.98  # (trial,)


@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_fine_tuning_keeps_the_captured_features(setup, trials):
    """T2b: every feature captured by pretraining is still captured after fine-tuning."""
    encoder = pretrain(setup, trials)
    before = features_captured(encoder, setup)
    after = features_captured(finetune(encoder, setup, trials), setup)
    return (after | ~before).all(-1)  # (trial,)


@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_beats_supervised_learning_of_the_same_network(setup, trials):
    """T2c, against SL with the architecture of fine-tuning (equal width, data and steps)."""
    return beats(setup, trials, "trained")


@refuted(because=TIES)
@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_beats_supervised_learning_with_a_fixed_head(setup, trials):
    """T2c, against AZL's SL: each class is the sum of its own kernels."""
    return beats(setup, trials, "fixed")


@given(setup=st.setups())
@on_average(at_least=0.05, tolerance=0.05, bounds=(-0.25, 0.5))
def test_gains_over_the_same_network_on_average(setup, trials):
    """T2c as a mean: at least 5 points more on single-view data than SL of the same network."""
    return gain(setup, trials, "trained")


@refuted(because=TIES)
@given(setup=st.setups())
@on_average(at_least=0.15, tolerance=0.15, bounds=(-0.25, 0.5))
def test_gains_over_a_fixed_head_on_average(setup, trials):
    """T2c as a mean: at least 15 points more on single-view data than AZL's SL."""
    return gain(setup, trials, "fixed")


@control(setup=HEART.replace(single_view=0.5))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_where_sl_sees_enough_single_view_samples(setup, trials):
    """T2c where it must fail: half of the training samples are single-view."""
    return beats(setup, trials, "trained")


@control(setup=HEART.replace(steps=1))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_where_pretraining_captures_nothing(setup, trials):
    """T2a where it must fail: a single step of pretraining, then fine-tuning as ever."""
    tuned = finetune(pretrain(setup, trials), setup, trials)
    return accuracy(tuned, setup, trials, "single-view") >= 0.98  # (trial,)
