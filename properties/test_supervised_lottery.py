"""Supervised learning fits its data with some of the features: a lottery at initialisation.

Allen-Zhu & Li, ICLR 2023 (arXiv:2012.09816), Theorem 1; Pan, Zhou, Yan, ICLR 2023.
Origin: statement recalled (SLa) and stated (SLb); setting and sizes ours.
"""

from hypothesis import given

from mrpcheck import (
    accuracy,
    control,
    on_average,
    pretrain,
    refuted,
    strategies as st,
    supervise,
    with_probability,
)
from mrpcheck.measures import features_captured, initial_winners, winners
from mrpcheck.theorems import pixels_regime

HEART = pixels_regime().heart
BOTH_VIEWS = (
    "SL's winners grow far past the threshold, and at q = 3 the losing views often pass it too "
    "before the labels are fitted: fewer is then as many"
)


@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_fits_its_training_data(setup, trials):
    """SLa: AZL's supervised network is right on 98 % of its training samples at least.

    The theorem says all; the last to be fitted are the few single-view ones, by their noise.
    """
    fitted = accuracy(supervise(setup, trials), setup, trials, "training")
    trials.note(all_fitted=fitted == 1)
    return fitted >= 0.98  # (trial,)


@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_classifies_multi_view_data(setup, trials):
    """SLa: AZL's supervised network is right on 98 % of new multi-view samples at least."""
    scratch = supervise(setup, trials)
    idealised = 0.5 * (
        1 - (1 - setup.data.sparsity / setup.data.classes) ** (setup.data.classes - 1)
    )
    trials.note(
        single_view_error=1 - accuracy(scratch, setup, trials, "single-view"),
        idealised_single_view_error=[idealised] * trials.count,
    )
    return accuracy(scratch, setup, trials, "multi-view") >= 0.98  # (trial,)


@refuted(because=BOTH_VIEWS)
@given(setup=st.setups())
@with_probability(at_least=0.9, tolerance=0.1)
def test_captures_fewer_features_than_pretraining(setup, trials):
    """SLb: SL (same network as fine-tuning) captures fewer features than MRP."""
    mrp = features_captured(pretrain(setup, trials), setup).sum(-1)
    sl = features_captured(supervise(setup, trials, "trained"), setup).sum(-1)
    trials.note(captured_by_mrp=mrp, captured_by_sl=sl)
    return sl < mrp  # (trial,)


@given(setup=st.setups())
@on_average(at_least=0.25, tolerance=0.15, bounds=(0, 1))
def test_another_initialisation_wins_other_views(setup, trials):
    """SLb: on the same data, another initialisation wins another view in a quarter of the classes.

    By a fair lottery it would be 1 - 1/V of them.
    """
    one = winners(supervise(setup, trials), setup)  # (trial, class)
    other = winners(supervise(setup, trials.redrawing("kernels")), setup)
    return (one != other).double().mean(-1)  # (trial,)


@given(setup=st.setups())
@on_average(at_least=0.1, tolerance=0.1, bounds=(-0.5, 0.5))
def test_the_initial_leader_wins_its_class(setup, trials):
    """SLb: the view that leads a class at the start wins it, more often than chance 1/V."""
    scratch = supervise(setup, trials)
    held = winners(scratch, setup) == initial_winners(scratch, setup)  # (trial, class)
    return held.double().mean(-1) - 1 / setup.data.views  # (trial,)


@control(setup=HEART.replace(init_scale=0.0001))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_a_start_too_small_to_learn_from(setup, trials):
    """SLa where it must fail: correlations so small that nothing has grown when training ends."""
    scratch = supervise(setup, trials, "trained")
    return accuracy(scratch, setup, trials, "multi-view") >= 0.98  # (trial,)
