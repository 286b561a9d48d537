"""What cannot be written is said, what cannot be trusted is passed over, and neither costs more."""

import ast
import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

import mrpcheck
from mrpcheck.jsonfiles import fits, loads, read_json, write_json
from mrpcheck.merging import evidence, intact, merge, totals, trials, verdict_rows
from mrpcheck.parts import attempt_of, part_of, parts
from mrpcheck.recorder import Recorder, Unwritable, read_lines
from mrpcheck.records import Begun, Block, Counts, Evidence

EVIDENCE = Evidence(
    claim="a::x", stage="panel", index=0, setup={"k": 4}, key="k", violations=(), seed=0,
    stream="panel", dtype="float32", horizon=1, device="cpu", trials=16, hits=16, failed=0,
    verdict="SUPPORTED", estimate=1.0, lower=0.8, upper=1.0, log_e_support=8.0,
    log_e_refute=-2.0, text="P in ...", seconds=0.5,
)  # fmt: skip
BLOCK = Block(
    claim="a::x", stage="panel", index=0, key="k", stream="panel", dtype="float32", horizon=1,
    first=0, outcomes=[1.0, 0.0], margins=None, failed=[], notes={}, counted=2,
)  # fmt: skip
DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.fixture
def record(tmp_path):
    with Recorder(part_of(tmp_path, "main", 1)) as recorder:
        yield recorder


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_line_that_does_not_fit_leaves_the_file_as_it_was(record, monkeypatch, size):
    record(EVIDENCE)
    before, file = record.path.read_bytes(), record._file

    class Full:
        """A disk with room for `size` bytes more, as write(2) says it."""

        fileno, truncate, close = file.fileno, file.truncate, file.close
        room = size

        def write(self, line):
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            written, self.room = file.write(line[: self.room]), 0
            return written

    record._file = Full()
    sentence = "records = main.jsonl, but should be writable: No space left on device"
    with pytest.raises(Unwritable, match=sentence) as error:
        record(replace(EVIDENCE, index=1))
    assert str(error.value).endswith(f"[{record.path.parent.parent}]")
    assert record.path.read_bytes() == before
    record._file = file
    record(replace(EVIDENCE, index=2))
    assert [line["index"] for line in read_lines(record.path)] == [0, 2]


def test_a_file_that_was_removed_is_noticed(record):
    record(EVIDENCE)
    record.path.unlink()
    with pytest.raises(Unwritable, match="it was removed"):
        record(EVIDENCE)


def test_a_file_that_leads_elsewhere_is_not_followed(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "mine").write_text("mine")
    for name in ("parts/main.jsonl", ".x.json.draft"):
        (tmp_path / name).symlink_to(tmp_path / "mine")
    with pytest.raises(Unwritable):
        Recorder(part_of(tmp_path, "main", 1))
    write_json(tmp_path / "x.json", {"a": 1})
    assert parts(tmp_path) == []
    assert (tmp_path / "mine").read_text() == "mine"
    assert read_json(tmp_path / "x.json") == {"a": 1}


def test_a_draft_that_fails_leaves_nothing_behind(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "x.json", {"a": object()})
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        write_json(tmp_path / "taken", {})
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    "text",
    [DEEP, DEEP[:50], b"9" * 5000, b"\xff{}", b"\x00", b"", b'{"a": ' * 200 + b"1" + b"}" * 200],
)
def test_what_is_not_readable_is_nothing(text, tmp_path):
    assert loads(text) is None
    (tmp_path / "x.json").write_bytes(text)
    assert read_json(tmp_path / "x.json") is None
    assert read_json(tmp_path) is read_json(tmp_path / "nowhere") is None
    os.mkfifo(tmp_path / "pipe")
    assert read_json(tmp_path / "pipe") is None


def test_every_single_damage_to_a_line_is_noticed(record):
    record(replace(EVIDENCE, setup=3, text=""))
    line = record.path.read_bytes()
    for at in range(len(line) - 1):
        harmed = line[:at] + bytes([line[at] ^ (1 << at % 8)]) + line[at + 1 :]
        record.path.write_bytes(harmed)
        assert list(read_lines(record.path)) == []
    record.path.write_bytes(line)
    assert len(list(read_lines(record.path))) == 1


@pytest.mark.parametrize(
    "change", [{"index": "0"}, {"claim": None}, {"setup": object}, {"stage": ["panel"]}]
)
def test_a_line_of_another_shape_is_passed_over(record, change):
    body = {**json.loads(json.dumps(vars(EVIDENCE))), **change}
    if change.get("setup") is object:
        del body["setup"]
    record.line("evidence", body)
    record(EVIDENCE)
    assert len(list(read_lines(record.path))) == 1
    merge(record.path.parent.parent)


