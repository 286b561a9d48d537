"""`mrpcheck.load`: frames that agree with the records, whatever became of the run."""

import csv
import json
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest

import mrpcheck
from mrpcheck import frames
from mrpcheck.loading import Loaded
from mrpcheck.plugin.folder import lock_folder
from mrpcheck.records import Evidence

MERGED = ("verdicts.json", "evidence.jsonl", "trials.csv")
PLACE = ["claim", "stage", "index"]


def short(name):
    return name.rpartition("::")[2]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("verdicts", frames.VERDICTS),
        ("evidence", frames.EVIDENCE),
        ("trials", frames.TRIALS),
    ],
)
def test_columns_are_those_documented(run, name, columns):
    frame, text = getattr(mrpcheck.load(run), name), getattr(Loaded, name).__doc__
    there = {c: t for c, t in frame.dtypes.items() if c in columns}
    assert list(there) == list(columns) == list(frame.columns)[: len(columns)]
    for column, kind in there.items():
        wanted, says = columns[column]
        assert f"\n{column:<17}{wanted}: {says}\n" in f"{text}\n"
        if wanted == "verdict":
            assert list(kind.categories) == list(frames.ORDER)
            assert kind.ordered
        else:
            assert kind == wanted, column
    more = frame.dtypes[len(columns) :]
    assert "object" not in map(str, more)
    prefixes = {"verdicts": ("measure.", "measure_panel."), "evidence": ("setup.",)}
    assert all(column.startswith(prefixes.get(name, "")) for column in more.index)
    assert len(more) > 0


def test_figures_counted_again_from_the_trials_are_the_evidences(recorded, run):
    """From the frame by pandas, from the file by hand, and from what was judged: all the same."""
    loaded = mrpcheck.load(str(run))
    trials = loaded.trials[loaded.trials.counted]
    counted = trials.groupby(PLACE)["outcome"].agg(["sum", "count", "mean"])
    by_hand = defaultdict(list)
    with (run / "trials.csv").open() as file:
        for row in csv.DictReader(file):
            if row["counted"] == "1":
                by_hand[row["claim"], row["stage"], int(row["index"])].append(float(row["outcome"]))
    judged = {(e.claim, e.stage, e.index): e for e in recorded.entries if isinstance(e, Evidence)}
    evidence = loaded.evidence.set_index(PLACE)
    assert set(evidence.index) == set(judged) == set(counted.index) == set(by_hand)
    for place, row in evidence.iterrows():
        assert row.trials == counted["count"][place] == len(by_hand[place]) == judged[place].trials
        assert row.estimate == pytest.approx(counted["mean"][place])
        assert np.mean(by_hand[place]) == pytest.approx(judged[place].estimate)
        if judged[place].hits is None:
            assert np.isnan(row.hits)
        else:
            assert row.hits == counted["sum"][place] == sum(by_hand[place]) == judged[place].hits
    assert evidence.hits.isna().sum() >= 2
    failed = loaded.trials[loaded.trials.failed]
    assert set(failed.trial) == {3}
    assert set(failed.claim.map(short)) == {"test_false"}


def test_measures_and_margins_are_columns(recorded, run):
    trials = mrpcheck.load(run).trials
    noted = trials[trials.claim.map(short) == "test_true"]
    assert set(noted["classes"]) == {4.0, 5.0, 6.0}
    assert noted["margin"].isna().all()
    others = trials[trials.claim.map(short) == "test_false"]
    assert others["classes"].isna().all()
    assert ((others["margin"] >= 0) == (others["outcome"] == 1))[~others.failed].all()
    verdicts = mrpcheck.load(run).verdicts.set_index("claim")
    assert verdicts["measure_panel.classes"].dropna().tolist() == [5.0]


def test_verdicts_are_ordered_and_null_is_nan(recorded, run):
    verdicts = mrpcheck.load(run).verdicts.set_index("claim").rename(index=short)
    assert verdicts.verdict.to_dict() == {short(v.claim): v.verdict for v in recorded.verdicts}
    assert verdicts.verdict["test_false"] == "REFUTED" == verdicts.verdict.min()
    assert set(verdicts.index[verdicts.verdict >= "SUPPORTED"]) == {"test_true", "test_mean"}
    assert not verdicts.expected["test_false"]
    broken = verdicts.loc["test_broken"]
    assert np.isnan([broken.estimate, broken.lower, broken.hits, broken.share]).all()
    assert "<broken>" in broken.error
    assert verdicts.error.isna().sum() == 4
    assert verdicts.loc["test_mean", ["low", "high"]].tolist() == [-1.0, 1.0]
    assert np.isnan(verdicts.low["test_true"])
    assert verdicts.stable.isna().all()


def test_hyperparameters_are_columns_of_their_own_kind(recorded, run):
    evidence = mrpcheck.load(run).evidence
    mine = evidence[evidence.claim.map(short) == "test_true"].sort_values("index")
    panel = mine[mine.stage == "panel"]
    assert panel["setup.classes"].tolist() == [s.data.classes for s in recorded.setups]
    assert panel["setup.keep"].tolist() == [s.objective.keep for s in recorded.setups]
    assert set(panel["setup.objective"]) == {"MaskedPixels"}
    assert evidence["setup.axes"].dtype == "boolean"
    assert evidence["setup.objective"].dtype == "string"
    coin = evidence[evidence.claim.map(short) == "test_control"]
    assert coin["setup.side"].tolist() == [0.5]
    assert coin["setup.classes"].isna().all()


