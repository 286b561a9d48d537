"""The ladder along k: what grows with it, what stays, and what it refuses."""

from dataclasses import replace
from fractions import Fraction
from math import comb

import pytest

from mrpcheck import classes_ladder
from mrpcheck.ladders import CLASSES
from mrpcheck.profiles import use_profile
from mrpcheck.setups import standard_recipe
from mrpcheck.theorems import needed_patches, pixels_regime

HEART = pixels_regime().heart  # k = 5, q = 3, sigma_0 = 0.06


@pytest.fixture(autouse=True)
def all_rungs():
    """The thorough profile trains every rung."""
    before = use_profile("thorough")
    yield
    use_profile(before)


def test_the_ladder_of_the_issue():
    ladder = classes_ladder()
    rungs = ladder(HEART)
    assert ladder.numbers == CLASSES == (4, 6, 8, 12, 16)
    assert list(rungs) == [setup.data.classes for setup in rungs.values()] == [4, 6, 8, 12, 16]
    assert [setup.recipe.samples for setup in rungs.values()] == [120, 180, 240, 360, 480]
    starts = [setup.net.init_scale for setup in rungs.values()]
    assert starts == [0.075, 0.05, 0.0375, 0.025, 0.0187]  # 0.06 (5/k), three digits
    assert [setup.data.dim for setup in rungs.values()] == [12, 18, 24, 36, 48]  # 1.5 kV


@pytest.mark.parametrize("classes", CLASSES)
def test_all_else_stays_and_the_recipe_is_the_standard_one(classes):
    setup = classes_ladder()(HEART)[classes]
    for name in ("sparsity", "single_view", "weak", "off_class", "noise", "feature_noise", "views"):
        assert getattr(setup.data, name) == getattr(HEART.data, name), name
    for name in ("kernels_per_class", "power", "threshold"):
        assert getattr(setup.net, name) == getattr(HEART.net, name), name
    assert setup.objective == HEART.objective
    assert setup.data.patches == needed_patches(setup.data)
    assert setup.recipe == standard_recipe(
        setup.data, setup.net, setup.objective, setup.recipe.samples
    )


def test_rungs_share_their_setups_random_numbers_and_no_others():
    rungs = classes_ladder()(HEART)
    assert {setup.key for setup in rungs.values()} == {HEART.key}
    assert len({setup.digest for setup in rungs.values()}) == len(rungs)
    other = classes_ladder()(HEART.replace(kernels_per_class=5))
    assert other[4].key != rungs[4].key


@pytest.mark.parametrize(("power", "share"), [(3.0, 5 / 8), (4.0, (5 / 8) ** 0.5)])
def test_the_start_falls_as_a_power_of_k_that_depends_on_q(power, share):
    setup = HEART.replace(power=power)
    start = classes_ladder((5, 8))(setup)[8].net.init_scale
    assert start == pytest.approx(0.06 * share, abs=5e-5)
    assert classes_ladder((5, 8))(setup)[5].net.init_scale == 0.06


def test_other_ladders():
    ladder = classes_ladder((5, 10), samples_per_class=14)
    assert ladder(HEART)[5].recipe.samples == HEART.recipe.samples == 70
    assert ladder(HEART)[10].recipe.samples == 140


def test_what_has_no_rung_is_one_sentence():
    with pytest.raises(ValueError, match="power = 2, but should be above 2"):
        classes_ladder()(HEART.replace(power=2.0))
    with pytest.raises(ValueError, match=r"sparsity = 3\.0, but should be in"):
        classes_ladder((2, 4))(HEART)
    with pytest.raises(ValueError, match="each larger than the one before"):
        classes_ladder((8, 4))


@pytest.mark.parametrize("each", [1, 2])
@pytest.mark.parametrize("sparsity", [0.0, 2.0, 3.0])
@pytest.mark.parametrize("classes", [3, 8, 40])
def test_needed_patches_are_the_fewest_that_features_fit(classes, sparsity, each):
    """Against the exact law of how many features of other classes a sample shows."""
    data = replace(HEART.data, classes=classes, sparsity=sparsity, dim=200, patches=1000)
    data = replace(data, patches_per_feature=each)
    others, p = 2 * (classes - 1), Fraction(sparsity / classes)

    def misfit(patches):
        room = patches // each - 2
        shown = range(room + 1, others + 1)
        return sum(comb(others, n) * p**n * (1 - p) ** (others - n) for n in shown)

    needed = needed_patches(data)
    assert misfit(needed) <= Fraction(1, 1000)
    assert needed == 2 * each or misfit(needed - each) > Fraction(1, 1000)
    assert replace(data, patches=needed).misfit == pytest.approx(float(misfit(needed)), rel=1e-9)
