"""`mrpcheck replay`: recorded trials asked for again from the records alone, and compared."""

import csv
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from mrpcheck.cli import main
from mrpcheck.merging import parts, trials
from mrpcheck.recorder import read_lines

RUN = "reports/latest"
TRUE = "test_coins.py::test_true"


@pytest.fixture
def replay(capsys):
    """Run the command in this process; what it imported of the claims is forgotten."""

    def run(*words):
        modules, path = set(sys.modules), sys.path[:]
        try:
            code = main(["replay", RUN, *words])
        finally:
            for name in set(sys.modules) - modules:
                if name.startswith("test_"):
                    del sys.modules[name]
            sys.path[:] = path
        out, err = capsys.readouterr()
        assert not (out and err)
        return code, out + err

    return run


@pytest.fixture
def more(more_made, tmp_path, monkeypatch):
    """A folder of one's own with the other run in it, and the current one."""
    monkeypatch.chdir(shutil.copytree(more_made, tmp_path / "more"))
    return Path.cwd()


def lines_of(name="evidence.jsonl"):
    return [json.loads(line) for line in Path(RUN, name).read_text().splitlines()]


def edit_lines(change, name="evidence.jsonl"):
    lines = lines_of(name)
    for line in lines:
        change(line)
    Path(RUN, name).write_text("".join(json.dumps(line) + "\n" for line in lines))


def edit_json(name, change):
    path = Path(RUN, name)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def edit_trials(claim, change):
    """Change the rows of `trials.csv` that are the deciding line's."""
    path = Path(RUN, "trials.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    [row] = [r for r in rows_of() if r["claim"] == claim]
    [index] = [
        e["index"]
        for e in lines_of()
        if e["claim"] == claim and (e["stage"], e["upper"]) == (row["stage"], row["upper"])
    ]
    for cells in rows:
        if (cells["claim"], cells["stage"], cells["index"]) == (claim, row["stage"], str(index)):
            change(cells)
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def rows_of():
    return json.loads(Path(RUN, "verdicts.json").read_text())["claims"]


def edit_claims(old, new, name="test_coins.py"):
    text = Path(name).read_text()
    assert old in text
    Path(name).write_text(text.replace(old, new))


def files():
    return {p: p.read_bytes() for p in Path(RUN).rglob("*") if p.is_file()}


def test_what_every_verdict_rests_on_is_the_same(coins, replay):
    before = files()
    code, text = replay()
    assert code == 0
    assert text.startswith("replay of reports/latest: seed 0, profile quick, device cpu\n  same, ")
    for row in rows_of():
        [line] = [ln for ln in text.splitlines() if f"  {row['claim']}, " in ln]
        assert line.startswith(f"  same, bit for bit: {row['trials']} trials, {row['verdict']}  ")
        assert f", {row['stage']} " in line
    assert text.endswith("4 lines of evidence: the same, bit for bit\n")
    assert files() == before
    assert [p.name for p in Path("reports").iterdir()] == ["latest"]


def test_the_command_line_replays_too(coins, mrpcheck):
    ran = mrpcheck("replay", RUN, "test_false", "--stage", "float64", cwd=coins)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "  same, bit for bit: 32 trials, REFUTED  test_coins.py::test_false, float64 0\n" in (
        ran.stdout
    )


def test_every_line_of_every_kind_of_claim_is_the_same(more, replay):
    code, text = replay("--all")
    assert code == 0, text
    assert f"{len(lines_of())} lines of evidence: the same, bit for bit" in text
    stages = {(line["claim"].rpartition("::")[2], line["stage"]) for line in lines_of()}
    assert {
        ("test_margin[0.9]", "shrink"),
        ("test_named", "named"),
        ("test_object", "control"),
    } <= (stages)
    for line in lines_of():
        assert f"  {line['claim']}, {line['stage']} {line['index']}\n" in text


@pytest.mark.parametrize("number", [0, 5, 15])
def test_one_trial_alone_is_the_same_as_in_its_block(more, replay, number):
    code, text = replay("test_margin[0.0]", "--stage", "confirm", "--trial", str(number))
    assert code == 0
    [cells] = [
        r for r in trials(Path(RUN))
        if "[0.0]" in r["claim"] and r["stage"] == "confirm" and int(r["trial"]) == number
    ]  # fmt: skip
    assert len(cells["margin"]) > 15
    assert cells["failed"] == str(int(number == 5))
    assert f"  same, bit for bit: trial {number}, outcome {cells['outcome']}  " in text
    edit_trials(cells["claim"], lambda c: c.update(tossed=c["tossed"][:-1]))
    assert replay("test_margin[0.0]", "--stage", "confirm", "--trial", str(number))[0] == 1


def test_a_changed_outcome_is_found_and_named(coins, replay):
    def flip(cells):
        if cells["trial"] == "17":
            cells["outcome"] = str(1 - int(cells["outcome"]))

    edit_trials(TRUE, flip)
    code, text = replay(TRUE)
    assert code == 1
    assert "  NOT the same: 1 of 96 trials differ, SUPPORTED then and now  test_coins.py::" in text
    assert "    trial 17: outcome 0 then, 1 now\n" in text
    assert "1 line of evidence: 0 the same, bit for bit; 0 with another verdict" in text
    assert replay(TRUE, "--trial", "17")[0] == 1
    assert replay(TRUE, "--trial", "16")[0] == 0


def test_the_last_digit_of_a_mean_is_enough(coins, replay):
    assert replay("test_mean", "--trial", "3")[0] == 0

    def nudge(cells):
        if cells["trial"] == "3":
            cells["outcome"] = repr(float(cells["outcome"]) * (1 + 2**-52))

    edit_trials("test_coins.py::test_mean", nudge)
    assert replay("test_mean", "--trial", "3")[0] == 1


def test_missing_and_added_trials_are_found(coins, replay):
    edit_trials(TRUE, lambda c: c.update(trial="99") if c["trial"] == "95" else None)
    code, text = replay(TRUE)
    assert code == 1
    assert "2 of 97 trials differ" in text
    assert "trial 95: was not then, asked for now" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"log_e_support": 99.5}, "log_e_support 99.5 then, "),
        ({"upper": 0.9}, "upper 0.9 then, "),
        ({"verdict": "REFUTED"}, "verdict REFUTED then, SUPPORTED now"),
    ],
)
def test_a_changed_figure_is_found(coins, replay, change, said):
    edit_lines(lambda e: e.update(change) if e["stage"] == "panel" and e["claim"] == TRUE else None)
    code, text = replay(TRUE, "--stage", "panel", "--index", "0")
    assert code == 1
    assert "  NOT the same: 0 of 48 trials differ" in text
    assert said in text


