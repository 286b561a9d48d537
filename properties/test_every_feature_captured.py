"""Every feature captured: every system, by the number of kernels per class.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorem 1; each system's own paper in
`mrpcheck.objectives`.
Origin: T1a stated for masked latents; its extension to other systems a question of readers; setting
and sizes ours.
"""

from mrpcheck import answers, at, control, phase_diagram, pretrain, with_probability
from mrpcheck.measures import features_captured
from mrpcheck.systems import system_setup, variants

QUESTION = (
    "2. Every feature captured: which systems capture every feature, and from how many kernels per "
    "class on?"
)
HEART = system_setup("pixels, patch, tied")


def captured(setup, trials):
    """T1a at the end of pretraining; what share was captured is noted."""
    held = features_captured(pretrain(setup, trials), setup)  # (trial, feature)
    trials.note(share_captured=held.double().mean(-1))
    return held.all(-1)  # (trial,)


@answers(
    yes="with that many kernels per class this system captures every feature",
    no="with that many kernels per class this system does not: features are left out, or training "
    "diverges",
)
@phase_diagram(kernels=[2, 4, 8], system=list(variants()))
@with_probability(at_least=0.9, tolerance=0.2)
def test_every_feature_is_captured(kernels, system, trials):
    """Every feature is captured at the end of the system's standard recipe, by m.

    V = 2 views a class: m = 2 is as many kernels as there are features. There the recipe is that of
    m = 4: by the formula the last feature would take up to 100,000 steps, since no kernel that is
    left may have started on its side; what is not captured by then counts as left out. (Tolerance
    0.2 for cost.)
    """
    setup = system_setup(system)
    recipe = setup.derive(kernels_per_class=max(kernels, 4)).standard().recipe
    return captured(setup.derive(kernels_per_class=kernels, recipe=recipe), trials)


@answers(
    yes="masked pixels (patch, tied) capture every feature from four kernels per class on, two a "
    "view, for k = 4, 6 and 8 classes",
    no="four kernels per class, two a view, do not suffice for masked pixels (patch, tied) at some "
    "of k = 4, 6, 8",
)
@at(
    setup=[
        HEART.replace(classes=k, dim=3 * k, patches=p, kernels_per_class=4, sparsity=2.0).standard()
        for k, p in ((4, 10), (6, 13), (8, 13))
    ]
)
@with_probability(at_least=0.9, tolerance=0.1)
def test_two_kernels_a_view_suffice_for_pixels(setup, trials):
    """T1a at m = 2V, masked pixels, patch by patch, tied decoder."""
    return captured(setup, trials)


@control(setup=HEART.derive(kernels_per_class=1).standard())
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_fewer_kernels_than_features(setup, trials):
    """T1a where it must fail: km = kV / 2 kernels that hold one feature each."""
    return captured(setup, trials)
