"""Dependent views: where the advantage of pretraining over supervised learning vanishes.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorems 1 and 2; Allen-Zhu & Li, ICLR 2023.
Origin: question of readers; lines derived, all but one constant; setting and sizes ours.

Two views of a class with cosine c (classes orthogonal, C_p = 1), Gamma and rho the strengths of
other classes' features and of the weak view in single-view samples. Two derivations of where SL's
single-view error ends:

(1) Let SL have learned one view of each class, with kernels far past the threshold, so that they
are linear. The main view of a single-view sample, if it is the other one, shows it c Z >= c, and
the weak view rho; another class shows Gamma + c Gamma at most. No sample is wrong from
c = (Gamma - rho)/(1 - Gamma) on: 0.58 at Gamma = 0.4.

(2) But the lottery itself ends earlier. A kernel that has grown to norm a along one view has
correlation a c with the other, and where a c >= r its activation is linear on that one's patches
too: both pull alike, none starves. So c = r/a. The norm that SL's kernels reach is measured, not
derived: a = 2.6 at the heart, hence c = 0.12.
"""

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
from mrpcheck.measures import correlations, features_captured
from mrpcheck.theorems import pixels_regime

QUESTION = "9. Dependent views: at what correlation does the advantage over SL vanish?"

HEART = pixels_regime().heart
OFF_CLASS = [0.2, 0.3, 0.4, 0.5]
CORRELATIONS = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8]
GAINS = (-0.1, 0.35)
ANGLES = [0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
KERNELS = [4, 6, 8]
STILL, GONE = (0.02, 0.05), (0.1, 0.2, 0.4, 0.8)  # cosines, on both sides of where gains end
NORM = 2.6  # of SL's largest kernels when training ends, measured at the heart


def sl_errs_never(off_class):
    """The cosine from which a linear network of one view a class is always right."""
    return (off_class - HEART.data.weak) / (1 - off_class)


def sl_starves_no_view(off_class):
    """The cosine from which SL's kernels hold the other view by holding one."""
    return HEART.net.threshold / NORM


LINES = {
    "one view a class is enough: c = (Gamma - rho)/(1 - Gamma)": sl_errs_never,
    "no view starves: c = r/a, a = 2.6 measured": sl_starves_no_view,
}


def accuracies(setup, trials, kind):
    """Accuracy of fine-tuned MRP and of SL of the same network, (trial,) each."""
    tuned = finetune(pretrain(setup, trials), setup, trials)
    scratch = supervise(setup, trials, "trained")
    return accuracy(tuned, setup, trials, kind), accuracy(scratch, setup, trials, kind)


def beats(setup, trials):
    """Better than SL on single-view data (a tie is a miss), no worse by 0.01 on multi-view."""
    mrp, sl = accuracies(setup, trials, "single-view")
    mrp_multi, sl_multi = accuracies(setup, trials, "multi-view")
    trials.note(mrp_single_view=mrp, sl_single_view=sl)
    return (mrp > sl) & (mrp_multi >= sl_multi - 0.01)


def gain(setup, trials):
    """Single-view accuracy of fine-tuned MRP less that of SL, (trial,)."""
    mrp, sl = accuracies(setup, trials, "single-view")
    trials.note(mrp_single_view=mrp, sl_single_view=sl)
    return mrp - sl


def leads_apart(setup, trials):
    """Every feature is captured, and no two have the same best kernel, (trial,)."""
    encoder = pretrain(setup, trials)
    best = correlations(encoder, setup).argmax(1).sort(1).values  # (trial, feature)
    apart = (best.diff(dim=1) > 0).all(1)
    trials.note(features_led_apart=1.0 + (best.diff(dim=1) > 0).sum(1))
    return features_captured(encoder, setup).all(1) & apart


@answers(
    yes="at cosines of 0.02 and 0.05 between the views of a class (Gamma = 0.4) the advantage is "
    "still there: fine-tuned MRP gains on SL of the same network on single-view data on average",
    no="at a cosine of 0.02 or of 0.05 between the views of a class (Gamma = 0.4) fine-tuned MRP "
    "gains less than 2 points on SL of the same network on single-view data on average",
    headline=True,
)
@at(setup=[HEART.derive(correlation=c) for c in STILL])
@on_average(at_least=0.02, tolerance=0.02, bounds=GAINS)
def test_up_to_a_cosine_of_one_twentieth_there_is_a_gain(setup, trials):
    """T2c as a mean, at cosines 0.02 and 0.05: below the line c = r/a = 0.12 that was derived.

    Cosines chosen after a map on an earlier seed, which gave gains of 0.12 and 0.03.
    """
    return gain(setup, trials).clamp(*GAINS)


@answers(
    yes="at cosines of 0.1, 0.2, 0.4 and 0.8 between the views of a class (Gamma = 0.4) the "
    "advantage has vanished: SL of the same network comes within 1 point of fine-tuned MRP on "
    "single-view data in over 80 % of trainings",
    no="at a cosine of 0.1, 0.2, 0.4 or 0.8 between the views of a class (Gamma = 0.4) fine-tuned "
    "MRP is more than 1 point above SL of the same network on single-view data in over 10 % of "
    "trainings",
    headline=True,
)
@at(setup=[HEART.derive(correlation=c) for c in GONE])
@with_probability(at_least=0.9, tolerance=0.1)
def test_from_a_cosine_of_one_tenth_on_nothing_is_gained(setup, trials):
    """Fine-tuned MRP gains 1 point at most on SL, at cosines 0.1, 0.2, 0.4 and 0.8.

    Cosines chosen after a map on an earlier seed, which gave gains of 0.002 at 0.1, 0 beyond.
    """
    return gain(setup, trials) <= 0.01  # (trial,)


@answers(
    yes="fine-tuned MRP beats SL of the same network on single-view data, and is no worse on "
    "multi-view data, in over 80 % of trainings",
    no="SL of the same network is as good as fine-tuned MRP on single-view data, or better on "
    "multi-view data, in over 10 % of trainings",
)
@phase_diagram(setup=HEART, off_class=OFF_CLASS, correlation=CORRELATIONS, lines=LINES)
@with_probability(at_least=0.9, tolerance=0.1)
def test_beats_supervised_learning_of_the_same_network(setup, trials):
    """T2c over the correlation of views and the strength Gamma of other classes' features."""
    return beats(setup, trials)


@answers(
    yes="fine-tuned MRP gains on SL of the same network on single-view data on average",
    no="fine-tuned MRP gains less than 5 points on SL of the same network on single-view data on "
    "average",
)
@phase_diagram(setup=HEART, off_class=OFF_CLASS, correlation=CORRELATIONS, lines=LINES)
@on_average(at_least=0.05, tolerance=0.05, bounds=GAINS)
def test_gains_over_the_same_network_on_average(setup, trials):
    """T2c as a mean: at least 5 points more on single-view data than SL of the same network.

    Gains are clipped to [-0.1, 0.35], so that 128 trials tell 5 points from none.
    """
    return gain(setup, trials).clamp(*GAINS)


@answers(
    yes="pretraining captures every feature and gives each a leading kernel of its own in over "
    "80 % of trainings",
    no="pretraining misses a feature, or lets one kernel lead on two, in over 10 % of trainings",
)
@phase_diagram(setup=HEART, correlation=ANGLES, kernels_per_class=KERNELS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_dependent_views_have_kernels_of_their_own(setup, trials):
    """T1 for dependent views: every feature is captured, and each has a best kernel of its own.

    A kernel along one view has the cosine's share of its correlation with the other, and may so
    hold both, <w, v> >= r; what is asked for is that it does not lead on both.
    """
    return leads_apart(setup.standard(), trials)


@answers(
    yes="fine-tuned on dependent views, of cosine 0.2, 0.5 and 0.8, MRP classifies single-view "
    "data with accuracy 0.98 at least",
    no="fine-tuned on dependent views, of cosine 0.2, 0.5 or 0.8, MRP often classifies single-view "
    "data with accuracy below 0.98",
)
@at(setup=[HEART.derive(correlation=c) for c in (0.2, 0.5, 0.8)])
@with_probability(at_least=0.9, tolerance=0.1)
def test_fine_tuned_classifies_single_view_data(setup, trials):
    """T2a for dependent views: new single-view samples are classified with accuracy 0.98."""
    tuned = finetune(pretrain(setup, trials), setup, trials)
    return accuracy(tuned, setup, trials, "single-view") >= 0.98  # (trial,)


@control(setup=HEART.replace(correlation=0.999, off_class=0.2))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_two_views_that_are_nearly_one(setup, trials):
    """T2c where it must fail: whoever holds one view holds the other, so that ties remain."""
    return beats(setup, trials)


@control(setup=HEART.replace(correlation=0.0))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_independent_views_leave_a_gain(setup, trials):
    """A gain of 1 point at most where there must be more: views with nothing in common."""
    return gain(setup, trials) <= 0.01  # (trial,)


@control(setup=HEART.replace(correlation=0.999))
@on_average(at_least=0.02, tolerance=0.02, bounds=GAINS)
def test_control_two_views_that_are_nearly_one_leave_none(setup, trials):
    """A gain of 2 points on average where there can be none: views a hair apart."""
    return gain(setup, trials).clamp(*GAINS)


@control(setup=HEART.replace(correlation=0.999))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_no_two_kernels_for_nearly_one_view(setup, trials):
    """T1 where it must fail: noise decides which kernel leads on two views a hair apart."""
    return leads_apart(setup, trials)