def test_a_verdict_that_rests_on_no_evidence_is_found(coins, replay):
    edit_json("verdicts.json", lambda v: v["claims"][-1].update(estimate=1.0))
    code, text = replay()
    assert code == 1
    assert f"NOT the same: the verdict's figures are those of no line of evidence  {TRUE}" in text
    assert text.count("  same, bit for bit") == 3


def test_another_setup_is_another_key(coins, replay):
    edit_lines(lambda e: e["setup"].update(side=0.75) if e["claim"] == TRUE else None)
    code, text = replay(TRUE)
    assert code == 1
    assert "    key " in text


def test_an_edited_claim_is_said_before_what_came_of_it(coins, replay):
    edit_claims("toss(side, trials, 0.98)", "toss(side, trials, 0.375)")
    code, text = replay(TRUE)
    assert code == 1
    assert text.index(f"edited since the run: {TRUE}") < text.index("NOT the same")
    assert "trials differ, SUPPORTED then, REFUTED now" in text
    assert "0 the same, bit for bit; 1 with another verdict" in text


def test_a_comment_is_no_edit(coins, replay):
    edit_claims("return toss(side, trials, 0.98)", "return toss(side, trials, 0.98)  # truly")
    code, text = replay(TRUE)
    assert code == 0
    assert "edited" not in text


def test_a_claim_that_was_renamed_leaves_the_others(coins, replay):
    edit_claims("def test_mean(", "def test_average(")
    code, text = replay()
    assert code == 2
    gone = "CLAIM = test_coins.py::test_mean, but should be a claim that is there still"
    assert f"  cannot be replayed: {gone}" in text
    assert text.count("  same, bit for bit") == 3
    assert replay("test_mean") == (2, f"mrpcheck: {gone}\n")


def test_what_another_version_recorded_is_said(coins, replay):
    assert "then" not in replay(TRUE)[1]
    edit_json("manifest.json", lambda m: m["versions"].update(torch="2.6.0"))
    edit_json("manifest.json", lambda m: m.update(device="cuda"))
    code, text = replay(TRUE, "--device", "cpu")
    assert code == 0
    assert "torch: 2.6.0 then, " in text
    assert "device: cuda then, cpu now" in text


