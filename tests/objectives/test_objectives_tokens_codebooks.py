"""Codebooks: k-means against another one, and whether its codes are the data's features."""

import numpy as np
import pytest
import torch
from scipy.cluster.vq import kmeans2

from mrpcheck import Trials
from mrpcheck.nets import initial_kernels
from mrpcheck.objectives.codebooks import fit_codebook, nearest_codes
from mrpcheck.objectives.tokens import MaskedTokens
from mrpcheck.seeds import generator
from mrpcheck.theorems import pixels_regime
from mrpcheck.views import TRAINING, sample

HEART = pixels_regime().heart


def adjusted_rand(tokens, truth):
    """How far two partitions agree: 1 where they are one, 0 as expected by chance."""
    table = np.zeros((tokens.max() + 1, truth.max() + 1))
    np.add.at(table, (tokens, truth), 1)
    pairs = lambda counts: float((counts * (counts - 1) / 2).sum())  # noqa: E731
    rows, columns = pairs(table.sum(1)), pairs(table.sum(0))
    chance = rows * columns / pairs(table.sum())
    return (pairs(table) - chance) / ((rows + columns) / 2 - chance)


def agreement(setup, trials):
    """Of tokens with the features of the own class, (trial,)."""
    data, net = setup.data, setup.net
    drawn = sample(data, setup.key, trials, setup.recipe.samples, purpose=TRAINING)
    kernels = initial_kernels(net, data.classes, data.dim, setup.key, trials)
    start = setup.objective.start(kernels, setup, trials)
    tokens = setup.objective.tokens(start, drawn.x, net).flatten(1).numpy()
    truth = torch.where(drawn.strength >= 1, drawn.feature, -1).flatten(1).numpy() + 1
    return [adjusted_rand(*both) for both in zip(tokens, truth, strict=True)]


def spread(rows, codebook):
    return ((rows[:, None] - codebook) ** 2).sum(2).min(1).sum()


def clouds(centres=6, each=20):
    rng = generator("clouds")
    middle = 5 * rng.standard_normal((centres, 4))
    return np.repeat(middle, each, axis=0) + 0.1 * rng.standard_normal((centres * each, 4))


def test_no_start_of_another_k_means_does_better():
    rows = clouds()
    mine = spread(rows, fit_codebook(rows, 6, generator("fit")))
    others = [
        spread(rows, kmeans2(rows, 6, iter=50, minit="points", missing="raise", seed=seed)[0])
        for seed in (1, 4)
    ]
    assert mine <= min(others) * (1 + 1e-9)
    assert mine < 0.1 * spread(rows, fit_codebook(rows, 5, generator("fit")))


def test_every_row_gets_its_nearest_code():
    rng = generator("rows")
    rows, codes = rng.standard_normal((2, 30, 4)), rng.standard_normal((2, 5, 4))
    found = nearest_codes(torch.from_numpy(rows), torch.from_numpy(codes)).numpy()
    expected = ((rows[:, :, None] - codes[:, None]) ** 2).sum(3).argmin(2)
    assert (found == expected).all()


def test_codes_beyond_the_distinct_rows_are_nobodys():
    rows = np.repeat(np.eye(3), 4, axis=0)
    codebook = fit_codebook(rows, 5, generator("few"))
    assert codebook.shape == (5, 3)
    tokens = nearest_codes(torch.from_numpy(rows)[None], torch.from_numpy(codebook)[None])
    assert len(tokens.unique()) == 3


def test_what_is_not_finite_is_taken_for_zero():
    rows = clouds()
    rows[0] = np.nan
    assert np.isfinite(fit_codebook(rows, 3, generator("nan"))).all()


@pytest.mark.parametrize("codes", [1, 13])
def test_a_codebook_has_two_codes_at_least_and_no_more_than_there_are_rows(codes):
    with pytest.raises(ValueError, match=rf"codes = {codes}, but should be at least 2 and at most"):
        fit_codebook(np.zeros((12, 3)), codes, generator("bad"))


@pytest.mark.parametrize("codebook", ["pixels", "perceptual"])
def test_at_the_heart_tokens_are_the_features_of_the_own_class(codebook):
    setup = HEART.derive(objective=MaskedTokens(codebook=codebook))
    assert min(agreement(setup, Trials(count=3, seed=21))) > 0.99
    fewer = agreement(setup.derive(codes=6), Trials(count=3, seed=21))
    assert max(fewer) < 0.95


def test_where_patches_are_noisy_only_perceptual_tokens_still_name_features():
    trials = Trials(count=3, seed=21)
    noisy = HEART.derive(objective=MaskedTokens(), noise=0.2)
    raw = agreement(noisy, trials)
    perceptual = agreement(noisy.derive(codebook="perceptual"), trials)
    assert max(raw) < 0.3 < min(perceptual)
