"""Hypothesis' draws: inside by construction, simplest at the heart, and shrunk toward it."""

import pytest
from hypothesis import Phase, find, given, settings, strategies as hs

from mrpcheck import profiles, strategies
from mrpcheck.regimes import Range, values
from mrpcheck.theorems import latents_regime, pixels_regime

REGIMES = {
    f"{make.__name__} {profile}": make(profile)
    for make in (pixels_regime, latents_regime)
    for profile in ("quick", "thorough")
}
quiet = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
)


def simplest(strategy):
    return find(strategy, lambda value: True, settings=quiet)


@pytest.mark.parametrize("name", REGIMES)
def test_every_draw_is_inside(name):
    regime, drawn = REGIMES[name], []

    @quiet
    @given(setup=strategies.regimes_setups(regime))
    def draw(setup):
        drawn.append(setup)
        assert regime.violations(setup) == []
        found = values(setup)
        for count in ("classes", "dim", "patches", "samples", "kernels_per_class"):
            assert type(found[count]) is int

    draw()
    assert drawn[0] == regime.heart
    assert len(set(drawn)) > 20
    for coordinate in regime.coordinates:
        assert len({values(setup)[coordinate] for setup in drawn}) > 1, coordinate


@pytest.mark.parametrize("name", REGIMES)
def test_shrinking_ends_at_the_heart(name):
    assert simplest(strategies.regimes_setups(REGIMES[name])) == REGIMES[name].heart


@pytest.mark.parametrize(
    ("coordinate", "far"),
    [("classes", 7), ("kernels_per_class", 8), ("patches_per_feature", 2), ("noise", 0.02)],
)
def test_shrinking_keeps_what_matters_and_little_else(coordinate, far):
    """A counterexample that needs one coordinate far out has the others at the heart, but for
    those whose range the first one moves."""
    regime = pixels_regime("quick")
    found = find(
        strategies.regimes_setups(regime),
        lambda setup: values(setup)[coordinate] >= far,
        settings=settings(quiet, max_examples=400),
    )
    mine, core = values(found), values(regime.heart)
    moved = {name for name in regime.coordinates if mine[name] != core[name]}
    assert mine[coordinate] == pytest.approx(far, rel=0.05)
    assert moved <= {coordinate, "dim", "patches", "samples", "init_scale", "keep"}


@pytest.mark.parametrize("profile", ["smoke", "quick", "thorough"])
def test_the_profile_says_which_part_of_the_regime(profile):
    before = profiles.use_profile(profile)
    try:
        regime, latents = strategies.setups().regime, strategies.latents_setups().regime
    finally:
        profiles.use_profile(before)
    assert regime.note in " ".join(strategies.header(profile))
    assert latents.note in " ".join(strategies.header(profile))
    assert (regime.name, latents.name) == ("masked pixels", "masked latents")
    assert profile in regime.note
    most = max(setup.data.classes for setup in regime.sample(100, 0))
    assert most == (12 if profile == "thorough" else 8)


@quiet
@given(hs.floats(0.01, 5), hs.floats(0.01, 5), hs.floats(0.01, 5), hs.booleans(), hs.data())
def test_draws_from_any_range_stay_in_it(a, b, heart, log, data):
    range_ = Range(min(a, b), max(a, b), log=log)
    value = data.draw(strategies._around(range_, heart))
    assert range_.low <= value <= range_.high


@quiet
@given(hs.floats(1, 9), hs.floats(0, 9), hs.integers(0, 20), hs.data())
def test_whole_draws_are_whole(low, span, heart, data):
    range_ = Range(low, low + 1 + span, whole=True)
    value = data.draw(strategies._around(range_, heart))
    assert type(value) is int
    assert range_.low <= value <= range_.high


def test_choices_begin_with_the_hearts():
    assert simplest(strategies._around(Range(choices=(3, 4, 5)), 4)) == 4
    assert simplest(strategies._around(Range(choices=(3, 5)), 4)) == 3
    assert simplest(strategies._around(Range(0.0, 1.0), 0.25)) == 0.25
