"""What is kept is what was made, within its bytes, and no request is answered with another's."""

import threading
from dataclasses import replace

import pytest
import torch

from mrpcheck import views
from mrpcheck.kept import Kept
from mrpcheck.seeds import Trials
from mrpcheck.views import MultiView, sample

DATA = MultiView(classes=2, dim=4, patches=6, sparsity=1.0)


def made(kept, *keys):
    """Which of the keys, asked for one after the other, were made anew."""
    news = []
    for key in keys:
        assert kept.get(key, lambda key=key: news.append(key) or key * 2) == key * 2
    return news


def test_what_was_used_longest_ago_goes_first():
    kept = Kept(30, lambda value: 10)
    assert made(kept, 1, 2, 3) == [1, 2, 3]
    assert made(kept, 1, 2, 3) == []
    assert made(kept, 1, 4) == [4]  # and 2 goes, since 1 was used again
    assert made(kept, 3, 1, 4, 2) == [2]


@pytest.mark.parametrize(("size", "again"), [(30, []), (31, [1])])
def test_a_value_above_the_bound_is_not_kept(size, again):
    kept = Kept(30, lambda value: size)
    made(kept, 1)
    assert made(kept, 1) == again


def test_threads_may_ask_at_once():
    kept = Kept(50, lambda value: 1)
    threads = [threading.Thread(target=made, args=(kept, *range(i, i + 60))) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept._values) == kept._bytes == 50


def drawn(trials, purpose="tests"):
    return sample(DATA, "key", trials, 5, purpose=purpose)


@pytest.mark.parametrize("same", [{"horizon": 2}, {"patient": False}, {"fixed": {"kernels"}}])
def test_what_changes_no_sample_is_not_drawn_again(same):
    trials = Trials(2, seed=41)
    other = replace(trials, **{k: frozenset(v) if k == "fixed" else v for k, v in same.items()})
    assert drawn(trials) is drawn(other)
    assert torch.equal(drawn(other).x, views._sample(DATA, "key", other, 5, "mixed", "tests").x)


@pytest.mark.parametrize(
    "other",
    [
        Trials(2, seed=42),
        Trials(2, first=1, seed=41),
        Trials(2, seed=41, stream="search"),
        Trials(2, seed=41, dtype="float64"),
        Trials(2, seed=41).fixing("features"),
        Trials(2, seed=41).fixing("tests"),
        Trials(2, seed=41).redrawing("tests"),
        Trials(2, seed=41).redrawing("features"),
    ],
)
def test_what_changes_a_sample_is_drawn_again(other):
    assert not torch.equal(drawn(Trials(2, seed=41)).x, drawn(other).x)
