"""What a run leaves: `Evidence` and `Verdict`, and what else is a line of its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "SCHEMA",
    "STAGES",
    "Begun",
    "Block",
    "Counts",
    "Evidence",
    "Verdict",
]

SCHEMA = 1
STAGES = (
    "panel", "named", "control", "cell", "search", "shrink", "remembered", "confirm", "float64",
    "doubled",
)  # fmt: skip

Json = Any


@dataclass(frozen=True)
class Block:
    """Trials that were asked for at once: a row of `trials.csv` each."""

    claim: str
    stage: str
    index: int
    key: str
    stream: str
    dtype: str
    horizon: int
    first: int
    outcomes: Sequence[float]
    margins: Sequence[float] | None
    failed: Sequence[int]
    notes: Mapping[str, Sequence[float]]
    counted: int


@dataclass(frozen=True)
class Evidence:
    """One setup judged, or screened: how the trials of one stream came out at one setup.

    `index` numbers the setups of a stage in the order in which the claim met them, whoever
    trained them when. `verdict` is SUSPECT or CLEAR where 16 trials only screened.
    """

    claim: str
    stage: str
    index: int
    setup: Json
    key: str
    violations: Sequence[str]
    seed: int
    stream: str
    dtype: str
    horizon: int
    device: str
    trials: int
    hits: int | None
    failed: int
    verdict: str
    estimate: float | None
    lower: float | None
    upper: float | None
    log_e_support: float | None
    log_e_refute: float | None
    text: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.verdict}: {self.text}"

    def _repr_html_(self) -> str:
        from mrpcheck.displays import evidence_html

        return evidence_html(self)


@dataclass(frozen=True)
class Verdict:
    """What a claim came to. `trials`, `hits`, `estimate`, `lower` and `upper` are those of one
    setup, never pooled: of the confirmation where REFUTED, of the worst setup otherwise.

    kind        claim, control, refuted or diagram; controls and refuted are expected to be REFUTED
    verdict     SUPPORTED, REFUTED or UNDECIDED; NOT JUDGED under the smoke profile; of a diagram
                MAPPED: its cells have verdicts, it has none
    stage       where `trials` to `upper` come from
    setups      setups of the panel, those that the claim names, or the cells of a diagram;
                `panel_supported` of them were supported
    screened    setups that the search screened; `shrunk` those screened to simplify a suspect
    asked       trials judged or screened over all setups; `failed` of them diverged
    measures    what the event noted, as means over the `trials` in which it is finite
    measures_panel  the mean, over the setups of the panel or those named, of those means
    share       share of the regime that the panel speaks for, at 95 % confidence; null where
                setups are named
    detectable  the largest true value that would have been REFUTED at a setup in 80 % of runs
    needed      trials that would decide if the estimate were the truth, where UNDECIDED
    stable      the same verdict at twice the steps; null where no end state is judged, or where
                half of the trials did not decide at twice the steps
    float64     the verdict at the counterexample in float64
    edited      other versions of the claim that were judged on this seed before; null if unknown
    remembered  the earlier run that the counterexample came from
    panel       a digest of the setups it is judged at whatever the search finds
    quantity    what `estimate` estimates, in words: P, mean, fall per doubling
    named       whether the claim names its setups (`control`, `at`, `phase_diagram`): there is no
                panel then
    diagram     the map that a diagram asks for: "title", "x" and "y" (each "name", "values"),
                "lines" to draw over it (each "label", "x", "y"), "around" (the setup that both
                axes vary around), "verdicts" of the cells, number iy * len(x) + ix at x[ix], y[iy]:
                the index of their lines of evidence, whose stage is cell; null for other claims
    doc         the claim's docstring; `citation` the sources that its file's docstring names
    code        the claim's function as its file has it, decorators included; "" where unknown
    question    what the claim's file asks; `answer` what the verdict means; `headline` whether that
                is the file's answer in short (see `@answers`)
    """

    claim: str
    kind: str
    verdict: str
    expected: bool
    statement: str
    origin: str
    at_least: float
    tolerance: float
    bounds: Sequence[float] | None
    stage: str | None
    setups: int
    panel_supported: int
    screened: int
    shrunk: int
    trials: int
    hits: int | None
    estimate: float | None
    lower: float | None
    upper: float | None
    asked: int
    failed: int
    measures: Mapping[str, float | None]
    measures_panel: Mapping[str, float | None]
    share: float | None
    detectable: float | None
    needed: int | None
    stable: bool | None
    float64: str | None
    counterexample: Json
    counterexample_text: str | None
    violations: Sequence[str]
    text: str
    reason: str | None
    because: str | None
    error: str | None
    script: str | None
    seed: int
    profile: str
    source: str
    seconds: float
    edited: int | None = 0
    remembered: str | None = None
    panel: str | None = None
    quantity: str = "P"
    named: bool = False
    diagram: Json = None
    doc: str = ""
    citation: str = ""
    question: str = ""
    answer: str = ""
    headline: bool = False
    code: str = ""

    def __str__(self) -> str:
        return f"{self.verdict}: {self.text}"

    def _repr_html_(self) -> str:
        from mrpcheck.displays import verdict_html

        return verdict_html(self)


@dataclass(frozen=True)
class Counts:
    """What one process asked for and trained so far, and the most memory it took, in bytes.

    On a cluster: `in_vain` of the trials trained were asked for ahead of their turn alone, and
    `lost` blocks were asked for again.
    """

    asked: int = 0
    trained: int = 0
    in_vain: int = 0
    lost: int = 0
    peak_memory: int | None = None
    peak_gpu_memory: int | None = None


@dataclass(frozen=True)
class Begun:
    """A claim that a process began to judge, and the version of it that its lines speak of."""

    claim: str
    source: str
    panel: str | None
