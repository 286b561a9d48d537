"""A training as data: written, made again bit by bit, divided, or refused with a sentence."""

import importlib
import io
import json
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import mrpcheck
from mrpcheck import calls, store
from mrpcheck.calls import Call, arrays_of, bytes_of, read_call
from mrpcheck.downstream import (
    detect,
    localise,
    mean_average_precision,
    mean_iou,
    nonlinear_probe,
    segment,
)
from mrpcheck.elsewhere import training_on
from mrpcheck.events import Captured, Plateau
from mrpcheck.measures import accuracy
from mrpcheck.nets import Net
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.systems import variants
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView

TINY = Setup(
    data=MultiView(classes=2, dim=8, patches=6, sparsity=1.0),
    net=Net(kernels_per_class=2, power=3),
    recipe=Recipe(samples=4, steps=3, tune_steps=2),
)
TRIALS = Trials(count=3)
DEEP = TINY.replace(body="residual")
LONG = TINY.replace(samples=16, steps=200, rate=1.0, power=2.0, kernels_per_class=4, init_scale=0.1)


def tuned(setup=TINY, trials=TRIALS):
    return finetune(pretrain(setup, trials), setup, trials)


def encoder():
    return pretrain(TINY, TRIALS)


CALLS = {
    "training.pretrain": lambda: (pretrain, (TINY, TRIALS), {}),
    "training.finetune": lambda: (finetune, (encoder(), TINY, TRIALS), {}),
    "training.linear_probe": lambda: (linear_probe, (encoder(), TINY, TRIALS), {}),
    "training.supervise": lambda: (supervise, (TINY, TRIALS), {"head": "trained", "keep": 0.5}),
    "measures.accuracy": lambda: (accuracy, (tuned(), TINY, TRIALS, "single-view"), {}),
    "downstream.heads.nonlinear_probe": lambda: (nonlinear_probe, (encoder(), TINY, TRIALS), {}),
    "downstream.tasks.segment": lambda: (segment, (encoder(), TINY, TRIALS), {}),
    "downstream.tasks.detect": lambda: (detect, (None, TINY, TRIALS), {}),
    "downstream.scores.mean_iou": lambda: (
        mean_iou, (segment(None, TINY, TRIALS), TINY, TRIALS, "mixed"), {},
    ),
    "downstream.scores.mean_average_precision": lambda: (
        mean_average_precision, (localise(tuned()), TINY, TRIALS, "multi-view"), {},
    ),
}  # fmt: skip

float64, later = replace(TRIALS, dtype="float64"), replace(TRIALS, horizon=2, first=5)
MORE = {
    "captured twice": (pretrain, (LONG, TRIALS, Captured(times=2)), {}),
    "plateau": (pretrain, (TINY, TRIALS, Plateau(over=2)), {}),
    "float64": (pretrain, (TINY, float64), {}),
    "horizon 2": (pretrain, (TINY, later), {}),
    "supervised, horizon 2": (supervise, (TINY, later), {}),
    "patches, horizon 2": (segment, (None, TINY, later), {}),
    "fixed": (pretrain, (TINY, TRIALS.fixing("kernels", "features")), {}),
    "redrawn": (supervise, (TINY, TRIALS.redrawing("kernels")), {}),
    "residual": (pretrain, (DEEP, TRIALS), {}),
    "residual, supervised": (supervise, (DEEP, TRIALS), {"head": "trained"}),
}
SYSTEMS = [
    "MAE, normalised targets", "clustering", "contrastive, momentum encoder", "latents, pooled",
    "BEiT (tokens)", "pixels, pooled, free",
]  # fmt: skip


class Nowhere(Executor):
    """Remembers what it is asked for, and takes nothing."""

    def __init__(self):
        self.asked = []

    def submit(self, function, *terms):
        self.asked.append(terms)
        raise RuntimeError("no worker")


def call_of(function, arguments, keywords):
    """The call that a worker would be sent, as it would arrive there; None where it is not sent."""
    nowhere = Nowhere()
    with training_on(nowhere, slots=1):
        function(*arguments, **keywords)
    return read_call(*nowhere.asked[0][1:]) if nowhere.asked else None


def made(call, monkeypatch, folder):
    """The block that a call gives in a store of its own."""
    monkeypatch.setenv("MRPCHECK_STORE", str(folder))
    with store.noting() as blocks:
        call.make()
    return blocks[-1]


def bits(arrays):
    return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}


def check(request, monkeypatch, tmp_path):
    """Sent, divided and put together again, it is what is trained here."""
    call = call_of(*request)
    with store.noting() as blocks:
        request[0](*request[1], **request[2])
    here = blocks[-1]
    assert bits(made(call, monkeypatch, tmp_path / "whole")) == bits(here)
    count = call.trials.count
    assert {array.shape[:1] for array in here.values()} == {(count,)}
    ends = [(0, 1), (1, count)]
    parts = [made(call.part(*each), monkeypatch, tmp_path / f"{each}") for each in ends]
    together = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    assert bits(together) == bits(here)


