"""The package's docstrings as reStructuredText: plain paragraphs, examples, columns of fields."""

from __future__ import annotations

import itertools
import re

__all__ = ["rst"]

COLUMNS = re.compile(r"(\S.*?) {2,}(\S.*)")  # a field and what it is, at least two spaces apart
CODE = re.compile(r"(`+[^`]*`+)")
MARKUP = re.compile(r"([*|_\\])")


def rst(lines: list[str]) -> list[str]:
    """Each paragraph as what it is: an example, a formula, a table of fields, or words."""
    paragraphs = itertools.groupby(lines, key=lambda line: bool(line.strip()))
    written = [_paragraph(list(group)) for full, group in paragraphs if full]
    return [line for paragraph in written for line in [*paragraph, ""]]


def _paragraph(lines: list[str]) -> list[str]:
    if lines[0].lstrip().startswith((">>>", "..")):
        return lines
    if lines[0].startswith(" "):
        return ["::", "", *lines]
    if COLUMNS.fullmatch(lines[0]):
        return _fields(lines)
    return [_words(" ".join(line.strip() for line in lines))]


def _fields(lines: list[str]) -> list[str]:
    """A definition for each field; what is indented goes on with the one before."""
    found: list[tuple[str, str]] = []
    for line in lines:
        name, what = found.pop() if found else ("", "")
        columns = COLUMNS.fullmatch(line)
        if line.startswith(" "):
            found.append((name, f"{what} {line.strip()}"))
        elif columns:
            found += [(name, what), (columns[1], columns[2])]
        else:  # a second name, below the first
            found.append((f"{name} {line.strip()}", what))
    return [text for name, what in found[1:] for text in (f"``{name}``", f"    {_words(what)}", "")]


def _words(text: str) -> str:
    """Code stays code, in double ticks; nothing else is markup."""
    parts = CODE.split(text)
    return "".join(
        f"``{part.strip('`')}``" if part.startswith("`") else MARKUP.sub(r"\\\1", part)
        for part in parts
    )
