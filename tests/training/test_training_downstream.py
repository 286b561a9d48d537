"""Heads and tasks beside fine-tuning: against plain loops, and each trial on its own."""

from dataclasses import replace

import pytest
import torch

from mrpcheck.clocks import GradientFlow
from mrpcheck.downstream import detect, localise, nonlinear_probe, segment
from mrpcheck.downstream.scores import mean_iou
from mrpcheck.encoders import outputs, scores
from mrpcheck.fused import fused
from mrpcheck.measures import accuracy
from mrpcheck.nets import Net, initial_kernels
from mrpcheck.objectives import systems
from mrpcheck.objectives.augmented import MaskedCrossEntropy
from mrpcheck.objectives.nonlinear import NonlinearHead, start_hidden
from mrpcheck.objectives.patches import PatchLabels, patch_classes, patch_scores
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView, sample

SETUP = Setup(
    data=MultiView(classes=3, dim=8, patches=9, sparsity=1.0, noise=0.01, single_view=0.3),
    net=Net(kernels_per_class=3, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=12, rate=0.3, steps=20, tune_rate=0.4, tune_steps=15),
)
TRIALS = Trials(count=2, first=3, dtype="float64")
CLOSE = {"rtol": 1e-9, "atol": 1e-11}


def drawn(setup=SETUP, trials=TRIALS):
    return sample(setup.data, setup.key, trials, setup.recipe.samples, purpose="training samples")


def start(setup=SETUP):
    return initial_kernels(setup.net, setup.data.classes, setup.data.dim, setup.key, TRIALS)


def descended(parameters, loss, steps, rate, held=()):
    """Plain gradient descent of a mean loss of each step, by autograd, float64."""
    now = {name: value.clone() for name, value in parameters.items()}
    for step in range(steps):
        leaves = {n: v.clone().requires_grad_() for n, v in now.items() if n not in held}
        loss({**now, **leaves}, step).sum().backward()
        now |= {n: (v - rate * v.grad).detach() for n, v in leaves.items()}
    return now


def patch_loss(task, truth, samples, setup=SETUP):
    """By torch's own losses, from scores written out."""

    def loss(p, step):
        h = outputs(p, samples.x, setup.net)
        found = torch.einsum("tnpr,tcr->tnpc", h, p["head"])
        found = found + p["bias"].mT[:, None] / samples.x.shape[2] ** 0.5
        if task == "segmentation":
            flat = found.flatten(0, 2)
            total = torch.nn.functional.cross_entropy(flat, truth.flatten(), reduction="sum")
        else:
            hot = torch.nn.functional.one_hot(truth, 4)[..., :3].to(found.dtype)
            total = torch.nn.functional.binary_cross_entropy_with_logits(
                found, hot, reduction="sum"
            )
        return total / setup.recipe.samples

    return loss


def truth_by_hand(samples, data, own):
    """The class of every patch, one after the other."""
    truth = torch.full(samples.feature.shape, data.classes)
    for at in (samples.feature >= 0).nonzero().tolist():
        held = int(samples.feature[tuple(at)]) // data.views
        if not own or held == int(samples.label[at[0], at[1]]):
            truth[tuple(at)] = held
    return truth


@pytest.mark.parametrize("own", [False, True])
def test_the_class_of_a_patch_is_that_of_the_feature_it_holds(own):
    samples = drawn()
    found = patch_classes(samples, SETUP.data, own=own)
    assert torch.equal(found, truth_by_hand(samples, SETUP.data, own))
    assert not torch.equal(found, truth_by_hand(samples, SETUP.data, not own))


def test_where_it_is_not_known_what_patches_hold_there_is_one_sentence():
    data = type("Unknown", (), {"views": 0, "classes": 3})()
    with pytest.raises(ValueError, match="views = 0, but should be at least 1"):
        patch_classes(drawn(), data)


@pytest.mark.parametrize(("train", "task"), [(segment, "segmentation"), (detect, "detection")])
@pytest.mark.parametrize("pretrained", [True, False])
def test_tasks_on_patches_against_a_plain_loop(train, task, pretrained):
    samples = drawn()
    encoder = pretrain(SETUP, TRIALS) if pretrained else None
    kernels = encoder.kernels if pretrained else start()
    count = 4 if task == "segmentation" else 3
    begin = {
        "kernels": kernels,
        "head": kernels.new_zeros(2, count, 9),
        "bias": kernels.new_zeros(2, count, 1),
    }
    truth = truth_by_hand(samples, SETUP.data, task == "detection")
    loss = patch_loss(task, truth, samples)
    model = train(encoder, SETUP, TRIALS)
    steps = 15 if pretrained else 35
    end = descended(begin, loss, steps, 0.4)
    for name, value in model.parameters.items():
        torch.testing.assert_close(value, end[name], **CLOSE)
    assert model.steps.tolist() == [steps, steps]
    short = descended(begin, loss, steps - 1, 0.4)
    assert (model.kernels - short["kernels"]).abs().max() > 1e-6


