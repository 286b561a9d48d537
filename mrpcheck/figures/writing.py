"""Figures as bytes: inline SVG for pages, and files; the same bytes for the same figure."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from mrpcheck.figures.drawing import INK, drawing
from mrpcheck.jsonfiles import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SUFFIXES", "check", "encode", "save", "svg"]

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
SUFFIXES = (".svg", ".png", ".pdf")
NUMBERS = ("d", "x", "y", "width", "height", "transform", "points")
NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LONG = re.compile(r"-?\d+\.\d{3,}")
DATELESS = {"Date": None, "Creator": None, "Format": None, "Type": None}


def svg(figure: Figure, label: str, whose: str = "") -> str:
    """The figure as an element to put into a page; `label` says to everybody what it shows.

    Text and axes take the colour of the page's text. Names inside are its own: no two figures of a
    page share one, unless they are alike in all, in their labels and in `whose` they are. Nothing
    in it refers to another file.
    """
    return _named(figure, label, "currentColor", whose)


def encode(figure: Figure, suffix: str, label: str = "") -> bytes:
    """The figure as a file's content, by the suffix of the file's name."""
    if suffix == ".svg":
        return (_named(figure, label, "#000000") + "\n").encode()
    background = {"facecolor": "white"} if suffix == ".png" else {}
    metadata = {"Software": None} if suffix == ".png" else {"CreationDate": None}
    return _written(figure, suffix, metadata=metadata, **background)


def save(figure: Figure, path: Path, label: str = "") -> Path:
    """Write the figure, whole or not at all, as what the file's name ends in."""
    check(path)
    content = encode(figure, path.suffix.lower(), label)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, [content])
    except OSError as error:
        raise ValueError(
            f"--out = {path}, but should be a file to write: {error.strerror or error}"
        ) from None
    return path


def check(path: Path) -> None:
    """Raise ValueError, a sentence, where the file's name does not say what to write."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--out = {path}, but should end in one of {', '.join(SUFFIXES)}")


def _written(figure: Figure, suffix: str, **options: Any) -> bytes:
    file = io.BytesIO()
    with drawing():
        figure.savefig(file, format=suffix.removeprefix("."), **options)
    return file.getvalue()


def _named(figure: Figure, label: str, ink: str, whose: str = "") -> str:
    text = _written(figure, ".svg", metadata=DATELESS).decode()
    root = ElementTree.fromstring(NO_XML.sub("\N{REPLACEMENT CHARACTER}", text))
    _strip(root)
    for element in root.iter():
        for name in (n for n in NUMBERS if n in element.attrib):
            element.set(name, " ".join(LONG.sub(_short, element.attrib[name]).split()))
    _rename(root, lambda name: name)
    content = ElementTree.tostring(root) + f"{label}{whose}".encode()
    own = blake2b(content, digest_size=5).hexdigest()
    _rename(root, lambda name: f"f{own}-{name}")
    root.set("role", "img")
    root.set("aria-label", label)
    root.set("style", "stroke-linejoin:round;stroke-linecap:butt")
    title = ElementTree.Element(f"{{{SVG}}}title")
    title.text = label
    root.insert(0, title)
    text = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
    text = re.sub(r"<(/?)ns\d+:", r"<\1", text).replace("xmlns:ns0=", "xmlns=")
    return re.sub(r">\s+<", "><", text).replace(INK, ink)


def _strip(root: ElementTree.Element) -> None:
    """Take out what is not drawn: who made it when, and a style that would reach the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)
    for element in root.iter():  # as HTML writes it
        if (target := element.attrib.pop(f"{{{XLINK}}}href", None)) is not None:
            element.set("href", target)


def _rename(root: ElementTree.Element, name: Callable[[str], str]) -> None:
    """Give every name that something refers to a new one, by order; take the others away."""
    used = re.compile(r"(?:url\(#|^#)([^)]+)\)?")
    found = [m[1] for e in root.iter() for v in e.attrib.values() if (m := used.search(v))]
    names = {old: name(str(place)) for place, old in enumerate(dict.fromkeys(found))}
    for element in root.iter():
        old = element.attrib.pop("id", None)
        for attribute, value in element.attrib.items():
            if (m := used.search(value)) and m[1] in names:
                element.set(attribute, value.replace(f"#{m[1]}", f"#{names[m[1]]}"))
        if old in names:
            element.set("id", names[old])


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
