"""Profiles: how much a run may spend on a claim. They own every size; a claim owns none."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PROFILES", "Profile", "current_profile", "use_profile"]

SHARES = {"doubled": 2, "cell": 3}  # of `most`, by stage: twice the steps cost twice as much


@dataclass(frozen=True)
class Profile:
    """Sizes of one run, all counted in setups and asked trials, never in seconds.

    panel    setups drawn i.i.d. from the regime, each judged to a verdict
    most     trials that a setup may take before it is UNDECIDED
    search   setups that Hypothesis may screen, 16 trials each, while nothing is suspect
    shrink   setups that may be screened while a suspect is made simpler
    doubled  panel setups judged again at twice the steps, where a claim judges an end state
    every    trials between two looks, and of a screening: 16 wherever verdicts are given
    block    trials that one request asks for (a multiple of `every`), and of a round of the panel
    rungs    of a ladder that are trained, the first ones (and of the setups that a claim names,
             where no verdicts are given); None: all of them
    steer    let the signed margin steer the search
    paired   trials of a regime's heart that compare MRP with SL in the report; half along a flow
    judges   whether it gives verdicts at all
    """

    name: str
    panel: int
    most: int
    search: int
    shrink: int
    doubled: int
    every: int = 16
    block: int = 16
    rungs: int | None = None
    steer: bool = False
    paired: int = 16
    judges: bool = True

    def __post_init__(self) -> None:
        where = f"[profile {self.name}]"
        if self.every < 1 or (self.judges and self.every != 16):
            raise ValueError(f"every = {self.every}, but should be 16 to judge {where}")
        for name, size in (("block", self.block), ("most", self.most)):
            if size < self.every or size % self.every:
                wanted = f"but should be a multiple of {self.every}"
                raise ValueError(f"{name} = {size}, {wanted} {where}")

    def trials(self, stage: str) -> int:
        """Trials that a setup may take at `stage` before it is UNDECIDED.

        Half of `most` at twice the steps, and a third in a cell of a phase diagram.
        """
        share = self.most // SHARES.get(stage, 1) // self.every * self.every
        return max(share, self.every)


PROFILES = {
    p.name: p
    for p in (
        Profile(
            "smoke",
            panel=1,
            most=2,
            search=1,
            shrink=0,
            doubled=0,
            every=2,
            block=2,
            rungs=2,
            paired=4,
            judges=False,
        ),
        Profile("quick", panel=8, most=384, search=8, shrink=12, doubled=1, rungs=4),
        Profile(
            "thorough",
            panel=28,
            most=1024,
            search=64,
            shrink=64,
            doubled=4,
            steer=True,
            paired=64,
        ),
    )
}

_current = PROFILES["quick"]


def current_profile() -> Profile:
    """The profile of the run under way: strategies ask it which part of a regime to draw from."""
    return _current


def use_profile(profile: str | Profile) -> Profile:
    """Make `profile` the current one and return the one before it."""
    global _current
    before = _current
    _current = named_profile(profile)
    return before


def named_profile(profile: str | Profile) -> Profile:
    """The profile of that name (or itself); one sentence if there is none."""
    if isinstance(profile, Profile):
        return profile
    if profile not in PROFILES:
        names = ", ".join(PROFILES)
        raise ValueError(f"profile = {profile!r}, but should be one of {names} [profile]")
    return PROFILES[profile]
