"""Phase diagrams, with coins: a verdict a cell, in the right cell, and none for the map.

Coins err at the run's levels, 0.05/64 and 0.001/64 a cell: 12 cells are not wrong by luck.
"""

import inspect
import json
from dataclasses import asdict, dataclass, replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mrpcheck.claims import at, claim_of, control, on_average, refuted, with_probability
from mrpcheck.diagrams import cells, phase_diagram, picture, tally
from mrpcheck.jsonfiles import plain
from mrpcheck.judging import judge
from mrpcheck.profiles import PROFILES, Profile
from mrpcheck.records import Evidence
from mrpcheck.seeds import generator

claimed = with_probability(at_least=0.9, tolerance=0.1)

SIDES = [0.3, 0.6, 0.99, 1.0]
TOSSES = [1, 2, 40]


def toss(key, p, trials):
    """Coins that land with probability `p`; 16 of them have one generator."""
    blocks = range(trials.first // 16, (trials.first + trials.count) // 16)
    throws = [generator(trials.seed, key, trials.stream, block).random(16) for block in blocks]
    return np.concatenate(throws) < p


@dataclass(frozen=True)
class Coin:
    """A setup that can be derived from: it lands with probability side ** tosses."""

    side: float = 0.5
    tosses: int = 1
    key: str = "coin"

    def derive(self, **changes):
        if changes.get("side", 0) > 1:
            raise ValueError(f"side = {changes['side']}, but should be at most 1 [Coin]")
        return replace(self, **changes)

    def to_json(self):
        return asdict(self)

    def __str__(self):
        return f"side {self.side} tossed {self.tosses} times"


@phase_diagram(setup=Coin(), side=SIDES, tosses=TOSSES, lines={"even": lambda side: 2 - side})
@claimed
def lands(setup, trials):
    """A coin lands every time."""
    return toss(setup.key, setup.side**setup.tosses, trials)


def judged(test, **more):
    records = []
    verdict = judge(test, record=records.append, **more)
    lines = [plain(r) for r in records if isinstance(r, Evidence)]
    return verdict, plain(verdict), lines


def test_every_cell_has_its_verdict_in_its_place():
    _, row, lines = judged(lands)
    found = cells(row, lines)
    assert [(c["x"], c["y"]) for c in found] == [(x, y) for y in TOSSES for x in SIDES]
    for cell in found:
        truth = cell["x"] ** cell["y"]
        assert cell["lower"] <= truth <= cell["upper"]
        assert cell["lower"] <= cell["estimate"] <= cell["upper"]
        assert cell["verdict"] == ("SUPPORTED" if truth > 0.9 else "REFUTED")
    words = [cell["verdict"] for cell in found]
    assert row["diagram"]["verdicts"] == words
    assert words != words[::-1]
    assert [line["index"] for line in sorted(lines, key=lambda line: line["index"])] == [*range(12)]
    assert {(line["stage"], line["stream"]) for line in lines} == {("cell", "cell")}
    assert lines[0]["setup"]["side"] == SIDES[lines[0]["index"] % 4]


def test_the_map_itself_is_neither_supported_nor_refuted_nor_wrong():
    verdict, row, _ = judged(lands)
    assert (verdict.kind, verdict.verdict, verdict.expected) == ("diagram", "MAPPED", True)
    assert (verdict.setups, verdict.panel_supported, verdict.asked > 12 * 16) == (12, 5, True)
    assert (verdict.stage, verdict.estimate, verdict.trials) == (None, None, 0)
    assert (verdict.counterexample, verdict.shrunk, verdict.screened) == (None, 0, 0)
    assert verdict.text == (
        "12 cells: 5 SUPPORTED, 7 REFUTED; the error levels are each cell's own, not the map's "
        "[lands]"
    )
    assert row["diagram"] | {"lines": 0, "verdicts": 0} == {
        "title": "A coin lands every time.",
        "x": {"name": "side", "values": SIDES},
        "y": {"name": "tosses", "values": TOSSES},
        "lines": 0,
        "around": "side 0.5 tossed 1 times",
        "verdicts": 0,
    }


def test_a_cell_that_cannot_be_told_is_undecided_within_a_third_of_a_setup_s_trials():
    sevenths = np.arange(384) % 7 > 0  # P = 0.857, without luck

    @phase_diagram(x=[1, 2], y=["fair", "bad"])
    @claimed
    def test(x, y, trials):
        return toss("coin", 0.2, trials) if y == "bad" else sevenths[list(trials.numbers)]

    _, row, lines = judged(test)
    found = cells(row, lines)
    assert [c["verdict"] for c in found] == ["UNDECIDED"] * 2 + ["REFUTED"] * 2
    assert [c["trials"] for c in found][:2] == [128, 128]
    assert PROFILES["quick"].trials("cell") == 128 == PROFILES["quick"].most // 3
    assert PROFILES["thorough"].trials("cell") == 336
    assert PROFILES["smoke"].trials("cell") == 2


def test_cells_share_the_setup_s_random_numbers():
    """Derived setups keep the key: where two cells land alike, they land on the same trials."""

    @phase_diagram(setup=Coin(), side=[0.85, 0.850001], tosses=[1, 2])
    @claimed
    def test(setup, trials):
        return toss(setup.key, setup.side, trials)

    _, _, lines = judged(test)
    assert len({json.dumps([line[n] for n in ("trials", "hits")]) for line in lines}) == 1
    draws = claim_of(test).named
    assert {draw["setup"].key for draw in draws} == {"coin"}
    assert len({draw["setup"] for draw in draws}) == 4


def test_means_are_mapped_too():
    @phase_diagram(x=[0.0, 0.5], y=[0.0, 1.0])
    @on_average(at_least=0.4, tolerance=0.2, bounds=(0, 1))
    def test(x, y, trials):
        return [x * y] * trials.count

    _, row, lines = judged(test)
    assert row["diagram"]["verdicts"] == ["REFUTED", "REFUTED", "REFUTED", "SUPPORTED"]
    assert [c["estimate"] for c in cells(row, lines)] == [0, 0, 0, 0.5]


def test_blocks_of_any_size_come_to_the_same():
    rows = [
        judged(lands, profile=Profile("any", 1, 192, 0, 0, 0, block=block))[1] for block in (16, 64)
    ]
    assert rows[0] | {"seconds": 0} == rows[1] | {"seconds": 0}


def test_smoke_takes_the_first_cells_and_judges_nothing():
    @phase_diagram(x=[1, 2, 3, 4], y=[1, 2, 3])
    @claimed
    def test(x, y, trials):
        return [True] * trials.count

    verdict, row, lines = judged(test, profile="smoke")
    assert (verdict.verdict, verdict.setups) == ("NOT JUDGED", PROFILES["smoke"].rungs)
    assert set(row["diagram"]["verdicts"]) == {"NOT JUDGED"}
    assert [c["trials"] for c in cells(row, lines)] == [2, 2, *[0] * 10]


def test_an_event_that_fails_at_a_cell_is_the_claim_s_own_failure():
    @phase_diagram(x=[1, 2], y=[3, 4])
    @claimed
    def test(x, y, trials):
        return [1 / (x - 2)] * trials.count

    verdict, row, _ = judged(test)
    assert (verdict.verdict, verdict.expected) == ("UNDECIDED", False)
    assert "ZeroDivisionError" in verdict.error
    assert "cell 1, x = 2, y = 3" in verdict.error
    assert row["diagram"]["x"]["values"] == [1, 2]


def test_lines_are_followed_as_far_as_the_map_reaches():
    @phase_diagram(
        x=[1.0, 2.0, 4.0], y=[0.0, 1.0, 3.0],
        lines={"rising": lambda x: 2 * x, "root": lambda x: (x - 3) ** 0.5},
    )  # fmt: skip
    @claimed
    def test(x, y, trials):
        return [True] * trials.count

    rising, root = claim_of(test).diagram.lines
    assert (rising.label, rising.x[0], rising.y[0]) == ("rising", 1.0, 2.0)
    assert rising.y[-1] == pytest.approx(4.0, abs=0.1)  # half a cell above 3
    assert all(y == pytest.approx(2 * x, rel=1e-5) for x, y in zip(rising.x, rising.y, strict=True))
    assert (root.x[0], root.x[-1]) == (pytest.approx(3.0, abs=0.05), 4.0)


def test_cells_that_nobody_judged_are_said_to_be_so():
    _, row, lines = judged(lands)
    found = cells(row, [line for line in lines if line["index"] != 5])
    assert found[5] == {
        "x": 0.6, "y": 2, "estimate": None, "lower": None, "upper": None,
        "verdict": "NOT JUDGED", "trials": 0,
    }  # fmt: skip
    assert cells(row, [line | {"claim": "another"} for line in lines])[0]["trials"] == 0
    assert cells(row, [line | {"stage": "panel"} for line in lines])[0]["trials"] == 0


@pytest.mark.parametrize(
    "diagram",
    [
        None, [], {}, {"x": 1, "y": 2}, {"x": {"name": "x"}, "y": {"name": "y", "values": [1]}},
        {"x": {"name": "x", "values": [1] * 21}, "y": {"name": "y", "values": [1] * 21}},
    ],
)  # fmt: skip
def test_what_is_no_map_has_no_cells(diagram):
    assert cells({"claim": "a", "diagram": diagram}, []) == []
    assert picture({"claim": "a", "diagram": diagram}) == []
    assert cells({"claim": "a"}, []) == []


def test_a_picture_in_letters_has_the_second_axis_upward():
    row = judged(lands)[1]
    row["diagram"]["verdicts"][4] = "UNDECIDED"
    row["diagram"]["verdicts"][5] = "NOT JUDGED"
    assert picture(row) == [
        "tosses",
        "40 |    R    R    R    S",
        " 2 |    .         S    S".replace("S    S", f"{row['diagram']['verdicts'][6][0]}    S"),
        " 1 |    R    R    S    S",
        "   +--------------------",
        "      0.3  0.6 0.99    1  side",
    ]
    assert tally(["REFUTED", "SUPPORTED", "REFUTED"]) == "3 cells: 1 SUPPORTED, 2 REFUTED"


def two(setup, side, trials):
    """Two coins."""
    return [True] * trials.count


def test_what_is_named_is_no_fixture():
    test = phase_diagram(setup=Coin(), tosses=[1, 2], key=["a", "b"])(claimed(two))
    assert list(inspect.signature(test).parameters) == ["side"]


@pytest.mark.parametrize(
    ("error", "named", "words"),
    [
        (ValueError, {"side": [1, 2]}, r"axes = side, but should be two lists, x first \[@phase"),
        (ValueError, {"setup": Coin()}, "axes = none, but should be two lists, x first"),
        (ValueError, {"side": [1, 2], "a": [1], "b": [1]}, "axes = side, a, b, but should be two"),
        (ValueError, {"side": [], "tosses": [1, 2]}, r"len\(side\) = 0, but should be at least 2"),
        (ValueError, {"side": [1, 2], "tosses": [1]}, r"len\(tosses\) = 1, but should be at least"),
        (
            ValueError,
            {"side": list(range(21)), "tosses": list(range(20))},
            "cells = 21 x 20, but should be at most 400",
        ),
        (ValueError, {"side": [2, 1], "tosses": [1, 2]}, "side = 2, 1, but should be finite numb"),
        (ValueError, {"side": [1, 1], "tosses": [1, 2]}, "that rise, or words that differ"),
        (ValueError, {"side": ["a", "a"], "tosses": [1, 2]}, "side = a, a, but should be finite"),
        (ValueError, {"side": ["a", 1], "tosses": [1, 2]}, "side = a, 1, but should be finite"),
        (ValueError, {"side": [1, float("nan")], "tosses": [1, 2]}, "= 1, nan, but should be fin"),
        (
            ValueError,
            {"setup": 1, "keep": [1, 2], "tosses": [1, 2]},
            "keep = 1, but should be an argument of the claim, or a hyperparameter of the `setup`",
        ),
        (
            ValueError,
            {"setup": [1, 2], "side": [1, 2], "lines": {"a": lambda x: 9.0}},
            "lines = 'a', but should pass through the map",
        ),
        (
            ValueError,
            {"setup": ["a", "b"], "side": [1, 2], "lines": {"a": lambda x: 1}},
            "lines = 'a', but should be none: setup is no number",
        ),
    ],
)
def test_a_grid_that_is_none_is_one_sentence(error, named, words):
    with pytest.raises(error, match=words):
        phase_diagram(**named)(claimed(two))


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (
            {"side": [0.5, 2.0], "tosses": [1, 2]},
            r"side = 2.0, but should be at most 1 \[Coin\] ",
        ),
        ({"size": [1, 2], "tosses": [1, 2]}, r"argument 'size' \[@phase_diagram, .*::lands\]"),
    ],
)
def test_a_cell_that_cannot_be_derived_is_one_sentence(axes, words):
    with pytest.raises(ValueError, match=words):
        phase_diagram(setup=Coin(), **axes)(claimed(claim_of(lands).function))


