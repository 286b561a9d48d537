"""The report at the end of a run: whatever ails it, verdicts and exit codes stand."""

from __future__ import annotations

import warnings
from pathlib import Path

__all__ = ["leave"]


def leave(folder: Path) -> str | None:
    """Write `report.html`, and the figures beside the counterexamples; say what went wrong."""
    try:
        from mrpcheck.report import write

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries that draw: none of the run's business
            write(folder)
    except Exception as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if "but should" in why:  # a sentence already
            return why
        return f"{folder / 'report.html'} = {why}, but should be written [mrpcheck report RUN]"
    return None
