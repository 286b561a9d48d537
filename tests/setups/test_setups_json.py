"""Setups to JSON and back; what is not a setup gets one sentence."""

import json
from dataclasses import fields

import pytest
from hypothesis import given, settings, strategies as hs

from mrpcheck import strategies as st
from mrpcheck.clocks import GradientFlow
from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.setups import Recipe, Setup
from mrpcheck.views import MultiView

quick = settings(max_examples=30, deadline=None, database=None, derandomize=True)
shares = hs.floats(0, 1)
positive = hs.floats(1e-6, 1e6)


@hs.composite
def any_setups(draw):
    """Setups from all over, theorem regimes or not."""
    k = draw(hs.integers(2, 9))
    views = draw(hs.integers(1, 4))
    each = draw(hs.integers(1, 3))
    ends = hs.lists(positive, min_size=2, max_size=2).map(sorted).map(tuple)
    data = MultiView(
        classes=k,
        views=views,
        dim=k * views + draw(hs.integers(0, 9)),
        patches=k * views * each + draw(hs.integers(0, 9)),
        patches_per_feature=each,
        sparsity=draw(hs.floats(0, k) | hs.integers(0, k)),
        single_view=draw(shares),
        noise=draw(positive),
        own=draw(ends),
        other=draw(ends),
        split=draw(hs.sampled_from(["equal", "random"])),
        axes=draw(hs.booleans()),
    )
    net = Net(power=draw(hs.floats(1, 9) | hs.integers(1, 9)), threshold=draw(positive))
    masks, context = hs.sampled_from(["exact", "sampled"]), hs.sampled_from(["patch", "others"])
    objective = draw(
        hs.builds(MaskedPixels, keep=positive.map(lambda v: min(v, 1.0)), masks=masks)
        | hs.builds(MaskedLatents, context=context, teacher_scale=positive, momentum=shares)
    )
    recipe = Recipe(samples=draw(hs.integers(1, 99)), rate=draw(positive))
    return Setup(data=data, net=net, objective=objective, recipe=recipe)


def round_trip(setup):
    text = json.dumps(setup.to_json())
    again = Setup.from_json(text)
    assert again == setup
    assert hash(again) == hash(setup)
    assert again.key == setup.key
    assert again.to_json() == setup.to_json()
    assert str(again) == str(setup)
    assert Setup.from_json(setup.to_json()) == setup
    return again


@quick
@given(any_setups())
def test_any_setup_comes_back(setup):
    round_trip(setup)
    derived = setup.derive(single_view=0.125)
    assert round_trip(derived).parent == setup.key
    assert json.loads(json.dumps(derived.to_json()))["parent"] == setup.key


@quick
@given(hs.one_of(st.setups(), st.latents_setups()))
def test_drawn_setups_come_back(setup):
    round_trip(setup)


def early(kind):
    """The fields that are written at their defaults too."""
    return {f.name for f in fields(kind) if not f.metadata.get("late")}


def test_every_field_is_written():
    written = Setup(objective=MaskedLatents()).to_json()
    for part, kind in (("data", MultiView), ("net", Net), ("recipe", Recipe)):
        assert written[part].keys() == early(kind) - {"clock"}
    flow = Setup(recipe=Recipe(clock=GradientFlow())).to_json()["recipe"]
    assert flow.keys() == early(Recipe)
    assert flow["clock"].keys() - {"type"} == GradientFlow.__dataclass_fields__.keys()
    assert written["objective"].keys() - {"type"} == early(MaskedLatents)


def changed(path, value):
    content = Setup().to_json()
    *parents, last = path
    target = content
    for name in parents:
        target = target[name]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return json.dumps(content)


