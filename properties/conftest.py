"""Workers of pytest-xdist end together: claims go out one at a time, the short controls last."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Hand out one claim at a time."""
    if getattr(config.option, "maxschedchunk", 1) is None:  # not named on the command line
        config.option.maxschedchunk = 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the controls last."""
    items.sort(key=lambda item: "control" in item.name)
