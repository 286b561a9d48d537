"""Panels lie inside their regime, and simpler setups lead to its heart without leaving it."""

import pytest
from scipy.stats import kstest, uniform

from mrpcheck.regimes import Range, values
from mrpcheck.theorems import latents_regime, pixels_regime

LEVEL = 1e-6  # each statistical assertion fails with at most this probability over the seed
REGIMES = {
    f"{make.__name__} {profile}": make(profile)
    for make in (pixels_regime, latents_regime)
    for profile in ("quick", "thorough")
}
WHOLE = (
    "classes",
    "views",
    "dim",
    "patches",
    "patches_per_feature",
    "kernels_per_class",
    "samples",
)


@pytest.fixture(params=REGIMES, scope="module")
def regime(request):
    return REGIMES[request.param]


@pytest.fixture(scope="module")
def panel(regime):
    return regime.sample(250, seed=7)


def test_the_heart_is_inside(regime):
    assert regime.violations(regime.heart) == []


def test_every_panel_setup_is_inside(regime, panel):
    outside = {str(setup): regime.violations(setup) for setup in panel}
    assert {setup: found for setup, found in outside.items() if found} == {}


def test_counts_are_whole_numbers(panel):
    for setup in panel:
        found = values(setup)
        assert all(type(found[name]) is int for name in WHOLE), setup


def test_panel_setups_differ_and_have_keys_of_their_own(panel):
    assert len(set(panel)) == len(panel) == len({setup.key for setup in panel})


def test_every_coordinate_moves(regime, panel):
    for name in regime.coordinates:
        assert len({values(setup)[name] for setup in panel}) > 1, name
    still = set(values(regime.heart)) - set(regime.coordinates)
    for name in still - {"rate", "steps", "tune_rate"}:
        assert {values(setup)[name] for setup in panel} == {values(regime.heart)[name]}, name


def test_recipes_are_the_standard_ones(panel):
    for setup in panel[:50]:
        assert setup == setup.standard()


def test_longer_panels_begin_with_shorter_ones(regime, panel):
    assert regime.sample(20, seed=7) == panel[:20]
    assert regime.sample(20, seed=8) != panel[:20]
    assert not set(regime.sample(20, seed=8)) & set(panel[:20])


def test_panels_are_uniform_in_natural_scales(panel):
    """For coordinates whose range depends on no other; and their neighbour's range is rejected."""
    for name, low, high in (("threshold", 0.15, 0.4), ("noise", 0, 0.03), ("off_class", 0.3, 0.5)):
        seen = [values(setup)[name] for setup in panel]
        assert kstest(seen, uniform(low, high - low).cdf).pvalue > LEVEL
        assert kstest(seen, uniform(low, 1.5 * (high - low)).cdf).pvalue < LEVEL


def test_simpler_setups_stay_inside(regime, panel):
    for setup in panel[:5]:
        for simpler in regime.toward_heart(setup):
            assert regime.violations(simpler) == []
            assert simpler != setup
            assert all(type(values(simpler)[name]) is int for name in WHOLE)


def test_the_greedy_way_ends_at_the_heart(regime, panel):
    for setup in panel[:10]:
        seen = {setup}
        while (setup := next(regime.toward_heart(setup), None)) is not None:
            assert setup not in seen  # no circle
            seen.add(setup)
            last = setup
        assert last == regime.heart
        assert len(seen) <= 2 * len(regime.coordinates)


@pytest.mark.parametrize("forbidden", ["classes", "threshold", "sparsity", "keep"])
def test_a_way_that_must_keep_one_coordinate_ends_too(regime, panel, forbidden):
    """Followed greedily while `forbidden` stays off the heart's value, as shrinking would."""
    core = values(regime.heart)[forbidden]
    for setup in panel[:2]:
        if values(setup)[forbidden] == core:
            continue
        seen = {setup}
        for _ in range(200):
            simpler = (s for s in regime.toward_heart(setup) if values(s)[forbidden] != core)
            setup = next((s for s in simpler if s not in seen), None)
            if setup is None:
                break
            seen.add(setup)
        else:
            pytest.fail(f"still moving after 200 steps: {setup}")


def test_nothing_is_simpler_than_the_heart(regime):
    assert list(regime.toward_heart(regime.heart)) == []
    assert next(regime.toward_heart(regime.sample(1, 5)[0])) == regime.heart


def test_moves_go_to_the_heart_and_then_half_way(regime, panel):
    setup = next(s for s in panel if values(s)["noise"] > 0.02)
    noises = [
        values(simpler)["noise"]
        for simpler in regime.toward_heart(setup)
        if values(simpler)["noise"] != values(setup)["noise"]
    ]
    mine, core = values(setup)["noise"], values(regime.heart)["noise"]
    assert noises[0] == core
    assert noises[-1] == pytest.approx((mine + core) / 2, rel=6e-3)


def test_setups_are_described_in_words(regime, panel):
    assert regime.describe(regime.heart) == f"the heart of {regime.name}"
    moved = regime.heart.replace(noise=0.02)
    assert regime.describe(moved) == (
        f"{regime.name} at its heart but for noise = 0.02 (heart 0.01)"
    )
    outside = regime.describe(regime.heart.replace(noise=0.2))
    assert "noise = 0.2 (heart 0.01)" in outside
    assert ". Outside: Gaussian noise sigma_p: 0.2, but should be <= 0.03" in outside
    for setup in panel[:20]:
        assert "Outside" not in regime.describe(setup)


def test_notes_say_which_part_of_the_regime_it_is(regime):
    assert regime.note.startswith(regime.name)
    assert "\n" not in regime.note


def test_ranges():
    assert [Range(2, 4, whole=True).at(share) for share in (0, 0.3, 0.34, 0.99, 1)] == [
        2,
        2,
        3,
        4,
        4,
    ]
    assert [Range(choices=("a", "b")).at(share) for share in (0, 0.49, 0.5, 1)] == list("aabb")
    assert Range(0.01, 1, log=True).at(0.5) == pytest.approx(0.1)
    assert Range(1, 3).at(0.25) == 1.5
    assert Range(0, 1).at(1 / 3) == 0.333  # three digits
    assert Range(0.1234, 1).at(0) == 0.1234  # but never outside


def test_values_are_brought_into_the_range():
    whole = Range(9, 13.5, whole=True)
    assert [whole.clip(value) for value in (8, 10, 14)] == [9, 10, 13]
    assert {type(whole.clip(value)) for value in (8, 10, 14)} == {int}
    assert type(whole.at(1.0)) is int
    assert whole.at(1.0) == 13
    assert Range(0.5, 2).clip(3) == 2
    assert Range(choices=(3.0, 4.0)).clip(5.0) == 3.0
    assert Range(choices=(3.0, 4.0)).clip(4.0) == 4.0


def test_ranges_hold_their_values_and_print():
    assert Range(1, 2).holds(1.5)
    assert not Range(1, 2).holds(2.1)
    assert Range(choices=(1, 2)).holds(2)
    assert not Range(choices=(1, 2)).holds(3)
    assert str(Range(0.5, 2)) == "0.5 to 2"
    assert str(Range(choices=(1, 2))) == "one of 1, 2"
