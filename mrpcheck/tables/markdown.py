"""Tables of Markdown, as GitHub shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mrpcheck.pages import plain
from mrpcheck.plugin.summary import header_lines
from mrpcheck.showing import Reading, readable
from mrpcheck.tables.cells import HEADS, cells, notes
from mrpcheck.tables.outcome import grouped

__all__ = ["code", "grid", "literal", "markdown", "table"]


def markdown(run: Reading) -> str:
    """The claims of a run: what it depends on, a table for each kind of claim."""
    with readable(run.folder):
        parts = [_list(header_lines(run.manifest)), _list(notes(run), "**")]
        for title, rows in grouped(run.rows):
            parts += [f"### {title}", table([HEADS, *map(_row, rows)])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _row(row: Mapping[str, Any]) -> list[str]:
    """The cells of a claim; its node id goes below its statement."""
    texts = cells(dict(row))
    if row["statement"]:
        texts["claim"] += f"\n{row['claim']}"
    return [texts[head] for head in HEADS]


def _list(lines: Iterable[str], mark: str = "") -> str:
    return "\n".join(f"- {mark}{literal(line)}{mark}" for line in lines)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Cells of plain text; the first row is the head."""
    return grid([[literal(cell) for cell in row] for row in rows])


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Cells of Markdown; the first row is the head."""
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def literal(text: str) -> str:
    """Text that Markdown takes literally, whoever wrote it; a new line stays one."""
    text = "".join(f"\\{c}" if c in "\\`*_|<>&~" else c for c in plain(text))
    return text.replace("](", "]\\(").replace("\n", "<br>")


def code(text: str) -> str:
    """Text as code, in a table too; a back-tick in it, which would end it, becomes a quote."""
    return f"`{plain(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"
