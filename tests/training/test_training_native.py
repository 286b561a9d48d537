"""The native step, torch's closed form and autograd agree; no trial sees its batch or thread."""

import ctypes
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from mrpcheck import fused, native
from mrpcheck.events import Captured, Plateau
from mrpcheck.nets import Net
from mrpcheck.objectives import CrossEntropy, MaskedLatents, MaskedPixels
from mrpcheck.objectives.probe import HeadOnly
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.slopes import Slopes
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView

needs_native = pytest.mark.skipif(
    native.library() is None, reason="the native step was not built here"
)
CLOSE = {torch.float32: 1e-5, torch.float64: 1e-10}
OBJECTIVES = {
    "latents": [
        MaskedLatents(context=context, teacher=teacher, keep=0.3)
        for context in ("patch", "pooled", "others")
        for teacher in ("scaled", "ema", "frozen")
    ],
    "pixels": [
        MaskedPixels(context=context, decoder=decoder, keep=0.3)
        for context in ("patch", "pooled", "others")
        for decoder in ("tied", "free")
    ],
    "classes": [CrossEntropy(), CrossEntropy(head=False)],
}
ALL = [objective for some in OBJECTIVES.values() for objective in some]


def case(objective, seed, wide=0):
    """A setup of odd sizes (or of `wide` dims) with two trials' parameters and samples, float64."""
    rng = np.random.default_rng(seed)
    k, m, samples = (int(rng.integers(*ends)) for ends in ((2, 7), (1, 10), (1, 60)))
    patches, dim = int(rng.choice([2, 5, 13, 16, 33, 200])), wide or int(rng.integers(2 * k, 41))
    net = Net(kernels_per_class=m, power=float(rng.choice([1, 2, 2.5, 3, 4, 5, 6])), threshold=0.3)
    data = MultiView(classes=k, dim=dim, patches=200, sparsity=1.0)
    setup = Setup(data=data, net=net)

    def normal(*shape):
        return torch.from_numpy(rng.standard_normal(shape))

    parameters = {"kernels": 0.3 * normal(2, k * m, dim)}
    if isinstance(objective, CrossEntropy):
        parameters["head"] = normal(2, k, k * m)
    elif getattr(objective, "decoder", "") == "free":
        parameters["decoder"] = 0.3 * normal(2, k * m, dim)
    elif getattr(objective, "teacher", "scaled") != "scaled":
        parameters["teacher"] = 0.3 * normal(2, k * m, dim)
    x = 0.5 * normal(2, samples, patches, dim)
    label = torch.from_numpy(rng.integers(k, size=(2, samples)))
    mask = torch.from_numpy(rng.random((2, samples, patches, 1)) < 0.4).double()
    masked = not isinstance(objective, CrossEntropy) and rng.random() < 0.4
    return setup, parameters, x, label, mask if masked else None


def by_autograd(objective, setup, parameters, x, label, mask):
    """The mean loss and its gradient, in float64."""
    trained = {
        name: value.clone().requires_grad_()
        for name, value in parameters.items()
        if name != "teacher" and (name != "head" or objective.head)
    }
    given = {**parameters, **trained}
    if isinstance(objective, CrossEntropy):
        losses = objective.loss(given, x, label, setup.net)
    else:
        losses = objective.loss(given, x, None, setup.net, mask)
    slopes = torch.autograd.grad(losses.sum() / x.shape[1], list(trained.values()))
    return losses.detach() / x.shape[1], dict(zip(trained, slopes, strict=True))


def apart(one, two):
    """How far `one` lies from `two`, relative to it."""
    return float((one.double() - two).norm() / two.norm())


def errors(found, wanted):
    (loss, slopes), (true_loss, true_slopes) = found, wanted
    assert slopes.keys() == true_slopes.keys()
    return [apart(loss, true_loss), *(apart(slopes[name], true_slopes[name]) for name in slopes)]


