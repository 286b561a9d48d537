"""The pytest plugin: options, and the moment at which claims are found among the tests.

A run without claims is left alone: nothing is imported, set, written or printed for it.
`Judge` (every process that runs claims) and `Ledger` (the one that prints) join as plugins then.
"""

from __future__ import annotations

from typing import Any

import pytest

from mrpcheck.profiles import PROFILES, Profile, current_profile, use_profile

__all__: list[str] = []

_PROFILE_BEFORE = pytest.StashKey[Profile]()

# What is not asked for; a run that is resumed has its own.
_DEFAULTS = {
    "mrp_profile": "quick",
    "mrp_seed": 0,
    "mrp_device": "auto",
    "mrp_strict": False,
    "mrp_claims": 64,
    "mrp_remember": False,
    "mrp_limit": 3600.0,
    "mrp_cluster_open": False,
}


def pytest_addoption(parser: pytest.Parser) -> None:
    add = parser.getgroup("mrpcheck", "claims judged by mrpcheck").addoption
    add(
        "--mrp-profile",
        choices=tuple(PROFILES),
        help="what a claim may spend: quick (default), thorough, or smoke, which judges nothing",
    )
    add("--mrp-seed", type=int, metavar="N", help="seed of the run (default 0)")
    add(
        "--mrp-device",
        metavar="DEVICE",
        help="where to train: auto (default), cpu, cuda or cuda:N",
    )
    add(
        "--mrp-report",
        metavar="DIR",
        help="where the run is recorded (default reports/latest; a run found there moves aside)",
    )
    add(
        "--mrp-resume",
        metavar="RUN",
        help="go on with a run that was cut off, in its own folder and under its own options: "
        "claims that have a verdict keep it",
    )
    add(
        "--mrp-strict",
        action="store_true",
        default=None,
        help="let a claim that is UNDECIDED fail the run",
    )
    add(
        "--mrp-claims",
        type=int,
        metavar="N",
        help="claims that share the run's error budget (default 64, however many are collected)",
    )
    add(
        "--mrp-remember",
        action="store_true",
        default=None,
        help="where nothing else speaks against a claim, try the counterexamples again that runs "
        "beside this one found",
    )
    add(
        "--mrp-cluster",
        metavar="ADDRESS",
        help="train on Dask's workers: those of the scheduler at ADDRESS (tcp://host:port, tls://, "
        "or its scheduler file), or N processes on this machine (local:N)",
    )
    add(
        "--mrp-cluster-tls",
        metavar="DIR",
        help="reach the cluster over TLS, with DIR/ca.pem, DIR/cert.pem and DIR/key.pem",
    )
    add(
        "--mrp-cluster-open",
        action="store_true",
        default=None,
        help="reach a cluster beyond this machine without TLS: nobody else is on the network",
    )
    add(
        "--mrp-limit",
        type=float,
        metavar="SECONDS",
        help="leave a claim UNDECIDED when a block of its trials takes longer (default 3600; 0: "
        "no limit)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Name the profile before any strategy is made: its regime depends on it."""
    config.stash[_PROFILE_BEFORE] = current_profile()
    if hasattr(config, "workerinput"):  # xdist repeats the command line, not what became of it
        handed = config.workerinput.get("mrpcheck", {})
        vars(config.option).update(handed.get("options", {}))
    elif config.getoption("--mrp-resume") is not None:
        from mrpcheck.plugin.resuming import take_up

        take_up(config)
    for name, value in _DEFAULTS.items():
        if getattr(config.option, name) is None:
            setattr(config.option, name, value)
    use_profile(config.getoption("--mrp-profile"))


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
