"""Semantic segmentation and detection: every patch's class, from an encoder or from scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mrpcheck.calls import trains_block
from mrpcheck.encoders import start_body
from mrpcheck.nets import initial_kernels
from mrpcheck.objectives.patches import PatchLabels, Task
from mrpcheck.seeds import Trials, digest
from mrpcheck.setups import Setup
from mrpcheck.training import Classifier, Encoder, add_head, from_scratch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["detect", "localise", "segment"]


@trains_block
def segment(encoder: Encoder | None, setup: Setup, trials: Trials) -> Classifier:
    """Train encoder and a head on patches to tell each patch's class, or background.

    encoder  pretrained: trained on for the steps of fine-tuning; None: from scratch, from the same
             random kernels as pretraining, for as many steps as both together

    Both see the samples of pretraining, with the class of every patch: that of the feature which it
    holds. `head` is (trial, class, kernel), background last; `extra` holds its `bias`,
    (trial, class, 1).

    ValueError where it is not known which patch holds what. Origin: setting ours (`PatchLabels`).
    """
    return _on_patches("segmentation", encoder, setup, trials)


@trains_block
def detect(encoder: Encoder | None, setup: Setup, trials: Trials) -> Classifier:
    """Train encoder and a head on patches to find what a sample's own class is seen by.

    As `segment`, but for the labels: a patch is a positive of class c where it holds a feature of c
    and c is the sample's class. `head` is (trial, class, kernel), with no background.
    """
    return _on_patches("detection", encoder, setup, trials)


def localise(model: Classifier) -> Classifier:
    """The patches' scores in a classifier of samples: class activation maps, nothing trained.

    F_i(X) = sum_p s_{p,i} with s_{p,i} = sum_r u_{i,r} act(<w_r, x_p>): detection from labels of
    samples alone, to be scored by `mean_average_precision`. ValueError for a nonlinear head, whose
    scores are no such sums.

    Source: Zhou, Khosla, Lapedriza, Oliva, Torralba (CVPR 2016). Origin: setting ours.
    """
    if "hidden" in model.extra:
        raise ValueError("head = nonlinear, but should be linear [localise]")
    bias = model.head.new_zeros(*model.head.shape[:2], 1)
    name = digest("class activation maps", model.name)
    return replace(model, name=name, extra={**model.extra, "bias": bias})


def _on_patches(task: Task, encoder: Encoder | None, setup: Setup, trials: Trials) -> Classifier:
    objective = PatchLabels(task=task)
    if encoder is not None:
        more = _head(task, encoder.kernels, setup)
        return add_head(task, objective, encoder, setup, trials, more)

    def begin() -> dict[str, Tensor]:
        data = setup.data
        kernels = initial_kernels(setup.net, data.classes, data.dim, setup.key, trials)
        head = _head(task, kernels, setup)()
        return {"kernels": kernels, **head, **start_body(kernels, setup, trials)}

    return from_scratch(task, "from scratch", objective, setup, trials, begin)


def _head(task: Task, kernels: Tensor, setup: Setup) -> Callable[[], dict[str, Tensor]]:
    """What makes a head of zeros on patches, and its bias."""
    count = setup.data.classes + (task == "segmentation")
    shape = (len(kernels), count)
    return lambda: {
        "head": kernels.new_zeros(*shape, setup.kernels),
        "bias": kernels.new_zeros(*shape, 1),
    }
