"""Both steps: native and torch, each told apart in the names of what it trains."""

import pytest

from mrpcheck import native


@pytest.fixture(params=["native", "torch"])
def either_step(request, monkeypatch):
    """The test runs twice: with the native step, where it was built, and without."""
    if request.param == "native" and native.library() is None:
        pytest.skip("the native step was not built here")
    if request.param == "torch":
        monkeypatch.setattr(native, "_found", lambda: ("torch", None))
