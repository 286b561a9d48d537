"""Each inequality rejects a setup outside and accepts its neighbour; both are legal setups."""

import pytest

from mrpcheck.objectives import MaskedPixels
from mrpcheck.setups import Setup
from mrpcheck.theorems import latents_regime, pixels_regime

# By the beginning of an inequality's name: a change of the heart that violates it, and one that
# does not. The recipe follows by formula where it is not what is changed.
ROOM = {"dim": 52, "patches": 60}
PAIRS = {
    "the most classes k": ({"classes": 13, **ROOM}, {"classes": 8, **ROOM}),
    "the fewest classes k": ({"classes": 3}, {"classes": 4}),
    "the most kernels per class m": ({"kernels_per_class": 17}, {"kernels_per_class": 8}),
    "the fewest kernels per class m": ({"kernels_per_class": 3}, {"kernels_per_class": 4}),
    "dimension d": ({"dim": 45}, {"dim": 20}),
    "smallest power q": ({"power": 2.9}, {"power": 3.0}),
    "largest power q": ({"power": 5.2}, {"power": 5.0}),
    "initial correlations below": ({"init_scale": 0.09}, {"init_scale": 0.083}),
    "growth of": ({"init_scale": 0.001}, {"init_scale": 0.06}),
    "weak views": ({"weak": 0.11}, {"weak": 0.1}),
    "off-class strength, 0.3 <=": ({"off_class": 0.28}, {"off_class": 0.3}),
    "off-class strength, Gamma <=": ({"off_class": 0.52}, {"off_class": 0.5}),
    "sparsity, 2 <=": ({"sparsity": 1.9}, {"sparsity": 2.0}),
    "sparsity, s <=": ({"sparsity": 3.1}, {"sparsity": 3.0}),
    "single-view samples": ({"single_view": 0.2}, {"single_view": 0.02}),
    "Gaussian noise": ({"noise": 0.04}, {"noise": 0.03}),
    "feature noise": ({"feature_noise": 0.03}, {"feature_noise": 0.02}),
    "rate": ({"rate": 5.0}, {"rate": 0.01}),
    "steps": ({"steps": 50}, {"steps": 50_000}),
    "single features grow": ({"teacher_scale": 1.2}, {"teacher_scale": 1.65}),
    "a single feature grows past": ({"teacher_scale": 1.3}, {"teacher_scale": 1.65}),
    "blocks behind": ({"body": "attention", "masks": "sampled"}, {"masks": "sampled"}),
    "a start that is not": ({"initialisation": "sparse"}, {"initialisation": "gaussian"}),
    "cosine of two views": ({"correlation": 0.02}, {"correlation": 0.0}),
    "share of the features": ({"coverage": 0.9}, {"coverage": 1.0}),
    "how many times as frequent": ({"imbalance": 1.5}, {"imbalance": 1.0}),
    "noise with heavier tails": ({"tails": "laplace"}, {"tails": "gaussian"}),
}
REGIMES = {"pixels": pixels_regime, "latents": latents_regime}
CASES = [
    (kind, profile, inequality.name)
    for kind, make in REGIMES.items()
    for profile in ("quick", "thorough")
    for inequality in make(profile).inequalities
]


def changed(heart, change):
    setup = heart.replace(**change)
    return setup if change.keys() & {"rate", "steps"} else setup.standard()


@pytest.mark.parametrize(("kind", "profile", "name"), CASES)
def test_it_rejects_a_setup_outside_and_accepts_its_neighbour(kind, profile, name):
    regime = REGIMES[kind](profile)
    (pair,) = (pair for start, pair in PAIRS.items() if name.startswith(start))
    outside, inside = (changed(regime.heart, change) for change in pair)
    listed = [text for text in regime.violations(outside) if text.startswith(f"{name}: ")]
    assert len(listed) == 1
    assert ", but should be <= " in listed[0]
    assert not any(text.startswith(f"{name}: ") for text in regime.violations(inside))


@pytest.mark.parametrize("kind", REGIMES)
@pytest.mark.parametrize(
    "change",
    [{"noise": 0.04}, {"feature_noise": 0.03}, {"weak": 0.11}, {"off_class": 0.52}, {"dim": 45},
     {"single_view": 0.2}, {"rate": 0.9}],
)  # fmt: skip
def test_a_change_of_one_thing_violates_one_inequality(kind, change):
    regime = REGIMES[kind]("thorough")
    assert len(regime.violations(changed(regime.heart, change))) == 1


@pytest.mark.parametrize("kind", REGIMES)
def test_every_inequality_says_why_and_from_where(kind):
    inequalities = REGIMES[kind]("quick").inequalities
    assert len({inequality.name for inequality in inequalities}) == len(inequalities)
    for inequality in inequalities:
        assert inequality.reason
        assert any(word in inequality.origin for word in ("stated", "recalled", "derived", "ours"))
        assert inequality.sides(Setup())  # of any setup


def test_the_teacher_matters_to_latents_only():
    regime = latents_regime("quick")
    pixels = regime.heart.replace(objective=MaskedPixels()).standard()
    assert not any("teacher" in text for text in regime.violations(pixels))


def test_setups_far_outside_are_legal_and_listed():
    far = Setup().replace(
        classes=2, dim=40, sparsity=0.0, power=1, init_scale=3.0, noise=1.0, weak=2.0, rate=9.0
    )
    for make in REGIMES.values():
        assert len(make("quick").violations(far)) >= 8
