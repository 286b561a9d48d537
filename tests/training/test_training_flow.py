"""The gradient flow against an integrator of high accuracy, and against descent in small steps."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from mrpcheck.clocks import GradientDescent, GradientFlow
from mrpcheck.events import Captured, Plateau, lead
from mrpcheck.measures import correlations
from mrpcheck.nets import Net, initial_kernels
from mrpcheck.objectives import CrossEntropy, MaskedLatents, MaskedPixels
from mrpcheck.runge_kutta import Steps
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.slopes import Slopes
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView, features, sample

SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(
        samples=20, rate=0.3, steps=120, tune_rate=0.4, tune_steps=50, clock=GradientFlow(1e-5)
    ),
)
SMALL = SETUP.replace(init_scale=0.02, steps=4000)
TRIALS = Trials(count=3, seed=2, dtype="float64")
OBJECTIVES = [
    MaskedPixels(),
    MaskedPixels(decoder="free", context="others"),
    MaskedLatents(teacher_scale=1.8),
    MaskedLatents(teacher="frozen", teacher_scale=1.5, context="patch"),
]


def start(setup, trials=TRIALS):
    kernels = initial_kernels(setup.net, setup.data.classes, setup.data.dim, setup.key, trials)
    return setup.objective.start(kernels, setup, trials)


class Reference:
    """One trial's flow by RK45 in float64, with gradients by autograd of the plain loss."""

    def __init__(
        self, setup, trial, end, until=None, loss=None, begin=None, accuracy=1e-5, method="RK45"
    ):
        alone = Trials(count=1, first=trial, seed=TRIALS.seed, dtype="float64")
        self.setup, n = setup, setup.recipe.samples
        samples = sample(setup.data, setup.key, alone, n, purpose="training samples")
        self.basis = features(setup.data, setup.key, alone)
        plain = loss or (lambda p: setup.objective.loss(p, samples.x, None, setup.net))
        self.begin = begin or {k: v[trial : trial + 1] for k, v in start(setup).items()}
        self.loss = lambda p: plain(p, samples) if loss else plain(p)
        self.n = n
        events = [self.ahead(until)] if until else None
        self.answer = solve_ivp(
            self.slope, (0, end), self.flat(self.begin), method,
            rtol=accuracy, atol=1e-3 * accuracy,
            events=events, dense_output=True,
        )  # fmt: skip

    def flat(self, named):
        return np.concatenate([named[k].numpy().ravel() for k in self.begin])

    def named(self, flat):
        sizes = [v.numel() for v in self.begin.values()]
        parts = torch.tensor(flat).split(sizes)
        return {k: p.view(v.shape) for (k, v), p in zip(self.begin.items(), parts, strict=True)}

    def slope(self, time, flat):
        leaves = {k: v.requires_grad_() for k, v in self.named(flat).items()}
        found = torch.autograd.grad(
            self.loss(leaves).sum() / self.n, list(leaves.values()), allow_unused=True
        )
        return -np.concatenate(
            [np.zeros(v.numel()) if g is None else g.numpy().ravel()
             for g, v in zip(found, leaves.values(), strict=True)]
        )  # fmt: skip

    def ahead(self, until):
        def event(time, flat):
            return float(lead(until, self.named(flat)["kernels"], self.basis, self.setup.net))

        event.terminal, event.direction = True, 1
        return event

    @property
    def time(self):
        return self.answer.t[-1]

    def at(self, time):
        return self.named(self.answer.sol(time))


def steps_of(setup, count, h, loss=False):
    """The flow after `count` fixed steps of length h, trial 0 of the setup alone."""
    alone = Trials(count=1, seed=TRIALS.seed, dtype="float64")
    n = setup.recipe.samples
    samples = sample(setup.data, setup.key, alone, n, purpose="training samples")
    begin = start(setup, alone)
    slopes = Slopes(setup.objective, setup, begin, samples.x, samples.label)
    steps = Steps(slopes, begin, 1.0, with_loss=loss)
    for _ in range(count):
        error = steps.attempt(np.array([h]))[0]
        middle = steps.bridge(0, h).at(0.5)
        steps.accept(np.array([True]))
    return steps.now.named, middle, error


