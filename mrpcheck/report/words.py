"""Words, marks and figures as the page shows them; colours that colour-blind readers tell apart."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Mark", "down", "duration", "mark", "number", "origins", "slugs", "up"]

ORIGINS = ("stated", "recalled", "derived", "ours")


@dataclass(frozen=True)
class Mark:
    """How a verdict looks: a sign in text, a symbol and a colour (Okabe and Ito's) in a chart."""

    sign: str
    symbol: str
    color: str


MARKS = {
    "SUPPORTED": Mark("●", "circle", "#0072B2"),
    "REFUTED": Mark("✕", "x", "#D55E00"),
    "REFUTED AS EXPECTED": Mark("✕", "x", "#D55E00"),
    "UNDECIDED": Mark("◆", "diamond", "#CC79A7"),
    "MAPPED": Mark("▦", "square", "#009E73"),
    "CLEAR": Mark("○", "circle-open", "#56B4E9"),
    "SUSPECT": Mark("△", "triangle-up-open", "#E69F00"),
}
OTHER = Mark("□", "square-open", "#8C8C8C")


def mark(shown: str) -> Mark:
    """The mark of a verdict's word; one for all words that this version does not know."""
    return MARKS.get(shown, OTHER)


def number(value: Any, digits: int = 3) -> str:
    """A number at `digits` significant digits, a dash where there is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "–" if value is None else str(value)
    if isinstance(value, int):
        return str(value)
    return f"{value:.{digits}g}".replace("-", "−") if math.isfinite(value) else "–"


def down(value: Any, toward: int = -1) -> str:
    """A lower end at three decimals, rounded so that the interval never shrinks."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return number(value)
    unit = 1000 if abs(value) >= 0.01 or value == 0 else 10**6
    rounded = (math.floor if toward < 0 else math.ceil)(value * unit) / unit
    return f"{rounded:.{len(str(unit)) - 1}f}".replace("-", "−")


def up(value: Any) -> str:
    """An upper end, rounded as `down` rounds a lower one."""
    return down(value, 1)


def duration(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 100:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 6000 else f"{seconds / 3600:.3g} h"


def origins(text: str) -> str:
    """Which of stated, recalled, derived and ours a claim's origin names, in that order."""
    words = set(re.findall(r"[a-z]+", text.lower()))
    return ", ".join(name for name in ORIGINS if name in words) or "–"


def slugs(names: Iterable[str], prefix: str) -> dict[str, str]:
    """A name for each anchor that is plain and that no other has."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower().replace(".py::", "-")).strip("-")
        slug, number_ = f"{prefix}-{plain}", 2
        while slug in taken:
            slug, number_ = f"{prefix}-{plain}-{number_}", number_ + 1
        taken.add(slug)
        found[name] = slug
    return found