def test_an_unknown_hyperparameter_of_a_setup_is_one_sentence():
    from mrpcheck.theorems import pixels_regime

    heart = pixels_regime().heart
    with pytest.raises(ValueError, match=r"kepe = 0.3, but should be a field of .* \[@phase_diag"):
        phase_diagram(setup=heart, kepe=[0.3, 0.5], side=[1, 2])(claimed(two))
    test = phase_diagram(setup=heart, keep=[0.3, 0.5], side=[1, 2])(claimed(two))
    assert [d["setup"].objective.keep for d in claim_of(test).named] == [0.3, 0.5] * 2
    assert {d["setup"].key for d in claim_of(test).named} == {heart.key}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: phase_diagram(setup=[1, 2], side=[1, 2])(two), "above two, but should be above a"),
        (
            lambda: phase_diagram(side=[1, 2], setup=[1, 2])(at(setup=1)(claimed(two))),
            "@phase_diagram = above @at, but should be without it",
        ),
        (lambda: control(setup=1)(lands), "@control = above @phase_diagram, but should stand alo"),
        (lambda: refuted(because="x")(lands), "@refuted = above @phase_diagram, but should stand"),
        (lambda: at(setup=1)(lands), "@at = above @phase_diagram, but should stand alone"),
        (
            lambda: phase_diagram(setup=[1, 2], side=[1, 2])(control(setup=1)(claimed(two))),
            "@phase_diagram = above @control",
        ),
        (
            lambda: phase_diagram(setup=[1, 2], side=[1, 2])(
                given(setup=st.just(1), side=st.just(1))(claimed(two))
            ),
            "@phase_diagram = above @given, but should be without it",
        ),
        (
            lambda: phase_diagram(setup=[1, 2], side=[1, 2], other=3)(claimed(two)),
            "@phase_diagram = names setup, side, other|names other",
        ),
    ],
)
def test_other_decorators_stand_alone(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()


def test_a_map_that_was_not_judged_shows_no_verdicts():
    axes = {"x": {"name": "a", "values": [1, 2]}, "y": {"name": "b", "values": [3]}}
    row = {"claim": "f::t", "verdict": "MAPPED", "diagram": {**axes, "lines": []}}
    line = {"claim": "f::t", "stage": "cell", "index": 1, "verdict": "REFUTED", "trials": 2,
            "estimate": 0.0, "lower": 0.0, "upper": 1.0}  # fmt: skip
    assert [cell["verdict"] for cell in cells(row, [line])] == ["NOT JUDGED", "REFUTED"]
    found = cells({**row, "verdict": "NOT JUDGED"}, [line])  # the smoke profile: 2 trials a cell
    assert [cell["verdict"] for cell in found] == ["NOT JUDGED", "NOT JUDGED"]
    assert found[1]["estimate"] == 0.0
