"""A trial alone equals the same trial in a block, however the block is trained."""

import pytest
import torch

from mrpcheck import descent, native, slopes
from mrpcheck.events import Captured
from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView

pytestmark = pytest.mark.usefixtures("either_step")
SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=24, rate=0.3, steps=300, tune_rate=0.4, tune_steps=50),
)
OBJECTIVES = [
    MaskedPixels(),
    MaskedPixels(decoder="free", context="others"),
    MaskedPixels(masks="sampled"),
    MaskedLatents(teacher_scale=1.5),
    MaskedLatents(teacher="ema", teacher_scale=1.5, context="patch"),
    MaskedLatents(teacher="frozen", teacher_scale=1.5),
]


def parts(model):
    found = {"kernels": model.kernels, "diverged": model.diverged}
    if hasattr(model, "head"):
        return found | {"head": model.head}
    return found | {"steps": model.steps, "reached": model.reached} | model.extra


def trained(setup, trials):
    encoder = pretrain(setup, trials)
    models = [encoder, pretrain(setup, trials, Captured()), finetune(encoder, setup, trials)]
    models += [linear_probe(encoder, setup, trials)]
    return models + [supervise(setup, trials, head) for head in ("fixed", "trained")]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_a_trial_alone_is_the_trial_in_a_block(objective, dtype):
    setup = SETUP.replace(objective=objective, steps=40, tune_steps=12)
    block = trained(setup, Trials(count=3, first=1, dtype=dtype))
    alone = trained(setup, Trials(count=1, first=2, dtype=dtype))
    for one, many in zip(alone, block, strict=True):
        for name, value in parts(one).items():
            assert torch.equal(value, parts(many)[name][1:2]), name  # bitwise
    assert not torch.equal(block[0].kernels[0], block[0].kernels[1])


def grouped(monkeypatch, make):
    """What `make` gives when all trials step together, as they do on a GPU."""
    monkeypatch.setitem(descent.GROUP, "cpu", 99)
    monkeypatch.setenv("MRPCHECK_STORE", "/dev/null/nowhere")  # nothing is read back
    return make()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
@pytest.mark.parametrize("objective", OBJECTIVES[:4], ids=str)
def test_trials_that_step_together_take_the_same_paths(monkeypatch, objective, dtype, tolerance):
    """Relative to the largest entry of each trial's kernels, after full training."""
    setup = SETUP.replace(objective=objective)
    trials = Trials(count=4, dtype=dtype)
    until = Captured() if isinstance(objective, MaskedLatents) else None

    def make():
        encoder = pretrain(setup, trials, until)
        return [encoder, finetune(encoder, setup, trials), supervise(setup, trials)]

    one, many = make(), grouped(monkeypatch, make)
    for a, b in zip(one, many, strict=True):
        for name, value in parts(a).items():
            if value.is_floating_point():
                scale = value.flatten(1).abs().amax(1)
                error = (value - parts(b)[name]).flatten(1).abs().amax(1)
                assert (error <= tolerance * scale).all(), name
            else:
                assert torch.equal(value, parts(b)[name]), name


def test_trials_that_step_together_stop_each_at_its_own_event(monkeypatch):
    trials = Trials(count=6, dtype="float64")

    def make():
        return pretrain(SETUP, trials, Captured()), pretrain(SETUP, trials, Captured(times=1.5))

    one, many = make(), grouped(monkeypatch, make)
    assert len(set(one[0].steps.tolist())) > 2
    for a, b in zip(one, many, strict=True):
        assert torch.equal(a.steps, b.steps)
        assert torch.equal(a.reached, b.reached)
        torch.testing.assert_close(a.kernels, b.kernels, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_samples_may_pass_in_parts(monkeypatch, objective):
    setup = SETUP.replace(objective=objective, steps=30)
    trials = Trials(count=2, dtype="float64")
    monkeypatch.setattr(native, "library", lambda: None)  # whose parts are fixed
    whole = pretrain(setup, trials)
    again = supervise(setup, trials, "trained")
    monkeypatch.setitem(slopes.WORKSPACE, "cpu", 5 * 6 * 8 * 8)  # five samples at a time
    monkeypatch.setenv("MRPCHECK_STORE", "/dev/null/nowhere")
    in_parts = pretrain(setup, trials)
    assert not torch.equal(whole.kernels, in_parts.kernels)  # other sums, other rounding
    torch.testing.assert_close(whole.kernels, in_parts.kernels, rtol=1e-10, atol=1e-12)
    head = supervise(setup, trials, "trained").head
    torch.testing.assert_close(again.head, head, rtol=1e-10, atol=1e-12)


def test_float32_is_close_to_float64():
    one, two = (pretrain(SETUP, Trials(count=3, dtype=d)).kernels for d in ("float32", "float64"))
    assert one.dtype == torch.float32
    assert (one - two).abs().max() < 1e-4
    assert (one - two).abs().max() > 1e-9


def group_sizes(monkeypatch, fits):
    """Let groups of at most `fits` trials into memory, and keep the sizes of those that step."""
    sizes = []

    class Small(descent._Group):
        def run(self, *args):
            if self.trials.count > fits:
                raise torch.OutOfMemoryError
            sizes.append(self.trials.count)
            return super().run(*args)

    monkeypatch.setitem(descent.GROUP, "cpu", 99)
    monkeypatch.setattr(descent, "_Group", Small)
    monkeypatch.setenv("MRPCHECK_STORE", "/dev/null/nowhere")  # nothing is read back
    return sizes


@pytest.mark.parametrize("objective", OBJECTIVES[:4], ids=str)
def test_a_block_that_does_not_fit_is_split_and_no_trial_changes(monkeypatch, objective):
    setup, trials = SETUP.replace(objective=objective, steps=60), Trials(count=7)
    sizes = group_sizes(monkeypatch, 99)
    whole = pretrain(setup, trials)
    assert sizes == [7]
    sizes = group_sizes(monkeypatch, 2)
    split = pretrain(setup, trials)
    assert sizes == [1] * 7  # 7, then 3, then 1 at once
    for name, value in parts(whole).items():
        assert torch.equal(value, parts(split)[name]), name  # bitwise


def test_groups_are_as_large_as_the_stated_memory_allows(monkeypatch):
    sizes = group_sizes(monkeypatch, 99)
    trials = Trials(count=7)
    a_trial = 2 * 24 * 6 * 5 * 4 + 4 * 8 * 5 * 4 + descent.INTERMEDIATES * descent.WORKSPACE["cpu"]
    monkeypatch.setattr(descent, "MEMORY", 3 * a_trial)
    pretrain(SETUP, trials)
    assert sizes == [3, 3, 1]
    monkeypatch.setattr(descent, "MEMORY", 1)
    pretrain(SETUP, trials)
    assert sizes[3:] == [1] * 7


def test_one_trial_that_does_not_fit_is_said(monkeypatch):
    group_sizes(monkeypatch, 0)
    with pytest.raises(MemoryError, match="too little for one trial, but should hold it"):
        pretrain(SETUP, Trials(count=2))
