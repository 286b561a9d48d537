"""The notebook way to a verdict: a loop of `nn.Module` trainings, as many as a fixed design says.

The same samples and starts as ours, so that every trial has the same outcome; only how it is
trained, and how many of them there are, is what one writes without a harness.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from scipy.stats import binom
from torch import Tensor, nn

from mrpcheck.nets import Net, initial_kernels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.stats import Levels
from mrpcheck.views import TRAINING, sample

__all__ = ["fixed_design", "outcomes", "train"]


def fixed_design(at_least: float, tolerance: float, levels: Levels) -> tuple[int, int]:
    """Fewest trials, and the fewest hits among them that support: the exact binomial test.

    With so many hits or more P > at_least - tolerance, with fewer P < at_least, each falsely with
    no more than its level.
    """
    null = at_least - tolerance
    n = 1
    while True:
        hits = int(binom.isf(levels.false_support, n, null)) + 1
        if hits <= n and binom.cdf(hits - 1, n, at_least) <= levels.false_refute:
            return n, hits
        n += 1


class Autoencoder(nn.Module):
    """x_p is predicted from act(<w_r, x_p>) by the same kernels, every patch masked or not."""

    def __init__(self, kernels: Tensor, net: Net, keep: float) -> None:
        super().__init__()
        self.kernels = nn.Parameter(kernels.clone())
        self.net, self.keep = net, keep

    def forward(self, x: Tensor) -> Tensor:
        q, r = self.net.power, self.net.threshold
        z = x @ self.kernels.T
        u = z.clamp(0, r)
        power = u * u * u if q == 3 else u**q
        a = power / (q * r ** (q - 1)) + torch.relu(z - r)
        decoded = a @ self.kernels
        error = decoded - x
        spread = (1 - self.keep) / self.keep
        return 0.5 * ((error * error).sum() + spread * (decoded * decoded).sum()) / len(x)


def train(model: nn.Module, x: Tensor, steps: int, rate: float) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        model(x).backward()
        optimizer.step()


def outcomes(setup: Setup, trials: Trials, event: Callable[[Tensor, Setup], bool]) -> list[bool]:
    """The event in each trial, one training after another; `event` sees <w_r, v_f>."""
    found = []
    for number in trials.numbers:
        one = Trials(1, first=number, seed=trials.seed, stream=trials.stream)
        samples = sample(setup.data, setup.key, one, setup.recipe.samples, purpose=TRAINING)
        start = initial_kernels(setup.net, setup.data.classes, setup.data.dim, setup.key, one)[0]
        model = Autoencoder(start, setup.net, setup.objective.keep)  # type: ignore[union-attr]
        train(model, samples.x[0], setup.recipe.steps, setup.recipe.rate)
        found.append(event(model.kernels.detach() @ samples.features[0].T, setup))
    return found