@pytest.mark.parametrize("task", ["segmentation", "detection"])
def test_gradients_on_patches_are_those_of_the_loss(task):
    objective, samples, net = PatchLabels(task=task), drawn(), SETUP.net
    label = objective.target(samples, SETUP.data)
    rng = torch.Generator().manual_seed(5)
    count = 4 if task == "segmentation" else 3
    draw = lambda *shape: torch.randn(*shape, generator=rng, dtype=torch.float64)  # noqa: E731
    leaves = [draw(2, 9, 8), draw(2, count, 9), draw(2, count, 1)]
    leaves = [leaf.requires_grad_() for leaf in leaves]
    named = lambda k, u, b: {"kernels": k, "head": u, "bias": b}  # noqa: E731
    loss = lambda *p: objective.loss(named(*p), samples.x, label, net)  # noqa: E731
    assert torch.autograd.gradcheck(loss, leaves)
    expected = torch.autograd.grad(loss(*leaves).sum(), leaves)
    plain = [leaf.detach() for leaf in leaves]
    value, slopes = objective.gradient(named(*plain), samples.x, label, net, with_loss=True)
    torch.testing.assert_close(value, loss(*plain), **CLOSE)
    for name, slope in zip(named(*plain), expected, strict=True):
        torch.testing.assert_close(slopes[name], slope, **CLOSE)


def test_the_nonlinear_probe_against_a_plain_loop():
    samples, encoder = drawn(), pretrain(SETUP, TRIALS)
    h = outputs({"kernels": encoder.kernels}, samples.x, SETUP.net).sum(2)
    begin = {"head": h.new_zeros(2, 3, 9), **start_hidden(h, 9, SETUP.key, TRIALS)}

    def loss(p, step):
        unit = torch.relu(h @ p["hidden"].mT + p["hidden_bias"].mT)
        found = (unit @ p["head"].mT).flatten(0, 1)
        total = torch.nn.functional.cross_entropy(found, samples.label.flatten(), reduction="sum")
        return total / SETUP.recipe.samples

    model = nonlinear_probe(encoder, SETUP, TRIALS)
    end = descended(begin, loss, 15, 0.4)
    for name, value in end.items():
        torch.testing.assert_close(model.parameters[name], value, **CLOSE)
    assert torch.equal(model.kernels, encoder.kernels)
    assert (model.extra["hidden"] - begin["hidden"]).abs().max() > 1e-3
    right = (scores(model.parameters, samples.x, SETUP.net).argmax(2) == samples.label).double()
    torch.testing.assert_close(accuracy(model, SETUP, TRIALS, "training"), right.mean(1))
    assert model.name != linear_probe(encoder, SETUP, TRIALS).name


def test_the_nonlinear_head_has_the_mean_square_of_what_it_reads():
    """A ~ N(0, 2/width): E |relu(A h)|^2 = |h|^2, within 3 per cent over 400 heads."""
    trials = Trials(count=400, dtype="float64")
    h = torch.linspace(0.5, 2.0, 9, dtype=torch.float64).repeat(400, 1)
    hidden = start_hidden(h[:, None], 9, "any", trials)["hidden"]
    square = torch.relu(torch.einsum("tur,tr->tu", hidden, h)).square().sum(1).mean()
    assert 0.97 < float(square / h[0].square().sum()) < 1.03


def test_gradients_of_the_nonlinear_head_are_those_of_the_loss():
    samples, kernels, objective = drawn(), 3 * start(), NonlinearHead()
    x = objective.prepare({"kernels": kernels}, samples.x, SETUP.net)
    p = {**start_hidden(kernels, 9, SETUP.key, TRIALS), "head": kernels[:, :3].repeat(1, 1, 2)}
    p["head"] = p["head"][..., :9].clone()
    p["hidden_bias"] = p["hidden"][:, :, :1] / 2
    leaves = {name: value.clone().requires_grad_() for name, value in p.items()}
    loss = objective.loss(leaves, x, samples.label, SETUP.net)
    loss.sum().backward()
    value, slopes = objective.gradient(p, x, samples.label, SETUP.net, with_loss=True)
    torch.testing.assert_close(value, loss.detach(), **CLOSE)
    assert slopes.keys() == set(objective.trained(p))
    for name, slope in slopes.items():
        torch.testing.assert_close(slope, leaves[name].grad, **CLOSE)


