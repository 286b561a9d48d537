"""The tables of a run as pandas frames: which columns they have, of which kind, what each says.

Kinds are dtypes: a number is never an object, NaN stands for what there is none of. `verdict` is
an ordered category, from what speaks most against a claim to what speaks most for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from mrpcheck.report.hyperparameters import flat

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "EVIDENCE",
    "ORDER",
    "TRIALS",
    "VERDICTS",
    "documented",
    "evidence",
    "hyperparameters",
    "trials",
    "verdicts",
]

Row = Mapping[str, Any]
Columns = dict[str, tuple[str, str]]  # by name: its kind, and what it says
Function = TypeVar("Function", bound=Callable[..., Any])

ORDER = ("REFUTED", "SUSPECT", "UNDECIDED", "NOT JUDGED", "MAPPED", "CLEAR", "SUPPORTED")
AT_ONCE = 20_000  # rows of trials that are held as text

VERDICTS: Columns = {
    "claim": ("string", "node id of the claim"),
    "kind": (
        "string",
        "claim, control, refuted or diagram; the middle two should be REFUTED",
    ),
    "verdict": ("verdict", "REFUTED, UNDECIDED or SUPPORTED; NOT JUDGED, or MAPPED of a diagram"),
    "expected": ("bool", "whether this is the verdict that was expected"),
    "statement": ("string", "the claim in words"),
    "origin": ("string", "where the claim comes from: stated, recalled or derived"),
    "at_least": ("float64", "the bound that is claimed"),
    "tolerance": ("float64", "SUPPORTED shows more than at_least - tolerance"),
    "low": ("float64", "the least value of a mean, as declared; NaN for an event"),
    "high": ("float64", "the largest value of a mean, as declared; NaN for an event"),
    "quantity": ("string", "what estimate estimates: P, mean, fall per doubling"),
    "stage": ("string", "the stage of the one setup that trials to upper are of"),
    "setups": ("int64", "setups of the panel, those that the claim names, or cells of a diagram"),
    "panel_supported": ("int64", "those of them that were supported"),
    "screened": ("int64", "setups that the search screened"),
    "shrunk": ("int64", "setups screened to simplify a suspect"),
    "trials": ("int64", "trials at that setup"),
    "hits": ("float64", "trials in which the event happened; NaN for a mean"),
    "estimate": ("float64", "hits / trials, or the mean"),
    "lower": ("float64", "lower end of the interval"),
    "upper": ("float64", "upper end of the interval"),
    "asked": ("int64", "trials over all setups"),
    "failed": ("int64", "those of them that diverged"),
    "share": ("float64", "share of the regime that the panel speaks for, at 95 % confidence"),
    "detectable": ("float64", "largest true value REFUTED at a setup in 80 % of runs"),
    "needed": ("float64", "trials that would likely decide, where UNDECIDED"),
    "stable": ("boolean", "the same verdict at twice the steps"),
    "float64": ("string", "the verdict at the counterexample in float64"),
    "counterexample": ("string", "the smallest setup, in words"),
    "text": ("string", "the verdict as a sentence"),
    "reason": ("string", "why there is no better verdict"),
    "because": ("string", "why the claim is expected to be REFUTED"),
    "error": ("string", "what went wrong, if something did"),
    "script": ("string", "the counterexample's own script, within the run's folder"),
    "seed": ("int64", "seed of the run"),
    "profile": ("string", "profile of the run"),
    "seconds": ("float64", "time that the claim took"),
}
EVIDENCE: Columns = {
    "claim": ("string", "node id of the claim"),
    "stage": ("string", "panel, named, control, cell, search, shrink, remembered, confirm, ..."),
    "index": ("int64", "number of the setup within its claim and stage"),
    "key": ("string", "what the setup's random numbers are keyed by"),
    "verdict": ("verdict", "as of a claim; SUSPECT or CLEAR where 16 trials only screened"),
    "trials": ("int64", "trials judged"),
    "hits": ("float64", "trials in which the event happened; NaN for a mean"),
    "failed": ("int64", "trials that diverged"),
    "estimate": ("float64", "hits / trials, or the mean"),
    "lower": ("float64", "lower end of the interval"),
    "upper": ("float64", "upper end of the interval"),
    "log_e_support": ("float64", "log e-value against: P <= at_least - tolerance"),
    "log_e_refute": ("float64", "log e-value against: P >= at_least"),
    "violations": ("string", "what the setup violates of its regime, in sentences"),
    "stream": ("string", "stream of the trials"),
    "dtype": ("string", "float32 or float64"),
    "horizon": ("int64", "factor on every number of steps"),
    "seed": ("int64", "seed of the trials"),
    "device": ("string", "where they were trained"),
    "seconds": ("float64", "time that the setup took"),
    "text": ("string", "the judgement as a sentence"),
}
TRIALS: Columns = {
    "claim": ("string", "node id of the claim"),
    "stage": ("string", "stage of the setup: claim, stage and index name a row of evidence"),
    "index": ("int64", "number of the setup within its claim and stage"),
    "key": ("string", "what the setup's random numbers are keyed by"),
    "stream": ("string", "stream of the trial"),
    "dtype": ("string", "float32 or float64"),
    "horizon": ("int64", "factor on every number of steps"),
    "trial": ("int64", "number of the trial within its stream"),
    "counted": ("bool", "whether the judgement counts it; one trained beyond it is not"),
    "outcome": ("float64", "1 where the event happened, 0 elsewhere; or the value of a mean"),
    "margin": ("float64", "how far the event was from not happening, where it has a margin"),
    "failed": ("bool", "whether its training diverged"),
}


def documented(columns: Columns, more: str) -> Callable[[Function], Function]:
    """Add a table of `columns` to a docstring; `more` says which others there may be."""
    table = "\n".join(f"{name:<17}{kind}: {says}" for name, (kind, says) in columns.items())

    def document(function: Function) -> Function:
        function.__doc__ = f"{function.__doc__}\n\n{table}\n\n{more}\n"
        return function

    return document


def verdicts(rows: Iterable[Row]) -> pd.DataFrame:
    """A row a claim; `measure.NAME` and `measure_panel.NAME` are means of what was noted."""
    rows = [_with_bounds(row) for row in rows]
    more = [
        _prefixed("measure.", row["measures"]) | _prefixed("measure_panel.", row["measures_panel"])
        for row in rows
    ]
    return _frame(rows, VERDICTS, _loose(more, "float64"))


def evidence(lines: Iterable[Row]) -> pd.DataFrame:
    """A row a setup judged or screened; `setup.NAME` are its hyperparameters."""
    lines = [{**line, "violations": _joined(line.get("violations"))} for line in lines]
    return _frame(lines, EVIDENCE, _loose([hyperparameters(line["setup"]) for line in lines]))


def trials(rows: Iterator[Mapping[str, str]]) -> pd.DataFrame:
    """A row a trial, from the cells of `trials.csv`; every other column is a measure."""
    import pandas as pd

    frames = [_of_cells(cells) for cells in iter(lambda: list(islice(rows, AT_ONCE)), [])]
    return pd.concat(frames, ignore_index=True) if frames else _of_cells([])


def _of_cells(rows: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    measures = [name for name in (rows[0] if rows else ()) if name and name not in TRIALS]
    read: dict[str, Callable[[Any], Any]] = {
        "int64": int, "float64": _cell, "bool": "1".__eq__, "string": str,
    }  # fmt: skip
    kinds = {name: kind for name, (kind, _) in TRIALS.items()}
    kinds |= dict.fromkeys(measures, "float64")
    columns = {n: [read[kind](row[n]) for row in rows] for n, kind in kinds.items()}
    return _typed(columns, kinds)


def _frame(rows: Sequence[Row], columns: Columns, loose: Mapping[str, pd.Series]) -> pd.DataFrame:
    read: dict[str, Callable[[Any], Any]] = {
        "int64": _whole, "float64": _number, "bool": bool, "boolean": _truth, "string": _text,
        "verdict": lambda verdict: verdict if verdict in ORDER else None,
    }  # fmt: skip
    kinds = {name: kind for name, (kind, _) in columns.items()}
    cells = {n: [read[kind](row.get(n)) for row in rows] for n, kind in kinds.items()}
    return _typed(cells, kinds).assign(**loose)


def _typed(cells: Mapping[str, Sequence[Any]], kinds: Mapping[str, str]) -> pd.DataFrame:
    import pandas as pd

    ordered = pd.CategoricalDtype(ORDER, ordered=True)
    types: dict[str, Any] = {n: ordered if kind == "verdict" else kind for n, kind in kinds.items()}
    return pd.DataFrame({n: pd.Series(cells[n], dtype=types[n]) for n in kinds})


def _loose(rows: Sequence[Row], kind: str | None = None) -> dict[str, pd.Series]:
    """Columns that are only known from what is in them, of one kind each."""
    import pandas as pd

    found = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        as_kind = kind or _kind_of(values)
        if as_kind == "float64":
            values = [_number(value) for value in values]
        elif as_kind == "string":
            values = [_text(value) for value in values]
        found[name] = pd.Series(values, dtype=as_kind)
    return found


def _kind_of(values: Sequence[Any]) -> str:
    there = {type(value) for value in values if value is not None}
    if there == {bool}:
        return "boolean"
    if there == {int} and None not in values and max(map(abs, values)) < 2**63:
        return "int64"
    return "float64" if there and there <= {int, float} else "string"


def hyperparameters(draw: Any) -> dict[str, Any]:
    """`setup.NAME` for each hyperparameter of a draw's JSON; a part's type goes by its name."""
    return _prefixed("setup.", flat(_by_name(draw)))


def _by_name(value: Any, name: str = "type") -> Any:
    if not isinstance(value, dict):
        return value
    return {name if n == "type" else n: _by_name(part, n) for n, part in value.items()}


def _prefixed(prefix: str, values: Row) -> dict[str, Any]:
    return {prefix + name: value for name, value in values.items()}


def _with_bounds(row: Row) -> Row:
    low, high = row.get("bounds") or (None, None)
    return {**row, "low": low, "high": high, "counterexample": row.get("counterexample_text")}


def _joined(sentences: Any) -> str:
    return "; ".join(map(str, sentences or ()))


def _cell(text: str | None) -> float:
    return float(text) if text else math.nan


def _number(value: Any) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number else math.nan


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
