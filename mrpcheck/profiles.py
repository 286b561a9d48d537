"""Profiles: how much a run may spend on a claim. They own every size; a claim owns none."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PROFILES", "Profile", "current_profile", "use_profile"]


@dataclass(frozen=True)
class Profile:
    """Sizes of one run, all counted in setups and asked trials, never in seconds.

    panel    setups drawn i.i.d. from the regime, each judged to a verdict
    most     trials that a setup may take before it is UNDECIDED
    search   setups that Hypothesis may screen, 16 trials each, while nothing is suspect
    shrink   setups that may be screened while a suspect is made simpler
    doubled  panel setups judged again at twice the steps, where a claim judges an end state
    block    trials that one request asks for (a multiple of 16; verdicts do not depend on it)
    steer    let the signed margin steer the search
    judges   whether it gives verdicts at all
    """

    name: str
    panel: int
    most: int
    search: int
    shrink: int
    doubled: int
    block: int = 48
    steer: bool = False
    judges: bool = True

    def __post_init__(self) -> None:
        if self.block < 16 or self.block % 16:
            raise ValueError(
                f"block = {self.block}, but should be a multiple of 16 [profile {self.name}]"
            )
        if self.most < 16 or self.most % 16:
            raise ValueError(
                f"most = {self.most}, but should be a multiple of 16 [profile {self.name}]"
            )


PROFILES = {
    p.name: p
    for p in (
        Profile("smoke", panel=2, most=16, search=2, shrink=0, doubled=0, block=16, judges=False),
        Profile("quick", panel=8, most=256, search=12, shrink=12, doubled=1),
        Profile("thorough", panel=28, most=1024, search=64, shrink=64, doubled=4, steer=True),
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
