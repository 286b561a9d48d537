"""Every file that asks a question answers it: a sentence a claim, and one or two in short."""

import importlib.util
from pathlib import Path

import pytest

from mrpcheck.answering import answers
from mrpcheck.claims import claim_of, control, with_probability
from mrpcheck.diagrams import phase_diagram

PROPERTIES = Path(__file__).parents[2] / "properties"
ASKING = sorted(
    path for path in PROPERTIES.glob("test_*.py") if "\nQUESTION = " in path.read_text()
)
SENTENCES = {"yes": "it lands on heads", "no": "it lands on tails too often"}


def claims_of(file):
    """The claims of a file by name; nothing is judged."""
    spec = importlib.util.spec_from_file_location(f"answering_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {name: claim_of(value) for name, value in vars(module).items()}
    return {name: claim for name, claim in found.items() if claim}


def complaints(claims):
    """What is wrong with the answers of a file, a sentence each."""
    answering = {name: claim for name, claim in claims.items() if claim.kind != "control"}
    headlines = [name for name, claim in claims.items() if claim.headline]
    found = [f"{name} has no answers" for name, claim in answering.items() if not claim.answers]
    found += [f"{name} is a control" for name in headlines if name not in answering]
    found += [
        f"{name} ends its sentence itself"
        for name, claim in answering.items()
        if any(text.rstrip().endswith(".") for text in claim.answers or ())
    ]
    if len(answering) == len(claims):
        found.append("there is no control")
    if len(headlines) not in (1, 2):
        found.append(f"headlines = {len(headlines)}, but should be 1 or 2")
    return found


@pytest.mark.parametrize("file", ASKING, ids=lambda file: file.stem.removeprefix("test_"))
def test_every_question_is_answered_claim_by_claim_and_in_short(file):
    assert complaints(claims_of(file)) == []


def test_many_files_ask():
    assert len(ASKING) >= 16


def coin(**headline):
    """A claim about a coin, with answers where a headline is yes or no."""

    @with_probability(at_least=0.9, tolerance=0.1)
    def heads(trials):
        return [True for _ in trials.numbers]

    return answers(**SENTENCES, **headline)(heads) if headline else heads


def fair():
    """A control about a coin."""

    @control(side=0.5)
    @with_probability(at_least=0.9, tolerance=0.1)
    def shown(side, trials):
        return [trials.generator("coin", t, "toss").random() < side for t in trials.numbers]

    return shown


def told(**coins):
    return complaints({name: claim_of(each) for name, each in coins.items()})


def test_one_or_two_headlines_are_right():
    first, second = coin(headline=True), coin(headline=True)
    assert told(first=first, fair=fair()) == []
    assert told(first=first, second=second, third=coin(headline=False), fair=fair()) == []


def test_none_and_three_are_wrong():
    three = {name: coin(headline=True) for name in ("a", "b", "c")}
    assert told(plain=coin(headline=False), fair=fair()) == ["headlines = 0, but should be 1 or 2"]
    assert told(**three, fair=fair()) == ["headlines = 3, but should be 1 or 2"]


def test_a_claim_without_answers_is_seen_and_a_control_needs_none():
    first = coin(headline=True)
    assert told(first=first, silent=coin(), fair=fair()) == ["silent has no answers"]
    assert told(first=first) == ["there is no control"]
    spoken = answers(**SENTENCES, headline=True)(fair())
    assert told(first=first, fair=spoken) == ["fair is a control"]


def test_a_full_stop_is_seen():
    stopped = answers(yes="heads.", no="tails", headline=True)(coin())
    assert told(stopped=stopped, fair=fair()) == ["stopped ends its sentence itself"]


def landing(**where):
    """The refuted answer of a map of coins."""

    @answers(**SENTENCES, against="what is said of coins", where=where)
    @phase_diagram(metal=["tin", "gold"], side=["red", "green"])
    @with_probability(at_least=0.9, tolerance=0.1)
    def heads(metal, side, trials):
        return [True for _ in trials.numbers]

    return claim_of(heads).answers[1].removeprefix(SENTENCES["no"])


def test_cells_that_contradict_are_named_by_the_values_of_axes():
    assert landing() == " (against what is said of coins)"
    told = ' (against what is said of coins, where side = "red" and metal = "tin")'
    assert landing(side="red", metal="tin") == told


@pytest.mark.parametrize("where", [{"side": "blue"}, {"edge": "red"}])
def test_cells_that_a_map_has_not_are_refused(where):
    (name, value), *_ = where.items()
    wanted = rf"where = {name}: {value}, but should be a value of one of its axes \(metal, side\)"
    with pytest.raises(ValueError, match=wanted):
        landing(**where)
