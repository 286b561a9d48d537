"""Critical lines of a teacher: the tau from which features grow, or are captured.

Origin: derived. A kernel with correlations w_v > 0 on the features v of one class, in expectation
over masks and strengths, z_v those of a sample's own class, n = C_p for context pooled and 1 for
patch, c = (1 - theta)/theta: while all w_v stay below the threshold r,

    dw_v/dt ~ w_v^(q-1) [(tau^q - 1) sum_u E[z_u^q z_v^q] w_u^q - (c/n) E[z_v^(2q)] w_v^q],

the sum over u = v alone for context patch. Views of other classes are left out: they are weak in a
sample, and add a few per cent to what is shared. So are single-view samples, a
share mu of all, and unequal strengths over the C_p patches.

These are the scaled teacher's lines. The "ema" teacher has the same: with w^ = rho w the bracket is
tau^q rho^q - 1 - c/n for a single feature, rho follows 1, and rho = 1 is where it starts. Above the
line w rises as long as rho > 1/s, s = tau over the line, and the teacher follows at its own pace:
correlations grow by at most (1 - momentum)(s - 1) a step. Below it both decay, however slow the
teacher. A "frozen" teacher has no line for growth: a correlation moves to s times its start, and is
captured where its start is large enough for that.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from mrpcheck.data import late_words
from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents
from mrpcheck.setups import Setup

__all__ = [
    "ema_pace",
    "frozen_to_capture",
    "teacher_to_capture",
    "teacher_to_grow",
    "weakest_lead",
]

LARGEST = 1e3  # tau beyond which nobody asks


def teacher_to_grow(setup: Setup, keep: float, together: int = 1) -> float:
    """The tau above which small correlations of a kernel with `together` views of a class grow."""
    q, (own, spread) = setup.net.power, _own(setup, keep)
    moments = (own**q).mean(), (own ** (2 * q)).mean()
    shared = 1 + (_held(setup, together) - 1) * moments[0] ** 2 / moments[1]
    return float((1 + spread / shared) ** (1 / q))


def teacher_to_capture(setup: Setup, keep: float, together: int = 1) -> float:
    """The tau above which they still grow where all of them stand at the threshold r."""
    net, (own, spread) = setup.net, _own(setup, keep)
    t = net.threshold * own / setup.data.patches_per_feature
    a, weight = _act(t, net), t * np.minimum(t / net.threshold, 1) ** (net.power - 1)

    def push(tau: float) -> float:
        gap = _act(tau * t, net) - a
        others = (_held(setup, together) - 1) * weight.mean() * gap.mean()
        return float((weight * gap).mean() + others - spread * (weight * a).mean())

    low, high = 1.0, LARGEST
    while high - low > 1e-9 * low:  # lines are drawn at collection, where scipy takes too long
        middle = (low + high) / 2
        low, high = (middle, high) if push(middle) < 0 else (low, middle)
    return high


def ema_pace(setup: Setup, keep: float) -> float:
    """The share by which a correlation under the "ema" teacher grows in a step, at most.

    Below the threshold; approached where the student follows its teacher much faster than the
    teacher the student. Negative below the line, where it is how fast they decay at least.
    """
    objective = setup.objective
    if not isinstance(objective, MaskedLatents) or objective.teacher != "ema":
        raise ValueError(f"objective = {objective}, but should be MaskedLatents, teacher 'ema'")
    scale = objective.teacher_scale / teacher_to_grow(setup, keep)
    return (1 - objective.momentum) * (scale - 1)


def frozen_to_capture(setup: Setup, keep: float, start: float) -> float:
    """The tau from which a frozen teacher lets a feature be captured that starts at `start`.

    Its target stands at tau `start`, where a scaled teacher's stands at tau r when the student has
    come to r: what counts is tau `start`.
    """
    return teacher_to_capture(setup, keep) * setup.net.threshold / start


def weakest_lead(setup: Setup, share: float) -> float:
    """What the best kernel of every feature starts with at least, in a `share` of trials.

    The least over features of the largest of km Gaussian correlations: with Phi their distribution,
    (1 - Phi(start / sigma_0)^km)^kV = share.
    """
    missed = (1 - share ** (1 / setup.data.features)) ** (1 / setup.kernels)
    return float(setup.net.init_scale * ndtri(missed))


def _own(setup: Setup, keep: float) -> tuple[np.ndarray, float]:
    """Strengths of the own class, evenly over their range, and c/n."""
    objective = setup.objective
    plain = isinstance(objective, MaskedLatents) and not late_words(objective)
    context = getattr(objective, "context", "others")
    if not plain or context == "others":
        raise ValueError(f"objective = {objective}, but should be MaskedLatents, patch or pooled")
    n = setup.data.patches_per_feature if context == "pooled" else 1
    low, high = setup.data.own
    ends = np.linspace(low, high, 1001)
    return (ends[1:] + ends[:-1]) / 2, (1 - keep) / keep / n


def _held(setup: Setup, together: int) -> int:
    """How many views share one residual: each patch has its own in context patch."""
    objective = setup.objective
    return together if getattr(objective, "context", "") == "pooled" else 1


def _act(t: np.ndarray, net: Net) -> np.ndarray:
    """`nets.activation` of values that are not negative, without torch."""
    u = np.minimum(t, net.threshold)
    return (u / net.threshold) ** (net.power - 1) * u / net.power + (t - u)
