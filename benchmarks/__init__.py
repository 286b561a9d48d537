"""The benchmarks: programs, run as `python -m benchmarks.NAME` or `python benchmarks/NAME.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # either way they import each other by bare names
