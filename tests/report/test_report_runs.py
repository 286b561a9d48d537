"""Every run ends with its page; whatever ails the page, the run stands."""

import subprocess
import sys

import pytest

from mrpcheck import report
from mrpcheck.plugin.reporting import leave

CLAIMS = '''
"""Coins. Origin: ours."""
import pytest
from mrpcheck.claims import at, with_probability

@at(side=[1.0, 0.99])
@with_probability(at_least=0.9, tolerance=0.1)
def test_heads(side, trials):
    """A loaded coin shows heads."""
    return [trials.generator("coin", t, "toss").random() < side for t in trials.numbers]

@pytest.fixture(autouse=True)
def spoil(request):
    if request.config.getini("python_files") == ["spoilt.py"]:
        import mrpcheck.report.page
        mrpcheck.report.page.render = lambda folder: 1 / 0
'''


def run(folder, name):
    (folder / name).write_text(CLAIMS)
    command = [sys.executable, "-m", "pytest", name, "-p", "no:cacheprovider", "-p", "no:xdist",
               "-c", "/dev/null", "--rootdir", ".", "-o", f"python_files={name}",
               "--mrp-report", "run"]  # fmt: skip
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_run_leaves_its_page(tmp_path):
    done = run(tmp_path, "test_coins.py")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "run" / "report.html").read_text()
    assert page == report.html(tmp_path / "run")
    assert "A loaded coin shows heads." in page
    assert "report.html =" not in done.stdout


def test_a_page_that_fails_fails_no_run(tmp_path):
    done = run(tmp_path, "spoilt.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "report.html = division by zero, but should be written" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "run" / "report.html").exists()
    assert (tmp_path / "run" / "verdicts.json").exists()


def test_what_went_wrong_is_a_sentence(tmp_path):
    wanted = "but should hold a run's manifest.json of schema 1"
    assert leave(tmp_path) == f"RUN = {tmp_path}, {wanted}"


WALLS = [
    ("mrpcheck.report", ("torch", "hypothesis", "plotly", "jinja2", "matplotlib", "numpy")),
    ("mrpcheck.plugin.reporting", ("torch", "hypothesis", "plotly", "jinja2", "matplotlib")),
    ("mrpcheck.report.page", ("torch", "hypothesis", "matplotlib", "pandas")),
    ("mrpcheck.report.pictures", ("torch", "hypothesis", "matplotlib", "pandas")),
]


@pytest.mark.parametrize(("module", "kept_out"), WALLS, ids=[m for m, _ in WALLS])
def test_wall(module, kept_out):
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & set(kept_out) == set()
