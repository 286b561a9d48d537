"""The benchmarks are scripts; their tests import them as their own imports do."""

import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def benchmarks():
    sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
