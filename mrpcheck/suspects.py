"""Suspects: setups that 16 trials speak against, and how they are made simpler before one counts.

Nothing here refutes. Screening only chooses which setup is judged afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mrpcheck.draws import Draw, identity
from mrpcheck.hearing import EventError, Hearing, Path, Screened

__all__ = ["Search", "Suspect", "search_for", "shrink"]

UNSEEN = Screened(False, None)  # not screened, hence not suspect, and nothing to steer toward

Search = Callable[[Callable[[Draw], Screened]], Draw | None]


@dataclass(frozen=True)
class Suspect:
    """A setup to confirm, what made it suspect, and the earlier run that it came from, if any."""

    draw: Draw
    text: str
    run: str | None = None


def shrink(hearing: Hearing, path: Path) -> Suspect:
    """From a refuted setup of the panel toward the heart of the regime, coordinate by coordinate.

    Each move is kept while 16 trials still speak against the claim; their number is bounded.
    """
    draw, seen, text = path.draw, {identity(path.draw)}, path.judgement.text
    while (simpler := _simpler(hearing, draw, seen)) is not None:
        draw, text = simpler, f"{text}, still suspect when made simpler"
    return Suspect(draw, path.judgement.text if draw is path.draw else text)


def _simpler(hearing: Hearing, draw: Draw, seen: set[str]) -> Draw | None:
    most = hearing.run.profile.shrink
    for simpler in _toward_heart(hearing, draw):
        if len(hearing.screened) >= most:
            return None
        if identity(simpler) not in seen:
            seen.add(identity(simpler))
            hearing.tell("shrink", len(hearing.screened), most)
            if hearing.screen(simpler, "shrink").suspect:
                return simpler
    return None


def _toward_heart(hearing: Hearing, draw: Draw) -> Iterator[Draw]:
    for name, value in draw.items():
        if name in hearing.regimes:
            for simpler in hearing.regimes[name].toward_heart(value):
                yield {**draw, name: simpler}


def search_for(hearing: Hearing, search: Search | None) -> Suspect | None:
    """What Hypothesis finds and shrinks by screening; beyond the bounds nothing is suspect."""
    if search is None or not hearing.run.profile.search:
        return None
    screening = _Screening(hearing)
    found = search(screening)
    if screening.error is not None:
        raise screening.error
    if found is None:
        return None
    return Suspect(found, f"16 trials of the search: {screening.texts[identity(found)]}")


class _Screening:
    """Screens a draw for Hypothesis: bounded in number, and never raising into it."""

    def __init__(self, hearing: Hearing) -> None:
        self.hearing = hearing
        self.spent = 0
        self.shrinking = False
        self.error: EventError | None = None
        self.texts: dict[str, str] = {}

    def __call__(self, draw: Draw) -> Screened:
        known, profile = self.hearing.screened, self.hearing.run.profile
        name, limit = identity(draw), profile.shrink if self.shrinking else profile.search
        if name in known:
            return known[name]
        if self.error is not None or self.spent >= limit:
            return known.setdefault(name, UNSEEN)
        return self._screen(draw, name, limit)

    def _screen(self, draw: Draw, name: str, limit: int) -> Screened:
        stage = "shrink" if self.shrinking else "search"
        self.hearing.tell(stage, self.spent, limit)
        self.spent += 1
        try:
            screened = self.hearing.screen(draw, stage)
        except EventError as error:
            self.error = error
            return self.hearing.screened.setdefault(name, UNSEEN)
        self.texts[name] = self.hearing.evidence[-1].text
        if screened.suspect and not self.shrinking:
            self.shrinking, self.spent = True, 0
        return screened
