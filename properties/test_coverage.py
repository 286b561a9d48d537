"""Pretraining that covers a part of the downstream features: what is gained, and what is lost.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorems 1 and 2.
Origin: question of readers; expectation derived; setting and sizes ours.

Let pretraining capture the covered features and nothing else, and let fine-tuning fit the labels
with them, so that the other view of a class of which one is covered starves, as in supervised
learning the loser of the lottery does. Such a class is then a network of one view: it is wrong on
half of its single-view samples, but for those without a stronger class, in all on
e = (1/2)(1 - (1 - s/k)^(k-1)) of them (0.49 at the heart). A class without covered views is left
to supervised learning, of error e' (0.19 at the heart, measured). Of classes with two views a
coverage of n of kV features leaves 2n(kV - n)/(kV(kV - 1)) with one view covered; fine-tuned MRP
is worse than SL where that share times e exceeds e' times the share with any view covered: below
a coverage of about 0.8 at the heart.
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
from mrpcheck.measures import features_captured
from mrpcheck.theorems import pixels_regime
from mrpcheck.views import covered

QUESTION = (
    "8. Pretraining that covers only a part of the downstream features: what is gained, and what "
    "becomes of the uncovered ones?"
)

HEART = pixels_regime().heart
COVERAGES = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0]
TUNE_STEPS = [150, 600]
PARTIAL = [HEART.derive(coverage=c) for c in (0.3, 0.5, 0.9)]  # odd: some class has one covered


def share(events, among):
    """The share of features `among` which an event holds, (trial,); 0 where there are none."""
    return (events & among).sum(1) / among.sum(1).clamp_min(1)


def half_covered(setup, trials):
    """Uncovered features whose class has a covered one, (trial, feature)."""
    known = covered(setup, trials)
    any_view = known.unflatten(1, (-1, setup.data.views)).any(2)
    return ~known & any_view.repeat_interleave(setup.data.views, 1)


def starved(model, setup, trials):
    """The share of the uncovered features of half-covered classes not captured, (trial,)."""
    return share(~features_captured(model, setup), half_covered(setup, trials)).double()


def supervised(setup, trials):
    """SL of the same network: it sees labelled samples alone, so one for all coverages."""
    return supervise(setup.derive(coverage=1.0), trials, "trained")


def more_by_sl(setup, trials, among):
    """SL's captured share of the features `among`, less that of fine-tuned MRP, (trial,)."""
    tuned = finetune(pretrain(setup, trials), setup, trials)
    models = (tuned, supervised(setup, trials))
    mrp, sl = (share(features_captured(model, setup), among) for model in models)
    trials.note(captured_by_mrp=mrp, captured_by_sl=sl)
    return (sl - mrp).double()


def accuracies(setup, trials, kind):
    """Accuracy of fine-tuned MRP and of SL of the same network, (trial,) each."""
    tuned, scratch = finetune(pretrain(setup, trials), setup, trials), supervised(setup, trials)
    return accuracy(tuned, setup, trials, kind), accuracy(scratch, scratch.setup, trials, kind)


def note_captured(setup, trials):
    """Record the shares of covered and of uncovered features that are captured, and when."""
    known, encoder = covered(setup, trials), pretrain(setup, trials)
    before = features_captured(encoder, setup)
    after = features_captured(finetune(encoder, setup, trials), setup)
    trials.note(
        covered_captured_by_pretraining=share(before, known),
        covered_captured_after_tuning=share(after, known),
        uncovered_captured_by_pretraining=share(before, ~known),
        uncovered_captured_after_tuning=share(after, ~known),
    )


