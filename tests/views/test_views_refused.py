"""Distributions that cannot be drawn are refused in one sentence; their neighbours are not."""

import re

import pytest

from mrpcheck.views import MultiView

REFUSED = {
    "dim": ({"dim": 9}, {"dim": 10}),
    "dim ": ({"dim": 20.5}, {"dim": 20}),
    "classes": ({"classes": 1}, {"classes": 2, "sparsity": 1.0}),
    "classes ": ({"classes": 5.0}, {"classes": 5}),
    "views": ({"views": 0}, {"views": 1}),
    "patches_per_feature": ({"patches_per_feature": 0}, {"patches_per_feature": 1}),
    "patches": ({"patches": 8}, {"patches": 10}),
    "patches ": ({"patches": 16.0}, {"patches": 16}),
    "patches  ": ({"patches": 0}, {"patches": 16}),
    "sparsity": ({"sparsity": 5.1}, {"sparsity": 5.0}),
    "sparsity ": ({"sparsity": -0.1}, {"sparsity": 0.0}),
    "sparsity  ": ({"sparsity": float("nan")}, {"sparsity": 1}),
    "single_view": ({"single_view": 1.01}, {"single_view": 1.0}),
    "single_view ": ({"single_view": -0.01}, {"single_view": 0.0}),
    "noise": ({"noise": -0.1}, {"noise": 0.0}),
    "noise ": ({"noise": float("inf")}, {"noise": 100.0}),
    "feature_noise": ({"feature_noise": -0.1}, {"feature_noise": 0.0}),
    "weak": ({"weak": float("nan")}, {"weak": 0.0}),
    "off_class": ({"off_class": -1.0}, {"off_class": 0.0}),
    "own": ({"own": (2.0, 1.0)}, {"own": (1.0, 1.0)}),
    "own ": ({"own": (1.0, 2.0, 3.0)}, {"own": (1.0, 2.0)}),
    "other": ({"other": (-0.1, 0.4)}, {"other": [0.0, 0.4]}),
    "other ": ({"other": 0.4}, {"other": (0.4, 0.4)}),
    "split": ({"split": "uneven"}, {"split": "random"}),
    "axes": ({"axes": "yes"}, {"axes": True}),
}


@pytest.mark.parametrize(("name", "refused", "accepted"), [(k, *v) for k, v in REFUSED.items()])
def test_what_cannot_be_drawn_is_refused(name, refused, accepted):
    sentence = rf"^{name.strip()} = .*, but should be .* \[MultiView\]$"
    with pytest.raises(ValueError, match=sentence) as caught:
        MultiView(**refused)
    assert "\n" not in str(caught.value)
    assert re.search(re.escape(repr(refused[name.strip()])), str(caught.value))
    MultiView(**accepted)


def test_a_setup_whose_features_do_not_fit_says_how_often():
    with pytest.raises(ValueError, match=r"patches = 8, .* with probability 0\.\d+, over 0\.001"):
        MultiView(classes=5, patches=8)
    with pytest.raises(ValueError, match="patches = 16"):
        MultiView(classes=5, patches=16, patches_per_feature=2)  # 10 features may need 20
    MultiView(classes=5, patches=20, patches_per_feature=2)


def test_ranges_are_kept_as_tuples():
    data = MultiView(own=[1.0, 2.0])
    assert data == MultiView()
    assert hash(data) == hash(MultiView())
