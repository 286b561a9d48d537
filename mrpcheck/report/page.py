"""The page itself: a run's contents, put into templates, with all that it needs inside it."""

from __future__ import annotations

import json
import shlex
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from mrpcheck import glossary
from mrpcheck.jsonfiles import plain
from mrpcheck.plugin.summary import header_lines
from mrpcheck.plugin.wording import resume_command
from mrpcheck.report import words
from mrpcheck.report.cautions import cautions
from mrpcheck.report.claims import View, views
from mrpcheck.report.columns import SIGNS
from mrpcheck.report.contents import Row, gather
from mrpcheck.report.pictures import pictures_of
from mrpcheck.showing import readable
from mrpcheck.symbols import label
from mrpcheck.tables.outcome import GROUPS, outcome

__all__ = ["render"]

UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
ANY = Path("RUN")  # the folder's name in commands: the page is the same wherever the folder lies


def render(folder: Path) -> tuple[str, dict[str, str]]:
    """The page of the run in `folder`, and the files that its pictures are in beside it, by name.

    Raises ValueError, a sentence, where the records cannot be read.
    """
    with readable(folder):
        contents = gather(folder)
        claims = views(contents)
        pictures = pictures_of(contents, claims)
        text = _environment().get_template("page.html").render(
            manifest=contents.manifest,
            header=header_lines({"workers": 1, **contents.manifest}),
            summary=outcome(contents.rows),
            cautions=cautions(contents, claims),
            views=claims,
            groups=_groups(claims),
            files=sorted({view.file for view in claims}),
            verdicts=sorted({view.word for view in claims}),
            pictures=pictures,
            aimed=bool(contents.manifest["profile"].get("steer")),
            levels=contents.manifest["levels"],
            stored=contents.manifest["trained"] < contents.manifest["asked"],
            words=glossary.GROUPS,
            symbols=glossary.symbols(),
            again=_again(contents.manifest),
            resume=resume_command(contents.manifest, ANY),
            themes=_themes(claims),
        )  # fmt: skip
        return text, pictures.files


def _groups(claims: list[View]) -> list[tuple[str, list[View]]]:
    """The tables of the overview, one for each kind of claim."""
    groups = [(t, [v for v in claims if v.row["kind"] == kind]) for kind, t in GROUPS.items()]
    return [group for group in groups if group[1]]


def _again(manifest: Row) -> str:
    """The command that the run was started with, with the seed and profile that it took."""
    given = [str(word) for word in manifest.get("command") or ["pytest"]]
    more = [("--mrp-seed", manifest["seed"]), ("--mrp-profile", manifest["profile"]["name"])]
    told = {word.partition("=")[0] for word in given}
    return shlex.join([*given, *(str(w) for pair in more if pair[0] not in told for w in pair)])


def _themes(claims: list[View]) -> Any:
    """What dresses the charts; None where there are none, and plotly need not be in the page."""
    if not any(view.data for view in claims):
        return None
    from mrpcheck.report.charts import THEMES

    return {"templates": THEMES, "signs": SIGNS}


@lru_cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mrpcheck.report"),
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters |= {
        "json": _json, "number": words.number, "down": words.down, "up": words.up,
        "duration": words.duration, "mark": words.mark,
        "origins": words.origins, "label": label,
    }  # fmt: skip
    environment.globals |= {"inline": _inline, "plotly": _plotly}
    return environment


def _json(value: Any) -> Markup:
    """JSON that may stand inside a script element, whatever its strings hold."""
    return Markup(json.dumps(plain(value), separators=(",", ":")).translate(UNSAFE))


def _inline(name: str) -> Markup:
    """A file beside the templates, as it is."""
    loader = _environment().loader
    assert loader is not None
    return Markup(loader.get_source(_environment(), name)[0])


@lru_cache
def _plotly() -> Markup:
    """plotly.js as the installed package brings it along."""
    from plotly.offline import get_plotlyjs

    return Markup(get_plotlyjs())
