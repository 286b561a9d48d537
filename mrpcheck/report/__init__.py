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

    return render(Path(folder))[0]


def write(folder: Path) -> Path:
    """Write `report.html` beside the records, `counterexamples/*.svg` and `maps/*.svg`; say where.

    Each file is written whole or not at all. Raises ValueError as `html` does, and OSError where
    it cannot be written.
    """
    from mrpcheck.jsonfiles import write_whole
    from mrpcheck.report.page import render

    folder = Path(folder)
    text, files = render(folder)
    for name, content in {**files, FILE: text}.items():
        if name != FILE and (folder / name).parent.is_symlink():
            continue  # somebody laid it to lead elsewhere
        (folder / name).parent.mkdir(exist_ok=True)
        write_whole(folder / name, [content.encode("utf-8", "replace")])
    return folder / FILE
