"""Each declared law of the multi-view distribution against a large sample.

Every test is a pair: the law holds, its neighbour does not. A law is accepted where an exact or
Kolmogorov-Smirnov p-value exceeds LEVEL, so over the choice of the seed each assertion fails with
probability at most 1e-6; a neighbour must be rejected at the same level.
"""

import numpy as np
import pytest
import torch
from scipy.stats import beta, binomtest, chisquare, kstest, norm, uniform

from mrpcheck import views
from mrpcheck.seeds import Trials
from mrpcheck.views import MultiView, sample

LEVEL = 1e-6
DATA = MultiView(
    classes=5,
    dim=14,
    patches=12,
    sparsity=2.0,
    single_view=0.4,
    noise=0.02,
    feature_noise=0.03,
    weak=0.05,
    off_class=0.5,
)
TRIALS = Trials(count=8, dtype="float64", seed=11)
SIZE = 3000


def drawn(data, *, trials=TRIALS, size=SIZE, kind="mixed"):
    return sample(data, "laws", trials, size, kind=kind, purpose="laws")


def totals(data, samples):
    """Present (bool) and Z, both (trial * sample, feature), and how many patches each one has."""
    feature = samples.feature.flatten(0, 1)
    strength = samples.strength.flatten(0, 1)
    held = torch.nn.functional.one_hot(feature + 1, data.features + 1)[..., 1:]
    total = (held * strength[..., None]).sum(1)
    return held.any(1).numpy(), total.numpy(), held.sum(1).numpy()


def own(data, samples):
    return np.arange(data.features) // data.views == samples.label.flatten().numpy()[:, None]


@pytest.fixture(scope="module")
def mixed():
    return drawn(DATA)


def accept_uniform(values, low, high):
    assert kstest(values, uniform(low, high - low).cdf).pvalue > LEVEL
    assert low <= values.min()
    assert values.max() <= high
    nearby = low - 0.05 * (high - low)
    assert kstest(values, uniform(nearby, high - nearby).cdf).pvalue < LEVEL


def test_labels_are_balanced(mixed):
    counts = np.bincount(mixed.label.flatten().numpy(), minlength=5)
    assert chisquare(counts).pvalue > LEVEL
    shifted = np.full(5, counts.sum() / 5) + counts.sum() * np.array([0.02, -0.02, 0, 0, 0])
    assert chisquare(counts, shifted).pvalue < LEVEL


def test_labels_of_two_trials_are_independent(mixed):
    same = (mixed.label[:4] == mixed.label[4:]).flatten().numpy()
    assert binomtest(int(same.sum()), same.size, 1 / 5).pvalue > LEVEL
    again = (mixed.label[:4] == mixed.label[:4]).flatten().numpy()
    assert binomtest(int(again.sum()), again.size, 1 / 5).pvalue < LEVEL


@pytest.mark.parametrize(("kind", "share"), [("mixed", 0.4), ("multi-view", 0), ("single-view", 1)])
def test_single_view_samples_come_at_their_rate(kind, share):
    single = drawn(DATA, kind=kind, trials=Trials(count=2)).single_view.flatten().numpy()
    assert binomtest(int(single.sum()), single.size, share).pvalue > LEVEL
    near = share + 0.05 if share < 1 else 0.95
    assert binomtest(int(single.sum()), single.size, near).pvalue < LEVEL


def test_every_view_of_the_class_is_present(mixed):
    present, _, _ = totals(DATA, mixed)
    assert present[own(DATA, mixed)].all()


def test_views_of_other_classes_come_independently_at_rate_s_over_k(mixed):
    present, _, _ = totals(DATA, mixed)
    off = present[~own(DATA, mixed)].reshape(-1, 8)  # (sample, off-class feature)
    rate = DATA.sparsity / DATA.classes
    assert binomtest(int(off.sum()), off.size, rate).pvalue > LEVEL
    assert binomtest(int(off.sum()), off.size, rate + 0.01).pvalue < LEVEL
    pairs = off[:, 0] & off[:, 1]  # two views of one class, or of two: independent all the same
    assert binomtest(int(pairs.sum()), len(pairs), rate**2).pvalue > LEVEL
    assert binomtest(int(pairs.sum()), len(pairs), rate).pvalue < LEVEL


