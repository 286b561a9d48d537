"""`mrpcheck show`: one claim of a run, or one setup, as a page of text and a sheet of pictures."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mrpcheck.diagrams import cells, picture
from mrpcheck.figures import phase_diagram, save, sheet
from mrpcheck.figures.activations import predictions
from mrpcheck.figures.comparison import Mean, accuracies, mean_of
from mrpcheck.figures.holding import arms, held, holders, maps, rows
from mrpcheck.figures.writing import check
from mrpcheck.merging import evidence
from mrpcheck.pages import Page
from mrpcheck.plugin.wording import MARKUP, command, word
from mrpcheck.recorded import named
from mrpcheck.seeds import Trials
from mrpcheck.setups import Setup
from mrpcheck.showing import Reading, read_run, readable
from mrpcheck.tables.setting import sentence
from mrpcheck.traces import Trace, read_all

__all__ = ["show_claim", "show_setup"]

Row = dict[str, Any]
ROWS = 24  # kernels of a map in letters
WIDE = 20  # characters of a column


def show_claim(folder: Path, claim: str, out: Path | None) -> tuple[str, int]:
    """What the claim came to and what happened at its setup; 1 where it is not as it should be.

    The trace that the run kept of its counterexample; else the setup that its verdict rests on is
    trained now.
    """
    if out is not None:
        check(out)
    run = read_run(folder)
    with readable(folder):
        row = named(run.rows, claim)
        page = _verdict(row, (_line(run, row) or {}).get("setup"))
    if row.get("diagram") is not None:
        with readable(folder):
            _map(page, run, row, out)
    else:
        _finish(page, *_trace(run, row), out)
    return str(page), int(replace(run, rows=[row]).alarming)


def show_setup(file: Path, paired: int, seed: int, out: Path | None) -> tuple[str, int]:
    """What happens at the setup in a file of JSON, trained now; accuracy over `paired` trials."""
    if out is not None:
        check(out)
    setup, trials = read_setup(file), Trials(1, seed=seed, stream="show")
    missing = _unpictured(setup)
    trace = None if missing else _train(setup, trials, "", _words(setup), paired)
    page = Page()
    page.write_line(f"setup: {file}", bold=True)
    if missing:
        _wrapped(page, str(setup))
    _finish(page, trace, missing, out)
    return str(page), 0


def read_setup(file: Path) -> Setup:
    """The setup in a file: what `Setup.to_json` gives, or a line of evidence that holds one."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"SETUP = {file}, but should be a file of JSON: {error}") from None
    if isinstance(content, dict) and isinstance(content.get("setup"), dict):
        content = content["setup"]
    try:
        return Setup.from_json(content)
    except ValueError as error:
        raise ValueError(f"SETUP = {file}, but should hold a setup: {error}") from None


def _words(setup: Setup) -> str:
    """What differs from the heart of the regime that is made for such an objective."""
    from mrpcheck import theorems
    from mrpcheck.objectives import MaskedLatents

    kind = "latents" if isinstance(setup.objective, MaskedLatents) else "pixels"
    small = "small_" if setup.recipe.flow is not None else ""
    return str(getattr(theorems, f"{small}{kind}_regime")().describe(setup))


def _unpictured(setup: Setup) -> str:
    """Why there is no picture of the setup; "" where there is one."""
    name = type(setup.data).__name__
    return "" if setup.data.views else f"no picture: the features of {name} are not known"


def _trace(run: Reading, row: Row) -> tuple[Trace | None, str]:
    """The trace to show, and why there is none."""
    for trace in read_all(run.folder):
        if trace.claim == row["claim"] and trace.what == "counterexample":
            return trace, ""
    with readable(run.folder):
        line = _line(run, row)
        if line is None:
            return None, "no picture: its verdict rests on no single setup"
        try:
            setup = Setup.from_json(line["setup"])
        except ValueError as error:
            return None, f"no picture: {error}"
        if missing := _unpictured(setup):
            return None, missing
        trials = Trials(1, seed=line["seed"], stream=line["stream"], dtype=line["dtype"])
    words = f"{row['counterexample_text'] or _words(setup)} (trained now)"
    return _train(setup, trials, str(row["claim"]), words, 0), ""


def _line(run: Reading, row: Row) -> Row | None:
    """The line of evidence that the verdict rests on."""
    wanted = ("claim", "stage", "trials", "estimate", "lower", "upper")
    mine = (e for e in evidence(run.folder) if all(e.get(n) == row[n] for n in wanted))
    return next(mine, None) if row["stage"] is not None else None


def _train(setup: Setup, trials: Trials, claim: str, words: str, paired: int) -> Trace:
    from mrpcheck.tracing import trace

    return trace(setup, trials, what="setup", claim=claim, words=words, paired=paired)


def _verdict(row: Row, setup: object) -> Page:
    page = Page()
    page.write_line(str(row["claim"]), bold=True)
    if row["statement"]:
        _wrapped(page, str(row["statement"]))
    page.write(word(row), **MARKUP.get(word(row), {}))
    _wrapped(page, f": {row['error'] or sentence(row, setup)}")
    if row["violations"]:
        _wrapped(page, f"outside its regime: {'; '.join(map(str, row['violations']))}")
    page.write_line(f"again: {command(row)}")
    return page


