"""The faults of benchmarks/mutations.py can still be planted, and what should catch them is there.

Whether it does is the program's business: it takes minutes.
"""

import ast
import importlib.util
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def program():
    path = ROOT / "benchmarks" / "mutations.py"
    spec = importlib.util.spec_from_file_location("mutations_program", path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # as Python does for a script
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


def test_every_fault_can_be_planted_once(program, tmp_path):
    faults = program.read_mutations()
    assert len(faults) >= 30
    assert Counter(fault.name for fault in faults).most_common(1)[0][1] == 1
    for fault in faults:
        copy = tmp_path / fault.file
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / fault.file).read_text()
        copy.write_text(text)
        fault.plant(tmp_path)
        assert copy.read_text() != text, fault.name
        ast.parse(copy.read_text())


def test_a_fault_whose_text_is_not_there_once_is_refused(program, tmp_path):
    fault = replace(program.read_mutations()[0], name="n", file="a.py", old="x = 1", new="x = 2")
    for text, count in (("y = 1\n", 0), ("x = 1\nx = 1\n", 2)):
        (tmp_path / "a.py").write_text(text)
        said = rf"^old text = {count} times in a.py, but should be there once \[n\]$"
        with pytest.raises(ValueError, match=said):
            fault.plant(tmp_path)
        assert (tmp_path / "a.py").read_text() == text
    (tmp_path / "a.py").write_text("x = 1\ny = 1\n")
    fault.plant(tmp_path)
    assert (tmp_path / "a.py").read_text() == "x = 2\ny = 1\n"


def test_what_should_catch_them_exists(program):
    for fault in program.read_mutations():
        assert fault.tests or fault.claims, fault.name
        for target in (*fault.tests, *fault.claims):
            file, _, function = target.partition("::")
            text = (ROOT / file).read_text()
            assert f"def {function}(" in text or not function, target