def count_law(others, rate, room):
    """How many off-class features there are, by convolution, given that at most `room` fit."""
    law = np.ones(1)
    for _ in range(others):
        law = np.convolve(law, [1 - rate, rate])
    return law[: room + 1] / law[: room + 1].sum()


@pytest.mark.parametrize(("patches", "each", "room"), [(5, 1, 3), (9, 2, 2)])
def test_the_off_class_set_is_conditioned_on_fitting(monkeypatch, patches, each, room):
    monkeypatch.setattr(views, "MISFIT", 1.0)  # misfits are common here, so that the law shows
    data = MultiView(
        classes=4, dim=8, patches=patches, patches_per_feature=each, sparsity=2.0, noise=0.0
    )
    samples = drawn(data)
    present, _, _ = totals(data, samples)
    off = present[~own(data, samples)].reshape(-1, 6)
    seen = np.bincount(off.sum(1), minlength=room + 1)
    assert len(seen) == room + 1  # what does not fit never comes
    law = count_law(6, 0.5, room)
    assert data.misfit == pytest.approx(1 - count_law(6, 0.5, 6)[: room + 1].sum(), abs=1e-12)
    assert chisquare(seen, law * seen.sum()).pvalue > LEVEL
    dropped = count_law(6, 0.5, 6)  # the neighbour: features that do not fit are dropped
    dropped = np.append(dropped[:room], dropped[room:].sum())
    assert chisquare(seen, dropped * seen.sum()).pvalue < LEVEL
    rate = (law * np.arange(room + 1)).sum() / 6  # each feature's, since all are alike
    for column in off.T:
        assert binomtest(int(column.sum()), len(off), rate).pvalue > LEVEL / 6
    assert binomtest(int(off[:, 0].sum()), len(off), 0.5).pvalue < LEVEL


def test_the_off_class_rate_stays_where_everything_fits():
    assert DATA.misfit == 0
    assert count_law(8, 0.4, 8) @ np.arange(9) / 8 == pytest.approx(0.4)


def test_strengths_follow_the_table_on_multi_view_samples(mixed):
    present, total, _ = totals(DATA, mixed)
    multi = ~mixed.single_view.flatten().numpy()[:, None]
    mine = own(DATA, mixed)
    accept_uniform(total[mine & multi], 1.0, 2.0)
    accept_uniform(total[present & ~mine & multi], 0.2, 0.4)
    both = total[mine & multi].reshape(-1, 2)
    # Pearson's r of independent pairs is normal, of deviation n^-1/2, for n this large.
    assert abs(np.corrcoef(both.T)[0, 1]) < norm.isf(LEVEL / 2) / np.sqrt(len(both))


def test_strengths_follow_the_table_on_single_view_samples(mixed):
    present, total, _ = totals(DATA, mixed)
    single = mixed.single_view.flatten().numpy()[:, None]
    mine = own(DATA, mixed)
    accept_uniform(total[present & ~mine & single], 0.25, 0.5)  # [Gamma/2, Gamma]
    own_views = total[mine & single].reshape(-1, 2)
    main = own_views > 0.5
    assert (main.sum(1) == 1).all()
    accept_uniform(own_views[main], 1.0, 2.0)
    np.testing.assert_allclose(own_views[~main], DATA.weak, rtol=1e-15)


def test_which_view_is_the_main_one_is_uniform():
    data = MultiView(classes=4, views=3, dim=12, patches=12, sparsity=1.0, single_view=1.0)
    samples = drawn(data, trials=Trials(count=2, seed=3))
    _, total, _ = totals(data, samples)
    which = total[own(data, samples)].reshape(-1, 3).argmax(1)
    counts = np.bincount(which, minlength=3)
    assert chisquare(counts).pvalue > LEVEL
    assert chisquare(counts, counts.sum() * np.array([0.4, 0.3, 0.3])).pvalue < LEVEL
    labels = samples.label.flatten().numpy()
    for label in range(4):  # whatever the class
        assert chisquare(np.bincount(which[labels == label], minlength=3)).pvalue > LEVEL / 4


