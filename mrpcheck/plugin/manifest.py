"""What made a run: versions, device, commit, seed, profile, budget, command line."""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mrpcheck import native
from mrpcheck.limits import can_limit
from mrpcheck.plugin.options import Options, version_of
from mrpcheck.records import SCHEMA

__all__ = ["manifest_of", "now"]

PACKAGES = ("mrpcheck", "torch", "numpy", "scipy", "hypothesis", "pytest", "pytest-xdist")


def manifest_of(
    options: Options,
    workers: int,
    claims: Sequence[dict[str, Any]],
    notes: Sequence[str],
    command: Sequence[str],
) -> dict[str, Any]:
    """The manifest of a run that begins now; `notes` come from the strategies in use."""
    levels = options.budget.levels
    return {
        "schema": SCHEMA,
        "started": now(),
        "finished": None,
        "ended": None,
        "resumed": [],
        "command": ["pytest", *command],
        "versions": {
            "python": platform.python_version(),
            **{name: version_of(name) for name in PACKAGES},
        },
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "commit": _commit(options.root),
        "device": options.device,
        "step": native.name() if options.device == "cpu" else "torch",
        "threads": 1,
        "workers": workers,
        "seed": options.seed,
        "profile": dataclasses.asdict(options.profile),
        "budget": dataclasses.asdict(options.budget),
        "levels": dataclasses.asdict(levels),
        "strict": options.strict,
        "remember": options.remember,
        "limit": options.limit if can_limit() else None,
        "notes": list(notes),
        "claims": [{"claim": row["claim"], "source": row["source"]} for row in claims],
        "asked": 0,
        "trained": 0,
        "in_vain": 0,
        "lost": 0,
        "peak_memory": None,
        "peak_gpu_memory": None,
    }


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _commit(root: Path) -> str | None:
    """The commit checked out at `root`, with a plus where files differ from it."""
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head + ("+" if _git(root, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *words: str) -> str:
    found = subprocess.run(
        ["git", *words], cwd=root, capture_output=True, text=True, check=True, timeout=10
    )
    return found.stdout.strip()
