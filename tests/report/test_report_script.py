"""A counterexample's script runs without mrpcheck and agrees with it in law."""

import ast
import re
import subprocess
import sys
from fnmatch import fnmatch

import pytest

from mrpcheck import MaskedLatents, MaskedPixels, Setup, Trials, pretrain
from mrpcheck.measures import features_captured, features_per_kernel
from mrpcheck.plugin import scripts
from mrpcheck.report.script import render, write

SMALL = {"classes": 3, "dim": 8, "patches": 8, "sparsity": 1.0, "samples": 30, "steps": 300}


def row(setup, **more):
    said = {"claim": "f.py::test_x", "statement": "A statement.", "text": "P in [0, 0.1]"}
    return {**said, "counterexample": setup.to_json(), **more}


def run(path, tmp_path):
    """The script's output, run where mrpcheck cannot be imported."""
    code = (
        "import sys, runpy; sys.modules['mrpcheck'] = None; "
        f"runpy.run_path({str(path)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def pretrained(tmp_path):
    """What the script says of each seed's pretraining."""
    lines = run(tmp_path / "found.py", tmp_path).splitlines()
    return [line for line in lines if "pretrained" in line]


OBJECTIVES = [
    MaskedPixels(),
    MaskedPixels(context="pooled"),
    MaskedPixels(context="others", decoder="free"),
    MaskedLatents(),
    MaskedLatents(teacher="frozen", context="patch"),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_script_is_valid_and_complete(objective):
    text = render(row(Setup().replace(objective=objective, **SMALL)))
    ast.parse(text)
    assert re.search(r"@\w+@", text) is None
    assert "import mrpcheck" not in text


def test_script_agrees_with_the_package(tmp_path):
    setup = Setup().replace(tune_steps=5, **SMALL)
    write(tmp_path / "found.py", row(setup))
    lines = pretrained(tmp_path)
    captured = [int(re.search(r"captured (\d+)/6", line)[1]) for line in lines]
    several = [int(re.search(r"with several (\d+)", line)[1]) for line in lines]
    encoder = pretrain(setup, Trials(len(lines)))
    assert len(lines) == 4
    assert captured == features_captured(encoder, setup).sum(1).tolist() == [6] * 4
    assert several == (features_per_kernel(encoder, setup) > 1).sum(1).tolist() == [0] * 4


def test_script_shows_fusion_where_there_is_fusion(tmp_path):
    setup = Setup().replace(context="pooled", tune_steps=5, **SMALL)
    write(tmp_path / "found.py", row(setup))
    lines = pretrained(tmp_path)
    assert all(int(re.search(r"with several (\d+)", line)[1]) > 0 for line in lines)


@pytest.mark.parametrize(
    "counterexample",
    [
        None,
        {"p": 0.5},
        3,
        Setup().replace(objective=MaskedLatents(teacher="ema")).to_json(),
        {**Setup().to_json(), "net": {**Setup().to_json()["net"], "body": "other"}},
        {**Setup().to_json(), "data": {**Setup().to_json()["data"], "later": 1}},
    ],
)
def test_nothing_is_written_where_there_is_nothing_to_show(tmp_path, counterexample):
    write(tmp_path / "none.py", {**row(Setup()), "counterexample": counterexample})
    assert not (tmp_path / "none.py").exists()


def test_text_of_a_claim_cannot_break_out_of_the_script():
    hostile = '"""\nimport os\nos.abort()\n"""'
    tree = ast.parse(render(row(Setup(), statement=hostile, text=hostile, claim=hostile)))
    assert "os" not in {
        a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names
    }


@pytest.mark.parametrize(
    "claim", ["properties/a.py::test_b", "test_a.py::test_b", "claims/a.py::check_test", "a::b-c"]
)
def test_a_script_has_a_name_of_its_own_that_pytest_collects_not(claim):
    slug = scripts.slug(claim)
    assert not any(fnmatch(f"{slug}.py", pattern) for pattern in ("test_*.py", "*_test.py"))
    assert slug != scripts.slug(claim.replace("_", "__")) or "_" not in claim
    assert slug != scripts.slug(claim.replace("-", "_")) or "-" not in claim
