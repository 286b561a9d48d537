"""JUnit: a strict schema accepts what is written, and each claim's figures are in it."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import xmlschema
from _pytest.junitxml import LogXML

from mrpcheck.plugin.junit import Figures, figures

STRICT = xmlschema.XMLSchema(Path(__file__).with_name("xunit2.xsd"))
PROPERTY = re.compile(r"^\[\[PROPERTY\|([^=\n]*)=(.*)\]\]$", re.MULTILINE)
ALIKE = ("mrpcheck.workers", "mrpcheck.started", "mrpcheck.report")


def cases(folder):
    root = ET.parse(folder / "junit.xml").getroot()
    return {case.get("name"): case for case in root.iter("testcase")}


def said(case):
    """What a testcase has on its <system-out>, as properties."""
    out = case.find("system-out")
    return {} if out is None else dict(PROPERTY.findall(out.text))


def rows(folder):
    found = json.loads((folder / "reports/latest/verdicts.json").read_text())["claims"]
    return {row["claim"].rpartition("::")[2]: row for row in found}


@pytest.mark.parametrize("options", [(), ("-n2",)])
def test_the_strict_schema_accepts_it_with_every_figure(made, options):
    folder = made(*options)
    STRICT.validate(folder / "junit.xml")
    found, verdicts = cases(folder), rows(folder)
    assert found.keys() == {*verdicts, "test_plain"}
    for name, row in verdicts.items():
        told = said(found[name])
        if name == "test_skipped":
            assert told == {}
            continue
        for figure in ("estimate", "lower", "upper", "trials", "hits", "seed", "setups"):
            want = row[figure]
            assert told.get(f"mrpcheck.{figure}") == (None if want is None else str(want)), figure
        for figure in ("verdict", "kind", "quantity"):
            assert told[f"mrpcheck.{figure}"] == row[figure]
        assert told["mrpcheck.expected"] == str(row["expected"]).lower()
    assert said(found["test_plain"]) == {}


def test_workers_write_the_same_as_one_process(made):
    alone, split = cases(made()), cases(made("-n2"))
    assert {name: said(case) for name, case in alone.items()} == {
        name: said(case) for name, case in split.items()
    }
    first, second = (_of_the_suite(made(*options)) for options in ((), ("-n2",)))
    assert {k: v for k, v in first.items() if k not in ALIKE} == {
        k: v for k, v in second.items() if k not in ALIKE
    }
    assert first["mrpcheck.workers"] == "1"
    assert second["mrpcheck.workers"] == "2"


def test_what_is_said_survives_whatever_is_in_it(made):
    found = {name: said(case) for name, case in cases(made()).items()}
    assert found["test_true"]["mrpcheck.statement"] == "A good coin <lands>."
    assert 0.5 <= float(found["test_true"]["mrpcheck.measure.side"]) < 0.6
    assert found["test_false"]["mrpcheck.statement"] == "A bad coin lands ] ]."
    assert found["test_false"]["mrpcheck.counterexample_text"].endswith("<] ]>")
    assert found["test_breaks"]["mrpcheck.verdict"] == "UNDECIDED"
    assert "<broken> ] ]" in found["test_breaks"]["mrpcheck.error"]


def test_a_failed_claim_says_why_before_its_figures(made):
    case = cases(made())["test_false"]
    assert [part.tag for part in case] == ["failure", "system-out"]
    assert case.find("failure").get("message").startswith("Failed: REFUTED: ")
    assert case.find("system-out").text.strip().startswith("REFUTED: ")


@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
def test_the_older_schema_has_them_as_properties_which_the_strict_one_refuses(
    made, tmp_path, family
):
    row = rows(made())["test_true"]
    write(tmp_path / "junit.xml", row, family)
    case = cases(tmp_path)["test_true"]
    told = {p.get("name"): p.get("value") for p in case.iter("property")}
    if family == "xunit2":
        assert told == {}
        assert said(case) == dict(figures(row))
        STRICT.validate(tmp_path / "junit.xml")
        return
    assert told == said(cases(made())["test_true"])
    assert case.find("system-out") is None
    for name in ("file", "line"):
        del case.attrib[name]
    ours = ET.Element("testsuites")
    ET.SubElement(ours, "testsuite", name="a", tests="1", failures="0", errors="0").append(case)
    with pytest.raises(xmlschema.XMLSchemaValidationError, match="properties"):
        STRICT.validate(ours)


def write(path, row, family):
    """A JUnit file of one claim that passed, as pytest would write it."""
    xml = LogXML(path, None, family=family)
    xml.pytest_sessionstart()
    for when in ("setup", "call", "teardown"):
        report = pytest.TestReport(
            "test_coins.py::test_true", ("test_coins.py", 1, "test_true"), {}, "passed", None, when
        )
        xml.pytest_runtest_logreport(report)
        if when == "call":
            report.mrpcheck = row
            Figures(xml).pytest_runtest_logreport(report)
    xml.pytest_sessionfinish()


def _of_the_suite(folder):
    suite = ET.parse(folder / "junit.xml").getroot().find("testsuite/properties")
    return {p.get("name"): p.get("value") for p in suite}
