"""The plan of a run as text: a row a claim, and what the columns mean."""

from __future__ import annotations

from collections.abc import Sequence

from mrpcheck.collecting import Collected
from mrpcheck.pages import Page
from mrpcheck.planning import Measured, Plan, plan_of
from mrpcheck.plugin.options import Options

__all__ = ["plan"]


def plan(
    found: Collected, true_p: Sequence[float] | None = None, measured: Measured | None = None
) -> tuple[str, int]:
    """What the collected claims will take, and 1 where pytest would refuse to begin."""
    page = Page()
    assert found.options is not None
    plans = [plan_of(name, found, true_p, measured) for name in sorted(found.claims)]
    for line in _head(found.options, len(plans)):
        page.write_line(line)
    _rows(page, "claims", "no miss", [p for p in plans if p.claim.kind == "claim"])
    _rows(page, "phase diagrams, a cell being a setup", "no miss",
          [p for p in plans if p.claim.kind == "diagram"])  # fmt: skip
    _rows(
        page, "expected to be refuted", "no hit", [p for p in plans if p.claim.expects_refutation]
    )
    for line in _foot(plans, measured, found.options.profile.block):
        page.write_line(line)
    if found.refused is not None:
        page.write_line(f"pytest would refuse: {found.refused}", red=True)
    return str(page), int(found.refused is not None)


def _head(options: Options, claims: int) -> list[str]:
    p, levels = options.profile, options.budget.levels
    plural = "" if p.panel == 1 else "s"
    lines = [
        f"profile {p.name}: {p.panel} setup{plural} of the panel to a verdict, "
        f"{p.search} more screened; {p.every} to {p.most} trials a setup",
        f"{claims} claims, each judged at levels {levels.false_support:.2g} (falsely SUPPORTED) "
        f"and {levels.false_refute:.2g} (falsely REFUTED)",
    ]
    return lines if p.judges else [*lines, f"profile {p.name} judges nothing"]


def _rows(page: Page, title: str, needed: str, plans: Sequence[Plan]) -> None:
    if not plans:
        return
    texts = [(p, _expected(p), _spread([o.in_all for o in p.outlooks])) for p in plans]
    wide = max(len("trials a setup"), *(len(expected) for _, expected, _ in texts))
    page.write_sep("=" if needed == "no miss" else "-", title)
    page.write_line(
        f"  {needed:>7}  {'trials a setup':>{wide}}  {'refutes':>8}  {'in all':>11}  "
        f"{'seconds':>9}  claim"
    )
    file = None
    for p, expected, in_all in texts:
        if p.name.partition("::")[0] != file:
            file = p.name.partition("::")[0]
            page.write_line(file)
        page.write_line(
            f"  {p.needed:>7}  {expected:>{wide}}  {_refutes(p):>8}  {in_all:>11}  "
            f"{_seconds(p):>9}  {p.name.partition('::')[2]}"
        )


def _expected(p: Plan) -> str:
    return ", ".join(f"{o.a_setup:.0f} at {o.value:g}" for o in p.outlooks)


def _refutes(p: Plan) -> str:
    return "-" if p.refutes is None else f"<= {p.refutes:.3f}"


def _seconds(p: Plan) -> str:
    known = [o.seconds for o in p.outlooks if o.seconds is not None]
    return _spread(known) if known else "-"


def _spread(values: Sequence[float]) -> str:
    low, high = f"{min(values):.0f}", f"{max(values):.0f}"
    return low if low == high else f"{low}-{high}"


def _foot(plans: Sequence[Plan], measured: Measured | None, block: int) -> list[str]:
    trials = _spread_sum([[o.in_all for o in p.outlooks] for p in plans])
    lines = [
        "trials a setup: the mean, if P (or the mean) were as said at every setup",
        "refutes: the largest P (or mean) at which a setup comes out REFUTED in 80 % of runs",
        "means: as if every trial took one of the bounds, the worst case",
        f"in all: {trials} trials, of panel, search and confirmation",
    ]
    if measured is None:
        return [*lines, "seconds: not known without an earlier run (--from RUN)"]
    known = [p for p in plans if p.name in measured.seconds]
    if not known:
        return [
            *lines,
            f"seconds: not known: none of these claims was measured in {measured.source}",
        ]
    cost = _spread_sum([[(o.seconds or 0.0) / 60 for o in p.outlooks] for p in known])
    left = f", {len(plans) - len(known)} claims not measured" if len(known) < len(plans) else ""
    lines += [
        f"seconds: {cost} minutes in all, divided by the number of workers{left}",
        f"measured in {measured.source}",
    ]
    if measured.block < block:
        lines.append(f"too many: measured in blocks of {measured.block} trials, not of {block}")
    return lines


def _spread_sum(rows: Sequence[Sequence[float]]) -> str:
    return _spread([sum(map(min, rows)), sum(map(max, rows))])
