"""What tables over all systems are judged at: every system, each at a state that it has."""

import functools
import importlib.util
from pathlib import Path

import pytest
import torch

from mrpcheck import Captured
from mrpcheck.claims import claim_of
from mrpcheck.seeds import Trials
from mrpcheck.systems import end_of, system_setup, variants

PROPERTIES = Path(__file__).parents[2] / "properties"
OVER_ALL = [
    ("one_feature_per_kernel", "test_no_kernel_holds_two_features"),
    ("every_feature_captured", "test_every_feature_is_captured"),
    ("gain_over_supervised", "test_is_ahead_of_supervised_learning"),
    ("gain_over_supervised", "test_is_ahead_as_soon_as_all_is_captured"),
    ("probes_and_heads", "test_on_a_system_it_classifies"),
]
AWAY = "latents, pooled"


@functools.cache
def asking(name):
    """A file of questions as a module."""
    spec = importlib.util.spec_from_file_location(f"asking_{name}", PROPERTIES / f"test_{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def systems_on(file, test):
    """The values of a map's axis of systems."""
    diagram = claim_of(getattr(asking(file), test)).diagram
    (axis,) = (axis for axis in (diagram.x, diagram.y) if axis.name == "system")
    return list(axis.values)


@pytest.mark.parametrize(("file", "test"), OVER_ALL)
def test_tables_over_all_systems_leave_none_out(file, test):
    assert systems_on(file, test) == list(variants())


def test_correlations_over_all_systems_leave_none_out():
    assert list(variants()) == asking("captured_and_gain").SYSTEMS


def test_the_table_of_ends_leaves_out_those_that_have_none():
    found = systems_on("every_feature_captured", "test_every_feature_is_captured_at_the_end")
    assert set(variants()) - set(found) == {AWAY}


def test_only_what_runs_away_is_looked_at_before_its_recipes_end():
    assert end_of(system_setup(AWAY)) == Captured()
    assert end_of(system_setup(AWAY).derive(teacher="ema")) == Captured()
    assert [name for name in variants() if end_of(system_setup(name))] == [AWAY]


@pytest.mark.parametrize(
    "change", [{"context": "patch"}, {"teacher": "frozen"}, {"normalised": True}]
)
def test_latents_have_an_end_patch_by_patch_or_where_nothing_follows_them(change):
    assert end_of(system_setup(AWAY).derive(**change)) is None


def test_a_rank_correlation_is_one_in_order_and_zero_where_nothing_varies():
    rank = asking("captured_and_gain").rank_correlation
    counts = torch.tensor([[0, 3, 9], [0, 3, 9], [5, 5, 5], [1, 1, 2]])
    gains = torch.tensor([[-0.1, 0.0, 0.4], [0.4, 0.0, -0.1], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3]])
    assert rank(counts, gains) == pytest.approx([1.0, -1.0, 0.0, 0.75**0.5])


def test_shuffled_gains_are_the_same_in_another_order():
    shuffled = asking("captured_and_gain").shuffled
    gains = torch.arange(56.0).reshape(4, 14)
    found = shuffled(gains, "key", Trials(4))
    assert torch.equal(found.sort(1).values, gains) and not torch.equal(found, gains)
    assert torch.equal(found, shuffled(gains, "key", Trials(4)))
    ranks = found - gains[:, :1]
    assert not torch.equal(ranks[0], ranks[1])  # each trial in an order of its own
