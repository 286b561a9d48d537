"""The theory's symbol beside each name that the code gives a hyperparameter: one table for all."""

from __future__ import annotations

__all__ = ["SYMBOLS", "label", "symbol"]

SYMBOLS = {
    "classes": "k",
    "views": "V",
    "dim": "d",
    "patches": "P",
    "patches_per_feature": "C_p",
    "sparsity": "s",
    "single_view": "mu",
    "noise": "sigma_p",
    "feature_noise": "gamma",
    "weak": "rho",
    "off_class": "Gamma",
    "own": "Z, own class",
    "own 1": "least Z, own class",
    "own 2": "largest Z, own class",
    "other": "Z, other classes",
    "other 1": "least Z, other classes",
    "other 2": "largest Z, other classes",
    "kernels_per_class": "m",
    "power": "q",
    "threshold": "r",
    "init_scale": "sigma_0",
    "keep": "theta",
    "teacher_scale": "tau",
    "samples": "N",
}


def symbol(name: str) -> str:
    """What docs/theory.md calls a hyperparameter; "" where it has no name of its own for it.

    >>> symbol("off_class"), symbol("data.classes"), symbol("steps")
    ('Gamma', 'k', '')
    """
    return SYMBOLS.get(name) or SYMBOLS.get(name.rpartition(".")[2], "")


def label(name: str) -> str:
    """The name in the code, and the theory's symbol in brackets where there is one.

    >>> label("off_class"), label("steps")
    ('off_class (Gamma)', 'steps')
    """
    return f"{name} ({found})" if (found := symbol(name)) else name
