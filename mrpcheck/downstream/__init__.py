"""What a pretrained encoder is used for beside classification by fine-tuning.

`nonlinear_probe` puts a two-layer head on it; `segment` and `detect` tell every patch's class, from
an encoder or from scratch; `localise` finds patches by a classifier of samples. `mean_iou` and
`mean_average_precision` score them on new samples.
"""

from __future__ import annotations

from mrpcheck.downstream.heads import nonlinear_probe
from mrpcheck.downstream.scores import mean_average_precision, mean_iou
from mrpcheck.downstream.tasks import detect, localise, segment

__all__ = [
    "detect",
    "localise",
    "mean_average_precision",
    "mean_iou",
    "nonlinear_probe",
    "segment",
]
