"""Which versions of a claim were judged on which seed: one edited until its seed agrees is told."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from mrpcheck.jsonfiles import dumps, end_line
from mrpcheck.recorder import read_lines
from mrpcheck.records import SCHEMA, Verdict
from mrpcheck.sourcing import comparable

__all__ = ["History"]

_Version = tuple[str, str, str | None]  # profile, digest of the claim's source, of its panel


class History:
    """A file that every run below the same root adds to: a line a claim that was judged."""

    def __init__(self, root: Path) -> None:
        self.path = root / ".mrpcheck" / "claims.jsonl"
        self._seen: dict[tuple[str, int], set[_Version]] | None = None

    def edited(self, verdict: Verdict) -> int | None:
        """How many other versions of the claim, or of its regime, were judged on this seed.

        None where that cannot be known. A profile draws from a part of the regime of its own,
        so panels are compared within one.
        """
        try:
            seen = self._read().get((verdict.claim, verdict.seed), set())
        except OSError:
            return None
        seen = {version for version in seen if comparable(version[1], verdict.source)}
        own = {(source, panel) for profile, source, panel in seen if profile == verdict.profile}
        sources = {source for source, _ in own} | {verdict.source}
        elsewhere = {source for _, source, _ in seen} - sources
        return len(own - {(verdict.source, verdict.panel)}) + len(elsewhere)

    def add(self, verdict: Verdict, started: str) -> bool:
        """Note that this version was judged on this seed; False where it cannot be written."""
        line = {
            "schema": SCHEMA, "claim": verdict.claim, "seed": verdict.seed,
            "profile": verdict.profile, "source": verdict.source, "panel": verdict.panel,
            "verdict": verdict.verdict, "started": started,
        }  # fmt: skip
        version = (verdict.profile, verdict.source, verdict.panel)
        with contextlib.suppress(OSError):
            self._read().setdefault((verdict.claim, verdict.seed), set()).add(version)
        try:
            self.path.parent.mkdir(exist_ok=True)
            end_line(self.path)
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            with os.fdopen(file, "wb", buffering=0) as out:
                out.write((dumps(line) + "\n").encode())  # whole: other workers append too
        except OSError:
            return False
        return True

    def _read(self) -> dict[tuple[str, int], set[_Version]]:
        if self._seen is None:
            self._seen = {}
            if self.path.exists():
                for line in read_lines(self.path, sealed=False):
                    self._note(line)
        return self._seen

    def _note(self, line: dict[str, object]) -> None:
        claim, seed, profile, source, panel = (
            line.get(name) for name in ("claim", "seed", "profile", "source", "panel")
        )
        if (
            isinstance(claim, str) and isinstance(seed, int) and isinstance(profile, str)
            and isinstance(source, str) and isinstance(panel, str | None) and self._seen is not None
        ):  # fmt: skip
            self._seen.setdefault((claim, seed), set()).add((profile, source, panel))
