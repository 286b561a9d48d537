"""`mrpcheck report`: the same figures in every format, and nothing of a record taken for markup."""

import csv
import io
import json
import re
import shutil
import subprocess

import pytest

from mrpcheck.cli import main
from mrpcheck.tables.latex import PREAMBLE
from mrpcheck.tables.markdown import literal as in_markdown
from mrpcheck.tables.tex import literal

PDFLATEX = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
NASTY = '100% of $x_i$ & #1 {a} ~ ^ \\ <b> |x| "q" `c` -- P ≥ 0.9, τ ≤ Σ_α ŵ², é ß ﬁ 𝔼 ☃ 漢 \x1b[2J'


def report(capsys, *words):
    code = main(["report", *words])
    return code, capsys.readouterr().out


def rows_of(coins):
    return json.loads((coins / "reports/latest/verdicts.json").read_text())["claims"]


def edit(coins, change):
    path = coins / "reports" / "latest" / "verdicts.json"
    content = json.loads(path.read_text())
    change(content["claims"])
    path.write_text(json.dumps(content))


def agree(text, row):
    """Whether `0.984 [0.825, 1.000]` is what the row says."""
    estimate, lower, upper = map(float, re.findall(r"-?\d+\.\d+", text))
    assert estimate == pytest.approx(row["estimate"], abs=0.00051)
    assert row["lower"] - 0.001 < lower <= row["lower"]
    assert row["upper"] <= upper < row["upper"] + 0.001


