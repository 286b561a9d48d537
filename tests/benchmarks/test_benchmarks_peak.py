"""The peak is counted right, or there is none and a sentence says why; nothing here is timed."""

import shutil

import pytest


@pytest.fixture
def peak(monkeypatch):
    import peak

    if not any(map(shutil.which, peak.COMPILERS)):
        pytest.skip("no C compiler")
    monkeypatch.setattr(peak.Peak, "_seconds", lambda self, dtype, rounds: 1e-9 * rounds)
    return peak


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_round_is_counted(peak, dtype):
    found = peak.Peak()
    chains = getattr(found.library, dtype)
    assert chains(7, 0.0, 1.0, 1.0) == 7 * found.numbers[dtype]
    assert chains(3, 1.0, 2.0, 0.0) == 8 * found.numbers[dtype]
    assert found.rate(dtype) == pytest.approx(2 * found.numbers[dtype])


def test_chains_that_take_no_time_are_no_peak(peak, monkeypatch):
    monkeypatch.setattr(peak.Peak, "_seconds", lambda self, dtype, rounds: 1.0)
    with pytest.raises(peak.NoPeak, match="but should be 4 x"):
        peak.Peak()


def test_chains_that_miscount_are_no_peak(peak, monkeypatch, tmp_path):
    short = tmp_path / "peak.c"
    source = peak.SOURCE.read_text()
    assert source.count("n < rounds") == 1
    short.write_text(source.replace("n < rounds", "n < rounds - 1"))
    monkeypatch.setattr(peak, "SOURCE", short)
    with pytest.raises(peak.NoPeak, match="but should be"):
        peak.Peak()


def test_without_a_compiler_there_is_a_reason(peak, monkeypatch):
    monkeypatch.setattr(peak, "COMPILERS", ())
    with pytest.raises(peak.NoPeak, match="C compiler = none"):
        peak.Peak()
