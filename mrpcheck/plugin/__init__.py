"""The pytest plugin: options, and the moment at which claims are found among the tests.

A run without claims is left alone: nothing is imported, set, written or printed for it.
`Judge` (every process that runs claims) and `Ledger` (the one that prints) join as plugins then.
"""

from __future__ import annotations

from typing import Any

import pytest

from mrpcheck.profiles import PROFILES, Profile, use_profile

__all__: list[str] = []

_PROFILE_BEFORE = pytest.StashKey[Profile]()


def pytest_addoption(parser: pytest.Parser) -> None:
    add = parser.getgroup("mrpcheck", "claims judged by mrpcheck").addoption
    add(
        "--mrp-profile",
        choices=tuple(PROFILES),
        default="quick",
        help="what a claim may spend: quick (default), thorough, or smoke, which judges nothing",
    )
    add("--mrp-seed", type=int, default=0, metavar="N", help="seed of the run (default 0)")
    add(
        "--mrp-device",
        default="auto",
        metavar="DEVICE",
        help="where to train: auto (default), cpu, cuda or cuda:N",
    )
    add(
        "--mrp-report",
        metavar="DIR",
        help="where the run is recorded (default reports/latest; a run found there moves aside)",
    )
    add("--mrp-strict", action="store_true", help="let a claim that is UNDECIDED fail the run")
    add(
        "--mrp-claims",
        type=int,
        default=64,
        metavar="N",
        help="claims that share the run's error budget (default 64, however many are collected)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Name the profile before any strategy is made: its regime depends on it."""
    config.stash[_PROFILE_BEFORE] = use_profile(config.getoption("--mrp-profile"))


def pytest_unconfigure(config: pytest.Config) -> None:
    use_profile(config.stash[_PROFILE_BEFORE])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    claims = [i for i in session.items if hasattr(getattr(i, "obj", None), "mrpcheck_claim")]
    if claims:
        from mrpcheck.plugin.beginning import begin

        begin(session.config, claims)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    from mrpcheck.plugin.workers import hand_over

    hand_over(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any) -> None:
    from mrpcheck.plugin.workers import take_over

    take_over(node)


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: Any) -> Any:
    row = getattr(report, "mrpcheck", None)
    if row is None or report.when != "call":
        return None
    from mrpcheck.plugin.wording import status

    return status(row, report.failed)
