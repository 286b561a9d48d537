"""Recording and merging take as much memory for 100,000 trials as for 20,000."""

import tracemalloc
from dataclasses import asdict

from mrpcheck.merging import merge
from mrpcheck.parts import part_of
from mrpcheck.recorder import Recorder
from mrpcheck.records import Block

BLOCK = Block(
    claim="a::x", stage="panel", index=0, key="k", stream="panel", dtype="float32", horizon=1,
    first=0, outcomes=[1.0] * 100, margins=None, failed=[3], notes={"w": [1.5] * 100}, counted=100,
)  # fmt: skip
CLAIM = 4000  # trials


def peak(folder, trials):
    """Bytes that recording `trials` trials and merging them takes at most."""
    body = asdict(BLOCK)
    tracemalloc.start()
    with Recorder(part_of(folder, "main", 1)) as record:
        for number in range(trials // 100):
            claim, place = divmod(number, CLAIM // 100)
            index, first = divmod(place, 10)
            more = {"claim": f"a::{claim}", "index": index, "first": first * 100}
            record.line("block", {**body, **more})
    merge(folder)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_memory_does_not_grow_with_the_number_of_trials(tmp_path):
    peak(tmp_path / "warm", 2_000)
    small, large = peak(tmp_path / "small", 15_000), peak(tmp_path / "large", 60_000)
    assert len((tmp_path / "large" / "trials.csv").read_text().splitlines()) == 60_001
    assert large < 1.2 * small, (small, large)