@pytest.mark.parametrize("split", ["equal", "random"])
@pytest.mark.parametrize("each", [2, 3])
def test_a_feature_splits_over_patches_of_its_own(split, each):
    data = MultiView(
        classes=4, dim=8, patches=24, patches_per_feature=each, sparsity=1.0, split=split
    )
    samples = drawn(data, trials=Trials(count=2, dtype="float64"), size=2000)
    present, total, patches = totals(data, samples)
    np.testing.assert_array_equal(patches, each * present)  # disjoint: a patch holds one feature
    mine = own(data, samples)
    accept_uniform(total[mine & ~samples.single_view.flatten().numpy()[:, None]], 1.0, 2.0)
    feature = samples.feature.flatten(0, 1).numpy()
    strength = samples.strength.flatten(0, 1).numpy()
    first = np.where(mine[:, ::2], np.arange(0, 8, 2), -9).max(1)  # the class' first view
    share = strength[feature == first[:, None]].reshape(-1, each)
    share = share / share.sum(1, keepdims=True)
    if split == "equal":
        np.testing.assert_allclose(share, 1 / each, rtol=1e-12)
    else:  # uniform on the simplex: each share is Beta(1, C_p - 1)
        assert kstest(share[:, 0], beta(1, each - 1).cdf).pvalue > LEVEL
        assert kstest(share[:, 0], beta(1.2, each - 1).cdf).pvalue < LEVEL


def test_patches_are_placed_uniformly(mixed):
    feature = mixed.feature.flatten(0, 1).numpy()
    label = mixed.label.flatten().numpy()
    place = [np.nonzero(feature == 2 * label[:, None] + view)[1] for view in (0, 1)]
    counts = np.bincount(place[0], minlength=12)
    assert chisquare(counts).pvalue > LEVEL
    slope = 1 + 0.05 * np.linspace(-1, 1, 12)
    assert chisquare(counts, counts.sum() * slope / 12).pvalue < LEVEL
    pairs = np.bincount(12 * place[0] + place[1], minlength=144)  # ordered pairs, distinct
    distinct = ~np.eye(12, dtype=bool).flatten()
    assert (pairs[~distinct] == 0).all()
    assert chisquare(pairs[distinct]).pvalue > LEVEL
    empty = np.nonzero(feature < 0)[1]
    assert chisquare(np.bincount(empty, minlength=12)).pvalue > LEVEL  # conservative: as many a row


def leftover(samples):
    """x minus what the ground truth puts there, on the features and beside them, a row a patch."""
    known = samples.features[:, None, None].expand(*samples.x.shape[:3], -1, -1)
    at = samples.feature.clamp_min(0)[..., None, None].expand(-1, -1, -1, 1, known.shape[-1])
    rest = samples.x - samples.strength[..., None] * known.gather(3, at)[..., 0, :]
    on = torch.einsum("tnpd,tfd->tnpf", rest, samples.features)
    beside = rest - torch.einsum("tnpf,tfd->tnpd", on, samples.features)
    return on.flatten(0, 2).numpy(), beside.flatten(0, 2).numpy()


def test_gaussian_noise_has_deviation_sigma_p():
    data = MultiView(classes=4, dim=11, noise=0.02, feature_noise=0.0)
    on, beside = leftover(drawn(data, size=500))
    for values in (on[:, 0], on[:, 7]):
        assert kstest(values, norm(scale=0.02).cdf).pvalue > LEVEL
        assert kstest(values, norm(scale=0.021).cdf).pvalue < LEVEL
    # |beside|^2 / sigma_p^2 is chi-square of d - kV = 3 degrees; its mean is normal by now.
    mean = (beside**2).sum(1).mean() / 0.02**2
    deviation = np.sqrt(2 * 3 / len(beside))
    assert abs(mean - 3) < norm.isf(LEVEL / 2) * deviation
    assert abs(mean - 4) > norm.isf(LEVEL / 2) * deviation