@answers(
    yes="fine-tuned MRP beats SL of the same network on single-view data in over 80 % of trainings",
    no="fine-tuned MRP fails to beat SL of the same network on single-view data, or is worse on "
    "multi-view data, in over 10 % of trainings",
    headline=True,
)
@phase_diagram(setup=HEART, coverage=COVERAGES, tune_steps=TUNE_STEPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_beats_supervised_learning_of_the_same_network(setup, trials):
    """T2c over the share of features that pretraining covers, and the steps of fine-tuning."""
    mrp, sl = accuracies(setup, trials, "single-view")
    mrp_multi, sl_multi = accuracies(setup, trials, "multi-view")
    trials.note(mrp_single_view=mrp, sl_single_view=sl)
    note_captured(setup, trials)
    return (mrp > sl) & (mrp_multi >= sl_multi - 0.01)


@answers(
    yes="fine-tuned MRP is on average less than 5 points below SL of the same network on "
    "single-view data, or above it",
    no="fine-tuned MRP is on average worse than SL of the same network on single-view data",
)
@phase_diagram(setup=HEART, coverage=COVERAGES, tune_steps=TUNE_STEPS)
@on_average(at_least=0.0, tolerance=0.05, bounds=(-0.5, 0.5))
def test_partial_pretraining_does_no_harm_on_average(setup, trials):
    """The mean accuracy of fine-tuned MRP on single-view data is that of SL at least."""
    mrp, sl = accuracies(setup, trials, "single-view")
    trials.note(mrp_single_view=mrp, sl_single_view=sl)
    return (mrp - sl).clamp(-0.5, 0.5)


@answers(
    yes="where pretraining covers 0.3, 0.5 or 0.9 of the features, it captures each of these",
    no="where pretraining covers 0.3, 0.5 or 0.9 of the features, it often misses one of these",
)
@at(setup=PARTIAL)
@with_probability(at_least=0.9, tolerance=0.1)
def test_every_covered_feature_is_captured(setup, trials):
    """T1a for what pretraining data cover."""
    known = covered(setup, trials)
    return (features_captured(pretrain(setup, trials), setup) | ~known).all(1)  # (trial,)


@answers(
    yes="features that pretraining left out while it covered their class' other view often starve: "
    "on average more than 0.4 of them are not captured after fine-tuning either",
    no="of the features that pretraining left out while it covered the class' other view, there is "
    "a setup where fine-tuning captures more than half on average",
    headline=True,
)
@at(setup=PARTIAL)
@on_average(at_least=0.5, tolerance=0.1, bounds=(0, 1))
def test_uncovered_views_of_half_covered_classes_starve(setup, trials):
    """At least half of the uncovered features whose class has a covered one stay uncaptured."""
    return starved(finetune(pretrain(setup, trials), setup, trials), setup, trials)


@answers(
    yes="pretraining on one view of a class costs the other: SL of the same network captures more "
    "of the features that pretraining left out beside a covered view",
    no="of the features that pretraining left out beside a covered view, there is a setup where SL "
    "of the same network captures less than 0.2 more on average",
)
@at(setup=PARTIAL)
@on_average(at_least=0.2, tolerance=0.2, bounds=(-1, 1))
def test_supervised_learning_captures_more_of_them(setup, trials):
    """SL's share of the uncovered features of half-covered classes exceeds MRP's by 0.2."""
    return more_by_sl(setup, trials, half_covered(setup, trials))


@control(setup=HEART.replace(coverage=0.5))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_what_pretraining_never_saw_is_not_captured(setup, trials):
    """T1a where it must fail: half of the features are in no sample of pretraining."""
    return features_captured(pretrain(setup, trials), setup).all(1)  # (trial,)


@control(setup=HEART.replace(coverage=0.5))
@on_average(at_least=0.5, tolerance=0.1, bounds=(0, 1))
def test_control_the_same_views_do_not_starve_in_supervised_learning(setup, trials):
    """Starvation where it must be rare: SL, of which no view of a class was left out."""
    return starved(supervised(setup, trials), setup, trials)


@control(setup=HEART.replace(coverage=0.5))
@on_average(at_least=0.2, tolerance=0.2, bounds=(-1, 1))
def test_control_of_covered_features_supervised_learning_captures_no_more(setup, trials):
    """SL's lead where there can be none: the features that pretraining covers."""
    return more_by_sl(setup, trials, covered(setup, trials))
