"""What is slow to import waits until it is used: no test of seconds, but of what was imported."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SLOW = {"torch", "scipy.stats", "scipy.optimize", "pandas"}
KERNELS = ("mrpcheck.cuda_kernels", "mrpcheck.cuda_products")  # imported where there is a GPU

LISTED = """
import atexit, runpy, sys

atexit.register(lambda: print(*sys.modules))
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""

EVERYTHING = f"""
import sys
from importlib import import_module
from pathlib import Path

import mrpcheck

root = Path(mrpcheck.__file__).parents[1]
for file in sorted(root.glob("mrpcheck/**/*.py")):
    module = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    if module not in {KERNELS}:
        import_module(module)
        print(module, *sorted({SLOW} & set(sys.modules)))
for name in mrpcheck.__all__:
    getattr(mrpcheck, name)
    print(name, *sorted({SLOW} & set(sys.modules)))
"""

CLAIM = """
import sys
from pathlib import Path

from mrpcheck import MultiView, Net, Recipe, Setup, control, pretrain, training, with_probability

TINY = Setup(
    data=MultiView(classes=2, dim=4, patches=4, sparsity=0.5),
    net=Net(kernels_per_class=1),
    recipe=Recipe(samples=4, steps=2),
)


@control(setup=TINY)
@with_probability(at_least=0.9, tolerance=0.1)
def test_trains(setup, trials):
    before = "torch" in sys.modules
    kernels = pretrain(setup, trials).kernels
    import torch

    same = training.torch is torch and isinstance(kernels, torch.Tensor)
    Path("seen").write_text(f"{before} {same} {torch.get_num_threads()}")
    return [False] * trials.count
"""


def python(*arguments, **options):
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def imported(*program):
    """The modules that `python -m program` has imported when it ends, and what it says."""
    *said, modules = python("-c", LISTED, *program, cwd=ROOT).stdout.splitlines()
    return set(modules.split()), "\n".join(said)


def test_collecting_the_claims_imports_nothing_slow():
    """Down to the moment at which the claims are found and refused or not."""
    options = ("--collect-only", "-q", "-p", "no:cacheprovider")
    modules, said = imported("pytest", "properties", *options)
    assert re.search(r"^[1-9]\d* tests collected", said, re.MULTILINE), said
    assert {"mrpcheck.training", "mrpcheck.measures", "mrpcheck.plugin.beginning"} <= modules
    assert modules & SLOW == set()


def test_help_imports_nothing_slow():
    modules, said = imported("mrpcheck.cli", "--help")
    assert "usage: " in said
    assert "mrpcheck.profiles" in modules
    assert modules & (SLOW | {"numpy", "scipy", "hypothesis", "pytest", "rich"}) == set()


def test_no_module_imports_anything_slow():
    lines = [line.split() for line in python("-c", EVERYTHING).stdout.splitlines()]
    assert {"mrpcheck.training", "mrpcheck.objectives.pixels", "pretrain"} <= {n for n, *_ in lines}
    assert next((line for line in lines if len(line) > 1), None) is None


@pytest.mark.parametrize("workers", ["0", "1"])
def test_training_imports_torch_with_one_thread(tmp_path, monkeypatch, workers):
    """Whatever the environment says; the package's modules then hold torch itself."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "2")
    (tmp_path / "test_tiny.py").write_text(CLAIM)
    options = ("-q", "--mrp-profile=smoke", "-p", "no:cacheprovider", "-n", workers)
    python("-m", "pytest", *options, "test_tiny.py", cwd=tmp_path)
    assert (tmp_path / "seen").read_text() == "False True 1"
