"""A trial's random numbers depend on its key and on nothing else."""

import random

import numpy as np
import pytest
import torch

from mrpcheck.nets import Net, initial_kernels
from mrpcheck.seeds import Trials, digest, generator
from mrpcheck.views import MultiView, features, sample

DATA = MultiView(classes=4, dim=9, patches=12, single_view=0.3)
FIELDS = ("x", "label", "single_view", "feature", "strength", "features")


def drawn(trials, *, key="a", purpose="p", kind="mixed"):
    return sample(DATA, key, trials, 7, kind=kind, purpose=purpose)


def test_a_trial_is_the_same_in_every_request():
    block = drawn(Trials(count=6, first=2))
    for trials, at in ((Trials(count=1, first=4), 2), (Trials(count=3, first=3), 1)):
        part = drawn(trials)
        for name in FIELDS:
            mine = getattr(part, name)
            assert torch.equal(mine, getattr(block, name)[at : at + trials.count]), name
    assert not torch.equal(drawn(Trials(count=1, first=3)).x, block.x[2:3])


def test_float32_is_float64_rounded():
    single, double = drawn(Trials(count=2)), drawn(Trials(count=2, dtype="float64"))
    for name in FIELDS:
        assert torch.equal(getattr(single, name), getattr(double, name).to(getattr(single, name)))
    assert single.x.dtype == torch.float32
    assert not torch.equal(single.x.double(), double.x)
    start = [
        initial_kernels(Net(), 4, 9, "a", Trials(count=2, dtype=dtype))
        for dtype in ("float32", "float64")
    ]
    assert torch.equal(start[0], start[1].float())


@pytest.mark.parametrize(
    ("trials", "change"),
    [
        (Trials(count=2, seed=1), {}),
        (Trials(count=2, stream="confirm"), {}),
        (Trials(count=2), {"key": "b"}),
        (Trials(count=2), {"purpose": "q"}),
    ],
)
def test_another_key_gives_other_numbers(trials, change):
    one, two = drawn(Trials(count=2)).x, drawn(trials, **change).x
    assert not torch.isclose(one, two).all(-1).any()
    # of 2 * 7 * 12 * 9 values none agree but for probability 1e-6 and less
    assert (one == two).sum() == 0


def test_device_horizon_and_patience_change_nothing():
    one = drawn(Trials(count=2))
    two = drawn(Trials(count=2, horizon=2, patient=False))
    assert torch.equal(one.x, two.x)


def test_features_and_kernels_do_not_depend_on_the_purpose_of_samples():
    one, two = drawn(Trials(count=2), purpose="p"), drawn(Trials(count=2), purpose="q")
    assert torch.equal(one.features, two.features)
    assert torch.equal(one.features, features(DATA, "a", Trials(count=2)))


def test_fixing_holds_a_purpose():
    trials = Trials(count=4, first=3).fixing("p")
    samples = drawn(trials)
    assert torch.equal(samples.label, samples.label[:1].expand(4, -1))
    assert not torch.equal(samples.features[0], samples.features[1])
    zero = drawn(Trials(count=1))
    assert torch.equal(samples.label[:1], zero.label)
    both = drawn(trials.fixing("features"))
    assert torch.equal(both.x, zero.x.expand(4, -1, -1, -1))
    start = initial_kernels(Net(), 4, 9, "a", trials)
    assert not torch.equal(start[0], start[1])


def test_redrawing_gives_a_purpose_fresh_numbers_and_leaves_the_others():
    plain, again = drawn(Trials(count=3)), drawn(Trials(count=3).redrawing("p"))
    assert not (plain.x == again.x).any()
    assert torch.equal(plain.features, again.features)
    assert not torch.equal(drawn(Trials(count=3).redrawing("features")).features, plain.features)
    twice = drawn(Trials(count=3).redrawing("p", "q"))
    assert torch.equal(twice.x, again.x)
    assert not torch.equal(again.label[0], again.label[1])


def test_equal_keys_are_equal_generators_and_no_others():
    draws = {
        key: tuple(generator(*key).random(3))
        for key in [(0, "a", "s", 0, "p"), (0, "a", "s", 1, "p"), (0, "as", "", 0, "p"), (0, "a")]
    }
    assert len(set(draws.values())) == len(draws)
    assert draws[(0, "a")] == tuple(generator(0, "a").random(3))


def test_a_digest_is_the_same_on_every_machine():
    assert digest("a", 1, {"b": 2.5, "a": None}) == "639191905b591b7eca78f17d801dc8d2"
    assert digest("a", 1, {"a": None, "b": 2.5}) == digest("a", 1, {"b": 2.5, "a": None})
    assert digest(["ab"]) != digest(["a", "b"])


def test_the_numbers_of_a_key_are_what_they_were():
    """Replay of old records rests on this: a change of generator must be noticed."""
    trials = Trials(count=1, seed=5)
    np.testing.assert_array_equal(
        trials.generator("key", 0, "kernels").random(2), [0.20546991609146315, 0.008892267481334426]
    )


def test_sampling_leaves_global_generators_alone():
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    before = (random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state())
    drawn(Trials(count=2, seed=99))
    initial_kernels(Net(), 4, 9, "a", Trials(count=2))
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])
    assert torch.equal(torch.get_rng_state(), before[2])


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"count": 1, "first": -1}, {"count": 1, "dtype": "float16"}]
)
def test_impossible_requests_are_refused(wrong):
    with pytest.raises(ValueError, match=r"^(trials|dtype) = .*, but should be .* \[Trials\]$"):
        Trials(**wrong)


def test_notes_and_failures_are_kept_by_absolute_number():
    trials = Trials(count=3, first=16)
    trials.fail([False, True, False])
    trials.note(margin=torch.tensor([0.5, -1.0, 2.0]))
    assert trials.facts.failed == {17}
    assert trials.facts.notes == {"margin": [0.5, -1.0, 2.0]}
    with pytest.raises(ValueError, match=r"len\(margin\) = 2, but should be 3"):
        trials.note(margin=[1.0, 2.0])
