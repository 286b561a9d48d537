"""A cluster for the run: started or reached before the first claim, left after the last."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from mrpcheck.plugin.status import fresh_line, uncaptured

if TYPE_CHECKING:
    from mrpcheck.elsewhere import Pool

__all__ = ["Cluster", "cluster_of", "shared_address"]

_STARTED = pytest.StashKey[str]()


def check(config: pytest.Config) -> tuple[str, str | None] | None:
    """The address and the folder of certificates that were asked for; None for no cluster."""
    address, tls = config.getoption("--mrp-cluster"), config.getoption("--mrp-cluster-tls")
    if address is None:
        stray = {"--mrp-cluster-tls": tls, "--mrp-cluster-open": config.option.mrp_cluster_open}
        for name, value in stray.items():
            if value:
                raise pytest.UsageError(f"{name} = {value}, but should be beside --mrp-cluster")
        return None
    from mrpcheck.cluster import refusal

    if why := refusal(address, tls, config.getoption("--mrp-cluster-open")):
        raise pytest.UsageError(why)
    return address, tls


def shared_address(config: pytest.Config) -> str | None:
    """Controller of xdist: the one cluster that its workers share, `local:N` started here."""
    asked = None if config.getoption("collectonly") else check(config)
    if asked is None:
        return None
    if _STARTED not in config.stash:
        from mrpcheck.cluster import start

        stack = ExitStack()
        config.stash[_STARTED] = stack.enter_context(start(*asked))
        config.add_cleanup(stack.close)
        config.pluginmanager.register(Said(config), "mrpcheck-cluster-said")
    return config.stash[_STARTED]


def cluster_of(config: pytest.Config, device: str) -> Cluster | None:
    """The cluster of the process that judges; None where none was asked for."""
    asked = check(config)
    if asked is None:
        return None
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Said(config), "mrpcheck-cluster-said")
    return Cluster(*asked, gpus=device.startswith("cuda"))


class Cluster:
    """Dask's workers for as long as the process judges claims."""

    def __init__(self, address: str, tls: str | None, *, gpus: bool) -> None:
        from mrpcheck.cluster import Unreachable, connect, start

        self._stack = ExitStack()
        try:
            scheduler = self._stack.enter_context(start(address, tls))
            self.pool: Pool = self._stack.enter_context(connect(scheduler, tls, gpus=gpus))
        except Unreachable as error:
            self._stack.close()
            raise pytest.UsageError(str(error)) from None
        self.note = f"cluster: {_many(self.pool.slots)} by Dask at {scheduler}"
        if tls is not None:
            self.note += ", over TLS"
        if link := getattr(self.pool.executor, "dashboard", None):
            self.note += f"; dashboard {link}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, Any, Any]:
        """Let the report carry what there is to say, also from a worker to the controller."""
        report = yield
        report.mrpcheck_said = list(self.pool.said)
        return report

    def pytest_unconfigure(self) -> None:
        """Leave the cluster; one that was started for the run ends."""
        self._stack.close()


class Said:
    """Prints what the user should know of the cluster: when a claim ends, and at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.said: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Print what is new since the last claim."""
        new = [text for text in getattr(report, "mrpcheck_said", ()) if text not in self.said]
        self.said += new
        terminal: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        if new and terminal is not None and terminal.verbosity >= 0:
            with uncaptured(self.config):
                fresh_line(self.config)
                self._print(terminal, new)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say it again where nobody overlooks it."""
        self._print(terminalreporter, self.said)

    def _print(self, terminal: Any, texts: list[str]) -> None:
        for text in texts:
            terminal.write_line(f"cluster: {text}", yellow=True)


def _many(workers: int) -> str:
    return f"{workers} worker{'' if workers == 1 else 's'}"
