"""Every block of the site runs, page by page and in order; so does README's Python.

A test a page, not one a block: blocks go on from those before them, and xdist would part them.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

import pytest
from sybil import Sybil
from sybil.parsers.myst import CodeBlockParser, SkipParser

ROOT = Path(__file__).parents[2]
PAGES = tuple(sorted((ROOT / "docs").glob("*.md")))

FILE = re.compile(r"<!-- file: (\S+) -->\s*\Z")  # of the block below it
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = {"", "text", "toml", "{toctree}", "{eval-rst}"}  # what cannot be run
RUN = {"python", "sh"}


class Page:
    """The page's blocks in order: Python in one namespace, shell in the folder of the page."""

    def __init__(self, path, folder, **namespace):
        self.path, self.folder = path, folder
        python, shell, skip = (
            CodeBlockParser("python", self.python), CodeBlockParser("sh", self.shell), SkipParser()
        )  # fmt: skip
        self.document = Sybil([python, shell, skip]).parse(path)
        self.document.namespace.update(__name__="page", **namespace)

    def run(self):
        """How many blocks ran, and how many only show something."""
        ran = shown = 0
        for example in self.document.examples():
            try:
                example.evaluate()
                ran += example.region.evaluator in (self.python, self.shell)
            except SkipTest:
                shown += 1
        return ran, shown

    def python(self, example):
        """Execute the block, or write the file that the comment above it names."""
        before = self.document.text[: example.region.start]
        if named := FILE.search(before):
            file = self.folder / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(example.parsed)
            return
        source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
        code = compile(source, example.path, "exec", dont_inherit=True)
        exec(code, example.namespace)

    def shell(self, example):
        """Run the block's lines, up to the first that fails."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", example.parsed], cwd=self.folder,
            env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{example.parsed}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


def languages(path):
    """The language of every fenced block of a page."""
    return [info.split()[0] if info else "" for info, _ in FENCE.findall(path.read_text())]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder like the project's: its claims, and runs that are committed."""
    place = tmp_path / "project"
    for part in ("reports/reference/native-step", "reports/reference/torch-2.6", "properties"):
        shutil.copytree(ROOT / part, place / part)
    monkeypatch.chdir(place)
    return place


@pytest.mark.parametrize("path", PAGES, ids=[page.name for page in PAGES])
def test_every_block_runs(path, folder):
    ran, shown = Page(path, folder).run()
    assert ran + shown == sum(language in RUN for language in languages(path))


def test_the_blocks_of_the_readme_run(folder):
    import mrpcheck
    from mrpcheck import nets  # noqa: F401  (a block reads mrpcheck.nets)

    tiny = {"classes": 3, "dim": 6, "patches": 8, "sparsity": 1.0, "samples": 12, "steps": 100}
    setup = mrpcheck.Setup().replace(**tiny, power=3.0)
    trials = mrpcheck.Trials(2)
    page = Page(ROOT / "README.md", folder, mrpcheck=mrpcheck, setup=setup, trials=trials)
    blocks = [e for e in page.document.examples() if e.region.evaluator == page.python]
    assert len(blocks) == languages(ROOT / "README.md").count("python") >= 4
    for block in blocks:
        block.evaluate()


@pytest.mark.parametrize("path", PAGES, ids=[page.name for page in PAGES])
def test_every_block_is_of_a_known_language(path):
    assert set(languages(path)) <= SHOWN | RUN


@pytest.mark.parametrize("path", PAGES, ids=[page.name for page in PAGES])
def test_what_only_shows_says_why(path):
    marks = re.findall(r"<!-- skip: (.*?)-->", path.read_text())
    assert all(re.fullmatch(r'next "[^"]{10,}" ', mark) for mark in marks), marks


def test_a_block_that_fails_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n")
    with pytest.raises(AssertionError):
        Page(page, tmp_path).run()
    page.write_text("```sh\nfalse\n```\n")
    with pytest.raises(AssertionError):
        Page(page, tmp_path).run()


def test_a_block_goes_on_from_those_before_it_and_can_be_a_file(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nx = 1\n```\n\n<!-- file: a/b.txt -->\n```python\nx + 1\n```\n\n"
        '<!-- skip: next "it would take an hour" -->\n```sh\nfalse\n```\n\n'
        "```sh\ngrep -q 'x + 1' a/b.txt\n```\n\n```python\nassert x == 1\n```\n"
    )
    assert len(FENCE.findall(page.read_text())) == 5
    assert Page(page, tmp_path).run() == (4, 1)
