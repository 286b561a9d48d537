"""What an axis is called: a hyperparameter in words, with the theory's symbol for it."""

from __future__ import annotations

import re

from mrpcheck.symbols import symbol

__all__ = ["axis_label"]

WORDS = {
    "activation": "activation",
    "classes": "classes",
    "context": "context that predicts",
    "coverage": "share of features shown in pretraining",
    "init_scale": "scale of the start",
    "keep": "keep probability",
    "kernels": "kernels per class m",
    "kernels_per_class": "kernels per class",
    "labels": "labelled samples",
    "off_class": "weight of other classes' features",
    "samples": "training samples",
    "steps": "steps of pretraining",
    "teacher_scale": "teacher's scale",
    "times": "time, as a multiple (see the text)",
    "tune_steps": "steps of fine-tuning",
    "views": "views per class",
}


def axis_label(name: str, doc: str = "") -> str:
    """The name of a map's axis; in the unit that the claim's docstring gives it.

    A sentence "Times are in units of ..." in `doc` says what the axis `times` is divided by, as
    does "... at multiples of ...".

    >>> axis_label("teacher_scale"), axis_label("temperature")
    ("teacher's scale tau", 'temperature')
    >>> axis_label("times", "Holds. Times are in units of the time of\\n the first capture.")
    'time / the time of the first capture'
    """
    words = name.replace("_", " ")
    said = rf"\b{re.escape(words)} are in units of"
    said = rf"(?:{said}|at multiples of)" if name == "times" else said
    if unit := re.search(rf"{said} (.+?)\.(?:\s|$)", doc, re.I | re.S):
        return f"{words.removesuffix('s')} / {' '.join(unit[1].split())}"
    return " ".join(filter(None, [WORDS.get(name, words), symbol(name)]))
