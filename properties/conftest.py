"""What `pytest properties/` runs, and in which order.

Files that ask a question of readers (`QUESTION = ...`) run by name, or all by `make questions`:
each is a run of its own, with an error budget of its own. Workers of pytest-xdist end together:
claims go out one at a time, the short controls last.
"""

from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Hand out one claim at a time."""
    if getattr(config.option, "maxschedchunk", 1) is None:  # not named on the command line
        config.option.maxschedchunk = 1


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out a file that asks a question, unless it is named."""
    if collection_path.suffix != ".py" or "\nQUESTION = " not in collection_path.read_text():
        return None
    named = {Path(config.invocation_params.dir, arg.partition("::")[0]) for arg in config.args}
    return None if collection_path.resolve() in {path.resolve() for path in named} else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the controls last."""
    items.sort(key=lambda item: "control" in item.name)
