"""The regimes of small initialisation: inside by construction, followed for as long as it takes."""

import pytest
from hypothesis import find, settings

from mrpcheck import strategies
from mrpcheck.clocks import GradientFlow
from mrpcheck.recipes import LONGEST
from mrpcheck.theorems import small_latents_regime, small_pixels_regime

REGIMES = {"pixels": small_pixels_regime, "latents": small_latents_regime}


@pytest.mark.parametrize("profile", ["quick", "thorough"])
@pytest.mark.parametrize("kind", REGIMES)
def test_panels_are_inside(kind, profile):
    regime = REGIMES[kind](profile)
    panel = [regime.heart, *regime.sample(60, seed=7)]
    assert [regime.violations(setup) for setup in panel] == [[]] * 61
    assert {setup.recipe.clock for setup in panel} == {GradientFlow(1e-3)}
    assert all(setup == setup.standard() for setup in panel)
    assert {setup.net.power for setup in panel} == {3.0, 4.0}
    assert all(0.01 <= setup.net.init_scale <= 0.03 for setup in panel)
    assert min(setup.net.init_scale for setup in panel) < 0.012
    assert max(setup.recipe.steps for setup in panel[1:]) > LONGEST or kind == "pixels"


@pytest.mark.parametrize("kind", REGIMES)
@pytest.mark.parametrize(
    ("scale", "name"), [(0.009, "the smallest initialisation"), (0.04, "the largest init")]
)
def test_starts_outside_are_said(kind, scale, name):
    regime = REGIMES[kind]()
    outside = regime.violations(regime.heart.replace(init_scale=scale).standard())
    assert len(outside) == 1
    assert outside[0].startswith(name)
    assert regime.violations(regime.heart.replace(init_scale=0.02).standard()) == []


@pytest.mark.parametrize("make", [strategies.small_setups, strategies.small_latents_setups])
def test_the_simplest_draw_is_the_heart(make):
    quiet = settings(max_examples=40, deadline=None, database=None, derandomize=True)
    assert find(make(), lambda setup: True, settings=quiet) == make().regime.heart