def _wrapped(page: Page, text: str) -> None:
    page.write_line("\n".join(textwrap.wrap(text, 99, subsequent_indent="  ") or [""]))


def _map(page: Page, run: Reading, row: Row, out: Path | None) -> None:
    """A phase diagram in letters, and as a picture."""
    for line in picture(row):
        page.write_line(f"  {line}")
    if out is not None:
        grid = {**row["diagram"], "cells": cells(row, evidence(run.folder))}
        title = str(row["diagram"].get("title") or row["statement"])
        drawn = phase_diagram({**grid, "quantity": row["quantity"]})
        page.write_line(f"picture: {save(drawn, out, title)}")


def _finish(page: Page, trace: Trace | None, missing: str, out: Path | None) -> None:
    if trace is None:
        if out is not None:
            raise ValueError(f"--out = {out}, but should be asked of a setup: {missing}")
        page.write_line(missing)
        return
    _happened(page, trace)
    if out is not None:
        title = trace.claim or trace.words
        page.write_line(f"pictures: {save(sheet(trace), out, f'What happened at {title}')}")


def _happened(page: Page, trace: Trace) -> None:
    """What the pictures show, in figures and letters."""
    page.write_sep("-", "what happened there")
    source = "trial {first} of stream {stream}, seed {seed}"
    known = {"first": 0, "stream": "?", "seed": "?", **trace.trials}
    for text in (trace.words, source.format(**known), trace.note):
        if text:
            _wrapped(page, text)
    for line in (*_table(trace), *_losses(trace), *_accuracies(trace)):
        page.write_line(line)
    for sample, line in enumerate(_samples(trace)):
        page.write_line(f"sample {sample}, {line}")
    for name, values in maps(trace):
        _letters(page, name, values, trace)


def _table(trace: Trace) -> Iterator[str]:
    counted = [(name, values, holders(values, trace.threshold)) for name, values in maps(trace)]
    if not counted:
        return
    yield _columns("", [name for name, _, _ in counted])
    features = [f"{found[0]} of {values.shape[1]}" for _, values, found in counted]
    yield _columns("features captured", features)
    kernels = [f"{found[1]} of {len(values)}" for _, values, found in counted]
    yield _columns("kernels that hold any", kernels)
    yield _columns("that hold two or more", [str(found[2]) for _, _, found in counted])


def _columns(head: str, cells: Sequence[str]) -> str:
    return f"{head:<24}" + "".join(f"{cell:>{WIDE}}" for cell in cells)


def _losses(trace: Trace) -> Iterator[str]:
    for name, arm in arms(trace):
        if len(arm.loss):
            steps = f"{arm.steps[0]:g} to {arm.steps[-1]:g}"
            yield f"{name}: loss {arm.loss[0]:.3g} to {arm.loss[-1]:.3g}, steps {steps}"


def _accuracies(trace: Trace) -> Iterator[str]:
    for kind in ("multi_view", "single_view"):
        mine, other = accuracies(trace, kind)
        means = [mean_of(values, (0.0, 1.0)) for values in (mine, other)]
        means.append(mean_of(mine - other, (-1.0, 1.0)))
        known = [
            f"{n} {_mean(m)}" for n, m in zip(("MRP", "SL", "MRP - SL"), means, strict=True) if m
        ]
        if known:
            words = f"accuracy, {kind.replace('_', '-')}, {len(mine)} trials, 95 % intervals"
            yield f"{words}: {', '.join(known)}"


def _mean(found: Mean) -> str:
    return f"{found.mean:.3f} [{found.lower:.2f}, {found.upper:.2f}]"


def _samples(trace: Trace) -> Iterator[str]:
    said = {name: predictions(trace, arm) for name, arm in arms(trace)}
    for place, single in enumerate(np.asarray(trace.single_view)):
        kind = "single-view" if single else "multi-view"
        words = [f"{name} {found[place].words}" for name, found in said.items()]
        yield f"{kind}, class {int(trace.label[place])}: {'; '.join(words)}"


def _letters(page: Page, name: str, values: np.ndarray, trace: Trace) -> None:
    """The map in letters: # for a feature that the kernel holds, + for one half-way there."""
    order, views = rows(values, trace.threshold), max(trace.views, 1)
    page.write_line(f"{name}: kernels down, features by class across (# held, + half of r)")
    holds, near = held(values, trace.threshold), held(values, trace.threshold / 2)
    for kernel in order.kernels[:ROWS]:
        cells = np.where(holds[kernel], "#", np.where(near[kernel], "+", "."))
        classes = ["".join(cells[start : start + views]) for start in range(0, len(cells), views)]
        fused = f"  holds {int(holds[kernel].sum())}" if holds[kernel].sum() > 1 else ""
        page.write_line(f"  {kernel:>4} |{'|'.join(classes)}|{fused}")
    more = max(len(order.kernels) - ROWS, 0)
    page.write_line(f"       {f'{more} more; ' if more else ''}{order.empty} kernels hold nothing")
