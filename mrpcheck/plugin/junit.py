"""What a JUnit file (`pytest --junitxml`) says of each claim: its verdict and its figures.

The strict xunit2 schema (Jenkins' junit-10.xsd) has no properties under a testcase, so they stand
in its <system-out> there, each as a line `[[PROPERTY|name=value]]`, which is where readers of JUnit
files look for them. With `junit_family=xunit1` they are properties of the testcase. What holds
for the whole run are properties of the testsuite, in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from _pytest.junitxml import LogXML, bin_xml_escape, xml_key

__all__ = ["Figures", "figures", "join", "lines"]

Row = Mapping[str, Any]

PREFIX = "mrpcheck."
OF_CLAIM = (
    "verdict", "kind", "expected", "statement", "origin", "quantity", "at_least", "tolerance",
    "estimate", "lower", "upper", "trials", "hits", "failed", "stage", "setups", "panel_supported",
    "screened", "shrunk", "asked", "share", "detectable", "needed", "stable", "float64", "edited",
    "counterexample_text", "script", "reason", "because", "error", "seed", "profile",
)  # fmt: skip
OF_RUN = ("seed", "device", "commit", "started", "platform", "workers")


def join(config: pytest.Config, manifest: Row, folder: Path) -> None:
    """Add the run's figures to the JUnit file, and each claim's as it comes in; if there is one."""
    xml = config.stash.get(xml_key, None)
    if xml is None:
        return
    run = {name: manifest[name] for name in OF_RUN} | {"profile": manifest["profile"]["name"]}
    run |= {f"versions.{name}": version for name, version in manifest["versions"].items()}
    for name, value in {**run, **manifest["levels"], "report": folder}.items():
        if value is not None:
            xml.add_global_property(PREFIX + name, _told(value))
    config.pluginmanager.register(Figures(xml), "mrpcheck-junit")


class Figures:
    """Writes into the testcase of each claim, once pytest has written whether it passed."""

    def __init__(self, xml: LogXML) -> None:
        self.xml = xml

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add what the report of a claim carries, also from a worker."""
        row = getattr(report, "mrpcheck", None)
        if row is None or report.when != "call":
            return
        case = self.xml.node_reporter(report)
        if self.xml.family == "xunit1":
            for name, value in figures(row):
                case.add_property(name, value)
            return
        out = ET.Element("system-out")
        out.text = bin_xml_escape(lines(row))
        case.append(out)


def figures(row: Row) -> Iterator[tuple[str, str]]:
    """The figures of a claim by name, those that it has."""
    for name in OF_CLAIM:
        if row.get(name) not in (None, ""):
            yield PREFIX + name, _told(row[name])
    for name, mean in (row.get("measures") or {}).items():
        if mean is not None:
            yield f"{PREFIX}measure.{_told(name)}", _told(mean)


def lines(row: Row) -> str:
    """The verdict as a sentence, then its figures, a line each."""
    told = [f"[[PROPERTY|{name}={value}]]" for name, value in figures(row)]
    return "\n".join(["", f"{row['verdict']}: {_told(row['text'])}", *told, ""])


def _told(value: Any) -> str:
    """One line, all digits; nothing in it ends the property early."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return " ".join(text.split()).replace("]]", "] ]")
