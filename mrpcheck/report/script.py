"""A counterexample to take away: a script that shows it with torch alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

__all__ = ["render", "write"]

SEEDS = 4
KNOWN = {  # what the script is made of: a setup that holds anything else is not shown by it
    "data": "classes views dim patches patches_per_feature sparsity single_view noise "
    "feature_noise weak off_class own other split axes",
    "net": "kernels_per_class power threshold init_scale",
    "objective": "type keep context decoder masks teacher teacher_scale momentum",
    "recipe": "samples rate steps tune_rate tune_steps clock",
}
PREDICTED = {
    "pixels": "    target, guess = X, a @ @DECODER@",
    "latents": "    target, guess = act(@TAU@ * X @ @SOURCE@.T).detach(), a",
}
CONTEXTS = {
    "patch": "    return ((target - guess) ** 2).sum() / 2 + c * (guess**2).sum() / 2",
    "pooled": "    return ((target - guess).sum(1) ** 2).sum() / 2 + c * (guess**2).sum() / 2",
    "others": (
        "    error = guess.sum(1, keepdim=True) - guess - target\n"
        "    spread = c * (P - 1) * (guess**2).sum()\n"
        "    return (1 - theta) * ((error**2).sum() + spread) / 2"
    ),
}


def write(path: Path, row: Mapping[str, Any]) -> None:
    """Write the script for the counterexample of a claim's row of `verdicts.json`.

    Nothing is written where the counterexample is no setup, or trains a user's own objective or an
    exponential-average teacher, which the script does not know.
    """
    text = render(row)
    if text is not None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")


def render(row: Mapping[str, Any]) -> str | None:
    """The script's text, or None where there is nothing it can show."""
    setup = row.get("counterexample")
    if not isinstance(setup, dict) or not {"data", "net", "objective", "recipe"} <= set(setup):
        return None
    loss = _loss(setup["objective"])
    if loss is None or any(setup[part].keys() - set(KNOWN[part].split()) for part in KNOWN):
        return None
    values = {
        **setup["data"],
        **setup["net"],
        **setup["recipe"],
        "keep": setup["objective"]["keep"],
    }
    (own_low, own_high), (other_low, other_high) = values.pop("own"), values.pop("other")
    values |= {"own_low": own_low, "own_high": own_high}
    values |= {"other_low": other_low, "other_high": other_high}
    share = "Z[i, held] / C"
    if values["split"] == "random" and values["patches_per_feature"] > 1:
        share = (
            "Z[i, held] * torch.distributions.Dirichlet(torch.ones(C)).sample((len(held) // C,))"
            ".flatten()"
        )
    words = {
        "TITLE": _plain(f"{row['claim'].rpartition('::')[2]}: {row['statement']}"),
        "STORY": _plain(f"mrpcheck: {row['text']}"),
        "LOSS": loss,
        "SHARE": share,
        "SEEDS": str(SEEDS),
        "FREE": str(setup["objective"].get("decoder") == "free"),
    }
    text = files("mrpcheck.report").joinpath("counterexample.txt").read_text(encoding="utf-8")
    for name, value in {**{k: json.dumps(v) for k, v in values.items()}, **words}.items():
        text = text.replace(f"@{name}@", value)
    return text


def _loss(objective: Mapping[str, Any]) -> str | None:
    kind, context = objective.get("type"), CONTEXTS.get(objective.get("context", ""))
    if context is None:
        return None
    if kind == "MaskedPixels":
        decoder = "D" if objective["decoder"] == "free" else "W"
        return PREDICTED["pixels"].replace("@DECODER@", decoder) + "\n" + context
    if kind == "MaskedLatents" and objective["teacher"] in ("scaled", "frozen"):
        source = "W" if objective["teacher"] == "scaled" else "W0"
        line = PREDICTED["latents"].replace("@TAU@", json.dumps(objective["teacher_scale"]))
        return line.replace("@SOURCE@", source) + "\n" + context
    return None


def _plain(text: str) -> str:
    """Text that cannot end the docstring it is put in."""
    clean = text.replace("\\", "/").replace('"""', "'''").replace("@", "(at)")
    return "".join(ch for ch in clean if ch == "\n" or ch.isprintable())