def test_every_function_that_trains_a_block_is_tried_here():
    root = Path(mrpcheck.__file__).parents[1]
    for file in root.glob("mrpcheck/**/*.py"):
        if "@trains_block" in file.read_text():
            importlib.import_module(".".join(file.relative_to(root).with_suffix("").parts))
    assert set(calls._functions) == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_every_function_gives_the_same_bits_when_sent_and_divided(name, monkeypatch, tmp_path):
    request = CALLS[name]()
    assert call_of(*request).function == name
    monkeypatch.setenv("MRPCHECK_STORE", str(tmp_path / "other"))
    check(request, monkeypatch, tmp_path)


@pytest.mark.parametrize("what", MORE)
def test_every_argument_is_kept(what, monkeypatch, tmp_path):
    check(MORE[what], monkeypatch, tmp_path)


def test_the_event_of_these_tests_happens_in_some_trials_and_not_in_others():
    steps = pretrain(LONG, TRIALS, Captured(times=2)).steps
    assert 0 < (steps < 200).sum() < 3 and (steps > 1).all()


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_kind_of_system_gives_the_same_bits(name, monkeypatch, tmp_path):
    setup = TINY.replace(objective=variants()[name])
    check((pretrain, (setup, TRIALS), {}), monkeypatch, tmp_path)


@dataclass(frozen=True, kw_only=True)
class OwnData(MultiView):
    """Data of a user's own file."""


OWN = OwnData(classes=2, dim=8, patches=6, sparsity=1.0)


def own(kernels, patches):
    return (kernels**2).sum()


@pytest.mark.parametrize(
    ("setup", "said"),
    [
        (TINY.replace(objective=own), "OwnObjective = defined in mrpcheck"),
        (
            TINY.replace(data=OWN),
            "OwnData = defined in",
        ),
    ],
)
def test_what_only_the_users_file_knows_is_trained_here(setup, said, caplog):
    caplog.set_level("INFO", logger="mrpcheck")
    nowhere = Nowhere()
    with training_on(nowhere, slots=1) as pool:
        pretrain(setup, TRIALS)
    assert nowhere.asked == [] and pool.here == 1
    assert f"trained here: {said}" in caplog.text and "should be part of mrpcheck" in caplog.text


def test_what_is_made_on_the_way_to_a_block_is_not_mistaken_for_it():
    """Trained here, a later horizon asks for the first one from inside its own call."""
    nowhere = Nowhere()
    with training_on(nowhere, slots=1):
        supervise(TINY, later)
    (terms,) = nowhere.asked
    assert read_call(*terms[1:]).trials.horizon == 2


def test_a_measure_of_other_trials_than_its_models_is_not_divided():
    fewer = replace(TRIALS, count=2)
    model = tuned()
    assert not Call("measures.accuracy", {"model": model, "trials": fewer}).divides
    assert Call("measures.accuracy", {"model": model, "trials": TRIALS}).divides
    nowhere = Nowhere()
    with training_on(nowhere, slots=2):
        assert accuracy(model, TINY, fewer, "mixed").shape == (3,)
    (terms,) = nowhere.asked
    assert read_call(*terms[1:]).make().shape == (3,)


SETUP = {"is": "Setup", "content": {}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "call = JSONDecodeError"),
        ("[]", "call = TypeError"),
        ("{}", "call = KeyError('function')"),
        ('{"function": [], "arguments": {}}', "call = TypeError"),
        ({"function": "os.system"}, "function = 'os.system', but should be one of downstream."),
        ({"function": "training._pretrain"}, "function = 'training._pretrain', but should be"),
        ({"arguments": {"setup": {"is": "Setup"}}}, "arguments = KeyError('content')"),
        ({"arguments": {"setup": {"is": "open", "content": "x"}}}, "arguments = "),
        ({"arguments": {"setup": 1, "oops": 2}}, "arguments = TypeError("),
        ({"arguments": {"setup": SETUP}}, "schema = None, but should be"),
    ],
    ids=str,
)
def test_damaged_calls_are_refused_with_a_sentence(text, said):
    whole, arrays = call_of(pretrain, (TINY, TRIALS), {}).write()
    text = text if isinstance(text, str) else json.dumps({**json.loads(whole), **text})
    with pytest.raises(ValueError, match="but should be") as error:
        read_call(text, arrays)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("damage", [lambda b: b[:-30], lambda b: b"", lambda b: b"x" * 100])
def test_damaged_arrays_are_refused_with_a_sentence(damage):
    text, arrays = call_of(finetune, (encoder(), TINY, TRIALS), {}).write()
    with pytest.raises(ValueError, match=r"call = .*, but should be what was written"):
        read_call(text, damage(arrays))


def test_nothing_is_pickled_either_way():
    objects = np.array([{"a": 1}], dtype=object)
    with pytest.raises(TypeError, match="x = an array of objects, but should be of plain numbers"):
        bytes_of({"x": objects})
    held = io.BytesIO()
    np.savez(held, x=objects)
    with pytest.raises(ValueError, match="allow_pickle"):
        arrays_of(held.getvalue())
    assert bits(arrays_of(bytes_of({"x": np.arange(3)}))) == bits({"x": np.arange(3)})
