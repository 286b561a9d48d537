"""What the decorators make of a function, and what they refuse."""

import inspect
import subprocess
import sys

import pytest
from hypothesis import given, strategies as st

from mrpcheck.claims import claim_of, control, on_average, refuted, with_probability

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestCollectionWarning")


def event(setup, trials):
    """The coin lands.

    It is a coin.

    Origin: statement recalled;
        setting ours.

    More.
    """
    return [True] * trials.count


def test_a_claim_hides_its_trials_and_keeps_its_name():
    claim = with_probability(at_least=0.9, tolerance=0.1)(event)
    assert claim.__name__ == "event"
    assert claim.__qualname__ == event.__qualname__
    assert claim.__module__ == event.__module__
    assert claim.__doc__ == event.__doc__
    assert not hasattr(claim, "__wrapped__")
    assert list(inspect.signature(claim).parameters) == ["setup"]


def test_given_accepts_the_claim_and_passes_it_on():
    test = given(setup=st.just(1))(with_probability(at_least=0.9, tolerance=0.1)(event))
    assert list(inspect.signature(test).parameters) == []
    claim = claim_of(test)
    assert (claim.at_least, claim.tolerance, claim.bounds, claim.kind) == (0.9, 0.1, None, "claim")
    assert claim.statement == "The coin lands."
    assert claim.origin == "statement recalled; setting ours."


def test_the_module_says_where_a_claim_comes_from_if_the_claim_does_not():
    def quiet(setup, trials):
        pass

    claim = claim_of(with_probability(at_least=0.9, tolerance=0.1)(quiet))
    assert claim.statement == ""
    assert claim.origin == ""  # this module names no origin either


def test_control_names_what_is_drawn():
    test = control(setup=3)(with_probability(at_least=0.9, tolerance=0.1)(event))
    assert claim_of(test).kind == "control"
    assert claim_of(test).named == ({"setup": 3},)
    assert list(inspect.signature(test).parameters) == []


def test_refuted_stands_above_given():
    test = refuted(because="why not")(
        given(setup=st.just(1))(with_probability(at_least=0.9, tolerance=0.1)(event))
    )
    assert claim_of(test).kind == "refuted"
    assert claim_of(test).because == "why not"


def test_a_mean_declares_its_bounds():
    test = on_average(at_least=0.05, tolerance=0.05, bounds=(-1, 1))(event)
    assert claim_of(test).bounds == (-1, 1)


def test_the_source_of_a_claim_is_digested_with_its_numbers():
    one, two, other = (
        claim_of(with_probability(at_least=p, tolerance=0.1)(event)).source for p in (0.9, 0.9, 0.8)
    )
    assert one == two != other


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: with_probability(at_least=1.5, tolerance=0.1), "at_least = 1.5, but should be"),
        (lambda: with_probability(at_least=0.5, tolerance=0.6), "tolerance = 0.6, but should be"),
        (lambda: on_average(at_least=2, tolerance=0.1, bounds=(-1, 1)), "at_least = 2, but should"),
        (lambda: on_average(at_least=0, tolerance=0.1, bounds=(1, -1)), "bounds = "),
    ],
)
def test_numbers_that_no_claim_can_have_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_decorators_in_the_wrong_order_are_refused():
    claim = with_probability(at_least=0.9, tolerance=0.1)
    with pytest.raises(TypeError, match="@given = inside the claim, but should be outside"):
        claim(given(setup=st.just(1))(lambda setup, trials: None))
    with pytest.raises(TypeError, match="no `trials`"):
        claim(lambda setup: None)
    with pytest.raises(TypeError, match="should be above a claim"):
        refuted(because="")(event)
    with pytest.raises(TypeError, match="should be without it"):
        control(setup=1)(given(setup=st.just(1))(claim(event)))
    with pytest.raises(TypeError, match="should name what the claim takes: setup"):
        control(stup=1)(claim(event))
    with pytest.raises(TypeError, match="should stand alone"):
        refuted(because="")(control(setup=1)(claim(event)))


def test_a_claim_that_is_called_says_how_it_is_judged():
    with pytest.raises(TypeError, match=r"should be judged: by pytest .* or by .*judge"):
        with_probability(at_least=0.9, tolerance=0.1)(event)(setup=1)


@pytest.mark.parametrize("module", ["claims", "trends", "judging", "records", "merging", "plugin"])
def test_the_walls_stand(module):
    """Importing these imports neither torch nor Hypothesis."""
    code = f"import sys, mrpcheck.{module}; print({{'torch', 'hypothesis'}} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
