"""A user's own objective trains in the same blocks, with nothing else to write."""

import subprocess
import sys

import pytest
import torch

from mrpcheck.events import Captured
from mrpcheck.nets import Net, activation
from mrpcheck.objectives import MaskedPixels, OwnObjective
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import finetune, pretrain
from mrpcheck.views import MultiView

SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=20, rate=0.3, steps=60),
)
DOUBLE = Trials(count=2, dtype="float64")
WEIGHT = 1.0


def masked_pixels(kernels, patches):
    """MaskedPixels(keep=0.5) by hand, for q = 3 and r = 0.3."""
    t = patches @ kernels.T
    a = torch.where(t > 0.3, t - 0.2, t.clamp_min(0) ** 3 / 0.27)
    decoded = a @ kernels
    loss = ((patches - decoded) ** 2).sum() + (decoded**2).sum()
    return WEIGHT * loss / 2 / len(patches)


def with_the_net(kernels, patches, net):
    decoded = activation(patches @ kernels.T, net) @ kernels
    return ((patches - decoded) ** 2 + decoded**2).sum() / 2 / len(patches)


@pytest.mark.parametrize("function", [masked_pixels, with_the_net])
def test_written_by_hand_it_trains_to_the_same_kernels(function):
    own, package = SETUP.derive(objective=function), SETUP.derive(objective=MaskedPixels())
    one, two = pretrain(own, DOUBLE), pretrain(package, DOUBLE)
    torch.testing.assert_close(one.kernels, two.kernels, rtol=1e-10, atol=1e-12)
    assert one.extra == {}
    near = pretrain(SETUP.derive(objective=MaskedPixels(keep=0.51)), DOUBLE)
    assert (near.kernels - one.kernels).abs().max() > 1e-4


def test_it_goes_wherever_an_objective_goes():
    own, package = SETUP.derive(objective=with_the_net), SETUP.derive(objective=MaskedPixels())
    one, two = pretrain(own, DOUBLE, Captured()), pretrain(package, DOUBLE, Captured())
    assert torch.equal(one.steps, two.steps)
    torch.testing.assert_close(
        finetune(one, own, DOUBLE).head, finetune(two, package, DOUBLE).head, rtol=1e-8, atol=1e-9
    )
    alone = pretrain(own, Trials(count=1, first=1, dtype="float64"), Captured())
    assert torch.equal(alone.kernels, one.kernels[1:])


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda kernels, patches: patches @ kernels.T, r"loss = \(20, 6, 8\), but should be a sca"),
        (lambda kernels, patches: kernels.sum().item(), r"loss = float, but should be a scalar"),
        (lambda kernels, patches: None, "loss = NoneType, but should be a scalar tensor"),
        (lambda kernels, patches: kernels.sum()[None], r"loss = \(1,\), but should be a scalar"),
        (lambda kernels, patches: patches.sum(), r"loss = .*, but should be differentiable"),
        (lambda kernels, patches: kernels.detach().sum(), "but should be differentiable"),
    ],
)
def test_a_wrong_loss_is_one_sentence(function, sentence):
    setup = SETUP.replace(objective=function)
    with pytest.raises(ValueError, match=sentence) as caught:
        pretrain(setup, Trials(count=1))
    assert str(caught.value).endswith("<lambda>]")


def test_what_it_raises_comes_through():
    def broken(kernels, patches):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        pretrain(SETUP.replace(objective=broken), Trials(count=1))


def weighed(weight):
    return lambda kernels, patches: weight * (kernels**2).sum()


def digest_of(function):
    return OwnObjective(function).source_digest


def test_names_and_digests():
    own = Setup(objective=masked_pixels).objective
    assert own.name.endswith("test_training_own.masked_pixels")
    assert own == OwnObjective(masked_pixels)
    assert digest_of(masked_pixels) != digest_of(with_the_net)
    assert digest_of(weighed(1)) == digest_of(weighed(1))
    assert digest_of(weighed(1)) != digest_of(weighed(2))
    big = [digest_of(weighed(torch.arange(2000.0) + bump * (torch.arange(2000) == 999)))
           for bump in (0, 1)]  # fmt: skip
    assert big[0] != big[1]


def outer(kernels, patches):
    return inner(kernels)


def inner(kernels):
    return WEIGHT * (kernels**2).sum()


def test_digests_see_what_the_function_reaches(monkeypatch):
    before = digest_of(masked_pixels), digest_of(outer)
    monkeypatch.setattr(sys.modules[__name__], "WEIGHT", 2.0)
    assert digest_of(masked_pixels) != before[0]
    assert digest_of(outer) != before[1]  # through the function it calls


def test_functions_without_source_are_told_apart():
    def made(body):
        names = {}
        exec(f"def f(kernels, patches, scale={body}): return kernels.sum() * {body}", names)
        return names["f"]

    assert digest_of(made("2")) == digest_of(made("2"))
    assert digest_of(made("2")) != digest_of(made("3"))


def test_digests_are_the_same_in_every_process(tmp_path):
    """Keys rest on them: no addresses, no hash order."""
    script = tmp_path / "mine.py"
    script.write_text(
        "from mrpcheck.setups import Setup\n"
        "class Thing: pass\n"
        "THING, NAMES = Thing(), {'a', 'b', 'c', 'd'}\n"
        "def part(kernels): return kernels.sum() if THING else len(NAMES)\n"
        "def mine(kernels, patches): return part(kernels)\n"
        "print(Setup(objective=mine).key)\n"
    )
    elsewhere = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "1", "PYTHONPATH": ":".join(filter(None, sys.path))},
    ).stdout
    found = {"__name__": "__main__"}
    exec(compile(script.read_text(), script, "exec"), found)
    assert Setup(objective=found["mine"]).key == elsewhere.strip()


def test_defaults_are_the_functions_own():
    def keeping(kernels, patches, keep=0.5):
        return keep * (kernels**2).sum()

    one = pretrain(SETUP.replace(objective=keeping, steps=3), Trials(count=1))
    assert one.kernels.isfinite().all()


def test_replay_needs_the_function_handed_over():
    setup = Setup(objective=masked_pixels)
    written = setup.to_json()
    assert written["objective"]["type"] == "function"
    assert written["objective"]["name"] == setup.objective.name
    assert Setup.from_json(written, objective=masked_pixels) == setup
    with pytest.raises(ValueError, match=r"^objective = function '.*', but should be handed over"):
        Setup.from_json(written)
    with pytest.raises(ValueError, match="but should be the function that was recorded"):
        Setup.from_json(written, objective=with_the_net)
