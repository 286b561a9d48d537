"""A recorded line of evidence asked for again: the same trials, of the claim as it is now."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mrpcheck.claims import Claim
from mrpcheck.draws import Regime, draw_of
from mrpcheck.hearing import EventError, Hearing, Path
from mrpcheck.jsonfiles import dumps
from mrpcheck.merging import COLUMNS, trial_rows
from mrpcheck.profiles import Profile, named_profile
from mrpcheck.recorded import Recorded
from mrpcheck.records import Block, Evidence
from mrpcheck.runs import Progress, Run
from mrpcheck.stats import Budget

__all__ = ["Again", "Repeating", "Terms", "terms_of"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Terms:
    """What a run was judged under."""

    seed: int
    profile: Profile
    budget: Budget
    device: str
    tell: Callable[[Progress], None] = lambda progress: None


@dataclass(frozen=True)
class Again:
    """What one line came to when it was asked for again.

    trials  the cells of its trials, by number
    line    the line of evidence that they make; None where a single trial was asked for
    why     why it could not be done, if it could not
    source  the digest of the claim's source now
    """

    recorded: Recorded
    trials: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    line: Row | None = None
    why: str | None = None
    source: str | None = None
    device: str | None = None


def terms_of(manifest: Row) -> Terms:
    """The terms that a manifest records."""
    named_profile(manifest["profile"]["name"])
    profile = _rebuilt(Profile, manifest["profile"])
    budget = _rebuilt(Budget, manifest["budget"])
    return Terms(int(manifest["seed"]), profile, budget, str(manifest["device"]))


def _rebuilt(kind: Any, content: Row) -> Any:
    """A frozen value from its fields; those that another version knew are left out."""
    names = {f.name for f in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in content.items() if name in names})


@dataclass
class Repeating:
    """A claim, and what its recorded lines are asked for with.

    arguments  what nothing draws: pytest's parameters and fixtures
    alone      the number of the one trial to ask for, without those before it
    """

    claim: Claim
    regimes: Mapping[str, Regime]
    arguments: Mapping[str, Any]
    terms: Terms
    alone: int | None = None
    _seen: list[Block | Evidence] = field(default_factory=list)

    def ask(self, recorded: Recorded) -> Again:
        """The line as it comes out now, or why it cannot."""
        self._seen.clear()
        try:
            path = self._path(recorded.line)
            line = self._whole(path, recorded) if self.alone is None else self._one(path)
        except (EventError, ValueError) as error:
            return Again(recorded, why=str(error))
        except (LookupError, TypeError, AttributeError) as error:
            return Again(recorded, why=f"line = {error!r}, but should be one to read")
        source, device = self.claim.source, self.terms.device
        return Again(recorded, self._trials(), line, source=source, device=device)

    def _path(self, line: Row) -> Path:
        terms = self.terms
        draw = draw_of(self.claim, self.regimes, line["setup"])
        fixed = {n: value for n, value in self.arguments.items() if n not in draw}
        run = Run(
            seed=int(line["seed"]), profile=terms.profile, budget=terms.budget,
            device=terms.device, record=self._seen.append, tell=terms.tell,
        )  # fmt: skip
        return Path(
            Hearing(self.claim, line["claim"], run, self.regimes, fixed), draw, line["stage"],
            line["index"], line["stream"], line["dtype"], line["horizon"],
        )  # fmt: skip

    def _whole(self, path: Path, recorded: Recorded) -> Row:
        """The same blocks until there is a verdict; a setup left undecided, only as far."""
        if recorded.line["verdict"] in ("SUSPECT", "CLEAR"):
            path.take(self.terms.profile.every, patient=True)
        left = recorded.line["verdict"] == "UNDECIDED"
        while path.verdict is None and not (left and len(path.values) >= len(recorded.trials)):
            path.step()
        path.rest()
        [evidence] = [entry for entry in self._seen if isinstance(entry, Evidence)]
        return dict(json.loads(dumps(evidence)))

    def _one(self, path: Path) -> Row | None:
        """One trial, without those before it, which make no line."""
        path.values = [0.0] * (self.alone or 0)
        self._seen.append(path._block(*path.hearing.ask(path, 1, patient=True)))
        return None

    def _trials(self) -> dict[int, dict[str, str]]:
        blocks = [json.loads(dumps(entry)) for entry in self._seen if isinstance(entry, Block)]
        found = {}
        for block in blocks:
            names = sorted(block["notes"])
            for row in trial_rows(block, names):
                cells = dict(zip((*COLUMNS, *names), row, strict=True))
                found[int(cells["trial"])] = cells
        return found