BROKEN = {
    "empty": "",
    "half": json.dumps(Setup().to_json())[:-5],
    "not text": "setup()",
    "deep": "[" * 100_000,
    "a list": "[]",
    "a number": "3",
    "null": "null",
    "no schema": changed(["schema"], ...),
    "another schema": changed(["schema"], "mrpcheck/setup/2"),
    "a schema that is a list": changed(["schema"], []),
    "something more": changed(["code"], "import os"),
    "no data": changed(["data"], ...),
    "no objective": changed(["objective"], ...),
    "data null": changed(["data"], None),
    "net a list": changed(["net"], []),
    "recipe a text": changed(["recipe"], "quick"),
    "an unknown field": changed(["data", "klasses"], 4),
    "text for a number": changed(["data", "classes"], "4"),
    "float for a whole number": changed(["data", "classes"], 4.0),
    "true for a number": changed(["data", "views"], True),
    "a number for true": changed(["data", "axes"], 1),
    "null for a number": changed(["net", "power"], None),
    "NaN": changed(["net", "power"], float("nan")),
    "infinity": changed(["recipe", "rate"], float("inf")),
    "a huge float": json.dumps(Setup().to_json()).replace("0.4,", "1e999,"),
    "a huge whole number": changed(["recipe", "rate"], 10**400),
    "a number too long to read": json.dumps(Setup().to_json()).replace("0.4,", "9" * 5000 + ","),
    "a list for a number": changed(["data", "noise"], [0.1]),
    "a range of three": changed(["data", "own"], [1, 2, 3]),
    "a range of texts": changed(["data", "own"], ["1", "2"]),
    "a range reversed": changed(["data", "own"], [2, 1]),
    "too many classes": changed(["data", "classes"], 10**9),
    "negative": changed(["data", "noise"], -1),
    "no room": changed(["data", "patches"], 3),
    "q below 1": changed(["net", "power"], 0.5),
    "keep 0": changed(["objective", "keep"], 0),
    "no steps": changed(["recipe", "steps"], 0),
    "rate 0": changed(["recipe", "rate"], 0),
    "an unknown context": changed(["objective", "context"], "whole"),
    "an unknown objective": changed(["objective", "type"], "Masked"),
    "a class path": changed(["objective", "type"], "os.system"),
    "a type that is a list": changed(["objective", "type"], ["MaskedPixels"]),
    "a type that is null": changed(["objective", "type"], None),
    "no type": changed(["objective", "type"], ...),
    "an objective that is a text": changed(["objective"], "MaskedPixels"),
    "a function": changed(["objective"], {"type": "function", "name": "os.system"}),
    "a field of another objective": changed(["objective", "teacher"], "ema"),
    "a parent that is a number": changed(["parent"], 7),
    "a parent that is a list": changed(["parent"], ["a"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_not_a_setup_gets_one_sentence(case):
    with pytest.raises(ValueError, match=r", but should .* \[[A-Z]\w+(\.from_json)?\]$") as caught:
        Setup.from_json(BROKEN[case])
    assert type(caught.value) is ValueError
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_their_neighbours_are_setups():
    assert Setup.from_json(changed(["data", "noise"], 0)).data.noise == 0
    assert Setup.from_json(changed(["data", "own"], [1, 2])) == Setup()
    assert Setup.from_json(changed(["recipe", "rate"], 10**3)).recipe.rate == 1000
    assert Setup.from_json(changed(["parent"], "abc")).key == "abc"
    assert Setup.from_json(changed(["net", "power"], ...)) == Setup()


@settings(max_examples=80, deadline=None, database=None, derandomize=True)
@given(hs.data())
def test_a_setup_mangled_anywhere_is_one_sentence_or_a_setup(data):
    content = Setup().to_json()
    part = data.draw(hs.sampled_from(sorted(content)))
    junk = hs.recursive(
        hs.none() | hs.booleans() | hs.integers() | hs.floats() | hs.text(max_size=5),
        lambda inner: hs.lists(inner, max_size=3) | hs.dictionaries(hs.text(max_size=5), inner),
        max_leaves=5,
    )
    if isinstance(content[part], dict) and data.draw(hs.booleans()):
        content[part][data.draw(hs.sampled_from(sorted(content[part])))] = data.draw(junk)
    else:
        content[part] = data.draw(junk)
    try:
        setup = Setup.from_json(json.dumps(content))
    except ValueError as error:
        assert ", but should " in str(error)
    else:
        round_trip(setup)