@pytest.mark.usefixtures("either_step")
@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@pytest.mark.parametrize("objective", ALL, ids=str)
def test_gradients_are_those_of_autograd(objective, dtype):
    for seed in range(8):
        setup, parameters, x, label, mask = case(objective, seed)
        wanted = by_autograd(objective, setup, parameters, x, label, mask)
        given = {name: value.to(dtype) for name, value in parameters.items()}
        slopes = Slopes(objective, setup, given, x.to(dtype), label)
        assert (slopes.fused is None) == (native.library() is None)
        found = slopes.at(given, None if mask is None else mask.to(dtype), with_loss=True)
        assert max(errors(found, wanted)) < CLOSE[dtype]
        bent = {**given, "kernels": given["kernels"] * (1 + 10 * CLOSE[dtype])}
        bent = slopes.at(bent, None if mask is None else mask.to(dtype), with_loss=True)
        assert max(errors(bent, wanted)) > CLOSE[dtype]


@needs_native
@pytest.mark.parametrize(("dtype", "wide"), [(torch.float32, 128), (torch.float64, 64)], ids=str)
@pytest.mark.parametrize("objective", ALL, ids=str)
def test_rows_that_are_moved_apart_in_memory_change_nothing(objective, dtype, wide):
    setup, parameters, x, label, mask = case(objective, 1, wide)
    given = {name: value.to(dtype) for name, value in parameters.items()}
    slopes = Slopes(objective, setup, given, x.to(dtype), label)
    assert slopes.fused.x.shape[-1] > wide
    found = slopes.at(given, None if mask is None else mask.to(dtype), with_loss=True)
    wanted = by_autograd(objective, setup, parameters, x, label, mask)
    assert max(errors(found, wanted)) < CLOSE[dtype]


@needs_native
@pytest.mark.parametrize("dtype", CLOSE, ids=str)
def test_every_variant_that_runs_here_agrees(dtype):
    runs = native.library().mrp_processor()
    found = [native._load(name) for level, name in native.LEVELS.items() if level <= runs]
    found = [library for library in found if library]
    assert found
    for objective in ALL:
        setup, parameters, x, label, _ = case(objective, 3)
        wanted = by_autograd(objective, setup, parameters, x, label, None)
        given = {name: value.to(dtype) for name, value in parameters.items()}
        for library in found:
            step = fused.Fused(library, objective, setup, x.to(dtype), label)
            assert max(errors(step.gradient(given, with_loss=True), wanted)) < CLOSE[dtype]


@needs_native
def test_the_probe_is_fine_tuning_of_the_head_alone():
    setup, parameters, x, label, _ = case(CrossEntropy(), 5)
    _, wanted = by_autograd(CrossEntropy(), setup, parameters, x, label, None)
    _, found = Slopes(HeadOnly(), setup, parameters, x, label).at(parameters)
    assert found.keys() == {"head"}
    assert apart(found["head"], wanted["head"]) < 1e-10


SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=24, rate=0.3, steps=60, tune_rate=0.4, tune_steps=20),
)
MODELS = {
    "pixels": lambda setup, trials: pretrain(setup, trials),
    "latents": lambda setup, trials: pretrain(
        setup.derive(objective=MaskedLatents(teacher_scale=1.5)), trials
    ),
    "captured": lambda setup, trials: pretrain(setup.derive(steps=400), trials, Captured()),
    "plateau": lambda setup, trials: pretrain(setup, trials, Plateau(fall=0.2, over=5)),
    "tuned": lambda setup, trials: finetune(pretrain(setup, trials), setup, trials),
    "probe": lambda setup, trials: linear_probe(pretrain(setup, trials), setup, trials),
    "SL": lambda setup, trials: supervise(setup, trials),
}


def bits(model):
    return {
        name: getattr(model, name)
        for name in ("kernels", "head", "steps", "reached")
        if hasattr(model, name)
    }


