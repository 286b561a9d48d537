"""Stopping at events: found on the fixed-step path, which is never left."""

import pytest
import torch

from mrpcheck.events import Captured, Plateau, correlations
from mrpcheck.nets import Net, initial_kernels
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import pretrain
from mrpcheck.views import MultiView, features, sample

pytestmark = pytest.mark.usefixtures("either_step")
SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=20, rate=0.3, steps=120),
)
TRIALS = Trials(count=6, seed=2)


def same_state(one, two, index):
    assert torch.equal(one.kernels[index], two.kernels[index])
    assert one.steps[index] == two.steps[index]
    for name, value in one.extra.items():
        assert torch.equal(value[index], two.extra[name][index])


def path(setup, trials):
    """Kernels and the loss before the step, step by step, for each trial by itself."""
    size = setup.recipe.samples
    samples = sample(setup.data, setup.key, trials, size, purpose="training samples")
    kernels = initial_kernels(setup.net, setup.data.classes, setup.data.dim, setup.key, trials)
    parameters = setup.objective.start(kernels, setup, trials)
    losses = []
    yield parameters["kernels"], losses
    for _ in range(setup.recipe.steps):
        loss, slopes = setup.objective.gradient(
            parameters, samples.x, samples.label, setup.net, with_loss=True
        )
        losses.append(loss / size)
        for name, slope in slopes.items():
            parameters[name] = parameters[name] - setup.recipe.rate / size * slope
        yield parameters["kernels"], losses


def first_captures(setup, trials):
    """The first step at which each trial holds all features, or None."""
    basis = features(setup.data, setup.key, trials)
    found = [None] * trials.count
    for step, (kernels, _) in enumerate(path(setup, trials)):
        held = (kernels @ basis.mT >= setup.net.threshold).any(1).all(1)
        for t in range(trials.count):
            if held[t] and found[t] is None:
                found[t] = step
    return found


@pytest.mark.parametrize("objective", [MaskedPixels(), MaskedLatents(teacher_scale=1.5)], ids=str)
def test_captured_is_the_first_step_with_all_features(objective):
    setup, trials = SETUP.replace(objective=objective), Trials(count=6, dtype="float64")
    expected = first_captures(setup, trials)
    encoder = pretrain(setup, trials, Captured())
    assert encoder.reached.tolist() == [step is not None for step in expected]
    assert encoder.steps.tolist() == [120 if step is None else step for step in expected]
    assert len(set(encoder.steps.tolist())) > 2
    assert not trials.facts.end_state


def test_some_trials_never_arrive_and_stay_at_the_recipes_end():
    setup = SETUP.replace(steps=20)
    encoder = pretrain(setup, TRIALS, Captured())
    assert 0 < encoder.reached.sum() < 6
    fixed = pretrain(setup, TRIALS)
    for t in range(6):
        if not encoder.reached[t]:
            same_state(encoder, fixed, t)
    later = pretrain(setup, TRIALS, Captured(times=3))
    assert torch.equal(later.reached, encoder.reached)
    for t in range(6):
        if not encoder.reached[t]:
            same_state(encoder, later, t)


def test_the_state_at_an_event_is_that_of_fixed_steps():
    encoder = pretrain(SETUP, TRIALS, Captured())
    for t in range(6):
        stopped = pretrain(SETUP.derive(steps=max(int(encoder.steps[t]), 1)), TRIALS)
        if encoder.steps[t]:
            same_state(encoder, stopped, t)
            basis = features(SETUP.data, SETUP.key, TRIALS)
            held = (correlations(stopped.kernels, basis)[t] >= 0.3).any(0)
            assert held.all() == bool(encoder.reached[t])
    assert encoder.reached.any()


