"""Lines of records: versioned, flushed one by one, readable after any accident."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from mrpcheck.jsonfiles import dumps, write_json
from mrpcheck.merging import COLUMNS, lines_by_claim, merge, parts, totals
from mrpcheck.recorder import Recorder, read_lines
from mrpcheck.records import SCHEMA, Block, Evidence

EVIDENCE = Evidence(
    claim="a::x", stage="panel", index=0, setup={"k": 4}, key="k", violations=(), seed=0,
    stream="panel", dtype="float32", horizon=1, device="cpu", trials=16, hits=16, failed=0,
    verdict="SUPPORTED", estimate=1.0, lower=0.8, upper=1.0, log_e_support=8.0,
    log_e_refute=-2.0, text="P in ...", seconds=0.5,
)  # fmt: skip
BLOCK = Block(
    claim="a::x", stage="panel", index=0, key="k", stream="panel", dtype="float32", horizon=1,
    first=0, outcomes=[1.0, 0.0], margins=None, failed=[1], notes={"width": [1.5, math.nan]},
    counted=1,
)  # fmt: skip


def recorder(folder, worker="main"):
    return Recorder(folder / "parts" / f"{worker}.jsonl")


def test_a_record_is_readable_as_soon_as_it_is_written(tmp_path):
    with recorder(tmp_path) as record:
        record(EVIDENCE)
        [line] = read_lines(record.path)  # not closed, not flushed by us
    assert line["schema"] == SCHEMA
    assert line["line"] == "evidence"
    assert line["setup"] == {"k": 4}


def test_a_line_cut_short_is_passed_over_and_the_next_writer_starts_afresh(tmp_path):
    with recorder(tmp_path) as record:
        record(EVIDENCE)
    whole = record.path.read_bytes()
    for cut in range(1, len(whole)):
        record.path.write_bytes(whole + whole[:cut])
        assert len(list(read_lines(record.path))) >= 1
    record.path.write_bytes(whole + whole[: len(whole) // 2])
    with recorder(tmp_path) as again:
        again(replace(EVIDENCE, index=1))
    assert [line["index"] for line in read_lines(record.path)] == [0, 1]


@pytest.mark.parametrize(
    "damage", [b"\x00\xff\xfe garbage\n", b"[1, 2]\n", b'{"schema": 99}\n', b"{}\n", b"\n"]
)
def test_a_damaged_or_foreign_line_is_passed_over(tmp_path, damage):
    with recorder(tmp_path) as record:
        record(EVIDENCE)
    record.path.write_bytes(damage + record.path.read_bytes() + damage)
    assert len(list(read_lines(record.path))) == 1
    merge(tmp_path)
    assert len((tmp_path / "evidence.jsonl").read_text().splitlines()) == 1


def test_what_json_cannot_say_is_said_otherwise():
    value = {"a": math.nan, "b": math.inf, "c": np.float64(2), "d": (1, {2}), "e": np.arange(2)}
    assert json.loads(dumps(value)) == {"a": None, "b": 1e308, "c": 2.0, "d": [1, [2]], "e": [0, 1]}
    with pytest.raises(TypeError, match="but should be something JSON can write"):
        dumps(object())


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def write_run(folder, workers):
    """The same run by one worker or several: claims a and b, two setups each."""
    for number, name in enumerate(("b::y", "a::x")):
        with recorder(folder, f"gw{number % workers}") as record:
            for index in (1, 0):
                record(replace(BLOCK, claim=name, index=index))
                record(replace(EVIDENCE, claim=name, index=index))
            record(replace(EVIDENCE, claim=name, stage="confirm"))
            record.line("verdict", {"claim": name, "verdict": "REFUTED"})
            record.line("counts", {"asked": 5, "trained": 2})


def test_merging_gives_the_same_bytes_whoever_judged_what(tmp_path):
    found = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        write_run(folder, workers)
        rows = merge(folder)
        files = ("evidence.jsonl", "trials.csv", "verdicts.json")
        found.append([(folder / name).read_bytes() for name in files])
        assert [row["claim"] for row in rows] == ["a::x", "b::y"]
        assert len(parts(folder)) == workers
    assert found[0] == found[1]
    lines = [json.loads(line) for line in found[0][0].splitlines()]
    assert [(ln["claim"], ln["stage"], ln["index"]) for ln in lines] == [
        (claim, stage, index)
        for claim in ("a::x", "b::y")
        for stage, index in (("panel", 0), ("panel", 1), ("confirm", 0))
    ]


def test_trials_are_rows_with_their_measures(tmp_path):
    with recorder(tmp_path) as record:
        record(BLOCK)
        record(replace(BLOCK, index=1, margins=[0.5, -1.0], notes={"depth": [3.0, 4.0]}))
    merge(tmp_path)
    head, *rows = (tmp_path / "trials.csv").read_text().splitlines()
    assert head == ",".join([*COLUMNS, "depth", "width"])
    assert rows[0] == "a::x,panel,0,k,panel,float32,1,0,1,1,,0,,1.5"
    assert rows[1] == "a::x,panel,0,k,panel,float32,1,1,0,0,,1,,"  # uncounted, failed, NaN
    assert rows[3] == "a::x,panel,1,k,panel,float32,1,1,0,0,-1.0,1,4.0,"


def test_counts_add_up_over_workers(tmp_path):
    write_run(tmp_path, 2)
    assert totals(tmp_path) == {"asked": 10, "trained": 4, "in_vain": 0, "lost": 0}


def test_a_claim_without_a_verdict_keeps_its_evidence_and_the_given_row(tmp_path):
    write_run(tmp_path, 1)
    with recorder(tmp_path) as record:
        record(replace(EVIDENCE, claim="c::z"))
    missing = [{"claim": "c::z", "verdict": "UNDECIDED"}, {"claim": "a::x", "verdict": "no"}]
    rows = merge(tmp_path, missing)
    assert [(row["claim"], row["verdict"]) for row in rows] == [
        ("a::x", "REFUTED"), ("b::y", "REFUTED"), ("c::z", "UNDECIDED"),
    ]  # fmt: skip
    assert lines_by_claim(tmp_path)["c::z"] == 1


def test_merging_a_run_without_any_record(tmp_path):
    assert merge(tmp_path) == []
    assert (tmp_path / "verdicts.json").exists()


def test_what_was_recorded_before_there_were_checksums_is_still_read(tmp_path):
    """And a line of today that lost its own among others that have theirs is not."""
    with recorder(tmp_path) as record:
        record(EVIDENCE)
        record(replace(EVIDENCE, index=1))
    today = record.path.read_bytes().splitlines(keepends=True)
    before = [line.partition(b', "crc32"')[0] + b"}\n" for line in today]
    record.path.write_bytes(b"".join(before))
    assert [line["index"] for line in read_lines(record.path)] == [0, 1]
    merge(tmp_path)
    assert len((tmp_path / "evidence.jsonl").read_bytes().splitlines()) == 2
    record.path.write_bytes(before[0] + today[1])
    assert [line["index"] for line in read_lines(record.path)] == [1]
