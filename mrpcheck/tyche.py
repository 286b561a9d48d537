"""A run as lines of JSON that the Tyche viewer reads: Hypothesis' observations, one a setup.

Tyche shows what a property was tried on; here a test case is a setup, judged or screened, and
the property is the claim. The format is Hypothesis' "PBT observations" (docs, observability).

Tyche knows no undecided: a property without a failed test case has "passed", with a warning where
a third of them are not valid. So a test case has failed only where its claim is REFUTED, and none
is valid where the claim is UNDECIDED; what each setup came to is among its features.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from mrpcheck.frames import hyperparameters
from mrpcheck.jsonfiles import dumps
from mrpcheck.loading import evidence_by_place
from mrpcheck.showing import read_run, readable

__all__ = ["lines", "text"]

Row = Mapping[str, Any]

STATUS = {"SUPPORTED": "passed", "CLEAR": "passed", "REFUTED": "failed", "SUSPECT": "failed"}
DECIDED = {"SUPPORTED": ("passed",), "REFUTED": ("passed", "failed")}  # what a claim may show
FEATURES = (
    "stage", "verdict", "trials", "hits", "failed", "estimate", "lower", "upper", "log_e_support",
    "log_e_refute", "dtype", "horizon",
)  # fmt: skip
METADATA = ("key", "stream", "seed", "device", "violations")
LONGEST = 1000  # characters of a setup that has no words


def text(folder: Path) -> str:
    """The lines of the run in `folder` as one text, for a file that Tyche opens.

    Raises ValueError, a sentence, where there is no run that this version can read.
    """
    return "".join(dumps(line) + "\n" for line in lines(folder))


def lines(folder: Path) -> list[dict[str, Any]]:
    """A message for each claim, then a test case for each setup judged or screened."""
    run = read_run(Path(folder))
    with readable(run.folder):
        started = datetime.fromisoformat(run.manifest["started"]).timestamp()
        rows = {str(row["claim"]): row for row in run.rows}
        told = [_message(row, started) for row in run.rows]
        cases = list(_cases(run.folder, rows, started))
        tried = {case["property"] for case in cases}
        missing = [row for row in run.rows if row["claim"] not in tried]
        return told + cases + [_untried(row, started) for row in missing]


def _message(row: Row, started: float) -> dict[str, Any]:
    """What the claim came to; an alert where that is not what it should have been."""
    about = [row.get("statement"), row.get("text"), row.get("because")]
    return {
        "type": "info" if row["expected"] and not row["error"] else "alert",
        "run_start": started,
        "property": row["claim"],
        "title": str(row["verdict"]),
        "content": "\n\n".join(str(line) for line in about if line),
    }


def _untried(row: Row, started: float) -> dict[str, Any]:
    """The one test case of a claim that was judged on no setup: Tyche has no other word for it."""
    return {
        "type": "test_case",
        "run_start": started,
        "property": row["claim"],
        "status": "gave_up",
        "status_reason": f"{row['verdict']}: {row.get('because') or row.get('text') or ''}",
        "representation": f"no setup [{row['claim']}]",
        "arguments": {},
        "how_generated": "not at all",
        "features": {},
        "coverage": None,
        "timing": {},
        "metadata": {},
    }


def _cases(folder: Path, rows: Mapping[str, Row], started: float) -> Iterator[dict[str, Any]]:
    for (claim, stage, index), line in evidence_by_place(folder).items():
        verdict, place, draw = str(line["verdict"]), f"{stage} {index}", line["setup"]
        yield {
            "type": "test_case",
            "run_start": started,
            "property": claim,
            "status": _status(stage, verdict, rows.get(claim, {})),
            "status_reason": "" if verdict in ("SUPPORTED", "CLEAR") else _reason(line),
            # Tyche takes equal representations for duplicates, whosever they are
            "representation": f"{_words(draw)} [{claim}, {place}]",
            "arguments": _arguments(draw),
            "how_generated": place,
            "features": _features(line, rows.get(claim, {})),
            "coverage": None,
            "timing": {"execute:test": max(0.0, float(line.get("seconds") or 0.0))},
            "metadata": {name: line.get(name) for name in METADATA},
        }


def _status(stage: str, verdict: str, row: Row) -> str:
    """What Tyche is told of a setup: never more than the claim's own verdict allows."""
    if stage == "cell":
        return "passed"
    status = STATUS.get(verdict, "gave_up")
    return status if status in DECIDED.get(str(row.get("verdict")), ()) else "gave_up"


def _arguments(draw: Any) -> dict[str, Any]:
    return draw if isinstance(draw, dict) and not _is_setup(draw) else {"setup": draw}


def _reason(line: Row) -> str:
    return f"{line['verdict']}: {line.get('text') or ''}"


def _features(line: Row, row: Row) -> dict[str, Any]:
    """Figures and hyperparameters as numbers and words, the two kinds that Tyche draws."""
    found = hyperparameters(line["setup"])
    found |= {name: line.get(name) for name in FEATURES}
    estimate, claimed = line.get("estimate"), row.get("at_least")
    if estimate is not None and claimed is not None:
        found["estimate - at_least"] = estimate - claimed
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in found.items()
        if value is not None
    }


def _words(draw: Any) -> str:
    """A setup in words; anything else as it was recorded."""
    if _is_setup(draw):
        from mrpcheck.setups import Setup

        try:
            return str(Setup.from_json(draw))
        except ValueError:  # an objective of the user's own, or made by another version
            pass
    told = json.dumps(draw)
    return told if len(told) <= LONGEST else f"{told[:LONGEST]}..."


def _is_setup(draw: Any) -> bool:
    return isinstance(draw, dict) and str(draw.get("schema")).startswith("mrpcheck/setup/")
