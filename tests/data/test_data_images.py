"""Pictures as data: digits, folders, splits, patches, halves, and what cannot be said of them."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from mrpcheck import Captured, Recipe, Setup, accuracy, finetune, pretrain, supervise
from mrpcheck.batches import labelled_samples, training_samples
from mrpcheck.data import data_kinds
from mrpcheck.data.digits import Digits
from mrpcheck.data.images import Images
from mrpcheck.data.pictures import blank_halves, cut
from mrpcheck.measures import features_captured
from mrpcheck.objectives import CrossEntropy, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.views import TRAINING, sample

TWO = Trials(2, seed=3, stream="tests")
WHOLE = "multi-view tests"


def draw(data, trials=TWO, size=40, kind="multi-view", purpose=WHOLE):
    return data.samples("key", trials, size, kind, purpose)


def pixels(data, samples):
    """What disjoint patches show, put together again: (trial, sample, row, column)."""
    count, patch = 8 // data.patch, data.patch
    x = samples.x[..., : patch**2].unflatten(2, (count, count)).unflatten(-1, (patch, patch))
    return x.permute(0, 1, 2, 4, 3, 5).flatten(4, 5).flatten(2, 3)


def rows(samples, trial=0):
    """Each sample's numbers as bytes, to look for equal ones."""
    return [each.numpy().tobytes() for each in samples.x[trial]]


def small():
    return Setup(
        data=Digits(patch=4, stride=4),
        recipe=Recipe(samples=30, rate=0.05, steps=3, tune_rate=0.5, tune_steps=4),
    )


def test_digits_are_those_that_scikit_learn_ships():
    bunch = pytest.importorskip("sklearn.datasets").load_digits()
    pictures, classes = Digits().pictures()
    assert pictures.shape == (1797, 8, 8, 1)
    assert np.array_equal(pictures[..., 0] * 16, bunch.images)
    assert np.array_equal(classes, bunch.target)


def test_disjoint_patches_put_together_are_the_picture_of_that_label():
    data = Digits(positions=False)
    pictures, classes = data.pictures()
    known = {p.astype("float32").tobytes(): int(c) for p, c in zip(pictures, classes, strict=True)}
    found = draw(data)
    for picture, label in zip(pixels(data, found)[0].numpy(), found.label[0], strict=True):
        assert known[picture[..., None].tobytes()] == label


def test_patches_are_windows_of_the_picture_row_by_row():
    pictures = np.random.default_rng(0).random((3, 7, 7, 2))
    patches = cut(pictures, 3, 2)
    assert patches.shape == (3, 9, 18)
    for place, (row, column) in enumerate((r, c) for r in (0, 2, 4) for c in (0, 2, 4)):
        window = pictures[:, row : row + 3, column : column + 3]
        assert np.array_equal(patches[:, place], window.reshape(3, 18))


def test_a_patch_ends_with_the_code_of_its_place_where_it_is_asked_for():
    with_code, without = draw(Digits()), draw(Digits(positions=False))
    assert torch.equal(with_code.x[..., :4], without.x)
    assert torch.equal(with_code.x[..., 4:], torch.eye(16).expand(2, 40, 16, 16))


@pytest.mark.parametrize("half", range(4))
def test_a_blank_half_is_the_half_that_was_named(half):
    picture = np.ones((1, 8, 8, 1))
    seen = blank_halves(picture, np.array([half]))[0, ..., 0]
    expected = np.ones((8, 8))
    expected[[np.s_[:, :4], np.s_[:, 4:], np.s_[:4], np.s_[4:]][half]] = 0
    assert np.array_equal(seen, expected)
    assert np.array_equal(blank_halves(picture, np.array([-1])), picture)


def test_the_middle_of_an_odd_picture_is_in_neither_half():
    seen = blank_halves(np.ones((2, 3, 3, 1)), np.array([0, 1]))[..., 0]
    assert seen.sum((1, 2)).tolist() == [6, 6]
    assert seen[:, :, 1].all()


