"""The tutorial runs as it is committed, and comes to what its text says."""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FILE = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(FILE, as_version=4)


def codes(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_no_outputs_are_committed(notebook):
    nbformat.validate(notebook)
    for cell in codes(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert max(map(len, cell.source.splitlines())) <= 100


def test_it_runs_and_comes_to_what_it_says(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    metadata = {"metadata": {"path": str(tmp_path)}}
    done = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=metadata)
    done.execute()
    printed = {first_line(cell): said(cell) for cell in codes(notebook)}
    assert ": [8, 8, 8, 8]" in printed["from mrpcheck.measures import correlations, "
                                       "features_captured, features_per_kernel"]  # fmt: skip
    assert "SUPPORTED" in printed["from mrpcheck import judge, pretrain, with_probability"]
    assert printed["pooled = judge("].startswith("REFUTED: P in [0.00, ")
    assert re.search(
        r"1 supported.*1 refuted as expected", printed["!pytest -q test_small.py --mrp-report=run"]
    )
    assert (
        "1 of 1 claim holds; 1 of 1 control fails as it should."
        in printed['run = mrpcheck.load("run")']
    )
    assert said(codes(notebook)[-1]) == "True"
    assert sum("<svg " in printed[line] for line in printed) >= 4
    assert "image/png" in str(codes(notebook)[4].outputs)


def first_line(cell):
    return cell.source.splitlines()[0]


def said(cell):
    """What a cell printed and showed, without colours."""
    parts = []
    for output in cell.outputs:
        data = output.get("data", {})
        parts += [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
    return re.sub(r"\x1b\[[0-9;]*m", "", "".join(parts))