def test_a_killed_run_is_replayed(coins, replay):
    for name in ("verdicts.json", "evidence.jsonl", "trials.csv"):
        Path(RUN, name).unlink()
    edit_json("manifest.json", lambda m: m.update(ended=None))
    part = Path(RUN, "parts/main.jsonl")
    part.write_text("".join(part.read_text().splitlines(keepends=True)[:-20]))
    code, text = replay()
    assert code == 0
    assert "  nothing to replay: interrupted, " in text
    assert replay("--all")[0] == 0


def test_nothing_is_taken_from_the_store_unless_asked(more, replay, tmp_path):
    mine = os.environ["MRPCHECK_STORE"] = str(tmp_path / "mine")
    assert replay("test_object")[0] == 0
    used = Path("store.txt").read_text()
    assert used not in (mine, "none")
    assert not Path(used).exists()
    assert replay("test_object", "--store")[0] == 0
    assert Path("store.txt").read_text() == mine == os.environ["MRPCHECK_STORE"]


def forge(name):
    """Let the records name another file for every claim; should it be opened, it says so."""
    old = "test_coins.py::"
    edit_json("verdicts.json", lambda v: [r.update(claim=r["claim"].replace(old, name))
                                          for r in v["claims"]])  # fmt: skip
    edit_lines(lambda e: e.update(claim=e["claim"].replace(old, name)))
    path = Path(RUN, "trials.csv")
    path.write_text(path.read_text().replace(old, name))


EVIL = "from pathlib import Path\nPath(__file__).with_name('opened').touch()\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../test_evil.py::", "file = ../test_evil.py, but should be a test file below "),
        ("sub/../../test_evil.py::", "file = sub/../../test_evil.py, but should be a test file "),
        ("{parent}/test_evil.py::", "file = {parent}/test_evil.py, but should be a test file "),
        ("--co -p::", "file = --co -p, but should be a test file below "),
        ("-ptest_evil::", "file = -ptest_evil, but should be a test file below "),
        ("link.py::", "file = link.py, but should be there still"),
        ("\x00::", "file = \N{REPLACEMENT CHARACTER}, but should be there still"),
        ("here.py::", "file = here.py, but should be a test file: test_*.py, *_test.py"),
        ("test_none.py::", "file = test_none.py, but should be there still"),
    ],
)
def test_records_open_no_file_but_test_files_below_the_root(coins, replay, name, said):
    parent = coins.parent
    (parent / "test_evil.py").write_text(EVIL)
    (coins / "here.py").write_text(EVIL)
    (coins / "link.py").symlink_to(parent / "test_evil.py")
    forge(name.format(parent=parent))
    code, text = replay()
    assert code == 2
    assert text.startswith(f"mrpcheck: {said.format(parent=parent)}")
    assert text.count("\n") == 1
    assert not list(parent.rglob("opened"))


def test_records_run_no_test_that_is_no_claim(coins, replay):
    with Path("test_coins.py").open("a") as file:
        file.write("\n\ndef test_plain():\n    Path('opened').touch()\n")
    for name in ("verdicts.json", "evidence.jsonl", "trials.csv"):
        path = Path(RUN, name)
        path.write_text(path.read_text().replace("::test_control", "::test_plain"))
    code, text = replay("test_plain")
    assert code == 2
    assert "::test_plain, but should be a claim that is there still" in text
    assert not Path("opened").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["toast_"], "CLAIM = toast_, but should be (part of) one of test_coins.py::test_control"),
        (["test_"], "CLAIM = test_, but should name one claim of test_coins.py::test_control"),
        (["--stage", "doubled"], "--stage = doubled, but should be among those recorded: panel 0"),
        (["--index", "99"], "--index = 99, but should be among those recorded: panel 0 to 7, "),
        ([TRUE, "--trial", "96"], "--trial = 96, but should be one of 0 to 95 [test_coins.py::"),
        ([TRUE, "--trial", "-1"], "--trial = -1, but should be one of 0 to 95 [test_coins.py::"),
        ([TRUE, "--device", "tpu"], "--mrp-device = 'tpu', but should be auto, cpu, cuda or"),
    ],
)
def test_a_wrong_request_is_one_sentence(coins, replay, words, said):
    code, text = replay(*words)
    assert code == 2
    assert text.startswith(f"mrpcheck: {said}")
    assert text.count("\n") == 1


