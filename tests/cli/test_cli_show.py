"""`mrpcheck show`: the summary of a run from its records alone, whatever became of the run."""

import json
import subprocess
import sys

import pytest

from mrpcheck.cli import main
from mrpcheck.plugin.folder import lock_folder

MERGED = ("verdicts.json", "evidence.jsonl", "trials.csv")


def show(capsys, *words):
    code = main(["show", *words])
    return code, capsys.readouterr().out


def latest(coins):
    return coins / "reports" / "latest"


def edit(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def kill(coins):
    """Leave the run as a kill would: the workers' files, and a manifest without an end."""
    for name in MERGED:
        (latest(coins) / name).unlink()
    edit(latest(coins) / "manifest.json", lambda m: m.update(ended=None, asked=0))


def figures(text):
    """The lines of the summary, without separators and the folder."""
    body = text.split(" claims =")[1].splitlines()[1:]
    lines = [line for line in body if not line.startswith(("=", "-", "report: "))]
    return [line.rstrip() for line in lines if "again:" not in line]


def test_a_run_is_shown_as_it_was_printed(made, coins, capsys):
    code, text = show(capsys)
    assert code == 1  # test_false was REFUTED
    assert figures(text) == figures(made[0].partition("short test summary")[0])
    assert text.startswith("mrpcheck: torch ")
    assert "  REFUTED          8 " in text
    assert "    measured: side " in text
    assert "report: reports/latest" in text


def test_a_run_with_everything_as_expected_is_a_success(coins, capsys):
    path = latest(coins) / "verdicts.json"
    edit(path, lambda v: v.update(claims=[r for r in v["claims"] if r["expected"]]))
    assert show(capsys)[0] == 0
    edit(path, lambda v: v["claims"][0].update(verdict="UNDECIDED", reason="why not"))
    assert show(capsys)[0] == 0
    edit(latest(coins) / "manifest.json", lambda m: m.update(strict=True))
    assert show(capsys)[0] == 1


def test_a_killed_run_is_merged_and_shown(coins, capsys):
    before = {name: (latest(coins) / name).read_bytes() for name in MERGED}
    kill(coins)
    code, text = show(capsys)
    assert code == 1
    assert "the run was not completed: killed" in text
    assert {name: (latest(coins) / name).read_bytes() for name in MERGED} == before
    assert show(capsys)[1] == text
    assert not (latest(coins) / ".lock").exists()


def test_a_claim_that_a_kill_cut_off_is_undecided(coins, capsys):
    kill(coins)
    [part] = (latest(coins) / "parts").glob("*.jsonl")
    lines = part.read_text().splitlines(keepends=True)
    part.write_text("".join(ln for ln in lines if '"verdict", "claim"' not in ln or "_true" in ln))
    code, text = show(capsys)
    assert code == 1  # not everything came out as it should: it did not come out
    assert "  SUPPORTED      8+8" in text
    assert "    interrupted, 10 setups recorded" in text  # panel, confirmation, float64
    assert text.count("  UNDECIDED ") == 3


def test_a_run_under_way_is_shown_and_left_alone(coins, capsys):
    kill(coins)
    with lock_folder(latest(coins)):
        text = show(capsys)[1]
    assert "the run was not completed: still under way" in text
    assert "  SUPPORTED      8+8" in text
    assert not (latest(coins) / "verdicts.json").exists()


def test_a_killed_run_that_cannot_be_written_is_merged_in_memory(coins, capsys, monkeypatch):
    kill(coins)

    def denied(*anything):
        raise PermissionError

    monkeypatch.setattr("mrpcheck.showing.lock_folder", denied)
    code, text = show(capsys)
    assert code == 1
    assert "  SUPPORTED      8+8" in text
    assert not (latest(coins) / "verdicts.json").exists()


def test_a_damaged_summary_is_read_from_the_parts(coins, capsys):
    text = show(capsys)[1]
    (latest(coins) / "verdicts.json").write_text('{"claims": [')
    assert show(capsys)[1] == text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "nowhere"], "RUN = nowhere, but should hold a run's manifest.json of schema 1"),
        (["show", "a", "b", "c"], "unrecognized arguments: c [mrpcheck --help]"),
        ([], "the following arguments are required: COMMAND [mrpcheck --help]"),
        (["reply"], "argument COMMAND: invalid choice: 'reply' (choose from "),
    ],
)
def test_bad_input_is_one_sentence(coins, capsys, words, sentence):
    with pytest.raises(SystemExit) as exit:
        sys.exit(main(words))
    assert exit.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mrpcheck: {sentence}")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(claims=[{"claim": "x"}]),
        lambda v: v.update(claims=3),
        lambda v: v["claims"][0].update(violations=5),
    ],
)
def test_records_of_another_shape_are_one_sentence(coins, capsys, change):
    edit(latest(coins) / "verdicts.json", change)
    assert main(["show"]) == 2
    error = capsys.readouterr().err
    assert "RUN = reports/latest, but should hold records that this version can read" in error
    assert error.count("\n") == 1


def test_a_record_cannot_steer_the_terminal(coins, capsys):
    edit(
        latest(coins) / "verdicts.json",
        lambda v: v["claims"][0].update(counterexample_text="\x1b[2J\x07 all gone"),
    )
    text = show(capsys)[1]
    assert "\x1b" not in text
    assert "\x07" not in text


def modules(code, cwd):
    """Which of the heavy packages are imported by `code`."""
    check = "import sys; print({'torch', 'scipy', 'hypothesis', 'pytest'} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", f"{code}; {check}"], cwd=cwd, capture_output=True, text=True
    )
    return found.stdout.splitlines()[-1]


def test_nothing_heavy_is_imported_before_it_is_needed(coins):
    assert modules("import mrpcheck.cli; mrpcheck.cli._parser()", coins) == "set()"
    shown = modules("from mrpcheck.cli import main; main(['show'])", coins)
    assert shown == "{'pytest'}"
