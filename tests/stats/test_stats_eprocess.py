"""The e-values agree with integration by brute force, at any size and at the edges."""

import ast
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

import mrpcheck.stats
from mrpcheck.stats import log_e_refute, log_e_support


def integrated(hits, trials, boundary, design, above):
    """The formula without beta functions: theta = sin^2(phi) turns Beta(1/2, 1/2) uniform."""

    def log_ratio(theta):
        with np.errstate(divide="ignore", invalid="ignore"):
            won = hits * np.log(theta / boundary) if hits else 0.0
            missed = trials - hits
            lost = missed * np.log((1 - theta) / (1 - boundary)) if missed else 0.0
        return won + lost

    edge = np.arcsin(np.sqrt(boundary))
    low, high = (edge, np.pi / 2) if above else (0.0, edge)
    peak = np.clip(np.arcsin(np.sqrt(hits / trials)), low, high)
    width = 12 / np.sqrt(trials)  # more than ten deviations of phi
    top = log_ratio(np.sin(peak) ** 2)
    pieces = np.unique(np.clip([low, peak - width, peak, peak + width, high], low, high))
    area = sum(
        quad(lambda phi: np.exp(log_ratio(np.sin(phi) ** 2) - top), a, b, epsabs=0, limit=400)[0]
        for a, b in pairwise(pieces)
    )
    mixture = top + np.log(area / (high - low))
    return np.logaddexp(log_ratio(design), mixture) - np.log(2)


CASES = [
    (16, 16, 0.9, 0.1),
    (9, 16, 0.9, 0.1),
    (0, 16, 0.9, 0.1),
    (60, 64, 0.95, 0.05),
    (0, 1, 0.5, 0.1),
    (500, 1024, 0.5, 0.01),
    (870, 1024, 0.9, 0.1),
    (1020, 1024, 0.99, 0.01),
    (1, 1024, 0.01, 0.005),
    (930_000, 1_000_000, 0.95, 0.05),
    (20, 20, 1.0, 0.1),
]


@pytest.mark.parametrize(("hits", "trials", "at_least", "tolerance"), CASES)
def test_support_is_the_integral(hits, trials, at_least, tolerance):
    expected = integrated(hits, trials, at_least - tolerance, at_least, above=True)
    actual = log_e_support(hits, trials, at_least, tolerance)
    assert actual == pytest.approx(expected, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize(("hits", "trials", "at_least", "tolerance"), CASES[:-1])
def test_refute_is_the_integral(hits, trials, at_least, tolerance):
    expected = integrated(hits, trials, at_least, at_least - tolerance, above=False)
    actual = log_e_refute(hits, trials, at_least, tolerance)
    assert actual == pytest.approx(expected, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("trials", [16, 1024, 10**6, 10**9])
def test_values_are_finite_at_any_size(trials):
    hits = np.linspace(0, trials, 101).round()
    for log_e in (log_e_support, log_e_refute):
        assert np.isfinite(log_e(hits, trials, 0.9, 0.1)).all()


def test_deep_tails_do_not_underflow():
    """Far on the null's side the likelihood ratio has vanished, the mixture only thinned out."""
    expected = integrated(0, 4096, 0.8, 0.9, above=True)
    assert log_e_support(0, 4096, 0.9, 0.1) == pytest.approx(expected, rel=1e-6)
    expected = integrated(4096, 4096, 0.5, 0.4, above=False)
    assert log_e_refute(4096, 4096, 0.5, 0.1) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("at_least", "tolerance"), [(0.5, 0.01), (0.9, 0.1), (0.99, 0.01)])
def test_evidence_is_monotone_in_the_hits(at_least, tolerance):
    hits = np.arange(513)
    support = log_e_support(hits, 512, at_least, tolerance)
    refute = log_e_refute(hits, 512, at_least, tolerance)
    assert (np.diff(support) > 0).all()
    assert (np.diff(refute) < 0).all()


def test_no_trial_is_no_evidence():
    assert log_e_support(0, 0, 0.9, 0.1) == pytest.approx(0, abs=1e-12)
    assert log_e_refute(0, 0, 0.9, 0.1) == pytest.approx(0, abs=1e-12)


def test_certainty_is_refuted_by_one_miss():
    assert log_e_refute(1023, 1024, 1.0, 0.1) == np.inf
    assert log_e_refute(1024, 1024, 1.0, 0.1) < 0
    assert np.isfinite(log_e_support(1000, 1024, 1.0, 0.1))


def test_one_step_is_fair_at_the_boundary_and_not_beyond():
    """Each factor of an e-process has mean 1 at the null's boundary: E is a martingale there."""
    hits, trials = np.arange(40), 39
    for p, e in ((0.9, 0.1), (0.55, 0.2), (0.99, 0.01)):
        for log_e, fair in ((log_e_support, p - e), (log_e_refute, p)):
            before = np.exp(log_e(hits, trials, p, e))
            hit, miss = (np.exp(log_e(hits + j, trials + 1, p, e)) for j in (1, 0))
            np.testing.assert_allclose(fair * hit + (1 - fair) * miss, before, rtol=1e-9)
            beyond = fair + (0.01 if log_e is log_e_support else -0.01)
            assert (beyond * hit + (1 - beyond) * miss > before).all()


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match=r"hits = 17.*, but should be in \[0, trials\]"):
        log_e_support(17, 16, 0.9, 0.1)


def test_stats_import_neither_torch_nor_hypothesis():
    for source in Path(mrpcheck.stats.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {n.split(".")[0] for n in names} & {"torch", "hypothesis"}, source.name