def test_single_view_samples_are_half_blank_and_multi_view_ones_whole():
    data = Digits()
    blank, whole = draw(data, kind="single-view"), draw(data)
    assert blank.single_view.all()
    assert not whole.single_view.any()
    shown = pixels(data, blank)
    halves = (shown[..., :4], shown[..., 4:], shown[..., :4, :], shown[..., 4:, :])
    empty = torch.stack([half.flatten(2).sum(2) == 0 for half in halves])
    assert empty.any(0).all()
    assert set(empty.float().sum(2).gt(0).sum(1).tolist()) == {2}  # every half is drawn
    assert torch.equal(whole.label, blank.label)  # the same digits in the same order


def test_mixed_samples_are_whole_unless_a_share_is_occluded():
    assert not draw(Digits(), kind="mixed").single_view.any()
    share = draw(Digits(occluded=0.25), size=700, kind="mixed").single_view.double().mean()
    assert 0.2 < share < 0.3


def test_training_and_test_digits_are_disjoint_within_a_trial_and_differ_between_trials():
    data = Digits()
    training = draw(data, size=1078, purpose=TRAINING)
    tests = draw(data, size=719)
    for trial in range(2):
        mine, other = rows(training, trial), rows(tests, trial)
        assert len(set(mine)) == 1078
        assert not set(mine) & set(other)
    assert set(rows(training, 0)) != set(rows(training, 1))


def test_more_tests_than_held_out_digits_count_each_equally_often():
    counts = np.unique(rows(draw(Digits(), size=1000)), return_counts=True)[1]
    assert len(counts) == 719
    assert set(counts.tolist()) == {1, 2}


def test_more_training_samples_than_there_are_is_one_sentence():
    with pytest.raises(ValueError, match=r"samples = 1079, but should be at most 1078: 719 of"):
        draw(Digits(), size=1079, purpose=TRAINING)


def test_the_split_alone_can_be_held_fixed():
    data = Digits()
    fixed = sample(data, "key", TWO.fixing("split"), 1078, purpose=TRAINING)
    free = sample(data, "key", TWO, 1078, purpose=TRAINING)
    assert set(rows(fixed, 0)) == set(rows(fixed, 1))
    assert rows(fixed, 0) != rows(fixed, 1)
    assert rows(fixed, 0) == rows(free, 0)


def test_a_trial_alone_is_the_trial_in_a_batch():
    many = draw(Digits(occluded=0.5), replace(TWO, count=3), kind="mixed")
    alone = draw(Digits(occluded=0.5), replace(TWO, first=2, count=1), kind="mixed")
    for name in ("x", "label", "single_view", "features"):
        assert torch.equal(getattr(many, name)[2:], getattr(alone, name))


def test_digits_train_as_any_data_and_a_trial_is_the_same_alone():
    setup = small()
    tuned = finetune(pretrain(setup, TWO), setup, TWO)
    one = replace(TWO, first=1, count=1)
    alone = finetune(pretrain(setup, one), setup, one)
    assert torch.equal(tuned.kernels[1:], alone.kernels)
    found = accuracy(tuned, setup, TWO, "single-view")
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("data", [Digits(), Digits(patch=4, stride=2, occluded=0.5)])
def test_digits_are_read_from_json_as_they_were_written(data):
    setup = Setup(data=data)
    again = Setup.from_json(json.dumps(setup.to_json()))
    assert again == setup
    assert again.key == setup.key
    assert {"Digits", "Images"} <= data_kinds().keys()
    assert "Pictures" not in data_kinds()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"patch": 9}, "patch = 9, but should be at most 8 [Digits]"),
        ({"patch": 0}, "patch = 0, but should be a whole number >= 1 [Digits]"),
        ({"patch": 3}, "stride = 2, but should be at most the patch, 3, and divide 8 - 3 [Digits]"),
        ({"stride": 3}, "stride = 3, but should be at most the patch, 2, and divide 8 - 2"),
        ({"held": 1.0}, "held = 1.0, but should be in (0, 1) [Digits]"),
        ({"occluded": 1.5}, "occluded = 1.5, but should be in [0, 1] [Digits]"),
        ({"positions": 1}, "positions = 1, but should be a bool [Digits]"),
    ],
)
def test_a_field_that_makes_no_sense_is_one_sentence(change, sentence):
    with pytest.raises(ValueError) as error:
        Digits(**change)
    assert sentence in str(error.value)


