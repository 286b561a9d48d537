"""README's code works as printed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_the_conjecture_is_short_and_runs(tmp_path):
    conjecture = BLOCKS[0]
    assert len([line for line in conjecture.splitlines() if line.strip()]) <= 15
    (tmp_path / "test_linear_probe.py").write_text(conjecture)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--mrp-profile",
        "smoke",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, "--mrp-report", "report", "test_linear_probe.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads((tmp_path / "report" / "verdicts.json").read_text())["claims"]
    assert row["verdict"] == "NOT JUDGED"
    assert row["error"] is None
    assert row["statement"] == (
        "Captured features separate the classes without moving: accuracy 0.9 at least."
    )


def test_the_objective_of_ones_own_trains():
    import mrpcheck
    from mrpcheck import nets  # noqa: F401  (README's block reads mrpcheck.nets)

    tiny = {"classes": 3, "dim": 6, "patches": 8, "sparsity": 1.0}
    setup = mrpcheck.Setup().replace(**tiny, samples=12, steps=5, kernels_per_class=2)
    scope = {"mrpcheck": mrpcheck, "setup": setup, "trials": mrpcheck.Trials(2)}
    exec(BLOCKS[1], scope)
    assert scope["encoder"].kernels.shape == (2, 6, 6)
    assert scope["encoder"].steps.tolist() == [5, 5]


def test_the_flow_of_the_readme_is_followed():
    import mrpcheck

    tiny = {"classes": 3, "dim": 6, "patches": 8, "sparsity": 1.0}
    setup = mrpcheck.Setup().replace(**tiny, samples=12, steps=100, power=3.0)
    scope = {"setup": setup, "trials": mrpcheck.Trials(2)}
    exec(next(block for block in BLOCKS if "GradientFlow" in block), scope)
    assert scope["encoder"].time.shape == (2,)
    assert (scope["encoder"].time > 0).all() and (scope["encoder"].time <= 40).all()


@pytest.mark.parametrize("command", ["make properties", "make questions", "make test"])
def test_the_commands_exist(command):
    target = command.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert command in (ROOT / "README.md").read_text()


def test_every_file_of_claims_has_a_control():
    for file in sorted((ROOT / "properties").glob("test_*.py")):
        text = file.read_text()
        assert "@control(" in text, file.name
        assert re.search(r"^Origin: \w", text, re.MULTILINE), file.name
