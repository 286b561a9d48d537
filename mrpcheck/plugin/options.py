"""What the command line says about a run, checked once."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import math
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mrpcheck.profiles import Profile, named_profile
from mrpcheck.stats import Budget

__all__ = ["Options", "name_of", "one_thread", "options_of", "version_of"]


@dataclass(frozen=True)
class Options:
    """The options of a run; `device` is resolved, `report` absolute.

    `attempt` is 1, or higher where the run in `report` is resumed; `limit` is None for none.
    """

    profile: Profile
    seed: int
    device: str
    report: Path
    strict: bool
    budget: Budget
    root: Path = Path()
    remember: bool = False
    limit: float | None = None
    attempt: int = 1


def options_of(config: pytest.Config, device: str | None = None) -> Options:
    """Read the options; one sentence where something asked for is not there.

    `device` is what another process found: finding it takes the import of torch.
    """
    claims = config.getoption("--mrp-claims")
    if claims < 1:
        raise pytest.UsageError(f"--mrp-claims = {claims}, but should be at least 1")
    return Options(
        named_profile(config.getoption("--mrp-profile")),
        config.getoption("--mrp-seed"),
        device or _device(config.getoption("--mrp-device"), config.getoption("collectonly")),
        report_of(config),
        config.getoption("--mrp-strict"),
        Budget(claims=claims),
        config.rootpath,
        config.getoption("--mrp-remember"),
        _limit(config.getoption("--mrp-limit")),
        getattr(config.option, "mrp_attempt", 1),
    )


def report_of(config: pytest.Config) -> Path:
    """The folder of the run: as given from where pytest was started, or reports/latest."""
    given: str | None = config.getoption("--mrp-report")
    if given is None:
        return config.rootpath / "reports" / "latest"
    return Path(config.invocation_params.dir, given).absolute()


def _limit(asked: float) -> float | None:
    if not 0 <= asked < math.inf:
        raise pytest.UsageError(
            f"--mrp-limit = {asked:g}, but should be seconds, or 0 for no limit"
        )
    return asked or None


def _device(asked: str, collecting: bool) -> str:
    if asked == "cpu" or (asked == "auto" and collecting):
        return asked
    if asked == "auto" and not (_has_driver() and importlib.util.find_spec("torch")):
        return "cpu"
    if not re.fullmatch(r"auto|cuda(:\d+)?", asked):
        raise pytest.UsageError(
            f"--mrp-device = {asked!r}, but should be auto, cpu, cuda or cuda:N"
        )
    import torch

    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if asked == "auto":
        return "cuda" if there else "cpu"
    number = int(asked.partition(":")[2] or 0)
    if number >= there:
        seen = f"torch sees {there} CUDA device{'' if there == 1 else 's'}"
        raise pytest.UsageError(f"--mrp-device = {asked!r}, but should be there: {seen}")
    return asked


def _has_driver() -> bool:
    """Whether a GPU's driver is there, CUDA's or ROCm's: without one, torch need not be asked."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return Path("/dev/kfd").exists()
    return True


def name_of(item: pytest.Item) -> str:
    """The node id, without the group that xdist appends."""
    return f"{item.parent.nodeid if item.parent else ''}::{item.name}"


def one_thread() -> None:
    """One torch thread a process, now or from its import on: parallelism is trials and workers."""
    torch = sys.modules.get("torch")
    if torch is None:
        os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # torch reads them
    elif torch.get_num_threads() != 1:
        torch.set_num_threads(1)


def version_of(package: str) -> str | None:
    """The installed version, found without importing anything."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
