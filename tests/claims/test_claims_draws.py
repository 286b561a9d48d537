"""Draws read back from their JSON: what was drawn, or a sentence."""

from dataclasses import dataclass

import pytest

import mrpcheck
from mrpcheck.claims import claim_of, control, with_probability
from mrpcheck.draws import draw_of, identity, json_of, key_of
from mrpcheck.theorems import latents_regime, pixels_regime

claimed = with_probability(at_least=0.9, tolerance=0.1)


@dataclass(frozen=True)
class Coin:
    x: float

    def to_json(self):
        return {"x": self.x}


class Coins:
    def sample(self, n, seed):
        return [Coin(0.5)] * n


class Readable(Coins):
    def from_json(self, content):
        return Coin(**content)


def of_setup(setup, trials):
    """Something happens."""


def of_two(side, setup, trials):
    """Something happens to both."""


CLAIM, TWO = claim_of(claimed(of_setup)), claim_of(claimed(of_two))


def assert_read(claim, regimes, draw):
    read = draw_of(claim, regimes, json_of(draw))
    assert read == draw
    assert (key_of(read), identity(read)) == (key_of(draw), identity(draw))


@pytest.mark.parametrize("regime", [pixels_regime(), latents_regime()], ids=["pixels", "latents"])
def test_setups_are_read_back(regime):
    for setup in [regime.heart, *regime.sample(4, 7)]:
        for made in (setup, setup.derive(keep=0.3), setup.replace(samples=20)):
            assert_read(CLAIM, {"setup": regime}, {"setup": made})
            assert_read(CLAIM, {}, {"setup": made})
            assert_read(TWO, {}, {"side": 0.5, "setup": made})


@pytest.mark.parametrize("value", [0.1 + 0.2, 3, True, None, "heads", [1, 2.5], {"a": [0]}])
def test_plain_values_are_read_back(value):
    assert_read(CLAIM, {}, {"setup": value})
    assert_read(TWO, {}, {"side": value, "setup": 1})


def test_objects_are_read_back_by_their_regime():
    assert_read(CLAIM, {"setup": Readable()}, {"setup": Coin(0.25)})
    with pytest.raises(ValueError, match="should be read by a from_json of its regime"):
        draw_of(CLAIM, {"setup": Coins()}, {"x": 0.25})
    with pytest.raises(ValueError, match=r"setup = TypeError: .*, but should be what was drawn"):
        draw_of(CLAIM, {"setup": Readable()}, {"y": 0.25})


def test_what_a_claim_names_itself_is_taken_from_there():
    coin = object()
    named = claim_of(control(setup=coin)(claimed(of_setup)))
    assert draw_of(named, {}, json_of({"setup": coin})) == {"setup": coin}
    with pytest.raises(ValueError, match=r"should be something that JSON can carry"):
        draw_of(CLAIM, {}, json_of({"setup": coin}))


def loss(kernels, patches):
    return ((patches - patches @ kernels.T @ kernels) ** 2).mean()


def test_an_objective_of_ones_own_is_the_claims_and_never_the_records():
    setup = mrpcheck.Setup().derive(objective=loss)
    content = json_of({"setup": setup})
    named = claim_of(control(setup=setup)(claimed(of_setup)))
    assert draw_of(named, {}, content)["setup"] is setup
    with pytest.raises(ValueError, match=r"objective = function .*, but should be handed over"):
        draw_of(CLAIM, {}, content)
    content["objective"] = {"type": "os.system", "command": "true"}
    with pytest.raises(ValueError, match=r"objective type = 'os.system', but should be one of"):
        draw_of(named, {}, content)


@pytest.mark.parametrize(
    "content",
    [
        {"schema": "mrpcheck/setup/999"},
        {"schema": "mrpcheck/setup/1", "data": []},
        {**mrpcheck.Setup().to_json(), "recipe": {"steps": 10**400}},
        {**mrpcheck.Setup().to_json(), "parent": 3},
        {**mrpcheck.Setup().to_json(), "net": {"power": float("nan")}},
    ],
)
def test_a_damaged_setup_is_one_sentence(content):
    with pytest.raises(ValueError, match="but should ") as error:
        draw_of(CLAIM, {}, content)
    assert "\n" not in str(error.value)


def test_a_draw_without_what_the_claim_takes_is_refused():
    only = claim_of(claimed(lambda side, trials: None))
    assert_read(only, {}, {"side": 2.0})
    with pytest.raises(ValueError, match="but should hold side by name"):
        draw_of(only, {}, {"head": 2.0})
