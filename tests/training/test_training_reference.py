"""Every way to train against a slow plain loop: autograd of the plain loss, float64."""

import pytest
import torch

from mrpcheck import encoders
from mrpcheck.nets import Net, initial_kernels
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView, sample

pytestmark = pytest.mark.usefixtures("either_step")
SETUP = Setup(
    data=MultiView(classes=2, dim=5, patches=6, sparsity=1.0, noise=0.01, single_view=0.3),
    net=Net(kernels_per_class=4, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=20, rate=0.3, steps=50, tune_rate=0.4, tune_steps=40),
)
TRIALS = Trials(count=2, first=3, dtype="float64")
CLOSE = {"rtol": 1e-9, "atol": 1e-11}


def data(setup):
    return sample(setup.data, setup.key, TRIALS, setup.recipe.samples, purpose="training samples")


def descended(parameters, loss, steps, rate, after=lambda p: None):
    """Plain gradient descent of a mean loss, by torch's own SGD."""
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    optimiser = torch.optim.SGD(leaves.values(), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(leaves).backward()
        optimiser.step()
        after(leaves)
    return {name: value.detach() for name, value in leaves.items()}


def start(setup):
    return initial_kernels(setup.net, setup.data.classes, setup.data.dim, setup.key, TRIALS)


def cross_entropy(setup, samples):
    def loss(p):
        scores = encoders.scores(p, samples.x, setup.net)
        n = setup.recipe.samples
        flat = torch.nn.functional.cross_entropy(
            scores.flatten(0, 1), samples.label.flatten(), reduction="sum"
        )
        return flat / n

    return loss


@pytest.mark.parametrize("context", ["patch", "pooled", "others"])
@pytest.mark.parametrize("decoder", ["tied", "free"])
def test_masked_pixels(context, decoder):
    setup = SETUP.replace(objective=MaskedPixels(keep=0.4, context=context, decoder=decoder))
    x, n = data(setup).x, setup.recipe.samples
    begin = setup.objective.start(start(setup), setup, TRIALS)
    end = descended(begin, lambda p: setup.objective.loss(p, x, None, setup.net).sum() / n, 50, 0.3)
    encoder = pretrain(setup, TRIALS)
    torch.testing.assert_close(encoder.kernels, end["kernels"], **CLOSE)
    assert encoder.extra.keys() == begin.keys() - {"kernels"}
    for name, value in encoder.extra.items():
        torch.testing.assert_close(value, end[name], **CLOSE)
    assert encoder.steps.tolist() == [50, 50]
    off = descended(begin, lambda p: setup.objective.loss(p, x, None, setup.net).sum() / n, 49, 0.3)
    assert (encoder.kernels - off["kernels"]).abs().max() > 1e-6


@pytest.mark.parametrize("teacher", ["scaled", "ema", "frozen"])
def test_masked_latents(teacher):
    objective = MaskedLatents(teacher=teacher, teacher_scale=1.5, momentum=0.9)
    setup = SETUP.replace(objective=objective)
    x, n, net = data(setup).x, setup.recipe.samples, setup.net
    teachers = [start(setup)]

    def loss(p):
        return objective.loss({**p, "teacher": teachers[-1]}, x, None, net).sum() / n

    def follow(p):
        if teacher == "ema":
            teachers.append(0.9 * teachers[-1] + 0.1 * p["kernels"].detach())

    end = descended({"kernels": start(setup)}, loss, 50, 0.3, follow)
    encoder = pretrain(setup, TRIALS)
    torch.testing.assert_close(encoder.kernels, end["kernels"], **CLOSE)
    if teacher != "scaled":
        torch.testing.assert_close(encoder.extra["teacher"], teachers[-1], **CLOSE)


def test_masks_one_a_step():
    """The loop draws each step's masks from their own stream, as training does."""
    setup = SETUP.replace(objective=MaskedPixels(masks="sampled"))
    x, n, steps = data(setup).x, setup.recipe.samples, iter(range(50))

    def loss(p):
        name = f"mask {next(steps)}"
        rows = [TRIALS.generator(setup.key, t, name).random((n, 6, 1)) < 0.5 for t in (3, 4)]
        mask = torch.tensor([row.tolist() for row in rows]).double()
        return setup.objective.loss(p, x, None, setup.net, mask).sum() / n

    end = descended({"kernels": start(setup)}, loss, 50, 0.3)
    torch.testing.assert_close(pretrain(setup, TRIALS).kernels, end["kernels"], **CLOSE)
    exact = pretrain(setup.derive(masks="exact"), TRIALS)
    assert (exact.kernels - end["kernels"]).abs().max() > 1e-3


@pytest.mark.parametrize("head", ["fixed", "trained"])
def test_supervised_learning(head):
    """From the random start, on the samples of pretraining, for all of its steps and tuning's."""
    samples, kernels = data(SETUP), start(SETUP)
    own = torch.tensor([[1.0] * 4 + [0.0] * 4, [0.0] * 4 + [1.0] * 4]).double().expand(2, -1, -1)
    loss = cross_entropy(SETUP, samples)
    if head == "fixed":
        end = descended({"kernels": kernels}, lambda p: loss({**p, "head": own}), 90, 0.4)
        end["head"] = own
    else:
        zero = torch.zeros(2, 2, 8, dtype=torch.float64)
        end = descended({"kernels": kernels, "head": zero}, loss, 90, 0.4)
    model = supervise(SETUP, TRIALS, head)
    torch.testing.assert_close(model.kernels, end["kernels"], **CLOSE)
    torch.testing.assert_close(model.head, end["head"], **CLOSE)


def test_fine_tuning_goes_on_from_the_encoder_with_a_zero_head():
    samples, encoder = data(SETUP), pretrain(SETUP, TRIALS)
    zero = torch.zeros(2, 2, 8, dtype=torch.float64)
    begin = {"kernels": encoder.kernels, "head": zero}
    end = descended(begin, cross_entropy(SETUP, samples), 40, 0.4)
    model = finetune(encoder, SETUP, TRIALS)
    torch.testing.assert_close(model.kernels, end["kernels"], **CLOSE)
    torch.testing.assert_close(model.head, end["head"], **CLOSE)
    assert (model.kernels - encoder.kernels).abs().max() > 1e-3


def test_the_probe_leaves_the_encoder_as_it_is():
    samples, encoder = data(SETUP), pretrain(SETUP, TRIALS)
    loss = cross_entropy(SETUP, samples)
    zero = {"head": torch.zeros(2, 2, 8, dtype=torch.float64)}
    end = descended(zero, lambda p: loss({**p, "kernels": encoder.kernels}), 40, 0.4)
    model = linear_probe(encoder, SETUP, TRIALS)
    assert torch.equal(model.kernels, encoder.kernels)
    torch.testing.assert_close(model.head, end["head"], **CLOSE)
    assert (model.head - finetune(encoder, SETUP, TRIALS).head).abs().max() > 1e-4
