"""`mrpcheck new`: a file of claims that runs as it is."""

import json

import pytest

from mrpcheck.cli import main


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_file_runs_as_it_is(here, capsys, mrpcheck_pytest):
    assert main(["new", "apart"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("properties/test_apart.py: ")
    assert said[-1].endswith("pytest properties/test_apart.py")
    done = mrpcheck_pytest("-q", "properties/test_apart.py", cwd=here)
    assert done.returncode == 0, done.stdout
    rows = json.loads((here / "reports/latest/verdicts.json").read_text())["claims"]
    verdicts = {row["claim"].rpartition("::")[2]: row["verdict"] for row in rows}
    assert verdicts == {"test_apart": "SUPPORTED", "test_control_apart": "REFUTED"}
    assert all(row["origin"] and row["statement"] for row in rows)


def test_what_is_there_is_not_overwritten(here, capsys):
    assert main(["new", "apart", "--in", "mine"]) == 0
    file = here / "mine" / "test_apart.py"
    file.write_text("edited")
    assert main(["new", "test_apart", "--in", "mine"]) == 2
    wanted = "mrpcheck: NAME = apart, but should be another: mine/test_apart.py is there\n"
    assert capsys.readouterr().err == wanted
    assert file.read_text() == "edited"


def test_a_file_is_no_folder(here, capsys):
    (here / "mine").touch()
    assert main(["new", "apart", "--in", "mine"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("mrpcheck: --in = mine, but should be a folder to write in")


def test_a_new_file_is_as_the_linter_wants_it(here, capsys):
    main(["new", "apart"])
    text = (here / "properties" / "test_apart.py").read_text()
    assert max(map(len, text.splitlines())) <= 100
    assert "$" not in text
    assert "Origin: " in text and "@control(" in text
    compile(text, "test_apart.py", "exec")
