"""Pretraining on latents captures every feature; how long its kernels hold one each.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorem 1.
Origin: statement stated; setting (masked latents, context pooled, teacher tau w) recalled.
"""

from hypothesis import given

from mrpcheck import Captured, control, pretrain, refuted, strategies as st, with_probability
from mrpcheck.measures import correlations, features_per_kernel
from mrpcheck.theorems import latents_regime, small_latents_regime

HEART = latents_regime().heart
FUSION = (
    "while one view of a class is fitted, the pooled residual is positive on every patch of its "
    "samples, so a kernel with a positive start on another view takes that one up too"
)
RUNAWAY = (
    "a kernel that holds several features of a sample sees a larger residual the larger it is: "
    "(tau - 1) E[(w.Z)^2] > (c/C_p) E[w^2.Z^2]"
)


def keeps_features_apart(setup, trials, times):
    """T1b at `times` the time at which every feature is captured."""
    encoder = pretrain(setup, trials, until=Captured(times=times))
    held = features_per_kernel(encoder, setup)  # (trial, kernel)
    trials.note(fused=(held >= 2).sum(1) / (held >= 1).sum(1).clamp_min(1))
    return encoder.reached & (held <= 1).all(-1)  # (trial,)


@given(setup=st.latents_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_every_feature_is_captured(setup, trials):
    """T1a: at some step, every feature of every class is captured by some kernel."""
    return pretrain(setup, trials, until=Captured()).reached  # (trial,)


def are_apart_at_first(setup, trials):
    """T1b at the moment at which the first feature is captured."""
    encoder = pretrain(setup, trials, until=Captured(features="first"))
    return encoder.reached & (features_per_kernel(encoder, setup) <= 1).all(-1)  # (trial,)


@given(setup=st.latents_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_features_are_apart_when_the_first_is_captured(setup, trials):
    """T1b at the first step at which some feature is captured."""
    return are_apart_at_first(setup, trials)


@given(setup=st.small_latents_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_from_a_small_start_they_are_apart_when_the_first_is_captured(setup, trials):
    """T1b at that moment from sigma_0 = 0.01 to 0.03, along the gradient flow.

    The smaller the start, the further the second feature of a kernel trails the first by then.
    """
    return are_apart_at_first(setup, trials)


@refuted(because=FUSION)
@given(setup=st.latents_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_each_kernel_captures_at_most_one_feature_at_the_capture_time(setup, trials):
    """T1b when every feature is captured for the first time."""
    return keeps_features_apart(setup, trials, 1)


@refuted(because=FUSION)
@given(setup=st.latents_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_each_kernel_captures_at_most_one_feature_at_1_5_capture_times(setup, trials):
    """T1b at one and a half capture times."""
    return keeps_features_apart(setup, trials, 1.5)


@refuted(because=FUSION)
@given(setup=st.latents_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_each_kernel_captures_at_most_one_feature_at_3_capture_times(setup, trials):
    """T1b at three capture times."""
    return keeps_features_apart(setup, trials, 3)


@refuted(because=FUSION)
@given(setup=st.latents_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_each_kernel_captures_at_most_one_feature_at_10_capture_times(setup, trials):
    """T1b at ten capture times."""
    return keeps_features_apart(setup, trials, 10)


@refuted(because=RUNAWAY)
@given(setup=st.latents_setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_correlations_stay_bounded(setup, trials):
    """Boundedness: at ten capture times no correlation has outgrown the strengths, <w, v> <= 2."""
    encoder = pretrain(setup, trials, until=Captured(times=10))
    largest = correlations(encoder, setup).amax((1, 2))
    trials.note(largest_correlation=largest, diverged=encoder.diverged)
    return encoder.reached & (largest <= 2)  # (trial,)


@control(setup=small_latents_regime().heart)
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_from_a_small_start_kernels_have_fused_when_all_are_captured(setup, trials):
    """T1b where it must fail: the first to capture takes up the rest before another has grown."""
    return keeps_features_apart(setup, trials, 1)


@control(setup=HEART.replace(teacher_scale=1.0))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_plain_self_distillation_captures_nothing(setup, trials):
    """T1a where it must fail: tau = 1, where every small correlation decays."""
    return pretrain(setup, trials, until=Captured()).reached  # (trial,)


@control(setup=HEART.replace(keep=0.3, power=4.0, teacher_scale=1.5))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_a_weak_teacher_lets_features_settle_short_of_the_threshold(setup, trials):
    """T1a where it must fail: the mask's pull meets the teacher's push below r."""
    return pretrain(setup, trials, until=Captured()).reached  # (trial,)
