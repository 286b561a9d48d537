"""Records to what a reader takes away; a pure function of the records."""

from __future__ import annotations

from pathlib import Path

__all__ = ["FILE", "html", "write"]

FILE = "report.html"


def html(folder: Path) -> str:
    """The run in `folder` as one page that needs nothing beside it, and no network.

    Raises ValueError, a sentence, where the folder holds no records that this version can read.
    """
    from mrpcheck.report.page import render

    return render(Path(folder))


def write(folder: Path) -> Path:
    """Write `report.html` beside the records it shows, whole or not at all; say where.

    Raises ValueError as `html` does, and OSError where it cannot be written.
    """
    from mrpcheck.jsonfiles import write_whole

    text = html(folder)
    write_whole(Path(folder) / FILE, [text.encode("utf-8", "replace")])
    return Path(folder) / FILE
