"""Every word that reports use in a sense of their own, said once: the page and the docs show these.

`python -m mrpcheck.glossary` prints them as docs/glossary.md has them.
"""

from __future__ import annotations

from collections.abc import Iterator

from mrpcheck.symbols import SYMBOLS

__all__ = ["GROUPS", "HYPERPARAMETERS", "markdown", "symbols"]

GROUPS: dict[str, dict[str, str]] = {
    "The theory": {
        "MRP": "mask-reconstruction pretraining: pretrained with masks, then fine-tuned with "
        "labels",
        "SL": "supervised learning from scratch, the same trials without pretraining",
        "AZL": "Allen-Zhu and Li, ICLR 2023: the paper whose data model and network this one uses",
        "T1a": "Theorem 1: after pretraining every feature of every class is captured by some "
        "kernel",
        "T1b": "Theorem 1: each kernel captures one feature at most",
        "T1c": "Theorem 1: a feature is won by a kernel that led on it at the start",
        "T2a": "Theorem 2: fine-tuned, the encoder classifies new multi-view and new single-view "
        "samples",
        "T2b": "Theorem 2: fine-tuning loses no captured feature",
        "T2c": "Theorem 2: MRP beats SL on single-view data and is no worse on multi-view data",
        "SLa": "AZL's Theorem 1: SL fits its training data and is nearly perfect on multi-view "
        "data",
        "SLb": "SL captures only some features of a class; the initialisation draws which",
        "SLc": "SL's single-view error nears that of a network which holds one view a class",
        "stated, recalled, derived, ours": "where a claim comes from: the paper's summary; our "
        "reconstruction of its body; our own working out; our choice",
        "multi-view, single-view": "a sample that shows every view of its class, or one view of it",
        "captured": "of a feature: a kernel's correlation with it has reached the threshold r; as "
        "a measure, how many features are, or which share of them (the claim's code says)",
        "fused": "of a kernel: it has captured two features or more; as a measure, how many "
        "kernels have, or which share of those that hold any",
        "single": "as a measure: how many kernels have captured exactly one feature",
        "capture time": "when, on its way, every feature is captured for the first time; as a "
        "unit, the time that growth from the start sigma_0 takes to the threshold",
    },
    "What is asked": {
        "claim": "at every setup, an event has at least some probability, or a mean at least some "
        "value",
        "setup": "everything that a probability depends on: data, network, objective and recipe",
        "trial": "one training at a setup, with its own data, initialisation and masks",
        "regime": "the setups that a claim speaks of, with written bounds on each hyperparameter",
        "heart": "the setup in the middle of a regime, from which others are said to differ",
        "ladder, rung": "setups that grow along one number, such as k; each of them is a rung",
        "control": "a claim known to be false, which a run must refute to be trusted",
        "fails, as known": "of a claim of the paper: that it fails was found before, and the run "
        "is to find it again",
        "phase diagram, cell": "a grid over two hyperparameters; each cell has a verdict of its "
        "own",
    },
    "How it is answered": {
        "SUPPORTED": "at each judged setup the probability is shown to be more than the claimed "
        "one less the tolerance, and a search found nothing suspect",
        "REFUTED": "at one setup the probability is shown to be less than the claimed one, on "
        "fresh random numbers",
        "UNDECIDED": "neither was shown within the budget of trials",
        "MAPPED": "of a phase diagram: its cells have verdicts, the map has none",
        "told from": "P >= 0.9 told from P <= 0.8: in between, a verdict may go either way; "
        "SUPPORTED shows P > 0.8, REFUTED shows P < 0.9",
        "panel": "setups drawn at random from the regime and judged first, each to a verdict; a "
        "measure's second figure is its mean over them",
        "named": "setups that the claim itself names; nothing is drawn",
        "search, screened": "setups that are looked at with few trials only, for one where the "
        "claim might fail",
        "SUSPECT, CLEAR": "what such a look came to: to be judged, or not",
        "shrink": "the way from a suspect setup to a simpler one that still looks broken, "
        "nearer the heart",
        "confirm": "the judgement of a suspect on fresh trials, which alone can refute",
        "stream": "which random numbers trials use: those of the panel, the search and the "
        "confirmation share none",
        "doubled, at twice the steps": "the setup judged again after twice as long a training",
        "float64": "the counterexample judged again with numbers of twice the digits",
        "e-value": "evidence that may be looked at again and again: a verdict is reached where it "
        "exceeds one over the error rate",
        "detects": "the largest true probability that one setup would have been refuted at in 80 % "
        "of runs",
        "margin": "by how much a trial's event happened, or, below 0, failed to",
        "asked for, trained": "trials that claims wanted, and those that were trained for it; the "
        "others had been trained before and were read from the store",
    },
}
HYPERPARAMETERS = {
    "classes": "number of classes",
    "views": "features that each class owns",
    "dim": "dimension of a patch",
    "patches": "patches of a sample",
    "patches_per_feature": "patches that one feature takes in a sample",
    "sparsity": "a view of another class is present with probability s/k",
    "single_view": "share of single-view samples",
    "noise": "standard deviation of the Gaussian noise of a patch",
    "feature_noise": "every patch carries up to so much of every feature, as noise",
    "weak": "strength of the weak views of a single-view sample",
    "off_class": "the largest strength of other classes' views in a single-view sample; the least "
    "is half of it",
    "own": "least (own 1) and largest (own 2) strength of a class' own views",
    "other": "least (other 1) and largest (other 2) strength of others' views in a multi-view "
    "sample",
    "split": "how a feature's strength is shared out over its patches",
    "axes": "whether features lie along the axes",
    "kernels_per_class": "kernels for each class; all classes share them",
    "power": "power of the smoothed ReLU below its threshold",
    "threshold": "where the smoothed ReLU turns linear, and what a correlation must reach to count "
    "as captured",
    "init_scale": "standard deviation of the initial kernels",
    "keep": "probability that a patch is kept by the mask",
    "context": "what predicts what: each patch itself, their sum, or the other patches",
    "decoder": "tied to the kernels, or free",
    "masks": "exact: the mean over all masks in closed form; sampled: one mask a step",
    "teacher": "whose activations are predicted: the student's own, scaled, a moving average, or "
    "those of the start, frozen",
    "teacher_scale": "factor on the teacher's kernels",
    "momentum": "of the moving average, per step",
    "samples": "training samples",
    "rate, steps": "of pretraining",
    "tune_rate, tune_steps": "of fine-tuning",
    "clock": "gradient flow in the place of steps of descent",
}


def symbols() -> list[tuple[str, str, str]]:
    """(name in the code, the theory's symbol or "", what it is) of every hyperparameter."""
    ranges = {"own": "Z", "other": "Z"}
    return [
        (name, ranges.get(name) or SYMBOLS.get(name, ""), what)
        for name, what in HYPERPARAMETERS.items()
    ]


def markdown() -> str:
    """All of it, as the page of the docs."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Words and symbols"
    yield ""
    yield (
        "What reports and summaries mean by their words. The page of a run shows the same, folded, "
        "below its overview."
    )
    for title, terms in GROUPS.items():
        yield from ("", f"## {title}", "", "| word | meaning |", "|---|---|")
        yield from (f"| {name} | {what} |" for name, what in terms.items())
    yield from ("", "## Hyperparameters", "", "| name | symbol | meaning |", "|---|---|---|")
    yield from (f"| `{name}` | {symbol} | {what} |" for name, symbol, what in symbols())


if __name__ == "__main__":
    print(markdown(), end="")
