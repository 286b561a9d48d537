"""Fine-tuned, which systems beat supervised learning on single-view data, and by how much.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorem 2; each system's own paper in
`mrpcheck.objectives`.
Origin: T2c stated for masked latents; its extension to other systems a question of readers; setting
and sizes ours.
"""

from mrpcheck import (
    accuracy,
    answers,
    control,
    finetune,
    phase_diagram,
    pretrain,
    supervise,
    with_probability,
)
from mrpcheck.systems import system_setup, variants

QUESTION = (
    "3. Fine-tuned MRP against SL on single-view data: which systems beat SL, and by how much?"
)
HEART = system_setup("pixels, patch, tied")
MARGINS = [0.0, 0.05, 0.15]


def arms(setup, trials):
    """Single-view accuracy of fine-tuned MRP and of SL, the same network and samples: (trial,)."""
    tuned = finetune(pretrain(setup, trials), setup, trials)
    scratch = supervise(setup, trials, "trained")
    return tuple(accuracy(model, setup, trials, "single-view") for model in (tuned, scratch))


@answers(
    yes="fine-tuned, this system is ahead of SL of the same network on single-view data by more "
    "than the margin, in eight trainings of ten and more",
    no="it is ahead by more than the margin in fewer than nine trainings of ten",
)
@phase_diagram(margin=MARGINS, system=list(variants()))
@with_probability(at_least=0.9, tolerance=0.1)
def test_is_ahead_of_supervised_learning(margin, system, trials):
    """More accurate than SL of the same network on single-view data, by more than a margin."""
    setup = system_setup(system)
    mrp, sl = arms(setup, trials)
    trials.note(mrp_single_view=mrp, sl_single_view=sl)
    return mrp - sl > margin  # (trial,)


@control(setup=HEART.derive(steps=1))
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_one_step_of_pretraining(setup, trials):
    """T2c where it must fail: fine-tuning from kernels that have hardly moved."""
    mrp, sl = arms(setup, trials)
    return mrp > sl  # (trial,)
