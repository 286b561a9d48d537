"""The words that the page of a run explains are those that the docs explain."""

import re
from pathlib import Path

from mrpcheck import glossary
from mrpcheck.symbols import SYMBOLS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_words_is_the_codes_own():
    """`python -m mrpcheck.glossary > docs/glossary.md` writes it again."""
    assert (DOCS / "glossary.md").read_text() == glossary.markdown()


def test_every_claim_of_the_theory_has_its_word():
    claims = re.findall(r"^\| (T\d\w|SL\w) \|", (DOCS / "theory.md").read_text(), re.M)
    assert len(claims) >= 9
    assert set(claims) <= glossary.GROUPS["The theory"].keys()


def test_every_symbol_is_explained():
    told = {name for key in glossary.HYPERPARAMETERS for name in key.split(", ")}
    assert {name.partition(" ")[0] for name in SYMBOLS} <= told
