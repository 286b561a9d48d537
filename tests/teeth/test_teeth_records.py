"""What is read back of a run is what was recorded: all of it, once, and nothing else."""

import csv
import json

from mrpcheck.merging import merge
from mrpcheck.recorder import Recorder, read_lines
from mrpcheck.records import Block, Evidence

EVIDENCE = Evidence(
    claim="a.py::test_x", stage="panel", index=0, setup={"k": 4}, key="k", violations=(), seed=0,
    stream="panel", dtype="float32", horizon=1, device="cpu", trials=16, hits=16, failed=0,
    verdict="SUPPORTED", estimate=1.0, lower=0.8, upper=1.0, log_e_support=8.0,
    log_e_refute=-2.0, text="P in ...", seconds=0.5,
)  # fmt: skip


def block(outcomes):
    return Block(
        claim="a.py::test_x", stage="panel", index=0, key="k", stream="panel", dtype="float32",
        horizon=1, first=0, outcomes=outcomes, margins=None, failed=[], notes={},
        counted=len(outcomes),
    )  # fmt: skip


def test_what_was_recorded_twice_counts_as_it_was_last(tmp_path):
    with Recorder(tmp_path / "parts" / "main.jsonl") as record:
        for hits, outcomes in ((3, [0.0, 1.0]), (16, [1.0, 1.0])):
            record(block(outcomes))
            record(Evidence(**vars(EVIDENCE) | {"hits": hits}))
    merge(tmp_path)
    [line] = (tmp_path / "evidence.jsonl").read_text().splitlines()
    assert json.loads(line)["hits"] == 16
    with (tmp_path / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["outcome"]) for row in rows] == [1.0, 1.0]


def test_claims_of_one_name_in_two_files_are_two(tmp_path):
    with Recorder(tmp_path / "parts" / "main.jsonl") as record:
        for claim, verdict in (("a.py::test_x", "SUPPORTED"), ("b.py::test_x", "REFUTED")):
            record(Evidence(**vars(EVIDENCE) | {"claim": claim}))
            record.line("verdict", {"claim": claim, "verdict": verdict})
    rows = merge(tmp_path)
    assert [(row["claim"], row["verdict"]) for row in rows] == [
        ("a.py::test_x", "SUPPORTED"),
        ("b.py::test_x", "REFUTED"),
    ]
    assert len((tmp_path / "evidence.jsonl").read_text().splitlines()) == 2


def test_a_line_of_which_one_byte_changed_is_passed_over(tmp_path):
    with Recorder(tmp_path / "parts" / "main.jsonl") as record:
        record(block([0.0, 1.0]))
    whole = record.path.read_bytes()
    [recorded] = read_lines(record.path)
    for place, byte in enumerate(whole[:-1]):
        for other in {byte ^ 1, ord("7"), ord(" ")} - {byte}:
            record.path.write_bytes(whole[:place] + bytes([other]) + whole[place + 1 :])
            assert list(read_lines(record.path)) == [], (place, chr(byte), chr(other))
    record.path.write_bytes(whole)
    assert list(read_lines(record.path)) == [recorded]