def test_what_needs_features_says_that_none_are_known():
    setup = small()
    encoder = pretrain(setup, TWO)
    for ask in (
        lambda: features_captured(encoder, setup),
        lambda: pretrain(setup, TWO, until=Captured()),
    ):
        with pytest.raises(
            ValueError, match=r"data = Digits, but should be MultiView: .* not known"
        ):
            ask()
    with pytest.raises(ValueError, match=r"Digits, but should be MultiView: .* say rate and steps"):
        setup.standard()


def test_reading_a_setup_needs_neither_scikit_learn_nor_pillow():
    code = (
        "import sys; from mrpcheck import Setup; from mrpcheck.data.digits import Digits; "
        "Setup.from_json(Setup(data=Digits()).to_json()); "
        "assert not {'sklearn', 'PIL', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_scikit_learn_one_sentence_says_what_to_install(monkeypatch):
    from mrpcheck.data import digits

    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    digits._pictures.cache_clear()
    with pytest.raises(ImportError, match=r'pip install "mrpcheck\[images\]" \[Digits\]'):
        draw(Digits())


# labels of some samples only


def test_labels_are_those_of_the_first_samples_and_pretraining_sees_all():
    setup = small()
    few = setup.derive(labels=10)
    every = training_samples(setup, TWO, CrossEntropy())
    seen = training_samples(few, TWO, CrossEntropy())
    assert seen.x.shape[1] == 10
    assert torch.equal(seen.x, every.x[:, :10])
    assert torch.equal(seen.label, every.label[:, :10])
    assert torch.equal(training_samples(few, TWO, MaskedPixels()).x, every.x)
    assert torch.equal(labelled_samples(few, TWO).x, seen.x)


@pytest.mark.parametrize("head", ["fixed", "trained"])
def test_few_labels_train_as_so_few_samples_do(head):
    setup = small()
    few, less = setup.derive(labels=10), setup.derive(samples=10)
    assert torch.equal(supervise(few, TWO, head).kernels, supervise(less, TWO, head).kernels)
    encoder = pretrain(setup, TWO)
    tuned = finetune(encoder, few, TWO)
    assert torch.equal(tuned.kernels, finetune(encoder, less, TWO).kernels)
    assert not torch.equal(tuned.kernels, finetune(encoder, setup, TWO).kernels)


def test_training_accuracy_is_that_on_labelled_samples():
    few = small().derive(labels=10, tune_steps=40)
    found = accuracy(supervise(few, TWO, "trained"), few, TWO, "training")
    assert torch.equal(found * 10, (found * 10).round())


def test_setups_without_the_field_are_as_they_were():
    recipe = Setup().to_json()["recipe"]
    assert "labels" not in recipe
    assert "labels" not in str(Setup())
    few = Setup(recipe=Recipe(samples=50, labels=20))
    assert "N=50 labels=20" in str(few)
    assert Setup.from_json(few.to_json()) == few
    assert few.standard().recipe.labels == 20


@pytest.mark.parametrize("labels", [-1, 151, True, 2.5])
def test_labels_are_at_most_the_samples(labels):
    with pytest.raises(ValueError, match=r"labels = .*, but should be a whole number from 0"):
        Recipe(labels=labels)


# folders of pictures


@pytest.fixture
def folder(tmp_path):
    """Two classes of five grey pictures each, one of them in colour, of several sizes."""
    image = pytest.importorskip("PIL.Image")
    root = tmp_path / "pictures"
    for label, name in enumerate(("dark", "light")):
        (root / name).mkdir(parents=True)
        for i in range(5):
            level = 40 + 150 * label + i
            file = root / name / f"{i}.{'png' if i % 2 else 'bmp'}"
            image.new("L", (8 + i, 12), level).save(file)
    image.new("RGB", (8, 8), (255, 0, 0)).save(root / "light" / "9.png")
    (root / ".cache").mkdir()
    return root


def test_a_folder_is_one_class_a_subfolder_in_order_of_the_names(folder):
    data = Images(folder=str(folder))
    pictures, classes = data.pictures()
    assert (data.classes, data.dim, data.patches) == (2, 4 + 16, 16)
    assert pictures.shape == (11, 8, 8, 1)
    assert classes.tolist() == [0] * 5 + [1] * 6
    levels = [round(float(p.mean()) * 255) for p in pictures]
    assert levels == [40, 41, 42, 43, 44, 190, 191, 192, 193, 194, 76]
    assert np.ptp(pictures[3]) == 0


def test_colour_keeps_three_channels(folder):
    data = Images(folder=str(folder), colour=True, side=4)
    pictures, _ = data.pictures()
    assert (data.channels, data.dim, data.patches) == (3, 12 + 4, 4)
    assert pictures[-1].mean((0, 1)).tolist() == [1, 0, 0]


def test_a_folder_trains_and_is_read_from_json(folder):
    recipe = Recipe(samples=6, rate=0.05, steps=2, tune_steps=2)
    setup = Setup(data=Images(folder=str(folder)), recipe=recipe)
    again = Setup.from_json(json.dumps(setup.to_json()))
    assert again == setup
    assert f"Images pictures {setup.data.digest[:8]} k=2" in str(setup)
    assert not pretrain(setup, TWO).diverged.any()


def test_a_changed_folder_is_another_setup_and_the_one_written_down_is_refused(folder):
    setup = Setup(data=Images(folder=str(folder)))
    (folder / "dark" / "0.bmp").write_bytes((folder / "light" / "0.bmp").read_bytes())
    changed = Setup(data=Images(folder=str(folder)))
    assert changed.key != setup.key
    with pytest.raises(ValueError, match=r"digest = .* has changed \[Images\]"):
        Setup.from_json(setup.to_json())
    (folder / "dark" / "0.bmp").rename(folder / "dark" / "00.bmp")
    assert Images(folder=str(folder)).digest != changed.data.digest


def test_the_digest_is_of_what_is_in_the_folder_wherever_it_lies(folder, tmp_path):
    before = Images(folder=str(folder)).digest
    folder.rename(tmp_path / "elsewhere")
    assert Images(folder=f"{tmp_path}/elsewhere/").digest == before


def test_a_folder_that_holds_no_classes_is_one_sentence(folder, tmp_path):
    for bad in ("", str(tmp_path / "nowhere")):
        with pytest.raises(ValueError, match=r"but should be a folder with one subfolder a class"):
            Images(folder=bad)
    with pytest.raises(ValueError, match=r"two at least: there are 0 \[Images\]"):
        Images(folder=str(folder / "dark"))
    for file in (folder / "light").iterdir():
        file.unlink()
    with pytest.raises(ValueError, match=r"class = 'light', but should hold pictures \[Images"):
        Images(folder=str(folder))
    (folder / "light").rmdir()
    with pytest.raises(ValueError, match=r"two at least: there is 1 \[Images\]"):
        Images(folder=str(folder))


def test_a_picture_that_cannot_be_read_is_named(folder):
    (folder / "dark" / "notes.txt").write_text("no picture")
    data = Images(folder=str(folder))
    with pytest.raises(ValueError, match=r"picture = .*notes.txt, but should be one that pillow"):
        data.pictures()
