"""How the site is built: pages from this folder, the reference from docstrings; nothing fetched."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from docstrings import rst

project = "mrpcheck"
author = "the authors of mrpcheck"
copyright = "the authors of mrpcheck, MIT licence"
release = version = installed("mrpcheck")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["screenshots", "docstrings.py"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "mrpcheck"
html_show_sphinx = False
smartquotes = False  # what is in quotes is often code

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 88


def setup(app: Any) -> None:
    """Docstrings are plain text, in aligned columns: they become reStructuredText on the way."""
    app.connect("autodoc-process-docstring", _written)


def _written(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = rst(lines)
