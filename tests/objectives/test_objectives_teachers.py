"""The moving-average teacher: its schedule, its clock, and what a training goes on from."""

from dataclasses import replace

import pytest
import torch

from mrpcheck import pretrain
from mrpcheck.events import Captured
from mrpcheck.objectives import MaskedLatents
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.systems import system_setup

SCHEDULED = MaskedLatents(
    teacher="ema", teacher_scale=1.65, momentum=0.9, momentum_end=0.99, momentum_steps=10
)
NAME = "data2vec (EMA, normalised, smooth L1)"


def moved(objective, steps):
    """A teacher that started at 0 after so many steps of a student that stands at 1."""
    parameters = objective.start(torch.zeros(2, 3, 4, dtype=torch.float64), Setup(), None)
    parameters["kernels"] = torch.ones(2, 3, 4, dtype=torch.float64)
    for _ in range(steps):
        objective.advance(parameters)
    return parameters


def by_hand(objective, steps):
    left = 1.0
    for n in range(steps):
        way = min(n / objective.momentum_steps, 1)
        left *= objective.momentum + way * (objective.momentum_end - objective.momentum)
    return 1 - left


@pytest.mark.parametrize("steps", [1, 5, 10, 25])
def test_the_momentum_rises_on_a_straight_line_and_stays(steps):
    found = moved(SCHEDULED, steps)["teacher"]
    assert found.flatten().tolist() == pytest.approx([by_hand(SCHEDULED, steps)] * 24, rel=1e-12)
    late = by_hand(replace(SCHEDULED, momentum_steps=11), steps)
    assert steps == 1 or abs(by_hand(SCHEDULED, steps) - late) > 1e-4


def test_a_momentum_that_ends_where_it_began_is_constant():
    flat = replace(SCHEDULED, momentum_end=0.9)
    plain = replace(flat, momentum_steps=0)
    torch.testing.assert_close(
        moved(flat, 7)["teacher"], moved(plain, 7)["teacher"], rtol=1e-12, atol=0
    )
    assert "teacher.clock" not in moved(plain, 1)


def small(objective, **changes):
    return system_setup("latents, pooled").derive(objective=objective, samples=20, **changes)


def state(encoder):
    return {"kernels": encoder.kernels, **encoder.extra}


def equal(ours, other):
    return ours.keys() == other.keys() and all(torch.equal(ours[n], other[n]) for n in ours)


@pytest.mark.parametrize("objective", [SCHEDULED, system_setup(NAME).objective], ids=str)
def test_a_training_goes_on_where_it_stood(objective):
    setup = small(objective, steps=30)
    twice = pretrain(setup, Trials(count=2, horizon=2))
    whole = pretrain(setup.derive(steps=60), Trials(count=2))
    assert equal(state(twice), state(whole))
    ticks = whole.extra["teacher.clock"].flatten() * 2**20
    assert ticks.tolist() == [60.0, 60.0]
    begun = replace(objective, momentum_steps=objective.momentum_steps + 50)
    assert not equal(state(pretrain(setup.derive(objective=begun, steps=60), Trials(count=2))),
                     state(whole))  # fmt: skip


def test_multiples_of_an_event_go_on_too():
    setup = small(system_setup(NAME).objective, steps=60)
    far = pretrain(setup, Trials(count=1), until=Captured(features="first", times=2))
    assert bool(far.reached[0])
    whole = pretrain(setup.derive(steps=int(far.steps[0])), Trials(count=1))
    assert equal(state(far), state(whole))


def test_a_trial_alone_is_the_trial_of_a_batch():
    setup = small(system_setup(NAME).objective, steps=20)
    batch = state(pretrain(setup, Trials(count=3)))
    alone = state(pretrain(setup, Trials(first=1, count=1)))
    assert equal(alone, {name: value[1:2] for name, value in batch.items()})
    assert not torch.equal(alone["kernels"], batch["kernels"][:1])


def test_a_schedule_survives_writing_and_has_no_flow():
    setup = small(SCHEDULED)
    assert Setup.from_json(setup.to_json()) == setup
    assert setup.to_json()["objective"]["momentum_steps"] == 10
