"""How setups, evidence, verdicts and runs show themselves in a notebook: small tables of HTML.

Nothing is coloured, so they read alike on light and dark; everything shown is escaped, since a
run may come from somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from mrpcheck.plugin.wording import word
from mrpcheck.tables.cells import estimate

if TYPE_CHECKING:
    from mrpcheck.loading import Loaded
    from mrpcheck.records import Evidence, Verdict
    from mrpcheck.setups import Setup

__all__ = ["evidence_html", "interval", "run_html", "setup_html", "verdict_html"]

Row = dict[str, Any]

LEFT = "text-align:left;vertical-align:top;font-weight:normal"
NAME = f"{LEFT};white-space:nowrap;opacity:0.7"
CELL = f"{LEFT};overflow-wrap:anywhere"
ASIDE = "opacity:0.7"


def setup_html(setup: Setup) -> str:
    """A row for each of the four parts, each hyperparameter by its name."""
    content = setup.to_json()
    rows = [
        (part, _plain(_values(content[part]))) for part in ("data", "net", "objective", "recipe")
    ]
    if setup.parent is not None:
        rows.append(("random numbers", _plain(f"those of {setup.parent}")))
    return _titled("Setup", setup.digest[:8], _table(rows))


def evidence_html(evidence: Evidence) -> str:
    """What was judged, where, and what came out."""
    rows = [
        ("claim", _plain(evidence.claim)),
        ("at", _plain(f"{evidence.stage} {evidence.index}")),
        *_figures(vars(evidence)),
        ("log e-values", _both(evidence.log_e_support, evidence.log_e_refute)),
        ("in words", _plain(evidence.text)),
        ("violates", _plain("; ".join(evidence.violations))),
    ]
    return _titled(evidence.verdict, "", _table(rows))


def verdict_html(verdict: Verdict) -> str:
    """The claim, its verdict, and the figures that it rests on."""
    rows = [
        ("claim", _plain(verdict.claim)),
        ("says", _plain(verdict.statement)),
        *_figures(vars(verdict)),
        ("in words", _plain(verdict.text)),
        ("smallest setup", _plain(verdict.counterexample_text)),
        ("because", _plain(verdict.because)),
    ]
    told = "" if verdict.expected else "not as expected"
    return _titled(verdict.verdict, told, _table(rows))


def run_html(run: Loaded) -> str:
    """A row a claim."""
    manifest, columns = run.manifest, ("claim", "verdict", "estimate", "trials", "setups")
    head = "".join(f'<th scope="col" style="{NAME}">{name}</th>' for name in columns)
    body = "".join(f"<tr>{''.join(map(_cell, _row(row)))}</tr>" for row in run.rows)
    about = (
        f"seed {manifest['seed']}, {manifest['profile'].get('name')}, {manifest['device']}, "
        f"{manifest['started']}, {manifest['ended']}"
    )
    return _titled(str(run.folder), about, f"<table><tr>{head}</tr>{body}</table>")


def interval(row: Row) -> str:
    """An estimate and its interval in words, and drawn where it is known what was claimed."""
    if not _are_numbers(row, "estimate", "lower", "upper"):
        return "-"
    row = {**row, "bounds": _bounds(row.get("bounds"))}
    told = _plain(estimate(row))
    if not _are_numbers(row, "at_least", "tolerance"):
        return told
    from mrpcheck import figures

    drawn = figures.svg(figures.interval(row), figures.interval_words(row))
    return _in_one_line(f"{drawn} {told}")


def _row(row: Row) -> Sequence[str]:
    verdict = word(row) if row["expected"] else f"{word(row)} (not as expected)"
    told = map(_plain, (row["claim"], verdict, row["trials"], row.get("setups")))
    claim, verdict, trials, setups = told
    return claim, _in_one_line(verdict), interval(row), trials, setups


def _figures(row: Row) -> Iterable[tuple[str, str]]:
    quantity = row.get("quantity") or ("P" if row["hits"] is not None else "mean")
    hits = "" if row["hits"] is None else f"{row['hits']} of "
    diverged = f", {row['failed']} diverged" if row["failed"] else ""
    yield quantity, interval(row)
    yield "trials", _plain(f"{hits}{row['trials']}{diverged}")


def _both(support: float | None, refute: float | None) -> str:
    if support is None or refute is None:
        return ""
    return f"{support:.2f} for, {refute:.2f} against"


def _values(part: Row) -> str:
    return ", ".join(f"{name} {_short(value)}" for name, value in part.items())


def _short(value: Any) -> str:
    if isinstance(value, list):
        return " to ".join(map(_short, value))
    if isinstance(value, dict):
        return f"({_values(value)})"
    return f"{value:g}" if _is_number(value) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _bounds(ends: Any) -> Any:
    """The bounds of a mean, where they are such."""
    pair = isinstance(ends, (list, tuple)) and len(ends) == 2 and all(map(_is_number, ends))
    return ends if pair and ends[0] < ends[1] else None


def _are_numbers(row: Row, *names: str) -> bool:
    """Whether they are numbers that can be drawn."""
    return all(_is_number(row.get(name)) and abs(row[name]) < 1e9 for name in names)


def _titled(title: str, aside: str, body: str) -> str:
    return f'<div><b>{escape(title)}</b> <span style="{ASIDE}">{escape(aside)}</span>{body}</div>'


def _table(rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(
        f'<tr><th scope="row" style="{NAME}">{escape(name)}</th>{_cell(shown)}</tr>'
        for name, shown in rows
        if shown
    )
    return f"<table>{body}</table>"


def _cell(shown: str) -> str:
    return f'<td style="{CELL}">{shown}</td>'


def _in_one_line(shown: str) -> str:
    return f'<span style="white-space:nowrap">{shown}</span>'


def _plain(value: Any) -> str:
    """A value as HTML that shows it, whatever is in it."""
    return "" if value is None else escape(str(value))
