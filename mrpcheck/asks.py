"""Which blocks a claim's setups will be asked for, round by round (see `foreseeing`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from mrpcheck.diagrams import STAGE
from mrpcheck.foreseeing import Ask, Source
from mrpcheck.hearing import Hearing, Path
from mrpcheck.panels import panel_of

__all__ = ["asks_of", "first_asks"]


def asks_of(paths: Sequence[Path]) -> Source:
    """The asks of setups that a round is under way for: round 0 is that one."""
    begun = [(path, len(path.values)) for path in paths]

    def asks(round_: int) -> Iterator[Ask]:
        for path, trials in begun:
            first = trials + round_ * path.hearing.run.profile.block
            if first < path.most and path.verdict is None:
                yield _ask(path, first, round_)

    return asks


def first_asks(hearings: Iterable[Hearing]) -> Source:
    """The asks of claims that are judged later, each at its panel (or the setups it names)."""
    coming = iter(hearings)
    known: list[Source] = []

    def sources() -> Iterator[Source]:
        yield from known
        for hearing in coming:
            known.append(asks_of(_paths(hearing)))
            yield known[-1]

    def asks(round_: int) -> Iterator[Ask]:
        for source in sources():
            yield from source(round_)

    return asks


def _paths(hearing: Hearing) -> list[Path]:
    """The setups that are judged first; none where they cannot be drawn, as will be said then."""
    profile, claim = hearing.run.profile, hearing.claim
    try:
        draws = panel_of(hearing)
    except Exception:
        return []
    stage = claim.stage
    if not profile.judges and (claim.named is not None or stage == STAGE):
        draws = draws[: profile.rungs]
    return [Path(hearing, draw, stage, i, stage) for i, draw in enumerate(draws)]


def _ask(path: Path, first: int, round_: int) -> Ask:
    size = min(path.hearing.run.profile.block, path.most - first)
    trials = path.request(first, size, patient=False)
    arguments = {**path.hearing.fixed, **path.draw}
    key = (path.hearing.name, path.stage, path.index, path.dtype, path.horizon, first)
    call = partial(path.hearing.claim.function, **arguments, trials=trials)
    like = (path.hearing.name, path.stage, path.horizon)
    return Ask(key, round_, call, path.hearing.run.limit, like, partial(_over, path, first))


def _over(path: Path, first: int) -> bool:
    """Whether the claim's own turn has come and gone."""
    return path.verdict is not None or len(path.values) > first
