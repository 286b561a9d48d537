"""Tables of LaTeX, by booktabs and longtable."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mrpcheck.plugin.summary import header_lines
from mrpcheck.showing import Reading, readable
from mrpcheck.tables.cells import cells, notes
from mrpcheck.tables.outcome import grouped
from mrpcheck.tables.tex import breakable, literal

__all__ = ["PREAMBLE", "latex"]

Row = dict[str, Any]

PREAMBLE = r"""\usepackage{booktabs,longtable,array}"""
HEADS = ("Claim", "Verdict", "Claimed", "Estimate [interval]", "Trials", "Setups")
WIDTHS = (0.25, 0.16, 0.12, 0.19)  # of the line; trials and setups take what they need
COLUMNS = "".join(rf">{{\raggedright\arraybackslash}}p{{{w}\linewidth}}" for w in WIDTHS) + "rr"
LONGEST = 400  # characters of a statement: longtable breaks pages between rows only


def latex(run: Reading, standalone: bool = False) -> str:
    r"""The claims of a run, to \input below `PREAMBLE`; or, `standalone`, a document with it."""
    with readable(run.folder):
        said = [*header_lines(run.manifest), *notes(run)]
        body = "\n".join(_table(title, rows) for title, rows in grouped(run.rows))
    text = "\n".join([_note(said), body])
    if not standalone:
        return f"% needs in the preamble: {PREAMBLE}\n{text}"
    return "\n".join([
        r"\documentclass[a4paper,10pt]{article}",
        r"\usepackage[margin=2cm]{geometry}",
        PREAMBLE,
        r"\begin{document}",
        text + r"\end{document}",
        "",
    ])  # fmt: skip


def _note(lines: Sequence[str]) -> str:
    """What the run depends on, as a paragraph above the tables."""
    return r"{\footnotesize\raggedright " + r"\\ ".join(map(literal, lines)) + r"\par}"


def _table(title: str, rows: Sequence[Row]) -> str:
    head = " & ".join(map(literal, HEADS)) + r" \\"
    columns = f"{len(HEADS)}"
    return "\n".join([
        r"{\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\begin{{longtable}}{{{COLUMNS}}}",
        rf"\caption{{{literal(title)}}}\\",
        rf"\toprule {head} \midrule\endfirsthead",
        rf"\toprule {head} \midrule\endhead",
        rf"\midrule\multicolumn{{{columns}}}{{r}}{{continued}}\\\endfoot",
        r"\bottomrule\endlastfoot",
        "\\addlinespace[2pt]\n".join(map(_row, rows)),
        r"\end{longtable}}",
        "",
    ])  # fmt: skip


def _row(row: Row) -> str:
    texts = cells(row)
    name = breakable(_cut(row["claim"].rpartition("::")[2]))
    claim = rf"{literal(_cut(texts['claim']))} \newline {{\scriptsize\ttfamily {name}}}"
    shown = [texts[c] for c in ("verdict", "claimed", "estimate [interval]", "hits/trials")]
    return " & ".join([claim, *map(_figure, shown), literal(texts["setups"])]) + " \\\\\n"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _figure(text: str) -> str:
    """A cell with relations and negative numbers set as such, an interval in one piece."""
    text, _, interval = text.partition(" [")
    if interval:
        return rf"{_figure(text)} \mbox{{{_figure(f'[{interval}')}}}"
    return literal(re.sub(r"(?<![\w.])-(?=\d)", "−", text.replace(">=", "≥")))
