"""The regime of every system: draws lie inside, and its neighbours outside."""

import json
from dataclasses import fields
from random import Random

import pytest
from hypothesis import find, settings

from mrpcheck import strategies as st
from mrpcheck.departures import DEPARTURES
from mrpcheck.nets import Net
from mrpcheck.plain import LATE
from mrpcheck.setups import Setup
from mrpcheck.systems import system_regime, system_setup, system_setups, variants
from mrpcheck.theorems import latents_regime, pixels_regime
from mrpcheck.views import MultiView


@pytest.mark.parametrize("name", variants())
def test_draws_lie_inside_with_the_systems_own_recipe(name):
    regime = system_regime(name)
    assert regime.violations(regime.heart) == []
    for setup in regime.sample(4, seed=5):
        assert regime.violations(setup) == []
        assert type(setup.objective) is type(variants()[name])
        assert setup.recipe == setup.standard().recipe
        back = Setup.from_json(json.loads(json.dumps(setup.to_json())))
        assert back == setup and back.key == setup.key
    assert len({setup.key for setup in regime.sample(4, seed=5)}) == 4


@pytest.mark.parametrize("name", ["contrastive", "latents, pooled"])
def test_what_leaves_the_regime_is_named(name):
    regime = system_regime(name)
    faster = regime.heart.replace(rate=2 * regime.heart.recipe.rate)
    shorter = regime.heart.replace(steps=regime.heart.recipe.steps // 2)
    noisier = regime.heart.replace(noise=0.2)
    assert any("rate of the standard recipe" in text for text in regime.violations(faster))
    assert any("steps of the standard recipe" in text for text in regime.violations(shorter))
    assert any("Gaussian noise" in text for text in regime.violations(noisier))


def test_systems_share_everything_but_the_objective_and_its_recipe():
    setups = system_setups()
    assert len(setups) >= 12
    assert len({(s.key, s.data, s.net, s.recipe.samples) for s in setups.values()}) == 1
    assert len({str(s.objective) for s in setups.values()}) == len(setups)


def test_hypothesis_shrinks_a_systems_setups_to_its_heart():
    quiet = settings(database=None, max_examples=20)
    found = find(
        st.systems_setups("BEiT (tokens)"), lambda setup: True, random=Random(1), settings=quiet
    )
    assert found.digest == system_setup("BEiT (tokens)").digest


def test_a_system_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="system = 'BERT', but should be one of BEiT"):
        system_regime("BERT")


LEFT = {
    "body": "residual", "initialisation": "orthogonal", "correlation": 0.5, "coverage": 0.5,
    "imbalance": 8.0, "tails": "student",
}  # fmt: skip


@pytest.mark.parametrize("name", DEPARTURES)
def test_what_the_theorems_take_for_granted_is_a_condition(name):
    """Of every regime of the theorems; one that is asked of the departure holds nothing else."""
    change = {name: LEFT[name], **({"masks": "sampled"} if name == "body" else {})}
    for own in (pixels_regime(), latents_regime(), system_regime("MAE (others, free)")):
        (sentence,) = own.violations(own.heart.derive(**change))
        assert DEPARTURES[name].name in sentence and DEPARTURES[name].reason in sentence
    regime = system_regime("pixels, patch, tied", **change)
    for setup in (regime.heart, *regime.sample(3, seed=6)):
        assert LEFT[name] in (getattr(setup.net, name, None), getattr(setup.data, name, None))
        assert regime.violations(setup) == []
    (sentence,) = regime.violations(system_setup("pixels, patch, tied"))
    assert f"{name} other than {LEFT[name]}" in sentence


def test_every_hyperparameter_that_came_later_is_a_departure_or_has_a_condition():
    late = {f.name for part in (Net, MultiView) for f in fields(part) if f.metadata == LATE}
    assert late - {"depth", "heads", "activation"} == set(DEPARTURES)
    gelu = pixels_regime().heart.derive(activation="gelu")
    assert any("smallest power q" in text for text in pixels_regime().violations(gelu))
