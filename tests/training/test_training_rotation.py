"""Features along the axes or in general position: equivalent, exactly and in law."""

from dataclasses import replace

import pytest
import torch
from scipy.stats import ks_2samp

from mrpcheck import batches, descent
from mrpcheck.events import correlations
from mrpcheck.nets import Net, initial_kernels
from mrpcheck.objectives import CrossEntropy, MaskedLatents, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import pretrain
from mrpcheck.views import MultiView, features, sample

pytestmark = pytest.mark.usefixtures("either_step")
SETUP = Setup(
    data=MultiView(classes=2, dim=6, patches=6, sparsity=1.0, noise=0.02),
    net=Net(kernels_per_class=3, power=3, threshold=0.3, init_scale=0.1),
    recipe=Recipe(samples=16, rate=0.3, steps=60),
)
TRIALS = Trials(count=2, dtype="float64")


def to_axes(basis):
    """Orthogonal Q (trial, dim, dim) with v_f Q along axis f."""
    whole = torch.cat([basis, torch.randn(*basis.shape, dtype=basis.dtype)[:, : 6 - 4]], 1)
    return (
        torch.linalg.qr(whole.mT).Q
        * torch.linalg.qr(whole.mT).R.diagonal(dim1=1, dim2=2).sign()[:, None]
    )


@pytest.mark.parametrize(
    "objective",
    [
        *(MaskedPixels(context=c, decoder=d) for c in ("patch", "pooled", "others")
          for d in ("tied", "free")),
        MaskedLatents(teacher_scale=1.5),
        CrossEntropy(),
    ],
    ids=str,
)  # fmt: skip
def test_rotating_data_and_start_rotates_the_path(monkeypatch, objective):
    """So the correlations are those of features along the axes: the noise and the start are
    rotation invariant in law, and nothing else of the data is rotated but the features."""
    torch.manual_seed(0)
    turn = to_axes(features(SETUP.data, SETUP.key, TRIALS))
    along = torch.eye(4, 6, dtype=torch.float64).expand(2, 4, 6)
    torch.testing.assert_close(
        features(SETUP.data, SETUP.key, TRIALS) @ turn, along, rtol=0, atol=1e-12
    )
    begin = {"kernels": initial_kernels(SETUP.net, 2, 6, SETUP.key, TRIALS)}
    if isinstance(objective, CrossEntropy):
        begin["head"] = torch.zeros(2, 2, 6, dtype=torch.float64)
    else:
        begin = objective.start(begin["kernels"], SETUP, TRIALS)

    def descend(start):
        arrays = descent.descend(objective, start, SETUP, TRIALS, rate=0.1, total=[60, 60])
        return torch.from_numpy(arrays["kernels"])

    def turned(data, key, trials, size, **kind):
        plain, at = sample(data, key, trials, size, **kind), slice(trials.first, trials.first + 1)
        x = plain.x @ turn[at][:, None]
        return replace(plain, x=x, features=plain.features @ turn[at])

    straight = descend(begin)
    monkeypatch.setattr(batches, "sample", turned)
    rotated = descend({n: v if n == "head" else v @ turn for n, v in begin.items()})
    one = correlations(straight, features(SETUP.data, SETUP.key, TRIALS))
    torch.testing.assert_close(one, correlations(rotated, along), rtol=0, atol=1e-9)
    torch.testing.assert_close(straight @ turn, rotated, rtol=0, atol=1e-9)
    unturned = descend(begin)  # the neighbour: data turned, start not
    assert (correlations(unturned, along) - one).abs().max() > 1e-3


def test_data_along_the_axes_are_the_turned_data_but_for_the_noise():
    """The same trial with `axes`: strengths, places and feature noise agree on every feature."""
    data = replace(SETUP.data, noise=0.0, feature_noise=0.02)
    general, along = (
        sample(replace(data, axes=axes), "key", TRIALS, 20, purpose="p") for axes in (False, True)
    )
    for name in ("label", "single_view", "feature", "strength"):
        assert torch.equal(getattr(general, name), getattr(along, name))
    z = torch.einsum("tnpd,tfd->tnpf", general.x, general.features)
    torch.testing.assert_close(z, along.x[..., :4], rtol=0, atol=1e-12)
    assert not along.x[..., 4:].any()


def test_trained_correlations_have_one_law():
    """Two samples of 120 trainings on their way: equal laws are told apart with probability 1e-6;
    a start 1.5 times as large is told apart."""
    setup = SETUP.replace(steps=12, rate=0.05)
    trials = Trials(count=120)

    def largest(of):
        encoder = pretrain(of, trials)
        basis = features(of.data, of.key, trials)
        return correlations(encoder.kernels, basis).amax((1, 2)).numpy()

    general, along = largest(setup), largest(setup.replace(axes=True))
    assert (general != along).all()
    assert ks_2samp(general, along).pvalue > 1e-6
    assert ks_2samp(general, largest(setup.replace(axes=True, init_scale=0.15))).pvalue < 1e-6
