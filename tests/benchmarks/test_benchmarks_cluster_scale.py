"""What is slept in the place of a block is like a block, and the figures are what they say."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mrpcheck.calls import arrays_of, bytes_of
from mrpcheck.seeds import Trials

pytest.importorskip("distributed")

SETUPS = ({}, {"classes": 4, "dim": 11, "kernels_per_class": 3})


def asked(changes=None, count=3, function="training.pretrain"):
    from mrpcheck.theorems import pixels_regime

    setup = pixels_regime().heart.replace(steps=2, **(changes or {}))
    content = {
        "setup": {"is": "Setup", "content": setup.to_json()},
        "trials": {"is": "Trials", "content": {"count": count}},
    }
    return setup, json.dumps({"function": function, "arguments": content})


def slept(text, seconds=0.0):
    from scale_work import sleep_instead

    return arrays_of(sleep_instead("", text, bytes_of({}), seconds=seconds, block=16))


def shapes(arrays):
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}


@pytest.mark.parametrize("changes", SETUPS)
def test_what_is_slept_has_the_arrays_of_what_is_trained(changes):
    from mrpcheck import store
    from mrpcheck.training import pretrain

    setup, text = asked(changes)
    with store.noting() as blocks:
        pretrain(setup, Trials(3))
    assert shapes(slept(text)) == shapes(blocks[-1])
    assert shapes(slept(asked(changes, count=2)[1])) != shapes(blocks[-1])


def test_a_claim_of_at_most_one_feature_holds_of_what_is_slept():
    setup, text = asked()
    kernels = slept(text)["kernels"]
    assert np.linalg.norm(kernels, axis=-1).max() < setup.net.threshold


def test_a_part_takes_its_share_of_the_time():
    def seconds(count):
        begun = time.perf_counter()
        slept(asked(count=count)[1], seconds=0.4)
        return time.perf_counter() - begun

    assert seconds(16) >= 0.4
    assert min(seconds(4) for _ in range(3)) < 0.4


def test_nothing_but_pretraining_is_slept():
    with pytest.raises(ValueError, match=r"function = training\.supervise, but should be"):
        slept(asked(function="training.supervise")[1])


@pytest.mark.parametrize(("count", "blocks"), [(2, 6), (3, 9)])
def test_every_setup_has_blocks_of_its_own(count, blocks):
    """Evidence for what is always true is there after three blocks, whoever trains it."""
    import scale_runs
    from scale_work import sleep_instead

    from mrpcheck.elsewhere import training_on

    def work(*terms):
        return sleep_instead(*terms, seconds=0.0, block=16)

    with (
        ThreadPoolExecutor(2) as executor,
        training_on(executor, slots=2, work=work) as pool,
    ):
        counted, wall = scale_runs._judged("panel", count)
        searched, _ = scale_runs._judged("search", count)
    assert (counted, searched) == (blocks, count)
    assert pool.here == 0 and wall > 0


def test_medians_and_spread_are_of_the_turns():
    import cluster_scale

    rows = [{"kind": "real", "tasks": n} for n in (4, 9, 5)]
    found = cluster_scale._median(rows, [0.5, 0.9, 0.8])
    assert (found["tasks"], found["efficiency"], found["turns"]) == (5, 0.8, 3)
    assert found["spread"] == pytest.approx(0.4)


def test_a_row_is_of_a_real_cluster_and_counts_what_it_did(tmp_path):
    """Four slots that sleep 0.1 s: no faster than that allows, and no figure out of its range."""
    import scale_runs
    from scale_machines import machines

    with machines(1, 4, "numpy") as on:
        row = scale_runs.measured(on, "panel", 4, 0.1)
        processes = [on.scheduler, *on.workers]
    assert (row["workers"], row["kind"], row["blocks"]) == (4, "sleep", 12)
    assert row["tasks"] >= row["blocks"] and row["here"] == 0 and row["in_vain"] == 0
    assert 0 < row["blocks_per_second"] <= 4 / 0.1
    assert min(row["coordinator_cpu_ms"], row["scheduler_cpu_ms"], row["worker_cpu_ms"]) > 0
    assert not any(process.is_running() for process in processes)
