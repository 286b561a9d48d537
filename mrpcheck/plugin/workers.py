"""Between xdist's controller and its workers: where to record, and which claims there are."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mrpcheck.jsonfiles import write_json
from mrpcheck.plugin.clustering import shared_address
from mrpcheck.plugin.options import options_of, report_of

__all__ = ["hand_over", "take_over", "tell_controller"]

_HANDOFF = pytest.StashKey[str]()


def hand_over(node: Any) -> None:
    """Controller: give a worker the folder of the run, and a place to say what it collected."""
    config = node.config
    if _HANDOFF not in config.stash:
        place = tempfile.mkdtemp(prefix="mrpcheck-")
        config.stash[_HANDOFF] = place
        config.add_cleanup(lambda: shutil.rmtree(place, ignore_errors=True))
    options = {n: v for n, v in vars(config.option).items() if n.startswith("mrp_")}
    node.workerinput["mrpcheck"] = {
        "report": str(report_of(config)),
        "handoff": config.stash[_HANDOFF],
        "options": {**options, "mrp_cluster": shared_address(config)},
    }


def tell_controller(
    config: Any,
    handed: dict[str, str],
    rows: Sequence[dict[str, Any]],
    notes: Sequence[str] = (),
    device: str | None = None,
    refused: str | None = None,
) -> None:
    """Worker: say which claims it collected, and where it would train; or why they are refused."""
    path = Path(handed["handoff"]) / f"{config.workerinput['workerid']}.json"
    told = {"claims": rows, "notes": notes, "device": device, "refused": refused}
    write_json(path, told)


def take_over(node: Any) -> None:
    """Controller: open the run when the first worker has collected claims, before any is judged."""
    config, name = node.config, node.workerinput["workerid"]
    path = Path(config.stash[_HANDOFF]) / f"{name}.json"
    if not path.exists() or config.pluginmanager.has_plugin("mrpcheck-ledger"):
        return
    told = json.loads(path.read_text(encoding="utf-8"))
    if told["refused"] is not None:
        raise pytest.UsageError(told["refused"])
    from mrpcheck import store
    from mrpcheck.plugin.ledger import Ledger

    store.trim()
    workers = node.workerinput["workercount"]
    options = options_of(config, told["device"])
    ledger = Ledger(config, options, told["claims"], told["notes"], workers)
    config.pluginmanager.register(ledger, "mrpcheck-ledger")
    ledger.print_header()