def test_the_order_is_three_that_of_the_error_estimate_too_and_the_cubic_keeps_it():
    """Before any activation leaves its power zone: there the flow is smooth."""
    setup, end = SETUP.replace(init_scale=0.4, threshold=3.0, power=4), 1.0
    reference = Reference(setup, 0, end, accuracy=1e-10, method="DOP853")
    off, between, estimates = [], [], []
    for count in (8, 16, 32, 64):
        h = end / count
        now, middle, error = steps_of(setup, count, h)
        off.append(float((now["kernels"] - reference.at(end)["kernels"]).abs().max()))
        exact = reference.at(end - h / 2)["kernels"]
        between.append(float((middle["kernels"] - exact).abs().max()))
        estimates.append(error)
    for errors in (off, between, estimates):
        assert np.log2(errors[0] / errors[-1]) / 3 == pytest.approx(3, abs=0.35), errors
    assert off[-1] < 1e-4
    alone = Trials(count=1, seed=TRIALS.seed, dtype="float64")
    x = sample(setup.data, setup.key, alone, 20, purpose="training samples").x
    assert torch.einsum("tnpd,trd->tnpr", x, now["kernels"]).max() < setup.net.threshold


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_the_error_follows_the_tolerance(objective):
    setup, end = SETUP.replace(objective=objective), 3.0
    reference = Reference(setup, 0, end, accuracy=1e-8, method="DOP853").at(end)
    errors = []
    for tolerance in (1e-3, 1e-5, 1e-7):
        flow = setup.derive(clock=GradientFlow(tolerance), steps=10)
        encoder = pretrain(flow, Trials(count=1, seed=2, dtype="float64"))
        found = {"kernels": encoder.kernels, **encoder.extra}
        errors.append(
            max(float((value[0] - reference[k][0]).abs().max()) for k, value in found.items())
        )
        assert encoder.time.tolist() == [3.0]
        assert encoder.reached.all()
    assert errors[0] < 0.1
    assert errors[1] < errors[0] / 5
    assert errors[2] < errors[1] / 5
    assert 0 < errors[2] < 1e-5


@pytest.mark.parametrize("objective", [OBJECTIVES[0], OBJECTIVES[2]], ids=str)
@pytest.mark.parametrize("features", ["first", "all"])
def test_a_capture_is_located_in_time(objective, features):
    """From a small start, too, that waits long."""
    until = Captured(features=features)
    for setup in (SETUP.replace(steps=4000), SMALL):
        setup = setup.replace(objective=objective)
        encoder = pretrain(setup, TRIALS, until)
        assert encoder.reached.all()
        assert not encoder.diverged.any()
        if setup.net.init_scale > 0.02 or features == "first":  # else it takes long
            reference = Reference(setup, 0, 1200.0, until)
            assert encoder.time[0].item() == pytest.approx(reference.time, rel=2e-3)
        ahead = lead(until, encoder.kernels, feature_rows(setup), setup.net)
        assert (ahead >= 0).all()
        assert (ahead < 1e-9).all()


def feature_rows(setup, trials=TRIALS):
    return features(setup.data, setup.key, trials)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_state_at_a_capture_counts_as_captured(dtype):
    trials = Trials(count=6, seed=3, dtype=dtype)
    for until, some in ((Captured(), "all"), (Captured(features="first"), "any")):
        encoder = pretrain(SETUP, trials, until)
        held = (correlations(encoder, SETUP) >= SETUP.net.threshold).any(1)
        assert getattr(held, some)(1).all()
        if some == "any":
            assert (held.sum(1) == 1).all()
            continue
        before = pretrain(SETUP.derive(steps=1, rate=0.999 * float(encoder.time[0])), trials)
        held = (correlations(before, SETUP) >= SETUP.net.threshold).any(1)
        assert not held[0].all()


@pytest.mark.parametrize("objective", [OBJECTIVES[0], OBJECTIVES[2]], ids=str)
def test_descent_in_small_steps_takes_the_same_time_and_finds_the_same_winners(objective):
    """Within 0.5 %, on the same trials; descent at the recipe's own rate is further off."""
    setup = SETUP.replace(objective=objective, steps=4000).derive(clock=GradientFlow())
    slow = setup.derive(clock=GradientDescent(0.3 / 80, 4000 * 80))
    for until in (Captured(features="first"), Captured()):
        flow, descent = pretrain(setup, TRIALS, until), pretrain(slow, TRIALS, until)
        assert flow.reached.all()
        torch.testing.assert_close(flow.time, descent.time, rtol=5e-3, atol=0.3 / 80)
        torch.testing.assert_close(descent.time, 0.3 / 80 * descent.steps.double())
        now, then = correlations(flow, setup), correlations(descent, setup)
        assert torch.equal(now.argmax(1), then.argmax(1))
        torch.testing.assert_close(now, then, rtol=0.02, atol=0.002)
    fast = pretrain(setup.derive(clock=None), TRIALS, Captured())
    assert (fast.time / flow.time - 1).abs().max() > 5e-3
    assert (flow.steps < descent.steps / 10).all()


