"""Keys, derived setups, and wrong changes."""

import pytest

from mrpcheck import strategies as st
from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup, standard_recipe
from mrpcheck.views import MultiView, sample


def test_setups_are_values():
    one, two = Setup(), Setup(data=MultiView(), net=Net())
    assert one == two
    assert len({one, two}) == 1
    assert one.key == two.key
    assert len(one.key) == 32
    with pytest.raises(AttributeError):
        one.net = Net()


def test_equal_setups_have_one_key_however_their_numbers_are_written():
    one, two = Setup().replace(sparsity=3, power=4), Setup().replace(sparsity=3.0, power=4.0)
    assert one == two
    assert one.key == two.key
    assert one.to_json() == two.to_json()
    assert type(one.to_json()["data"]["sparsity"]) is float


@pytest.mark.parametrize(
    "change",
    [
        {"sparsity": 2.5},
        {"power": 3.0},
        {"keep": 0.4},
        {"samples": 151},
        {"objective": MaskedLatents()},
        {"axes": True},
    ],
)
def test_replace_draws_anew_and_derive_does_not(change):
    setup = Setup()
    fresh, arm = setup.replace(**change), setup.derive(**change)
    assert fresh.key not in (setup.key, arm.key)
    assert arm.key == setup.key
    assert arm != fresh
    assert arm.digest == fresh.digest == fresh.key
    assert fresh.parent is None


def test_derived_arms_share_their_data_and_replaced_ones_do_not():
    setup, trials = Setup(), Trials(count=1)

    def x(of):
        return sample(of.data, of.key, trials, 2, purpose="training samples").x

    assert (x(setup) == x(setup.derive(keep=0.4))).all()
    assert (x(setup) != x(setup.replace(keep=0.4))).all()


def test_keys_are_inherited_from_the_first():
    setup = Setup()
    once = setup.derive(keep=0.4)
    assert once.derive(keep=0.3).key == setup.key
    assert once.derive(keep=0.5) != setup  # it has a parent
    assert once.replace(keep=0.3).key == setup.replace(keep=0.3).key
    assert once.standard().key == setup.key


def test_two_drawn_setups_never_share_randomness():
    for strategy in (st.setups(), st.latents_setups()):
        panel = strategy.regime.sample(60, 0)
        assert len({setup.key for setup in panel}) == 60
    near = Setup().replace(noise=0.010001)
    assert near.key != Setup().key


def test_changes_reach_every_part():
    setup = Setup().replace(classes=4, power=3, keep=0.25, rate=0.1)
    assert (setup.data.classes, setup.net.power) == (4, 3)
    assert (setup.objective.keep, setup.recipe.rate) == (0.25, 0.1)
    whole = Setup().replace(net=Net(power=5), threshold=0.2)
    assert (whole.net.power, whole.net.threshold) == (5, 0.2)
    assert Setup().kernels == 30


@pytest.mark.parametrize("how", ["replace", "derive"])
def test_an_unknown_field_is_one_sentence(how):
    change = getattr(Setup(), how)
    with pytest.raises(TypeError, match=r"^klasses = 4, but should be a field of .* \[Setup"):
        change(klasses=4)
    with pytest.raises(TypeError, match=r"^teacher_scale = 2, but should be a field"):
        change(teacher_scale=2)  # a field of MaskedLatents only
    with pytest.raises(TypeError, match=r"^parent = 'a', but should be a field"):
        change(parent="a")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dim": 3}, r"^dim = 3, but should be at least kV = 10 \[MultiView\]$"),
        ({"power": 0.5}, r"^power = 0.5, but should be .* \[Net\]$"),
        ({"keep": 2}, r"^keep = 2, but should be in \(0, 1\] \[MaskedPixels\]$"),
        ({"steps": 0}, r"^steps = 0, but should be a whole number >= 1 \[Recipe\]$"),
        ({"steps": 1.5}, r"^steps = 1.5, but should be a whole number >= 1 \[Recipe\]$"),
        ({"samples": 0}, r"^samples = 0, but should be .* \[Recipe\]$"),
        ({"rate": 0.0}, r"^rate = 0.0, but should be finite and above 0 \[Recipe\]$"),
        ({"tune_rate": float("nan")}, r"^tune_rate = nan, but should be finite .* \[Recipe\]$"),
    ],
)
def test_impossible_changes_are_one_sentence(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        Setup().replace(**change)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"data": {}}, "data"),
        ({"net": None}, "net"),
        ({"objective": "MaskedPixels"}, "objective"),
        ({"objective": MaskedPixels}, "objective"),  # the class, not an objective
        ({"objective": print}, "objective"),
        ({"objective": lambda kernels: kernels.sum()}, "objective"),
        ({"objective": lambda a, b, c, d: a.sum()}, "objective"),
        ({"recipe": Net()}, "recipe"),
    ],
)
def test_wrong_parts_are_one_sentence(parts, name):
    for make in (Setup, Setup().replace, Setup().derive):
        with pytest.raises(TypeError, match=rf"^{name} = .*, but should be .* \[Setup\]$"):
            make(**parts)


def test_the_standard_recipe_is_a_formula():
    setup = Setup().replace(samples=77).standard()
    again = standard_recipe(setup.data, setup.net, setup.objective, 77)
    assert setup.recipe == again
    assert setup.recipe.samples == 77
    slower = setup.replace(init_scale=0.03).standard().recipe
    assert slower.steps > setup.recipe.steps
    assert slower.rate == setup.recipe.rate
    assert standard_recipe(setup.data, Net(init_scale=0.0), setup.objective, 5).steps < 10**6


def test_a_setup_prints_what_it_is():
    text = str(Setup().replace(classes=4, keep=0.25))
    for part in ("k=4", "q=4", "keep=0.25", "N=150"):
        assert part in text
