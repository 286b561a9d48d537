"""What a claim's code says: its function, and what of its file that function goes through.

A claim that was edited after its seed was used has lost its error rates, and so has one whose
helper was edited. The code is read as text, so nothing is run; what is imported from other files is
not followed.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["SCHEME", "code", "comparable", "edited"]

SCHEME = "2-"  # how digests are made: those of another scheme cannot be compared


def code(function: Callable[..., Any]) -> str:
    """The function's code, and that of each name of its file that it goes through, by name.

    Comments, docstrings and layout have no part in it, decorators have. Raises OSError or TypeError
    where there is no source, as `inspect.getsource` does.
    """
    source = inspect.getsource(function)
    own = _parsed(source)
    if own is None:  # part of a line
        return source
    parts = {"": _plain(own)}
    known = _definitions(*_file(function))
    waiting = _names(own) - {function.__name__}
    while waiting:
        name = waiting.pop()
        if name in known and name not in parts:
            parts[name] = _plain(known[name])
            waiting |= _names(known[name])
    return "\n".join(parts[name] for name in sorted(parts))


def comparable(then: str, now: str) -> bool:
    """Whether two digests were made in the same way."""
    return then.startswith(SCHEME) == now.startswith(SCHEME)


def edited(then: str | None, now: str | None) -> bool:
    """Whether two digests tell of different code; no where nobody can know."""
    return then is not None and now is not None and comparable(then, now) and then != now


def _file(function: Callable[..., Any]) -> tuple[str, float]:
    """The file that defines it, and when that was changed."""
    module = sys.modules.get(function.__module__)
    written = inspect.unwrap(function)  # a trend's function is wrapped in another file's
    path = Path(str(getattr(module, "__file__", None) or inspect.getsourcefile(written)))
    return str(path), path.stat().st_mtime if path.exists() else 0.0


@lru_cache(maxsize=256)
def _definitions(file: str, changed: float) -> Mapping[str, list[ast.stmt]]:
    """The statements at the top level of a file by the names that they bind; imports bind none."""
    try:
        body = _parsed(Path(file).read_text())
    except OSError:
        body = None
    found: dict[str, list[ast.stmt]] = {}
    for statement in body or ():
        for name in _bound(statement):
            found.setdefault(name, []).append(statement)
    return found


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}


def _names(statements: Iterable[ast.stmt]) -> set[str]:
    nodes = (node for statement in statements for node in ast.walk(statement))
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def _plain(statements: Iterable[ast.stmt]) -> str:
    return "\n".join(map(ast.unparse, statements))


def _parsed(source: str) -> list[ast.stmt] | None:
    """What source says to Python, docstrings aside; None where it says nothing by itself."""
    try:
        tree = ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        if isinstance(node, kinds) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree.body
