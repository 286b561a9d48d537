"""Whole trainings on a CUDA device: those of the CPU, and the same in any group."""

import pytest
import torch

from mrpcheck import cuda_graphs, descent
from mrpcheck.events import Captured, Plateau
from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView

DEVICE = "cuda"
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is there")

SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=24, rate=0.1, steps=60, tune_rate=0.4, tune_steps=20),
)
OBJECTIVES = [
    *(MaskedPixels(context=c, decoder=d) for c in ("patch", "pooled", "others")
      for d in ("tied", "free")),
    *(MaskedLatents(teacher_scale=1.5, context=c, teacher=t) for c in ("patch", "pooled", "others")
      for t in ("scaled", "ema", "frozen")),
    MaskedPixels(masks="sampled"),
    MaskedLatents(teacher_scale=1.5, masks="sampled"),
]  # fmt: skip
DTYPES = pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-9)], ids=["float32", "float64"]
)  # of the largest entry, after whole trainings: ten times that of one gradient


def trained(setup, **which):
    """What all ways of training come to, by name, on the CPU."""
    trials = Trials(**which)
    encoder = pretrain(setup, trials)
    found = {"pretrain": encoder, "plateau": pretrain(setup, trials, Plateau(over=5))}
    found |= {f"{n:g} captures": pretrain(setup, trials, Captured(times=n)) for n in (1, 1.5)}
    found |= {end.__name__: end(encoder, setup, trials) for end in (finetune, linear_probe)}
    found |= {head: supervise(setup, trials, head) for head in ("fixed", "trained")}
    return {
        (how, name): getattr(model, name).cpu()
        for how, model in found.items()
        for name in ("kernels", "head", "steps", "reached", "diverged")
        if hasattr(model, name)
    }


@DTYPES
@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_trainings_are_those_of_the_cpu(objective, dtype, tolerance):
    setup = SETUP.replace(objective=objective)
    expected = trained(setup, count=4, dtype=dtype)
    for name, value in trained(setup, count=4, dtype=dtype, device=DEVICE).items():
        if not value.is_floating_point():
            assert torch.equal(value, expected[name]), name
            continue
        error = (value - expected[name]).flatten(1).abs().amax(1)
        assert (error <= tolerance * expected[name].flatten(1).abs().amax(1)).all(), name


@DTYPES
@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_a_trial_is_the_same_in_any_group(objective, dtype, tolerance):
    setup = SETUP.replace(objective=objective, steps=8, tune_steps=4)
    whole = trained(setup, count=64, dtype=dtype, device=DEVICE)
    for count in (1, 2, 7):
        part = trained(setup, count=count, first=3, dtype=dtype, device=DEVICE)
        for name, value in part.items():
            assert torch.equal(value, whole[name][3 : 3 + count]), name  # bitwise


@pytest.mark.parametrize("objective", OBJECTIVES[:-2], ids=str)
def test_graphs_are_trusted_and_change_nothing(monkeypatch, caplog, objective):
    setup = SETUP.replace(objective=objective)
    recorded = trained(setup, count=5, device=DEVICE)
    assert not caplog.records  # every recording was proved
    monkeypatch.setenv("MRPCHECK_STORE", "/dev/null/nowhere")  # nothing is read back
    monkeypatch.setattr(cuda_graphs, "capture", lambda step: step)
    for name, value in trained(setup, count=5, device=DEVICE).items():
        assert torch.equal(value, recorded[name]), name  # bitwise


def test_groups_that_do_not_fit_are_split(monkeypatch):
    setup = SETUP.replace(objective=OBJECTIVES[0])
    whole = trained(setup, count=9, device=DEVICE)
    monkeypatch.setenv("MRPCHECK_STORE", "/dev/null/nowhere")  # nothing is read back
    monkeypatch.setitem(descent.GROUP, "cuda", 4)
    for name, value in trained(setup, count=9, device=DEVICE).items():
        assert torch.equal(value, whole[name]), name  # bitwise
