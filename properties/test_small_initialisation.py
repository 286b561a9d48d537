"""What a small initialisation changes, the theory's own regime, followed along the gradient flow.

Correlations grow like t' = t^q there, and wait: descent would take up to 30 thousand steps, and up
to 10^9 on latents, where they grow like t^(2q-1) (see `test_theorem_1_latents.py`).

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorems 1 and 2; Allen-Zhu & Li, ICLR 2023
(arXiv:2012.09816).
Origin: statements stated; sigma_0^(q-2) = 1/k recalled; setting and sizes ours.
"""

from hypothesis import given

from mrpcheck import (
    Captured,
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
from mrpcheck.measures import (
    features_per_kernel,
    initial_leader_wins,
    initial_winners,
    winners,
)
from mrpcheck.theorems import small_pixels_regime

QUESTION = (
    "17. A small initialisation, as the theory has it: what changes in the theorems and in the "
    "lottery?"
)
HEART = small_pixels_regime().heart
SETTLED = Captured(times=3)  # three times as long as the last feature took
SHARING = HEART.replace(  # where a run on seed 1 refuted that kernels are apart soon
    classes=6, dim=22, sparsity=2.89, single_view=0.00645, noise=0.0296, feature_noise=0.00832,
    weak=0.081, off_class=0.431, kernels_per_class=7, threshold=0.168, init_scale=0.0185,
    keep=0.317, samples=90, rate=0.643, steps=500, tune_rate=2.4,
)  # fmt: skip
STILL_LEAVING = (
    "a kernel that started close to two features lets go of the second only after the first has "
    "been captured, and at q = 3 half as long again does not suffice"
)
NO_ROOM = (
    "with a sum of its own kernels for each class, SL classifies nearly all single-view samples at "
    "some setups, and what is left to win is lost in more than a tenth of the trials"
)


@answers(
    yes="from a small start, pretraining on pixels captures every feature in over 80 % of "
    "trainings",
    no="from a small start, there is a setup where pretraining on pixels leaves some feature out "
    "in over 10 % of trainings",
    against="T1a as stated",
)
@given(setup=st.small_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_every_feature_is_captured(setup, trials):
    """T1a on pixels: every feature is captured, each by the time that growth from sigma_0 takes."""
    return pretrain(setup, trials, until=Captured()).reached  # (trial,)


@answers(
    yes="from a small start, no kernel holds two features at three capture times in over 80 % of "
    "trainings",
    no="from a small start, there is a setup where in over 10 % of trainings some kernel holds two "
    "features at three capture times, or some feature is never captured",
    against="T1b as stated",
)
@given(setup=st.small_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_each_kernel_captures_at_most_one_feature(setup, trials):
    """T1b on pixels: at three capture times no kernel's correlation is r on two features."""
    encoder = pretrain(setup, trials, until=SETTLED)
    return encoder.reached & (features_per_kernel(encoder, setup) <= 1).all(-1)  # (trial,)


@refuted(because=STILL_LEAVING)
@answers(
    yes="at 1.5 capture times already, no kernel is half way to a second feature in over 80 % of "
    "trainings, at a setup where an earlier run had refuted that",
    no="at 1.5 capture times there is a setup where some kernel is still half way to a second "
    "feature in over 10 % of trainings",
)
@at(setup=SHARING)
@with_probability(at_least=0.9, tolerance=0.1)
def test_soon_after_no_kernel_is_half_way_to_a_second_feature(setup, trials):
    """T1b on pixels at half the threshold, at 1.5 capture times already.

    At one setup, found by a run on seed 1. Drawn ones rarely show it: seed 2 found none.
    """
    encoder = pretrain(setup, trials, until=Captured(times=1.5))
    held = features_per_kernel(encoder, setup, at=0.5)  # (trial, kernel)
    return encoder.reached & (held <= 1).all(-1)  # (trial,)


@answers(
    yes="from a small start, features are won by the kernels that lead on them at the start: on "
    "average more than 0.4 of them, beyond chance",
    no="from a small start, there is a setup where on average fewer than half of the features, "
    "beyond chance, are won by the kernels that lead on them at the start",
    against="T1c as recalled",
    headline=True,
)
@given(setup=st.small_setups())
@on_average(at_least=0.5, tolerance=0.1, bounds=(-0.1, 1))
def test_features_are_won_by_their_initial_leaders(setup, trials):
    """T1c on pixels: the kernel that leads on a feature at the start wins it, above chance 1/(km).

    From a small start every lead grows to a large one before anything is captured.
    """
    encoder = pretrain(setup, trials, until=SETTLED)
    return initial_leader_wins(encoder, setup) - 1 / setup.kernels  # (trial,)


@answers(
    yes="SL from a small start: a class is won by the view that leads on it at the start more "
    "often than by chance, on average",
    no="SL from a small start: there is a setup where the view that leads on a class at the start "
    "wins it less than 0.1 more often than by chance, on average",
    against="SLb as stated",
)
@given(setup=st.small_setups())
@on_average(at_least=0.1, tolerance=0.1, bounds=(-0.5, 0.5))
def test_the_initial_leader_wins_its_class(setup, trials):
    """SLb: the view that leads a class at the start wins it, more often than chance 1/V."""
    scratch = supervise(setup, trials)
    held = winners(scratch, setup) == initial_winners(scratch, setup)  # (trial, class)
    return held.double().mean(-1) - 1 / setup.data.views  # (trial,)


def beats(setup, trials, head):
    """Better than SL on single-view data (a tie is a miss), no worse by 0.01 on multi-view."""
    tuned = finetune(pretrain(setup, trials, until=SETTLED), setup, trials)
    scratch = supervise(setup, trials, head)
    mrp, sl = (accuracy(model, setup, trials, "single-view") for model in (tuned, scratch))
    trials.note(mrp_single_view=mrp, sl_single_view=sl)
    multi = [accuracy(model, setup, trials, "multi-view") for model in (tuned, scratch)]
    return (mrp > sl) & (multi[0] >= multi[1] - 0.01)  # (trial,)


@answers(
    yes="from a small start, fine-tuned MRP beats SL of the same network on single-view data, and "
    "is no worse on multi-view data, in over 80 % of trainings",
    no="from a small start, there is a setup where in over 10 % of trainings fine-tuned MRP does "
    "not beat SL of the same network on single-view data, or is worse on multi-view data",
    against="T2c as stated",
    headline=True,
)
@given(setup=st.small_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_beats_supervised_learning_of_the_same_network(setup, trials):
    """T2c, against SL with the architecture of fine-tuning (equal width, data and time)."""
    return beats(setup, trials, "trained")


@refuted(because=NO_ROOM)
@answers(
    yes="from a small start, fine-tuned MRP beats AZL's SL, each class the sum of its own kernels, "
    "on single-view data in over 80 % of trainings",
    no="from a small start, there is a setup where in over 10 % of trainings fine-tuned MRP does "
    "not beat AZL's SL, each class the sum of its own kernels, on single-view data",
    against="T2c as stated, with AZL's SL in the place of SL",
)
@given(setup=st.small_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_beats_supervised_learning_with_a_fixed_head(setup, trials):
    """T2c, against AZL's SL: each class is the sum of its own kernels."""
    return beats(setup, trials, "fixed")


@control(setup=HEART.replace(context="pooled"))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_a_pooled_context_fuses_the_views_of_a_class(setup, trials):
    """T1b where it must fail, however small the start: the sum of patches predicts their sum."""
    encoder = pretrain(setup, trials, until=Captured())
    return encoder.reached & (features_per_kernel(encoder, setup) <= 1).all(-1)  # (trial,)
