"""The walls between modules: what importing one may bring in."""

import subprocess
import sys

import pytest

WALLS = [
    ("mrpcheck", ("torch", "hypothesis", "numpy", "scipy", "pandas")),
    ("mrpcheck.stats", ("torch", "hypothesis")),
    ("mrpcheck.records", ("torch", "hypothesis")),
    ("mrpcheck.report.script", ("torch", "hypothesis")),
    ("mrpcheck.figures", ("torch", "hypothesis", "pandas", "matplotlib")),
    ("mrpcheck.report.page", ("torch", "hypothesis")),
    ("mrpcheck.figures.sheets", ("torch", "hypothesis")),
    ("mrpcheck.loading", ("torch", "hypothesis")),
    ("mrpcheck.diagrams", ("torch", "hypothesis")),
    ("mrpcheck.claims", ("torch", "hypothesis")),
    ("mrpcheck.diagrams", ("torch", "hypothesis", "numpy", "scipy")),
    ("mrpcheck.judging", ("torch", "hypothesis")),
    ("mrpcheck.store", ("torch", "hypothesis")),
    ("mrpcheck.training", ("hypothesis",)),
    ("mrpcheck.measures", ("hypothesis",)),
    ("mrpcheck.theorems", ("hypothesis",)),
    ("mrpcheck.cli", ("torch", "scipy", "hypothesis")),
    ("mrpcheck.plugin", ("torch", "scipy", "hypothesis")),
]


def loaded(module):
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(("module", "kept_out"), WALLS, ids=[m for m, _ in WALLS])
def test_wall(module, kept_out):
    assert loaded(module) & set(kept_out) == set()


def test_the_wall_would_be_seen_falling():
    assert {"torch", "numpy"} <= loaded("mrpcheck.training; mrpcheck.training.torch.float32")
    assert "hypothesis" in loaded("mrpcheck.strategies")
