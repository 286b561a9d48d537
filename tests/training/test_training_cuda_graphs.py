"""Recorded steps: what is replayed is proved first; without a GPU by recordings that are not."""

import logging

import pytest
import torch

from mrpcheck import cuda_graphs, descent, native
from mrpcheck.cuda_graphs import Recorded
from mrpcheck.events import Captured
from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView


class Counter:
    """A step that can be told from its recording."""

    def __init__(self):
        self.state = torch.zeros(3, dtype=torch.float64)
        self.plain = 0

    def __call__(self):
        self.plain += 1
        self.state.mul_(1.5).add_(1)


def taken(monkeypatch, capture, steps=5):
    """The step, its state after so many, and the state that plain steps lead to."""
    monkeypatch.setattr(cuda_graphs, "capture", capture)
    monkeypatch.setattr(cuda_graphs, "_warned", set())
    step, expected = Counter(), Counter()
    take = Recorded(step, [step.state])
    for _ in range(steps):
        take()
        expected()
    return step, step.state, expected.state


def faithful(step):
    """A replay by other code of the same result."""

    def replay():
        step.state.mul_(1.5).add_(1)

    return replay


def test_a_faithful_recording_is_replayed(monkeypatch, caplog):
    step, state, expected = taken(monkeypatch, faithful)
    assert torch.equal(state, expected)
    assert step.plain == cuda_graphs.PROOF  # to compare with, and never again
    assert not caplog.records


def one_bit_off(step):
    def replay():
        step.state.mul_(1.5).add_(1)
        step.state.copy_(torch.nextafter(step.state, step.state + 1))

    return replay


def stale(step):
    """Right the first time, but it does not go on from its own end."""
    start = step.state.clone()

    def replay():
        step.state.copy_(start * 1.5 + 1)

    return replay


def refused(step):
    raise RuntimeError("operation not permitted when stream is capturing\nmore")


@pytest.mark.parametrize("capture", [one_bit_off, stale, refused])
def test_an_unfaithful_recording_is_not(monkeypatch, caplog, capture):
    with caplog.at_level(logging.WARNING, "mrpcheck"):
        step, state, expected = taken(monkeypatch, capture)
    assert torch.equal(state, expected)
    assert step.plain == cuda_graphs.PROOF + 5
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert ("capturing" if capture is refused else "differs") in record.getMessage()


def test_too_little_memory_is_for_others_to_handle(monkeypatch):
    def too_large(step):
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        taken(monkeypatch, too_large)


SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=24, rate=0.1, steps=300, tune_rate=0.4, tune_steps=50),
)
OBJECTIVES = [
    MaskedPixels(decoder="free", context="others"),
    MaskedLatents(teacher_scale=1.5),
    MaskedLatents(teacher="ema", teacher_scale=1.5, context="patch"),
]


def plainly(setup, trials):
    """What training comes to, by name, when all trials step together."""
    encoder = pretrain(setup, trials)
    found = {"pretrain": encoder}
    found["captured"] = pretrain(setup, trials, Captured())
    found["later"] = pretrain(setup, trials, Captured(times=1.5))
    found |= {end.__name__: end(encoder, setup, trials) for end in (finetune, linear_probe)}
    found["supervise"] = supervise(setup, trials)
    names = ("kernels", "head", "steps", "reached", "diverged")
    return {
        (how, name): getattr(model, name)
        for how, model in found.items()
        for name in names
        if hasattr(model, name)
    }


def recorded(monkeypatch, make):
    """What `make` gives when steps are taken as on a GPU, by recordings that take them again."""
    recordings = []

    def capture(step):
        recordings.append(step)
        return step

    monkeypatch.setattr(descent._Group, "_recordable", lambda self: True)
    monkeypatch.setattr(cuda_graphs, "capture", capture)
    monkeypatch.setenv("MRPCHECK_STORE", "/dev/null/nowhere")  # nothing is read back
    found = make()
    assert len(recordings) >= 5
    return found


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_recorded_steps_lead_where_plain_ones_do(monkeypatch, objective, count):
    setup, trials = SETUP.replace(objective=objective), Trials(count=count, dtype="float64")
    monkeypatch.setitem(descent.GROUP, "cpu", 99)
    monkeypatch.setattr(native, "library", lambda: None)
    plain = plainly(setup, trials)
    for name, value in recorded(monkeypatch, lambda: plainly(setup, trials)).items():
        assert torch.equal(value, plain[name]), name  # bitwise
    if count > 1 and objective == OBJECTIVES[1]:
        assert len(set(plain["captured", "steps"].tolist())) > 1


def test_a_trial_that_blows_up_stops_and_the_others_do_not(monkeypatch):
    parameters = [torch.tensor([[1.0], [1.0], [2.0]])]
    steps, last = torch.zeros(3, dtype=torch.int64), torch.tensor([40, 7, 40])
    factor = torch.tensor([[1.0], [1.5], [10.0]])
    monkeypatch.setattr(cuda_graphs, "capture", lambda step: step)
    cuda_graphs.descend_recorded(
        lambda: parameters[0].mul_(factor),
        parameters,
        steps,
        last,
        sane=lambda: parameters[0][:, 0] <= 1e3,
    )
    assert steps.tolist() == [40, 7, 3]
    assert parameters[0][:, 0].tolist() == [1.0, 1.5**7, 2e3]