@pytest.mark.parametrize("times", [1.5])
def test_multiples_of_the_capture_time(times):
    one, many = pretrain(SETUP, TRIALS, Captured()), pretrain(SETUP, TRIALS, Captured(times=times))
    torch.testing.assert_close(many.time, times * one.time, rtol=1e-12, atol=0)
    assert many.reached.all()
    for trial in (0,):
        reference = Reference(SETUP, trial, float(many.time[trial]))
        off = many.kernels[trial] - reference.at(many.time[trial].item())["kernels"][0]
        assert off.abs().max() < 1e-3
    first = pretrain(SETUP, TRIALS, Captured(features="first"))
    again = pretrain(SETUP, TRIALS, Captured(features="first", times=times))
    torch.testing.assert_close(again.time, times * first.time, rtol=1e-12, atol=0)
    assert (again.time < many.time).all()


def plateau_of(setup, trial, until, end):
    """The time of a plateau from the reference's loss on a fine grid."""
    reference = Reference(setup, trial, end)
    times = np.linspace(0, end, 1001)
    with torch.no_grad():
        losses = np.array([float(reference.loss(reference.at(t))) for t in times])
    whole = np.concatenate([[0], np.cumsum((losses[1:] + losses[:-1]) / 2 * np.diff(times))])
    integral = lambda t: np.interp(t, times, whole)  # noqa: E731
    window = until.over * setup.recipe.rate
    for t in times[times >= 2 * window]:
        recent = integral(t) - integral(t - window)
        before = integral(t - window) - integral(t - 2 * window)
        if before - recent < until.fall * before:
            return t
    return None


@pytest.mark.parametrize(("fall", "over"), [(0.02, 10), (1e-12, 50)])
def test_a_plateau_is_where_the_loss_stops_falling(fall, over):
    until = Plateau(fall=fall, over=over)
    encoder = pretrain(SETUP, TRIALS, until)
    for trial in range(1):
        expected = plateau_of(SETUP, trial, until, 36.0)
        assert encoder.reached[trial] == (expected is not None)
        assert encoder.time[trial].item() == pytest.approx(expected or 36.0, rel=0.01)


def test_a_plateau_before_anything_has_grown_is_found_within_one_long_step():
    until = Plateau(fall=1e-3, over=10)
    encoder = pretrain(SMALL.replace(init_scale=0.001), TRIALS, until)
    assert encoder.time.tolist() == pytest.approx([6.0] * 3)
    assert encoder.reached.all()


def cross_entropy(p, samples):
    scores = (activated(p["kernels"], samples.x)) @ p["head"].mT
    return torch.nn.functional.cross_entropy(
        scores.flatten(0, 1), samples.label.flatten(), reduction="sum"
    )[None]


def activated(kernels, x):
    from mrpcheck.encoders import outputs

    return outputs({"kernels": kernels}, x, SETUP.net).sum(2)


@pytest.mark.parametrize("head", ["fixed", "trained"])
def test_supervised_learning_flows_for_the_time_of_all_steps(head):
    model = supervise(SETUP, TRIALS, head)
    assert model.time.tolist() == [0.4 * 170] * 3
    assert CrossEntropy
    trial = 1
    kernels = start(SETUP.derive(objective=MaskedPixels()))["kernels"][trial : trial + 1]
    zero = torch.zeros(1, 2, 8, dtype=torch.float64)
    own = torch.tensor([[1.0] * 4 + [0.0] * 4, [0.0] * 4 + [1.0] * 4]).double()[None]
    fixed = lambda p, samples: cross_entropy({**p, "head": own}, samples)  # noqa: E731
    begin = {"kernels": kernels} if head == "fixed" else {"kernels": kernels, "head": zero}
    loss = fixed if head == "fixed" else cross_entropy
    reference = Reference(SETUP, trial, 68.0, loss=loss, begin=begin)
    expected = reference.at(68.0)
    torch.testing.assert_close(model.kernels[1:2], expected["kernels"], rtol=5e-3, atol=2e-3)
    torch.testing.assert_close(model.head[1:2], expected.get("head", own), rtol=5e-3, atol=2e-3)


def test_heads_flow_on_the_encoder_and_the_probe_leaves_it():
    encoder = pretrain(SETUP, TRIALS)
    probe, tuned = (how(encoder, SETUP, TRIALS) for how in (linear_probe, finetune))
    assert torch.equal(probe.kernels, encoder.kernels)
    assert probe.time.tolist() == tuned.time.tolist() == [20.0] * 3
    slow = SETUP.derive(clock=GradientDescent(0.3, 120), tune_rate=0.4 / 50, tune_steps=50 * 50)
    for how, model in ((linear_probe, probe), (finetune, tuned)):
        by_steps = how(encoder, slow, TRIALS)
        torch.testing.assert_close(model.head, by_steps.head, rtol=0.01, atol=0.005)
        torch.testing.assert_close(model.kernels, by_steps.kernels, rtol=0.01, atol=0.005)
