"""What keeps kernels apart: a residual that they share, given time.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorem 1, for the objective that they analyse.
Origin: T1b stated for masked latents; that a shared residual decides derived; setting and sizes
ours.
"""

from mrpcheck import Captured, answers, at, control, pretrain, refuted, with_probability
from mrpcheck.measures import features_per_kernel
from mrpcheck.systems import system_setup

QUESTION = "1a. At most one feature per kernel: what decides, and does it take time?"
SHARED = system_setup("pixels, patch, tied")  # one residual a patch, for all kernels
ALONE = system_setup("latents, patch")  # a residual for each kernel: its own teacher's
POOLED = system_setup("latents, pooled")  # likewise: the objective that the paper analyses
SETUPS = [SHARED, SHARED.derive(power=4.0).standard(), SHARED.derive(keep=0.25).standard()]
LONG = Captured(features="first", times=16)
OWN = (
    "a kernel that predicts its own teacher sees no other kernel's success: with time it takes up "
    "every feature whose initial correlation was positive"
)
SUMS = (
    "while one view of a class is fitted, the residual of the sum is positive on every patch of "
    "its samples, so a kernel with a positive start on another view takes that one up too"
)
TIME = (
    "the first feature to grow leaves a second kernel no residual, but one that is already on its "
    "way to two features lets go of the second only slowly"
)


def apart(setup, trials, until=None):
    """T1b at an event or at the recipe's end: no kernel has captured two features."""
    encoder = pretrain(setup, trials, until=until)
    held = features_per_kernel(encoder, setup)  # (trial, kernel)
    trials.note(kernels_with_two=(held >= 2).sum(1), kernels_with_one=(held == 1).sum(1))
    return encoder.reached & (held <= 1).all(-1)  # (trial,)


@answers(
    yes="in over 80 % of trainings kernels that share one residual a patch (masked pixels, patch "
    "by patch) hold one feature each at the end of training",
    no="in over 10 % of trainings some kernel holds two features at the end of training although "
    "all share one residual a patch (masked pixels, patch by patch)",
    against="what small simulations showed",
    headline=True,
)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_a_shared_residual_keeps_kernels_apart(setup, trials):
    """At the end of the standard recipe: what a kernel has explained, no other one has to.

    (First claimed at 4, then at 16 times the first capture time, and refuted: 10/32 on seed 1122,
    94/128 on seed 2244. The next claim says so; this one is that of Theorem 1.)
    """
    return apart(setup, trials)


@answers(
    yes="kernels that share one residual a patch hold one feature each at sixteen times the time "
    "of the first capture already, in over 80 % of trainings",
    no="it takes time: at sixteen times the time of the first capture some kernel still holds two "
    "features, although all share one residual a patch, in over 10 % of trainings",
)
@refuted(because=TIME)
@at(setup=SETUPS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_a_shared_residual_keeps_kernels_apart_soon(setup, trials):
    """At sixteen times the time at which the first feature was captured."""
    return apart(setup, trials, LONG)


@answers(
    yes="in over 80 % of trainings kernels that each have a residual of their own (masked "
    "latents, patch by patch) hold one feature each at the end of training",
    no="in over 10 % of trainings some kernel holds two features at the end of training where "
    "each has a residual of its own (masked latents, patch by patch)",
    headline=True,
)
@refuted(because=OWN)
@at(setup=[ALONE])
@with_probability(at_least=0.9, tolerance=0.1)
def test_residuals_of_their_own_keep_kernels_apart(setup, trials):
    """At the end of the standard recipe, where training is finite: kernels that do not compete.

    (First claimed at sixteen times the first capture time, of pooled patches too: these had
    diverged by then, 16/16 trials on seed 3355, which says nothing of kernels. The next claim is
    about them.)
    """
    return apart(setup, trials)


@answers(
    yes="in over 80 % of trainings kernels hold one feature each under the objective that the "
    "paper analyses, at the step at which every feature is captured",
    no="in over 10 % of trainings some kernel holds two features under the objective that the "
    "paper analyses, by the step at which every feature is captured",
    against="T1b as stated, at the step at which T1a comes true",
)
@refuted(because=SUMS)
@at(setup=[POOLED])
@with_probability(at_least=0.9, tolerance=0.1)
def test_the_analysed_objective_keeps_kernels_apart(setup, trials):
    """T1b for masked latents, pooled, scaled teacher, at the step at which T1a comes true.

    It has no end to be judged at: training runs away within twice that time (no trial of eight on
    seed 77 had diverged at that step, all of them at twice).
    """
    return apart(setup, trials, Captured())


@control(setup=SHARED.derive(context="pooled").standard())
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_pooled_patches_fuse_the_views_of_a_class(setup, trials):
    """T1b where it must fail: the sum of patches predicts their sum, whichever features it has."""
    return apart(setup, trials)