@pytest.mark.parametrize(("times", "over", "under"), [(3, 3, 1), (1.5, 3, 2), (1.1, 11, 10)])
def test_multiples_of_the_capture_time_are_rounded_up(times, over, under):
    one = pretrain(SETUP, TRIALS, Captured())
    many = pretrain(SETUP, TRIALS, Captured(times=times))
    assert torch.equal(one.reached, many.reached)
    for t in range(6):
        if one.reached[t]:
            assert many.steps[t] == -(-int(one.steps[t]) * over // under)
            if many.steps[t]:
                same_state(many, pretrain(SETUP.derive(steps=int(many.steps[t])), TRIALS), t)


@pytest.mark.parametrize("steps", [10, 20, 30, 70, 100])
def test_multiples_that_floats_cannot_write_are_whole_steps(monkeypatch, steps):
    """10 * 1.1 is 11.000000000000002."""
    from mrpcheck import training

    captured = pretrain(SETUP, TRIALS, Captured())
    kept = {**vars(captured), "steps": torch.full((6,), steps)}
    monkeypatch.setattr(training, "pretrain", lambda *_: type(captured)(**kept))
    arrays = training._pretrain(SETUP, TRIALS, Captured(times=1.1))
    reached = captured.reached.numpy()
    assert set(arrays["steps"][reached]) == {steps * 11 // 10}


def test_what_is_captured_at_the_start_takes_no_step():
    setup = SETUP.replace(init_scale=2.0)
    encoder = pretrain(setup, Trials(count=2), Captured())
    start = initial_kernels(setup.net, 2, 5, setup.key, Trials(count=2))
    assert encoder.steps.tolist() == [0, 0]
    assert encoder.reached.all()
    assert torch.equal(encoder.kernels, start)


@pytest.mark.parametrize(
    "objective",
    [
        MaskedPixels(),
        MaskedPixels(decoder="free"),
        MaskedPixels(masks="sampled"),
        MaskedLatents(teacher="ema", teacher_scale=1.5),
    ],
    ids=str,
)
def test_twice_the_horizon_is_twice_the_steps_bitwise(objective):
    setup, trials = SETUP.replace(objective=objective, steps=25), Trials(count=2, horizon=2)
    longer = pretrain(setup, trials)
    direct = pretrain(setup.derive(steps=50), Trials(count=2))
    for t in range(2):
        same_state(longer, direct, t)
    assert longer.steps.tolist() == [50, 50]
    assert longer.reached.all()
    assert trials.facts.end_state
    short = pretrain(setup, Trials(count=2))
    assert not torch.equal(longer.kernels, short.kernels)


def test_masks_are_drawn_alike_at_every_visit_and_unlike_at_every_step():
    setup = SETUP.replace(masks="sampled", steps=10)
    one = pretrain(setup, TRIALS)
    again = pretrain(setup.derive(tune_steps=7), TRIALS)  # trained anew, same numbers
    assert torch.equal(one.kernels, again.kernels)
    other = pretrain(setup, Trials(count=6, seed=3))
    assert not torch.equal(one.kernels, other.kernels)
    held = TRIALS.fixing("kernels", "features", "training samples", "mask 0")
    both = pretrain(setup.derive(steps=1), held).kernels
    assert torch.equal(both[0], both[1])
    both = pretrain(setup.derive(steps=2), held).kernels
    assert not torch.equal(both[0], both[1])


def plateau_of(losses, fall, over):
    """The first step at which the mean loss of `over` steps fell by less than a share."""
    for step in range(2 * over, len(losses) + 1):
        recent = sum(losses[step - over : step]) / over
        before = sum(losses[step - 2 * over : step - over]) / over
        if before - recent < fall * before:
            return step
    return None


@pytest.mark.parametrize(("fall", "over"), [(1e-3, 5), (0.02, 10), (1e-12, 50)])
def test_a_plateau_is_where_the_loss_stops_falling(fall, over):
    trials = Trials(count=4, dtype="float64")
    *_, (_, losses) = path(SETUP, trials)
    encoder = pretrain(SETUP, trials, Plateau(fall=fall, over=over))
    for t in range(4):
        expected = plateau_of([loss[t].item() for loss in losses], fall, over)
        assert encoder.reached[t] == (expected is not None)
        assert encoder.steps[t] == (120 if expected is None else expected)
        stopped = pretrain(SETUP.derive(steps=int(encoder.steps[t])), trials)
        same_state(encoder, stopped, t)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Captured(times=0.5), r"times = 0.5, but should be at least 1 \[Captured\]"),
        (lambda: Captured(times=float("nan")), r"times = nan, but should be at least 1"),
        (lambda: Plateau(fall=0.0), r"fall = 0.0, but should be in \(0, 1\) \[Plateau\]"),
        (lambda: Plateau(over=0), r"over = 0, but should be at least 1 \[Plateau\]"),
    ],
)
def test_impossible_events_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
