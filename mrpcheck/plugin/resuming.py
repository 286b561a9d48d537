"""A run that was cut off goes on: in its own folder, under its own options, with its verdicts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mrpcheck.jsonfiles import dumps, fits, read_json
from mrpcheck.merging import UNJUDGED_ROWS, cut_off, intact
from mrpcheck.parts import attempt_of, lines_of, parts
from mrpcheck.plugin.manifest import PACKAGES, now
from mrpcheck.plugin.options import Options, version_of
from mrpcheck.profiles import PROFILES
from mrpcheck.records import SCHEMA, Verdict

__all__ = ["go_on", "kept_rows", "take_up"]

Row = dict[str, Any]

DECIDING = PACKAGES[:5]  # another version of one of these may come to other verdicts
SHAPE = {
    "seed": int, "strict": bool, "remember": bool, "device": str, "profile": dict, "budget": dict,
    "versions": dict, "claims": list, "command": list, "resumed": list, "started": str,
}  # fmt: skip


def take_up(config: pytest.Config) -> None:
    """Ask for what the run was asked for; one sentence where the command line asks otherwise."""
    given, option = config.getoption("--mrp-resume"), config.option
    folder = Path(config.invocation_params.dir, given).absolute()
    manifest = _manifest(folder, given)
    asked = getattr(option, "mrp_report", None)
    if asked is not None and Path(config.invocation_params.dir, asked).absolute() != folder:
        raise _refusal("--mrp-report", asked, "left out", given)
    recorded = {
        "mrp_seed": manifest["seed"], "mrp_profile": manifest["profile"]["name"],
        "mrp_device": manifest["device"], "mrp_strict": manifest["strict"],
        "mrp_claims": manifest["budget"]["claims"], "mrp_remember": manifest["remember"],
    }  # fmt: skip
    for name, value in recorded.items():
        asked = getattr(option, name)
        if asked is not None and asked != value and (name, asked) != ("mrp_device", "auto"):
            flag = "--" + name.replace("_", "-")
            raise _refusal(flag, asked, f"{value}, as when the run began", given)
        setattr(option, name, value)
    if option.mrp_limit is None:  # a way to stop, which decides nothing: it may change
        option.mrp_limit = manifest.get("limit") or 0.0
    option.mrp_report = option.mrp_resume = str(folder)
    option.mrp_attempt = 2 + len(manifest["resumed"])


def _manifest(folder: Path, given: str) -> Row:
    """The manifest of a run that can be gone on with here; one sentence where it cannot be."""
    manifest = read_json(folder / "manifest.json")
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise pytest.UsageError(
            f"--mrp-resume = {given}, but should hold a run's manifest.json of schema {SCHEMA}"
        )
    for name, kind in SHAPE.items():
        if not isinstance(manifest.get(name), kind):
            raise _refusal(name, manifest.get(name), f"a {kind.__name__}", given)
    if (folder / "parts").is_symlink() or not (folder / UNJUDGED_ROWS).is_file():
        raise _refusal("parts", "missing", "where the run's processes recorded", given)
    for name in DECIDING:
        here, there = version_of(name), manifest["versions"].get(name)
        if here != there:
            raise _refusal(name, here, f"{there}, which the run began with", given)
    _same_sizes(manifest, given)
    return manifest


def _same_sizes(manifest: Row, given: str) -> None:
    profile, budget = manifest["profile"], manifest["budget"]
    sizes = PROFILES.get(str(profile.get("name")))
    if sizes is None or json.loads(dumps(dataclasses.asdict(sizes))) != profile:
        raise _refusal("profile", profile.get("name"), "as large as when the run began", given)
    from mrpcheck.stats import Budget

    if not isinstance(budget.get("claims"), int) or budget["claims"] < 1:
        raise _refusal("claims", budget.get("claims"), "at least 1", given)
    if json.loads(dumps(Budget(claims=budget["claims"]))) != budget:
        raise _refusal("budget", budget, "what this version has", given)


def _refusal(what: str, value: object, wanted: str, given: str) -> pytest.UsageError:
    return pytest.UsageError(f"{what} = {value}, but should be {wanted} [--mrp-resume {given}]")


def go_on(options: Options, fresh: Row, rows: Sequence[Row]) -> tuple[Row, list[Row]]:
    """The manifest of the run as it goes on, and the rows that stand until claims are judged.

    What it was asked to judge and is not collected now stays in the books, unjudged.
    """
    before = read_json(options.report / "manifest.json")
    missing = read_json(options.report / UNJUDGED_ROWS)
    known = {row["claim"]: row for row in missing if fits(row, Verdict)}
    began = {line["claim"] for line in before["claims"]}
    known |= {row["claim"]: dict(row) for row in rows}
    sources = {row["claim"]: row["source"] for row in known.values()}
    kept = kept_rows(options)
    same = sum(claim in kept and kept[claim]["source"] == sources[claim] for claim in sources)
    note = f"resumed: {same} of {len(known)} claims keep their verdict"
    more = sum(row["claim"] not in began for row in rows)
    note += f"; {more} more than the run began with" if more else ""
    return {
        **fresh,
        "started": before["started"],
        "command": before["command"],
        "resumed": [*before["resumed"], now()],
        "notes": [*fresh["notes"], note],
        "claims": [{"claim": name, "source": source} for name, source in sources.items()],
    }, list(known.values())


def kept_rows(options: Options) -> Mapping[str, Row]:
    """The verdicts that the run came to before it was cut off, under the same options.

    One whose evidence was damaged since is not kept: judging again restores it.
    """
    found: dict[str, Row] = {}
    for part in parts(options.report):
        if attempt_of(part) < options.attempt:
            found |= {row["claim"]: row for row in lines_of(part, "verdict")}
    ours = (options.seed, options.profile.name)
    kept = {
        claim: row
        for claim, row in found.items()
        if fits(row, Verdict) and not cut_off(row) and (row["seed"], row["profile"]) == ours
    }
    whole = intact(options.report, kept)
    return {claim: row for claim, row in kept.items() if claim in whole}
