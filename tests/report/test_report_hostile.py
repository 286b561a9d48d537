"""A run that somebody sent: nothing in it is obeyed, and what is damaged is said."""

import json

import pytest

from mrpcheck import report
from mrpcheck.jsonfiles import read_json

EVIL = '</script><img src=x onerror="alert(1)"><!-- </style> {{ 7777 * 7777 }} \u2028 \x00'


def evil_everywhere(row):
    """A row each of whose texts is hostile; a name has to stay one."""
    texts = (
        "statement",
        "origin",
        "text",
        "doc",
        "citation",
        "because",
        "float64",
        "quantity",
        "question",
        "answer",
        "code",
    )
    return row | dict.fromkeys(texts, EVIL) | {
        "claim": f"{row['claim']}{EVIL}", "measures": {EVIL: 0.5}, "violations": [EVIL],
        "counterexample_text": f"{EVIL} = 3 (heart 2)", "counterexample": {EVIL: EVIL},
        "script": "../../../etc/passwd", "remembered": EVIL, "reason": EVIL,
    }  # fmt: skip


def edit(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_text_stays_text(small, parse):
    folder = small(1, 4, evil_everywhere, notes=[EVIL], device=EVIL, command=[EVIL])
    edit(folder / "evidence.jsonl", "width 1", json.dumps(EVIL)[1:-1])
    edit(folder / "evidence.jsonl", "test_claim_0", f"test_claim_0{json.dumps(EVIL)[1:-1]}")
    edit(folder / "evidence.jsonl", '"plain"', json.dumps(EVIL))
    found = parse(report.html(folder))
    assert found.all("img") == []
    assert [tag for tag, _ in found.elements if tag == "script"] == ["script"] * 4
    assert not any(name.startswith("on") for _, attrs in found.elements for name in attrs)
    assert str(7777 * 7777) not in found.text
    assert '<img src=x onerror="alert(1)">' in found.text  # shown, as text
    (columns,) = (data["columns"] for data in found.data().values() if "columns" in data)
    hostile = next(name for name in columns if "img" in name)
    assert hostile.startswith("h </script><img") and len(columns[hostile]) == 4


def test_text_of_a_chart_is_no_markup(small, parse):
    """plotly takes some markup in what it shows: names of hyperparameters are escaped for it."""
    folder = small(1, 4)
    edit(folder / "evidence.jsonl", '"kind": "plain"', '"kind": "<a href=x>"')
    edit(folder / "evidence.jsonl", "width 1", "<b>width")
    (charts,) = (d["charts"] for d in parse(report.html(folder)).data().values() if "charts" in d)
    axes = [v["title"]["text"] for k, v in charts["regime"]["layout"].items()
            if k.startswith("xaxis")]  # fmt: skip
    assert any(axis.startswith("&lt;b&gt;width") for axis in axes)
    assert not any("<" in axis for axis in axes)


def test_script_that_a_row_names_is_not_opened(small, tmp_path):
    (tmp_path / "secret.py").write_text("the secret")
    folder = small(1, 2, lambda row: row | {
        "script": "../secret.py", "counterexample": {"x": 1}, "counterexample_text": "x = 1",
    })  # fmt: skip
    assert "the secret" not in report.html(folder)


@pytest.mark.parametrize("name", ["doc", "citation", "quantity", "panel", "diagram", "share",
                                  "measures_panel", "violations", "because", "question",
                                  "answer", "code"])  # fmt: skip
def test_missing_fields_are_no_trouble(small, parse, name):
    folder = small(1, 2, lambda row: {k: v for k, v in row.items() if k != name})
    assert "test_claim_0" in parse(report.html(folder)).text


def test_lines_that_cannot_be_read_are_counted(small, parse):
    folder = small(2, 4)
    lines = (folder / "evidence.jsonl").read_text().splitlines()
    lines[0] = lines[0].replace('"trials"', '"tr"')
    lines[1] = lines[1].replace('"panel"', "7", 1)
    (folder / "evidence.jsonl").write_text("\n".join(lines) + "\n{")
    found = parse(report.html(folder))
    assert "2 lines of evidence could not be read" in found.text
    assert len([r for r in found.all("tr") if "tabindex" in r]) == 6
    (folder / "evidence.jsonl").write_text("")
    assert "could not be read" not in parse(report.html(folder)).text


@pytest.mark.parametrize("table", ["claim,stage\n", "no table", "\x00", "claim,stage,index,trial,"
                                   "counted,outcome,margin\na,b,c,d,1,f,g\n"])  # fmt: skip
def test_a_table_of_something_else(small, parse, table):
    folder = small(1, 4)
    (folder / "trials.csv").write_text(table)
    assert "test_claim_0" in parse(report.html(folder)).text


@pytest.mark.parametrize(("name", "value"), [
    ("estimate", "much"), ("bounds", [1]), ("at_least", None), ("seconds", "long"),
    ("setups", {}), ("kind", []), ("claim", 3), ("edited", "often"), ("diagram", [1]),
])  # fmt: skip
def test_values_of_other_kinds_end_in_a_sentence_at_worst(small, name, value):
    folder = small(1, 3, lambda row: row | {name: value})
    try:
        assert "<h1>" in report.html(folder)
    except ValueError as error:
        assert "but should hold records that this version can read" in str(error)


def test_no_run_is_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"but should hold a run's manifest\.json"):
        report.html(tmp_path)


def test_many_hyperparameters_are_cut_off(small):
    folder = small(1, 2)
    (line, _) = (folder / "evidence.jsonl").read_text().splitlines()
    line = json.loads(line)
    lines = [line | {"index": i, "setup": {f"x{j}": i + j for j in range(5000)}} for i in (0, 1, 2)]
    (folder / "evidence.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    assert len(report.html(folder)) < 5.5e6
    assert read_json(folder / "manifest.json")
