"""Occlusion sensitivity: which patches a score rests on."""

from dataclasses import replace

import pytest
import torch

from mrpcheck import MultiView, Net, Recipe, Setup, encoders
from mrpcheck.data.digits import Digits
from mrpcheck.occlusion import blanked, decisive_parts, effective_parts, score_drops
from mrpcheck.seeds import Trials
from mrpcheck.training import supervise
from mrpcheck.views import sample

TWO = Trials(2, seed=5, stream="tests", dtype="float64")
SETUP = Setup(
    data=Digits(patch=4, stride=4),
    net=Net(kernels_per_class=2, power=1.0),
    recipe=Recipe(samples=40, steps=20, tune_rate=0.5, tune_steps=20),
)


@pytest.fixture
def model():
    return supervise(SETUP, TWO, "trained")


def test_blanking_leaves_other_patches_and_codes_of_places():
    x = torch.rand(1, 2, 4, 20)
    found = blanked(x, 1, SETUP.data)
    assert (found[:, :, 1, :16] == 0).all()
    assert torch.equal(found[:, :, 1, 16:], x[:, :, 1, 16:])
    assert torch.equal(found[:, :, [0, 2, 3]], x[:, :, [0, 2, 3]])
    assert (blanked(x, 1, MultiView(dim=20))[:, :, 1] == 0).all()


def test_drops_are_differences_of_scores_patch_by_patch(model):
    drops, changes = score_drops(model, SETUP, TWO)
    tests = sample(SETUP.data, SETUP.key, TWO, 200, kind="multi-view", purpose="occlusion tests")
    for patch in range(4):
        x = tests.x.clone()
        x[:, :, patch, :16] = 0
        both = [encoders.scores(model.parameters, each, SETUP.net) for each in (tests.x, x)]
        centred = [each - each.mean(2, keepdim=True) for each in both]
        own = [each.gather(2, tests.label[..., None])[..., 0] for each in centred]
        assert torch.allclose(drops[..., patch], own[0] - own[1])
        assert torch.equal(changes[..., patch], both[0].argmax(2) != both[1].argmax(2))


def test_a_score_that_rests_on_one_patch_counts_one_and_on_all_alike_counts_all(monkeypatch, model):
    for drops, expected in (
        ([3.0, 0.0, 0.0, -5.0], 1.0),
        ([2.0, 2.0, 2.0, 2.0], 4.0),
        ([-1.0, -1.0, 0.0, 0.0], 0.0),
    ):
        given = torch.tensor(drops).expand(2, 7, 4), torch.zeros(2, 7, 4, dtype=torch.bool)
        monkeypatch.setattr("mrpcheck.occlusion.score_drops", lambda *_, g=given: g)
        assert effective_parts(model, SETUP, TWO).tolist() == [expected] * 2


def test_figures_of_a_trial_are_the_same_alone_and_nan_where_it_diverged(model):
    one = replace(TWO, first=1, count=1)
    alone = supervise(SETUP, one, "trained")
    for measure in (effective_parts, decisive_parts):
        both = measure(model, SETUP, TWO)
        assert torch.equal(measure(alone, SETUP, one), both[1:])
        assert ((both >= 0) & (both <= 4)).all()
        lost = replace(model, diverged=torch.tensor([True, False]))
        assert measure(lost, SETUP, TWO).isnan().tolist() == [True, False]
