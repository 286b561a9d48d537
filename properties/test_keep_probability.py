"""How much to keep: captured features, fusion and accuracy, from 5 to 95 per cent of the patches.

Pan, Zhou, Yan, ICLR 2023 (arXiv:2206.03826), Theorems 1 and 2; He, Chen, Xie, Li, Dollar, Girshick,
CVPR 2022 (arXiv:2111.06377), MAE, which keeps 25 per cent; Bao, Dong, Piao, Wei, ICLR 2022
(arXiv:2106.08254), BEiT, which keeps 60.
Origin: question of readers; setting and sizes ours.
"""

from dataclasses import replace

from mrpcheck import (
    Captured,
    MaskedPixels,
    accuracy,
    answers,
    control,
    finetune,
    phase_diagram,
    pretrain,
    with_probability,
)
from mrpcheck.measures import features_captured, features_per_kernel
from mrpcheck.systems import variants
from mrpcheck.theorems import pixels_regime

QUESTION = "7. Keep probability from 0.05 to 0.95: what is best, and for which objective?"

HEART = pixels_regime().heart
MAE = MaskedPixels(context="others", decoder="free")
KEEPS = [0.05, 0.25, 0.5, 0.75, 0.95]
LATENTS = "latents, pooled"
SYSTEMS = ["pixels, patch, tied", "MAE (others, free)", LATENTS, "BEiT (tokens)"]
LONGEST = 2000  # steps: three times what tokens take to capture everything at 0.95, the slowest;
# where latents have not captured everything by then, they have not by 5000 either


def at_keep(setup, system):
    """The system with the setup's keep, its own standard recipe, and at most `LONGEST` steps.

    Pixels take the same rate and steps whatever they keep. Latents descend the slower the less
    they keep, and take more steps near the line below which nothing grows. Tokens take more steps
    the fewer patches are masked, since only those are predicted.
    """
    objective = replace(variants()[system], keep=setup.objective.keep)
    setup = setup.derive(objective=objective).standard()
    return setup.derive(steps=min(setup.recipe.steps, LONGEST))


def pretrained(setup, system, trials):
    """The setup, and its encoder at the recipe's end; of latents, which run away, once all is
    captured."""
    setup = at_keep(setup, system)
    encoder = pretrain(setup, trials, until=Captured() if system == LATENTS else None)
    captured = features_captured(encoder, setup)  # (trial, feature)
    trials.note(captured=captured.sum(1))
    return setup, encoder, captured


@answers(
    yes="at this keep probability this objective captures every feature by its standard recipe",
    no="at this keep probability this objective misses a feature by its standard recipe",
)
@phase_diagram(setup=HEART, keep=KEEPS, system=SYSTEMS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_every_feature_is_captured(setup, system, trials):
    """T1a, by system and keep probability."""
    return pretrained(setup, system, trials)[2].all(-1)  # (trial,)


@answers(
    yes="at this keep probability every kernel that captures a feature captures one alone",
    no="at this keep probability a kernel captures two features, or none captures any",
)
@phase_diagram(setup=HEART, keep=KEEPS, system=SYSTEMS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_each_kernel_captures_at_most_one_feature(setup, system, trials):
    """T1b, by system and keep probability; where no kernel captures anything, it is a miss."""
    setup, encoder, _ = pretrained(setup, system, trials)
    held = features_per_kernel(encoder, setup)  # (trial, kernel)
    trials.note(single=(held == 1).sum(1), fused=(held >= 2).sum(1))
    return (held >= 1).any(-1) & (held <= 1).all(-1)  # (trial,)


@answers(
    yes="fine-tuned, 98 per cent of new single-view samples and more are classified correctly",
    no="fine-tuned, fewer than 98 per cent of new single-view samples are classified correctly",
)
@phase_diagram(setup=HEART, keep=KEEPS, system=SYSTEMS)
@with_probability(at_least=0.9, tolerance=0.1)
def test_fine_tuned_classifies_single_view_data(setup, system, trials):
    """T2a on single-view samples, accuracy 0.98 at least, by system and keep probability."""
    setup, encoder, _ = pretrained(setup, system, trials)
    found = accuracy(finetune(encoder, setup, trials), setup, trials, "single-view")  # (trial,)
    trials.note(accuracy=found)
    return found >= 0.98


@answers(
    yes="MAE captures every feature at this keep probability within so many times its steps",
    no="MAE misses a feature at this keep probability within so many times its steps",
)
@phase_diagram(setup=HEART.derive(objective=MAE).standard(), keep=KEEPS, times=[1, 8])
@with_probability(at_least=0.9, tolerance=0.1)
def test_mae_captures_every_feature_given_time(setup, times, trials):
    """Whether MAE misses features for want of steps: its standard recipe, and 8 times its steps."""
    setup = setup.derive(steps=times * setup.recipe.steps)
    captured = features_captured(pretrain(setup, trials), setup)  # (trial, feature)
    trials.note(captured=captured.sum(1))
    return captured.all(-1)  # (trial,)


@control(setup=HEART.derive(objective=replace(MAE, keep=1.0)).standard())
@with_probability(at_least=0.9, tolerance=0.1)
def test_control_where_nothing_is_masked_nothing_is_captured(setup, trials):
    """T1a where it must fail: MAE predicts masked patches alone, and every patch is kept."""
    return features_captured(pretrain(setup, trials), setup).all(-1)  # (trial,)