@needs_native
@pytest.mark.parametrize("what", MODELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_batch_and_any_number_of_threads_gives_the_same_trial(
    monkeypatch, tmp_path, what, dtype
):
    whole = bits(MODELS[what](SETUP, Trials(64, dtype=dtype)))
    for threads, count, first in ((1, 1, 9), (1, 2, 8), (1, 7, 30), (2, 7, 30), (2, 64, 0)):
        monkeypatch.setenv("MRPCHECK_STORE", str(tmp_path / f"{threads}-{count}"))
        torch.set_num_threads(threads)
        try:
            some = bits(MODELS[what](SETUP, Trials(count, first, dtype=dtype)))
        finally:
            torch.set_num_threads(1)
        for name, value in some.items():
            assert torch.equal(value, whole[name][first : first + count]), (name, threads, count)


@needs_native
@pytest.mark.parametrize("what", MODELS)
def test_whole_trainings_agree_with_torchs(monkeypatch, what):
    trials = Trials(3, dtype="float64")
    one = bits(MODELS[what](SETUP, trials))
    monkeypatch.setattr(native, "_found", lambda: ("torch", None))
    two = bits(MODELS[what](SETUP, trials))
    for name, value in one.items():
        torch.testing.assert_close(value, two[name], rtol=1e-8, atol=1e-10)
    assert any(not torch.equal(value, two[name]) for name, value in one.items())  # another path


def test_ema_teachers_and_sampled_masks_agree_too(monkeypatch):
    for objective in (
        MaskedLatents(teacher="ema", teacher_scale=1.5, momentum=0.9, context="patch"),
        MaskedPixels(masks="sampled"),
        MaskedLatents(masks="sampled", context="others"),
    ):
        setup = SETUP.derive(objective=objective)
        with monkeypatch.context() as patch:
            one = pretrain(setup, Trials(2, dtype="float64"))
            patch.setattr(native, "_found", lambda: ("torch", None))
            two = pretrain(setup, Trials(2, dtype="float64"))
        torch.testing.assert_close(one.kernels, two.kernels, rtol=1e-8, atol=1e-10)
        for name, value in one.extra.items():
            torch.testing.assert_close(value, two.extra[name], rtol=1e-8, atol=1e-10)


def test_blocks_of_the_two_steps_have_two_names(monkeypatch):
    one = pretrain(SETUP, Trials(1)).name
    monkeypatch.setattr(native, "_found", lambda: ("another", None))
    assert pretrain(SETUP, Trials(1)).name != one


def step_of(**environment):
    """The name of the step in a fresh process."""
    line = "from mrpcheck import native; print(native.name())"
    return subprocess.run(
        [sys.executable, "-c", line],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_the_environment_may_ask_for_torch():
    assert step_of(MRPCHECK_NATIVE="0") == "torch"
    assert step_of() == native.name()


@needs_native
def test_a_library_built_from_another_source_is_left_alone(monkeypatch, tmp_path, caplog):
    for variant in native.SOURCE.parent.glob("_step_*.so"):
        (tmp_path / variant.name).symlink_to(variant)
    (tmp_path / "step.cpp").write_bytes(native.SOURCE.read_bytes()[:-1])
    monkeypatch.setattr(native, "SOURCE", tmp_path / "step.cpp")
    assert native._found.__wrapped__() == ("torch", None)
    assert "should be built again" in caplog.text


@needs_native
def test_a_library_that_does_not_load_is_left_alone(monkeypatch, tmp_path, caplog):
    for variant in native.SOURCE.parent.glob("_step_*.so"):
        (tmp_path / variant.name).write_bytes(b"cut short")
    (tmp_path / "step.cpp").write_bytes(native.SOURCE.read_bytes())
    monkeypatch.setattr(native, "SOURCE", tmp_path / "step.cpp")
    assert native._found.__wrapped__() == ("torch", None)
    assert "should load" in caplog.text


@needs_native
def test_a_library_built_from_this_source_is_taken(monkeypatch, tmp_path):
    for file in [*native.SOURCE.parent.glob("_step_*.so"), native.SOURCE]:
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.setattr(native, "SOURCE", tmp_path / "step.cpp")
    name, library = native._found.__wrapped__()
    assert name == native.name() and isinstance(library, ctypes.CDLL)


def test_a_trial_alone_diverges_in_either(monkeypatch):
    setup = replace(SETUP, recipe=replace(SETUP.recipe, rate=1e6))
    assert bool(pretrain(setup, Trials(1)).diverged.all())
    monkeypatch.setattr(native, "_found", lambda: ("torch", None))
    assert bool(pretrain(setup, Trials(1)).diverged.all())