def test_a_hyperparameter_has_one_name_whatever_else_varies():
    steps = mrpcheck.Setup()
    flow = mrpcheck.Setup().replace(clock=mrpcheck.GradientFlow())
    first, second = (frames.hyperparameters(s.to_json()) for s in (steps, flow))
    assert second.keys() - first.keys() == {"setup.clock", "setup.tolerance"}
    assert first.keys() <= second.keys()
    assert second["setup.clock"] == "GradientFlow"
    assert second["setup.objective"] == first["setup.objective"] == "MaskedPixels"


@pytest.mark.parametrize("how", ["killed", "under way", "not to be written"])
def test_a_run_without_an_end_is_read_as_well(run, edit, monkeypatch, how):
    finished = mrpcheck.load(run)
    whole = [finished.verdicts, finished.evidence, finished.trials]
    for name in MERGED:
        (run / name).unlink()
    edit(run / "manifest.json", lambda m: m.update(ended=None))
    if how == "under way":
        with lock_folder(run):
            loaded = mrpcheck.load(run)
            found = [loaded.verdicts, loaded.evidence, loaded.trials]
            assert not (run / "trials.csv").exists()
    else:
        if how == "not to be written":
            monkeypatch.setattr("mrpcheck.showing.lock_folder", _denied)
        loaded = mrpcheck.load(run)
        found = [loaded.verdicts, loaded.evidence, loaded.trials]
        assert (run / "trials.csv").exists() == (how == "killed")
    for one, other in zip(whole, found, strict=True):
        pd.testing.assert_frame_equal(one, other)
    ended = "still under way" if how == "under way" else "killed"
    assert str(loaded).endswith(f"Seed 0, {ended}.")


def _denied(*anything):
    raise PermissionError


def test_trials_beyond_what_is_held_at_once_make_the_same_frame(run, monkeypatch):
    whole = mrpcheck.load(run).trials
    monkeypatch.setattr(frames, "AT_ONCE", 7)
    pd.testing.assert_frame_equal(mrpcheck.load(run).trials, whole)


def test_a_run_of_which_nothing_was_judged_has_empty_frames_of_the_same_kinds(run, edit):
    full = mrpcheck.load(run)
    edit(run / "manifest.json", lambda m: m.update(claims=[]))
    (run / "verdicts.json").write_text(json.dumps({"schema": 1, "claims": []}))
    (run / "evidence.jsonl").write_text("")
    (run / "trials.csv").write_text(",".join(frames.TRIALS) + "\n")
    empty = mrpcheck.load(run)
    for name in ("verdicts", "evidence", "trials"):
        frame = getattr(empty, name)
        assert len(frame) == 0
        assert frame.dtypes.to_dict() == getattr(full, name).dtypes[frame.columns].to_dict()
    assert len(empty.setups) == 0


@pytest.mark.parametrize("nonsense", [None, 3, b"run", ["run"]])
def test_what_is_no_folder_is_one_sentence(nonsense):
    with pytest.raises(ValueError, match=r"RUN = .*, but should be the folder of a run \[load\]"):
        mrpcheck.load(nonsense)


def test_what_is_no_run_is_one_sentence(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere", __file__):
        with pytest.raises(ValueError, match=r"RUN = .*, but should hold a run's manifest.json"):
            mrpcheck.load(path)


@pytest.mark.parametrize(
    ("name", "file", "change"),
    [
        ("verdicts", "verdicts.json", ('"setups": 3', '"setups": "three"')),
        ("evidence", "evidence.jsonl", ('"trials": ', '"trials": "many", "was": ')),
        ("evidence", "evidence.jsonl", ('"index": 0', '"index": {}')),
        ("trials", "trials.csv", ("trial,counted", "trail,counted")),
        ("trials", "trials.csv", (",panel,0,", ",panel,nought,")),
    ],
)
def test_damaged_records_are_one_sentence(run, name, file, change):
    text = (run / file).read_text()
    assert change[0] in text
    (run / file).write_text(text.replace(*change))
    with pytest.raises(ValueError, match="but should hold records that this version can read"):
        getattr(mrpcheck.load(run), name)


def test_unknown_verdicts_and_fields_of_another_version_are_passed_over(run, edit):
    def change(content):
        content["claims"][0].update(verdict="PERHAPS", later="x", measures={"odd": "text"})

    edit(run / "verdicts.json", change)
    loaded = mrpcheck.load(run)
    assert loaded.verdicts.verdict.isna().sum() == 1
    assert loaded.verdicts["measure.odd"].isna().all()
    assert "later" not in loaded.verdicts


def test_nothing_heavy_is_imported_to_load(run):
    code = (
        "import sys, mrpcheck; run = mrpcheck.load(sys.argv[1]); early = set(sys.modules); "
        "run.verdicts, run.evidence, run.trials, dict(run.setups); "
        "print({'torch', 'pandas', 'matplotlib'} & early, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, run], capture_output=True, text=True)
    assert done.stdout.split() == ["set()", "False"], done.stderr