def test_the_end_of_a_node_id_must_name_one_claim(coins, replay):
    edit_json("verdicts.json", lambda v: v["claims"][0].update(claim="b/test_coins.py::test_true"))
    code, text = replay("test_true")
    assert code == 2
    assert "CLAIM = test_true, but should name one claim of b/test_coins.py::test_true, " in text
    assert replay(TRUE)[0] == 0  # a whole node id is itself


def damage(kind):
    latest = Path(RUN)
    if kind == "missing":
        shutil.rmtree(latest)
    elif kind == "a file":
        shutil.rmtree(latest)
        latest.write_text("{}")
    elif kind == "empty":
        shutil.rmtree(latest)
        latest.mkdir()
    elif kind == "another schema":
        edit_json("manifest.json", lambda m: m.update(schema=99))
    elif kind == "odd manifest":
        edit_json("manifest.json", lambda m: m.update(profile=[1, 2]))
    elif kind == "nested":
        (latest / "manifest.json").write_text("[" * 100_000)
    elif kind == "odd rows":
        edit_json("verdicts.json", lambda v: v["claims"][0].update(upper={"a": 1}))
    elif kind == "no rows":
        (latest / "verdicts.json").write_text('{"claims": [')
        shutil.rmtree(latest / "parts")


DAMAGE = {
    "missing": "manifest.json of schema 1",
    "a file": "manifest.json of schema 1",
    "empty": "manifest.json of schema 1",
    "another schema": "manifest.json of schema 1",
    "nested": "manifest.json of schema 1",
    "odd manifest": "records that this version can read: TypeError",
    "odd rows": "records that this version can read: TypeError",
    "no rows": "verdicts.json or the workers' parts/",
}


COMMANDS = [(c, kind) for c in ("show", "replay", "compare", "plan") for kind in DAMAGE]


@pytest.mark.parametrize(
    ("command", "kind"),
    [pair for pair in COMMANDS if pair not in {("plan", "odd rows"), ("plan", "no rows")}],
)
def test_a_run_that_is_none_is_one_sentence(coins, capsys, command, kind):
    good = shutil.copytree(RUN, "reports/good")
    damage(kind)
    words = {"compare": [str(good), RUN], "plan": ["--from", RUN]}.get(command, [RUN])
    assert main([command, *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mrpcheck: RUN = {RUN}, but should hold ")
    assert DAMAGE[kind] in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trials.csv", "nothing,of,it\n1,2,3\n"),
        ("trials.csv", 'claim,stage,index,trial\n"' + "x" * 200_000),
        ("evidence.jsonl", '{"schema": 1, "claim": "test_coins.py::test_true"}\n'),
    ],
)
def test_damaged_records_are_one_sentence(coins, replay, name, text):
    Path(RUN, name).write_text(text)
    code, said = replay(TRUE)
    assert code == 2
    assert said.startswith(f"mrpcheck: RUN = {RUN}, but should hold records that this version can ")
    assert said.count("\n") == 1


def test_a_damaged_line_cannot_be_replayed(coins, replay):
    edit_lines(lambda e: e.update(dtype="float7", horizon="x") if e["claim"] == TRUE else None)
    code, text = replay()
    assert code == 2
    assert "  cannot be replayed: dtype = 'float7', but should be 'float32' or 'float64'" in text


def test_trials_csv_holds_every_digit(coins, more):
    for folder in (coins, more):
        recorded = list(trials(folder / RUN))
        exact = {}
        for part in parts(folder / RUN):
            for line in read_lines(part):
                if line["line"] == "block":
                    for i, value in enumerate(line["outcomes"]):
                        margin = line["margins"] and line["margins"][i]
                        place = line["claim"], line["stage"], line["index"], line["first"] + i
                        exact[place] = value, margin
        assert len(exact) == len(recorded)
        for cells in recorded:
            place = cells["claim"], cells["stage"], int(cells["index"]), int(cells["trial"])
            value, margin = exact[place]
            assert float(cells["outcome"]) == value
            assert (float(cells["margin"]) if cells["margin"] else None) == margin
            if not any(word in cells["claim"] for word in ("mean", "named")):
                assert cells["outcome"] in ("0", "1")
