"""A nonlinear head on a fixed encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mrpcheck.calls import trains_block
from mrpcheck.objectives.nonlinear import NonlinearHead, start_hidden
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.training import Classifier, Encoder, add_head

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["nonlinear_probe"]


@trains_block
def nonlinear_probe(encoder: Encoder, setup: Setup, trials: Trials) -> Classifier:
    """Train a two-layer ReLU head on the labels of the pretraining samples, the encoder fixed.

    F(X) = U relu(A h(X) + b) with km hidden units, A ~ N(0, 2/km), b and U from zero; rate and
    steps are those of fine-tuning and of the linear probe. `head` is U, (trial, class, hidden);
    `extra` holds `hidden` (trial, hidden, kernel) and `hidden_bias` (trial, hidden, 1).

    Origin: question of readers; setting ours (`NonlinearHead`).
    """

    def layer() -> dict[str, Tensor]:
        return start_hidden(encoder.kernels, setup.kernels, setup.key, trials)

    return add_head("nonlinear probe", NonlinearHead(), encoder, setup, trials, layer)