def test_a_shape_is_each_field_of_its_type():
    good = {"asked": 1, "trained": 2, "peak_memory": None}
    assert fits(good, Counts)
    assert fits({}, Counts)  # all of it has defaults
    assert not fits({**good, "asked": True}, Counts)
    assert not fits({**good, "asked": 1.5}, Counts)
    assert not fits({"claim": "x", "source": "y"}, Begun)
    assert fits({"claim": "x", "source": "y", "panel": None}, Begun)


def write(folder, attempt, source, *stages):
    with Recorder(part_of(folder, "main", attempt)) as recorder:
        recorder(Begun("a::x", source, "panel"))
        for stage in stages:
            recorder(replace(BLOCK, stage=stage))
            recorder(replace(EVIDENCE, stage=stage, seconds=attempt))
        recorder(Counts(asked=3, trained=1, peak_memory=attempt))


def merged(folder):
    merge(folder)
    return [(line["stage"], line["seconds"]) for line in evidence(folder)]


def test_what_one_attempt_recorded_another_one_adds_to(tmp_path):
    write(tmp_path, 1, "same", "panel", "search", "confirm")
    assert merged(tmp_path) == [("panel", 1), ("search", 1), ("confirm", 1)]
    write(tmp_path, 2, "same", "panel")
    assert merged(tmp_path) == [("panel", 2), ("search", 1), ("confirm", 1)]
    found = {name: number for name, number in totals(tmp_path).items() if number}
    assert found == {"asked": 6, "trained": 2, "peak_memory": 2}
    assert len(list(trials(tmp_path))) == 6


def test_what_was_recorded_of_another_version_of_the_claim_does_not_count(tmp_path):
    write(tmp_path, 1, "old", "panel", "search")
    write(tmp_path, 2, "new", "panel")
    assert merged(tmp_path) == [("panel", 2)]
    write(tmp_path, 3, "new", "confirm")
    assert merged(tmp_path) == [("panel", 2), ("confirm", 3)]
    assert len(list(trials(tmp_path))) == 4


def test_the_tenth_attempt_comes_after_the_second(tmp_path):
    for attempt in (10, 2, 1):
        write(tmp_path, attempt, "same", "panel")
    assert [attempt_of(part) for part in parts(tmp_path)] == [1, 2, 10]
    assert merged(tmp_path) == [("panel", 10)]
    assert attempt_of(Path("gw0.x.jsonl")) == attempt_of(Path("gw0.²")) == 1


def test_a_verdict_rests_on_all_of_its_evidence(tmp_path):
    write(tmp_path, 1, "same", "panel", "confirm")
    row = {"claim": "a::x", "asked": 4, "error": None}
    part, whole = parts(tmp_path)[0], parts(tmp_path)[0].read_bytes()
    assert intact(tmp_path, {"a::x": row}) == {"a::x"}
    for kind in (b'"block"', b'"evidence"'):
        lines = whole.splitlines(keepends=True)
        lines.remove(next(line for line in lines if kind in line))
        part.write_bytes(b"".join(lines))
        assert intact(tmp_path, {"a::x": row}) == set()
    assert intact(tmp_path, {"a::x": {**row, "asked": 2}}) == set()


def test_rows_that_were_heard_outdo_recorded_ones(tmp_path):
    with Recorder(part_of(tmp_path, "main", 1)) as record:
        record.line("verdict", {"claim": "a::x", "verdict": "REFUTED"})
    heard = [{"claim": "a::x", "verdict": "UNDECIDED"}]
    assert verdict_rows(tmp_path, heard)[0]["verdict"] == "REFUTED"
    assert verdict_rows(tmp_path, (), heard)[0]["verdict"] == "UNDECIDED"


CALLS = ("eval", "exec", "compile", "__import__", "load", "loads")


def called(tree):
    """What a module calls that could run what a file holds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            where = getattr(getattr(node.func, "value", None), "id", "")
            if name in CALLS and (where, name) not in (("json", "loads"), ("", "loads")):
                yield node, where, name


def test_nothing_that_is_read_is_executed():
    found = []
    for file in sorted(Path(mrpcheck.__file__).parent.rglob("*.py")):
        tree = ast.parse(file.read_text())
        imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        assert not imported & {"pickle", "marshal", "shelve", "dill", "joblib"}, file
        for node, where, name in called(tree):
            found.append((file.name, where, name))
            if (where, name) == ("np", "load"):
                assert ast.unparse(node.keywords[-1]) == "allow_pickle=False", file
    memory = ("cuda_kernels.py", "tl", "load")  # of the device
    arrays = {(file, "np", "load") for file in ("calls.py", "store.py", "traces.py")}
    words = {
        (file, "re", "compile")
        for file in ("answered.py", "areas.py", "setting.py", "setups.py", "writing.py")
    }
    assert set(found) <= {*arrays, *words, ("report.py", "", "load"), memory}  # `mrpcheck.load`