@pytest.mark.parametrize("head", ["fixed", "trained"])
def test_masking_as_augmentation_against_a_plain_loop(head):
    samples = drawn()
    own = torch.eye(3, dtype=torch.float64).repeat_interleave(3, 1).repeat(2, 1, 1)
    begin = {"kernels": start(), "head": own if head == "fixed" else torch.zeros_like(own)}

    def masks(step):
        rows = [
            torch.from_numpy(TRIALS.generator(SETUP.key, t, f"mask {step}").random((12, 9, 1)))
            for t in TRIALS.numbers
        ]
        return (torch.stack(rows) < 0.4).double()

    def loss(p, step):
        h = outputs(p, samples.x * masks(step), SETUP.net).sum(2) / 0.4
        found = (h @ p["head"].mT).flatten(0, 1)
        total = torch.nn.functional.cross_entropy(found, samples.label.flatten(), reduction="sum")
        return total / SETUP.recipe.samples

    held = ("head",) if head == "fixed" else ()
    end = descended(begin, loss, 35, 0.4, held)
    model = supervise(SETUP, TRIALS, head, keep=0.4)
    torch.testing.assert_close(model.kernels, end["kernels"], **CLOSE)
    torch.testing.assert_close(model.head, end["head"], **CLOSE)
    unmasked = supervise(SETUP, TRIALS, head)
    assert (model.kernels - unmasked.kernels).abs().max() > 1e-4
    assert model.name != unmasked.name


def test_its_gradients_are_those_of_the_loss():
    samples, objective = drawn(), MaskedCrossEntropy(keep=0.5)
    mask = (torch.arange(2 * 12 * 9).reshape(2, 12, 9, 1) % 3 > 0).double()
    p = {"kernels": 3 * start(), "head": 3 * start()[:, :3, :1].repeat(1, 1, 9)}
    leaves = {name: value.clone().requires_grad_() for name, value in p.items()}
    loss = objective.loss(leaves, samples.x, samples.label, SETUP.net, mask)
    loss.sum().backward()
    args = (p, samples.x, samples.label, SETUP.net, mask)
    value, slopes = objective.gradient(*args, with_loss=True)
    torch.testing.assert_close(value, loss.detach(), **CLOSE)
    for name, slope in slopes.items():
        torch.testing.assert_close(slope, leaves[name].grad, **CLOSE)
    fixed = MaskedCrossEntropy(keep=0.5, head=False).gradient(*args)[1]
    assert fixed.keys() == {"kernels"}


def test_keeping_everything_is_supervised_learning_without_masks():
    plain, kept = supervise(SETUP, TRIALS, "trained"), supervise(SETUP, TRIALS, "trained", keep=1.0)
    assert plain.name == kept.name
    assert torch.equal(plain.kernels, kept.kernels)


def test_weights_keep_the_mean_of_what_is_seen():
    """Over all masks of one sample's patches, each with its probability."""
    samples, net, keep = drawn(), SETUP.net, 0.3
    x = samples.x[:1, :1, :6]
    kernels = {"kernels": 3 * start()[:1]}
    mean = 0
    for number in range(2**6):
        mask = torch.tensor([number >> p & 1 for p in range(6)]).double().view(1, 1, 6, 1)
        chance = keep ** mask.sum() * (1 - keep) ** (6 - mask.sum())
        mean = mean + chance * (outputs(kernels, x, net, mask) * mask / keep).sum(2)
    torch.testing.assert_close(mean, outputs(kernels, x, net).sum(2), **CLOSE)


def every_way(trials, setup=SETUP):
    encoder = pretrain(setup, trials)
    return {
        "nonlinear": nonlinear_probe(encoder, setup, trials),
        "segment": segment(encoder, setup, trials),
        "segment from scratch": segment(None, setup, trials),
        "detect": detect(encoder, setup, trials),
        "detect from scratch": detect(None, setup, trials),
        "masked": supervise(setup, trials, "trained", keep=0.5),
    }


def test_a_trial_alone_is_bitwise_the_trial_in_its_block():
    block, alone = (every_way(Trials(count=n, first=f)) for n, f in ((3, 0), (1, 1)))
    for way, model in alone.items():
        for name, value in model.parameters.items():
            assert torch.equal(value[0], block[way].parameters[name][1]), (way, name)


def test_twice_the_horizon_goes_on_for_twice_the_steps():
    once, twice = every_way(TRIALS), every_way(replace(TRIALS, horizon=2))
    for way, model in twice.items():
        assert model.steps.tolist() == [2 * step for step in once[way].steps.tolist()]
        assert not torch.equal(model.head, once[way].head)
    longer = SETUP.derive(steps=40, tune_steps=30)
    straight = segment(None, longer, TRIALS)
    torch.testing.assert_close(twice["segment from scratch"].kernels, straight.kernels)
    masked = supervise(longer, TRIALS, "trained", keep=0.5)
    torch.testing.assert_close(twice["masked"].kernels, masked.kernels)