def test_feature_noise_is_uniform_on_every_feature():
    data = MultiView(classes=4, dim=8, noise=0.0, feature_noise=0.03)
    on, beside = leftover(drawn(data, trials=Trials(count=2, dtype="float64"), size=1000))
    assert abs(beside).max() < 1e-12
    for column in on.T:
        accept_uniform(column.clip(0, 0.03), 0.0, 0.03)
        assert -1e-12 < column.min() < column.max() < 0.03 + 1e-12
    deviation = 0.03 / np.sqrt(12 * on.size)
    assert abs(on.mean() - 0.015) < norm.isf(LEVEL / 2) * deviation
    assert abs(np.corrcoef(on[:, :2].T)[0, 1]) < norm.isf(LEVEL / 2) / np.sqrt(len(on))


def test_projections_recover_the_ground_truth(mixed):
    z = torch.einsum("tnpd,tfd->tnpf", mixed.x, mixed.features)
    held = torch.nn.functional.one_hot(mixed.feature + 1, DATA.features + 1)[..., 1:]
    truth = held * mixed.strength[..., None]
    # of 2.9 million Gaussian values one exceeds 7.5 sigma with probability 2e-7
    noise = DATA.feature_noise + 7.5 * DATA.noise
    assert (z - truth).max() < noise
    assert (z - truth).min() > -7.5 * DATA.noise
    assert (z - truth.roll(1, -1)).abs().max() > noise


@pytest.mark.parametrize("count", [1, 4])
def test_one_view_a_class_and_four(count):
    data = MultiView(
        classes=4, views=count, dim=4 * count, patches=16, sparsity=1.0, single_view=0.5, noise=0.0
    )
    samples = drawn(data, trials=Trials(count=2, dtype="float64"), size=2000)
    present, total, _ = totals(data, samples)
    mine = own(data, samples)
    single = samples.single_view.flatten().numpy()
    assert present[mine].all()
    strong = total[mine].reshape(-1, count) > 0.5
    assert (strong[~single].sum(1) == count).all()
    assert (strong[single].sum(1) == 1).all()
    off = present[~mine]
    assert binomtest(int(off.sum()), off.size, 0.25).pvalue > LEVEL


def test_features_are_orthonormal():
    data = MultiView(classes=4, dim=11)
    basis = views.features(data, "key", Trials(count=50, dtype="float64"))
    assert basis.shape == (50, 8, 11)
    torch.testing.assert_close(
        basis @ basis.mT, torch.eye(8, dtype=torch.float64).expand(50, 8, 8), rtol=0, atol=1e-12
    )


def test_features_are_uniform_on_the_sphere():
    data = MultiView(classes=4, dim=11)
    basis = views.features(data, "key", Trials(count=1500, dtype="float64")).numpy()
    for row, column in ((0, 0), (3, 3), (7, 7), (5, 2)):  # squares of coordinates are Beta
        values = basis[:, row, column]
        assert kstest(values**2, beta(0.5, 5).cdf).pvalue > LEVEL / 4
        assert kstest(values**2, beta(0.5, 3.5).cdf).pvalue < LEVEL
        positive = int((values > 0).sum())  # both signs, as QR alone would not give
        assert binomtest(positive, len(values), 0.5).pvalue > LEVEL / 4


def test_features_along_the_axes():
    data = MultiView(classes=4, dim=11, axes=True)
    basis = views.features(data, "key", Trials(count=2))
    torch.testing.assert_close(basis, torch.eye(11)[:8].expand(2, 8, 11), rtol=0, atol=0)


def test_samples_carry_the_features_of_their_trial(mixed):
    torch.testing.assert_close(mixed.features, views.features(DATA, "laws", TRIALS), rtol=0, atol=0)
    one = mixed.trial(5)
    for name in ("x", "label", "single_view", "feature", "strength", "features"):
        assert torch.equal(getattr(one, name), getattr(mixed, name)[5:6])
