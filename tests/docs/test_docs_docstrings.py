"""Docstrings are plain text in columns; on the site, reStructuredText that says the same."""

import runpy
from pathlib import Path

import pytest

core = pytest.importorskip("docutils.core", reason="docutils is installed with the site's builder")

ROOT = Path(__file__).parents[2]
rst = runpy.run_path(str(ROOT / "docs" / "docstrings.py"))["rst"]


def read(text):
    """The paragraphs that docutils makes of a docstring; it halts where it would warn."""
    written = "\n".join(rst(text.splitlines()))
    return core.publish_doctree(written, settings_overrides={"halt_level": 2})


def test_words_are_words_and_code_is_code():
    made = read("E_mask ||x - y||^2, *x*_p and z_p\nof `E[x_r]`; see `a_`.")
    assert made.astext() == "E_mask ||x - y||^2, *x*_p and z_p of E[x_r]; see a_."
    assert [node.astext() for node in made.findall(lambda n: n.tagname == "literal")] == [
        "E[x_r]", "a_"
    ]  # fmt: skip


def test_columns_are_fields():
    made = read(
        "What it is.\n\nkeep     theta: kept with\n         this probability\n"
        "rate, steps     of pretraining\ntune_rate,      of fine-tuning\ntune_steps\n\nSource: X."
    )
    items = list(made.findall(lambda n: n.tagname == "definition_list_item"))
    assert [(item[0].astext(), item[-1].astext()) for item in items] == [
        ("keep", "theta: kept with this probability"),
        ("rate, steps", "of pretraining"),
        ("tune_rate, tune_steps", "of fine-tuning"),
    ]
    assert made[0].astext() == "What it is." and made[-1].astext() == "Source: X."


def test_formulas_stay_as_they_are():
    made = read("While all are small,\n\n    dw_v/dt ~ w_v^q\n     * c\n\nin time.")
    (block,) = made.findall(lambda n: n.tagname == "literal_block")
    assert block.astext() == "dw_v/dt ~ w_v^q\n * c"


def test_examples_stay_as_they_are():
    made = read("A claim.\n\n>>> x_ = 1\n>>> x_  * 2\n2")
    (block,) = made.findall(lambda n: n.tagname == "doctest_block")
    assert block.astext() == ">>> x_ = 1\n>>> x_  * 2\n2"