def test_from_scratch_does_not_depend_on_the_objective_of_pretraining():
    other = SETUP.derive(keep=0.3)
    assert segment(None, SETUP, TRIALS).name == segment(None, other, TRIALS).name
    encoders = pretrain(SETUP, TRIALS), pretrain(other, TRIALS)
    assert segment(encoders[0], SETUP, TRIALS).name != segment(encoders[1], other, TRIALS).name


def test_tasks_follow_the_gradient_flow_too_but_masks_do_not():
    flow = SETUP.derive(clock=GradientFlow(1e-3))
    slow = SETUP.derive(tune_rate=0.01, tune_steps=600, rate=0.01, steps=600)
    found = segment(None, flow, TRIALS)
    near = segment(None, slow, TRIALS)  # 12 units of time; the flow takes 35 * 0.4 = 14
    assert found.time.tolist() == pytest.approx([14.0, 14.0])
    assert torch.isfinite(found.kernels).all()
    assert near.time.tolist() == pytest.approx([12.0, 12.0])
    torch.testing.assert_close(found.head, near.head, rtol=0.4, atol=0.4)
    with pytest.raises(ValueError, match=r"keep = 0.5, but should be 1 along a gradient flow"):
        supervise(flow, TRIALS, keep=0.5)


@pytest.mark.parametrize("keep", [0.0, -0.5, 1.5])
def test_a_keep_probability_outside_its_range_is_refused(keep):
    with pytest.raises(
        ValueError, match=rf"keep = {keep}, but should be in \(0, 1\] \[supervise\]"
    ):
        supervise(SETUP, TRIALS, keep=keep)
    with pytest.raises(ValueError, match="MaskedCrossEntropy"):
        MaskedCrossEntropy(keep=keep)


def test_a_task_of_another_name_is_refused():
    with pytest.raises(ValueError, match="task = 'captioning', but should be one of"):
        PatchLabels(task="captioning")


def test_another_trials_encoder_is_refused():
    encoder = pretrain(SETUP, TRIALS)
    with pytest.raises(ValueError, match=r"but should be 3 to 3 .* \[segmentation\]"):
        segment(encoder, SETUP, replace(TRIALS, count=1))


def test_models_of_patches_and_of_samples_are_told_apart():
    encoder = pretrain(SETUP, TRIALS)
    with pytest.raises(ValueError, match="one of patches, but should tell a sample's class"):
        accuracy(segment(encoder, SETUP, TRIALS), SETUP, TRIALS, "mixed")
    for model in (detect(encoder, SETUP, TRIALS), finetune(encoder, SETUP, TRIALS)):
        with pytest.raises(ValueError, match=r"but should be 4: a model of segment \[mean_iou\]"):
            mean_iou(model, SETUP, TRIALS, "mixed")


def test_objectives_with_labels_are_no_systems_and_have_no_native_step():
    objectives = (PatchLabels(), NonlinearHead(), MaskedCrossEntropy())
    assert not {type(objective).__name__ for objective in objectives} & systems().keys()
    x, label = torch.zeros(1, 2, 3, 8), torch.zeros(1, 2, dtype=torch.long)
    assert all(fused(objective, SETUP, x, label) is None for objective in objectives)


def test_what_is_learned_are_the_labels_of_patches():
    """The target is the samples' truth, and a head on patches fits it better than background."""
    truth = patch_classes(drawn(), SETUP.data)
    assert torch.equal(PatchLabels().target(drawn(), SETUP.data), truth)
    longer = SETUP.derive(steps=300, tune_rate=1.0)
    found = patch_scores(segment(None, longer, TRIALS).parameters, drawn().x, SETUP.net).argmax(3)
    background = (truth == 3).double().mean()
    assert (found == truth).double().mean() > background + 0.5 * (1 - background)


def test_class_activation_maps_score_patches_by_the_classifier_of_samples():
    model = finetune(pretrain(SETUP, TRIALS), SETUP, TRIALS)
    found = localise(model)
    x = drawn().x
    by_patch = patch_scores(found.parameters, x, SETUP.net)
    torch.testing.assert_close(by_patch.sum(2), scores(model.parameters, x, SETUP.net), **CLOSE)
    assert found.name != model.name
    with pytest.raises(ValueError, match=r"head = nonlinear, but should be linear \[localise\]"):
        localise(nonlinear_probe(pretrain(SETUP, TRIALS), SETUP, TRIALS))
