"""A recipe's clock: written where it is a flow, and never where it was not there before."""

import json

import pytest

from mrpcheck import GradientDescent, GradientFlow, MaskedLatents, MaskedPixels, Recipe, Setup
from mrpcheck.nets import Net
from mrpcheck.recipes import LONGEST, standard_recipe

KEYS = {  # as they were before recipes had a clock: random numbers are named by them
    Setup(): "ea932700e4e15ee4f54e3cad78bf37a2",
    Setup(objective=MaskedLatents()): "70facbf4501b186e0ceb93dfee251645",
}
FLOW = Setup().replace(clock=GradientFlow(1e-3))


def test_keys_stay_what_they_were():
    for setup, key in KEYS.items():
        assert setup.key == key
        assert "clock" not in json.dumps(setup.to_json())
    assert FLOW.key not in KEYS.values()
    assert FLOW.derive(clock=None).to_json()["recipe"] == Setup().to_json()["recipe"]


def test_descent_is_another_way_to_write_rate_and_steps():
    one = Recipe(clock=GradientDescent(0.2, 500), tune_steps=7)
    assert one == Recipe(rate=0.2, steps=500, tune_steps=7)
    assert one.clock is None
    setup = FLOW.replace(clock=GradientDescent(rate=0.2, steps=500))
    assert setup == Setup().replace(rate=0.2, steps=500)
    assert setup.key == Setup().replace(rate=0.2, steps=500).key
    assert setup.recipe != FLOW.recipe


def test_a_flow_comes_back_and_is_a_setup_of_its_own():
    for setup in (FLOW, FLOW.derive(noise=0.02)):
        again = Setup.from_json(json.dumps(setup.to_json()))
        assert again == setup
        assert again.recipe.flow == GradientFlow(1e-3)
        assert again.key == setup.key
    assert len({FLOW.key, Setup().key, FLOW.replace(clock=GradientFlow(1e-4)).key}) == 3
    assert Setup().derive(clock=GradientFlow()).key == Setup().key
    assert "gradient flow (0.001) for 240, then 300" in str(FLOW)
    assert "600 steps at 0.4, then 300 at 1" in str(Setup())


def test_the_standard_recipe_keeps_the_clock_and_lets_a_flow_wait():
    slow = Setup(objective=MaskedLatents(teacher_scale=1.6)).replace(init_scale=0.003)
    descent, flow = slow.standard(), slow.replace(clock=GradientFlow()).standard()
    assert descent.recipe.steps == LONGEST
    assert flow.recipe.steps > LONGEST
    assert flow.recipe.flow == GradientFlow()
    assert (flow.recipe.rate, flow.recipe.tune_rate) == (
        descent.recipe.rate,
        descent.recipe.tune_rate,
    )
    never = Setup(net=Net(init_scale=0.0))
    standard_recipe(never.data, never.net, never.objective, 5, GradientFlow())


@pytest.mark.parametrize(
    "objective",
    [
        MaskedLatents(teacher="ema"),
        MaskedLatents(masks="sampled"),
        MaskedPixels(masks="sampled"),
    ],
    ids=str,
)
def test_what_changes_by_the_step_has_no_flow(objective):
    Setup(objective=objective)
    with pytest.raises(ValueError, match=r"^(teacher|masks) = '\w+', but should .* flow.*\[Setup"):
        FLOW.replace(objective=objective)
    with pytest.raises(ValueError, match=r"along a gradient flow"):
        Setup(objective=objective).derive(clock=GradientFlow())
    FLOW.replace(objective=MaskedLatents(teacher="frozen"))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: GradientFlow(0.0), r"^tolerance = 0.0, but should be in \[1e-12, 0.1\] \[Grad"),
        (lambda: GradientFlow(float("nan")), r"^tolerance = nan, but should be in"),
        (lambda: GradientFlow(0.2), r"^tolerance = 0.2, but should be in"),
        (lambda: GradientDescent(0.0, 5), r"^rate = 0.0, but should be finite and above 0 \[Grad"),
        (lambda: GradientDescent(0.1, 0), r"^steps = 0, but should be a whole number >= 1 \[Grad"),
        (lambda: GradientDescent(0.1, 1.5), r"^steps = 1.5, but should be a whole number"),
    ],
)
def test_impossible_clocks_are_one_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_what_is_not_a_clock_is_one_sentence():
    with pytest.raises(TypeError, match=r"^clock = 'flow', but should be None, .* \[Recipe\]$"):
        Recipe(clock="flow")


@pytest.mark.parametrize(
    "clock",
    [
        None,
        "GradientFlow",
        {},
        [],
        {"type": "GradientDescent", "rate": 0.1, "steps": 5},
        {"type": ["GradientFlow"]},
        {"type": "GradientFlow", "tolerance": "1e-3"},
        {"type": "GradientFlow", "tolerance": True},
        {"type": "GradientFlow", "tolerance": -1.0},
        {"type": "GradientFlow", "rate": 0.1},
    ],
    ids=str,
)
def test_json_that_is_not_a_flow_is_one_sentence(clock):
    content = FLOW.to_json()
    content["recipe"]["clock"] = clock
    with pytest.raises(ValueError, match=r", but should .* \[[A-Z]\w+(\.from_json)?\]$") as caught:
        Setup.from_json(json.dumps(content))
    assert "\n" not in str(caught.value)
    content["recipe"]["clock"] = {"type": "GradientFlow", "tolerance": 1e-3}
    assert Setup.from_json(json.dumps(content)) == FLOW