def table_of(text):
    """The rows of every Markdown table, by the claim's short name."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    split = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    cells = [[cell.strip().replace("\\", "") for cell in line] for line in split]
    head = cells[0]
    body = [line for line in cells if line[0] not in ("verdict", "---")]
    return {line[1].rpartition("::")[2]: dict(zip(head, line, strict=True)) for line in body}


def test_markdown_has_the_figures_of_the_records(coins, capsys):
    code, text = report(capsys, "--format", "md")
    assert code == 0
    table = table_of(text)
    assert len(table) == 4
    for row in rows_of(coins):
        cells = table[row["claim"].rpartition("::")[2]]
        agree(cells["estimate [interval]"], row)
        assert cells["claimed"] == f"{row['quantity']} >= {row['at_least']:g}"
        assert cells["hits/trials"].endswith(f"/{row['trials']}")
    assert table["test_false"]["verdict"] == "REFUTED (unexpected)"
    assert table["test_control"]["verdict"] == "REFUTED AS EXPECTED"
    assert table["test_true"]["claim"].startswith("A good coin lands.<br>")
    assert text.index("### Claims") < text.index("### Controls")


def test_a_control_without_power_is_said(coins, capsys):
    edit(coins, lambda rows: rows[0].update(kind="control", expected=False, verdict="SUPPORTED"))
    assert "- **CONTROL NOT REFUTED: test" in report(capsys, "--format", "md")[1]
    assert "CONTROL NOT REFUTED: test" in report(capsys, "--format", "latex")[1]


def test_a_killed_run_is_reported_as_far_as_it_came(coins, capsys):
    whole = table_of(report(capsys, "--format", "md")[1])
    latest = coins / "reports" / "latest"
    manifest = json.loads((latest / "manifest.json").read_text())
    (latest / "manifest.json").write_text(json.dumps(manifest | {"ended": None}))
    (latest / "verdicts.json").unlink()
    code, text = report(capsys, "--format", "md")
    assert code == 0
    assert "- **The run was not completed: killed.**" in text
    assert table_of(text) == whole


def test_markdown_takes_text_literally():
    assert in_markdown("a|b <i> [x](y) `c`\n*d*") == (r"a\|b \<i\> [x]\(y) \`c\`<br>\*d\*")


def test_csv_is_the_frame_of_verdicts(coins, capsys):
    code, text = report(capsys, "--format", "csv")
    assert code == 0
    by_name = {row["claim"]: row for row in csv.DictReader(io.StringIO(text))}
    assert len(by_name) == 4
    for row in rows_of(coins):
        cells = by_name[row["claim"]]
        assert cells["verdict"] == row["verdict"]
        for name in ("estimate", "lower", "upper"):
            assert float(cells[name]) == pytest.approx(row[name], abs=1e-12)
        assert int(float(cells["trials"])) == row["trials"]


def test_latex_has_the_figures_of_the_records(coins, capsys):
    code, text = report(capsys, "--format", "latex")
    assert code == 0
    assert text.startswith(f"% needs in the preamble: {PREAMBLE}\n")
    for row in rows_of(coins):
        name = row["claim"].rpartition("::")[2].replace("_", r"\_\allowbreak{}")
        [line] = [line for line in text.splitlines() if f" {name}}}" in line]
        cells = [cell.strip() for cell in line.removesuffix(r" \\").split(" & ")]
        agree(cells[3].replace("$-$", "-"), row)
        assert cells[2].startswith(row["quantity"])


def test_a_sign_without_a_name_becomes_its_number():
    assert literal("τ ≥ 1_0") == r"$\tau$ $\geq$ 1\_0"
    assert literal("Ωx²é") == r"$\Omega$x\textsuperscript{2}\'{e}"
    assert literal("☃\x1b") == "[U+2603][U+001B]"


@pytest.mark.parametrize("character", "\\{}$&#%_~^")
def test_what_latex_would_obey_is_escaped(character):
    assert literal(character) != character


def compiled(folder, text):
    (folder / "page.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@PDFLATEX
def test_latex_compiles_whatever_the_records_say(coins, capsys):
    every = "".join(c for c in map(chr, range(0x20, 0x2300)) if c.isprintable())
    edit(coins, lambda rows: rows[0].update(statement=NASTY, claim=f"a.py::{NASTY}"))
    edit(coins, lambda rows: rows[1].update(statement=2000 * "and so on ", claim=9999 * "x"))
    manifest = coins / "reports/latest/manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"notes": [NASTY, every]}))
    code, text = report(capsys, "--format", "latex", "--standalone")
    assert code == 0
    compiled(coins, text)


@PDFLATEX
def test_a_table_compiles_below_the_preamble_that_it_names(coins, capsys):
    assert report(capsys, "--format", "latex", "--out", "claims.tex")[1] == "report: claims.tex\n"
    named = (coins / "claims.tex").read_text().splitlines()[0].partition(": ")[2]
    page = rf"\documentclass{{article}}{named}\begin{{document}}\input{{claims}}\end{{document}}"
    compiled(coins, page)


def test_a_file_that_cannot_be_written_is_one_sentence(coins, capsys):
    assert main(["report", "--format", "md", "--out", "nowhere/x.md"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("mrpcheck: --out = nowhere/x.md, but should be a file to write")
    assert error.count("\n") == 1


def test_the_page_is_written_into_the_run(coins, capsys):
    code, text = report(capsys)
    assert (code, text) == (0, "report: reports/latest/report.html\n")
    page = (coins / "reports/latest/report.html").read_text()
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
    assert report(capsys, "--out", "elsewhere.html")[0] == 0
    assert (coins / "elsewhere.html").read_text() == page


def test_tyche_gets_a_line_a_setup(coins, capsys):
    code, text = report(capsys, "--format", "tyche")
    assert code == 0
    lines = [json.loads(line) for line in text.splitlines()]
    judged = (coins / "reports/latest/evidence.jsonl").read_text().splitlines()
    assert sum(line["type"] == "test_case" for line in lines) == len(judged)


def test_a_terminal_is_not_steered(coins, capsys, monkeypatch):
    edit(coins, lambda rows: rows[0].update(statement="\x1b[2J gone"))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for format in ("md", "latex"):
        assert "\x1b" not in report(capsys, "--format", format)[1]
