"""What one claim's records answer: sentences, figures and a map, of rows and lines made here."""

import pytest

from mrpcheck.answered import Judged, against, counted, figures, refutation, sentences
from mrpcheck.mapped import map_of, nearest

SAID = "SUPPORTED: it lands there; REFUTED: it does not (against T1b as stated)"


def line(index, verdict, hits, trials, failed=0):
    """A line of evidence whose interval is hits/trials give or take a tenth."""
    share = hits / trials
    figures = dict(estimate=share, lower=max(0, share - 0.1), upper=min(1, share + 0.1))
    return dict(index=index, verdict=verdict, hits=hits, trials=trials, failed=failed, **figures)


def claim(verdict, kind="claim", stage="named", lines=(), **more):
    row = dict(
        claim="test_coins.py::test_coin", kind=kind, verdict=verdict, statement="A coin lands.",
        answer="", error=None, stage=stage, estimate=0.5, lower=0.25, upper=0.75, hits=8,
        trials=16, setups=1, quantity="P", bounds=None, stable=None,
    )  # fmt: skip
    return Judged({**row, **more}, {stage: list(lines)})


def mapped(verdicts, cells=(), answer=SAID, around="", lines=()):
    diagram = {
        "title": "Coins.",
        "x": {"name": "teacher_scale", "values": [1.0, 2.0, 4.0]},
        "y": {"name": "keep", "values": [0.25, 0.75]},
        "verdicts": [{"S": "SUPPORTED", "R": "REFUTED", "U": "UNDECIDED"}[c] for c in verdicts],
        "around": around,
        "lines": list(lines),
    }
    more = dict(kind="diagram", answer=answer, diagram=diagram, estimate=None)
    return claim("MAPPED", stage="cell", lines=cells, **more)


@pytest.mark.parametrize(
    ("judged", "told"),
    [
        (claim("SUPPORTED", answer="it lands"), ["It lands."]),
        (claim("REFUTED", answer="it does not"), ["It does not."]),
        (claim("SUPPORTED"), ["SUPPORTED: A coin lands."]),
        (claim("UNDECIDED"), ["Not decided: A coin lands."]),
        (claim("NOT JUDGED", estimate=None), ["Not judged: A coin lands."]),
        (claim("UNDECIDED", error="boom"), ["Not judged, for an error: A coin lands."]),
        (
            claim("REFUTED", answer="it does not (against T1b (as stated))"),
            ["It does not.", "This contradicts T1b (as stated)."],
        ),
        (claim("REFUTED", kind="control", answer="no (against T1b)"), ["No."]),
    ],
)
def test_sentences_of_a_claim(judged, told):
    assert sentences(judged) == told


def test_sentences_of_a_map_leave_no_verdict_out():
    told = ["It lands there: theta = 0.25 at tau = 1.", "It does not: tau = 2 and 4.",
            "Not decided: theta = 0.75 at tau = 1.", "This contradicts T1b as stated."]  # fmt: skip
    assert sentences(mapped("SRRURR")) == told
    short = ["REFUTED: tau = 2 and 4." if text.startswith("It does") else text for text in told]
    assert sentences(mapped("SRRURR"), short=True) == short
    assert sentences(mapped("SSSSSS")) == ["It lands there: everywhere."]
    alone = ["It does not: everywhere.", "This contradicts T1b as stated."]
    assert sentences(mapped("RRRRRR"), short=True) == alone
    assert refutation(mapped("SRRURR")) == told[1]


SOME = SAID.replace("stated)", 'stated, where teacher_scale = "2" and keep = "low")')


def coins(verdicts, answer=SOME):
    """A map over words, of which one cell contradicts."""
    judged = mapped(verdicts, answer=answer)
    judged.row["diagram"]["x"]["values"] = ["1", "2", "4"]
    judged.row["diagram"]["y"]["values"] = ["low", "high"]
    return judged


def test_a_map_of_which_some_cells_contradict_shows_one_of_those():
    assert coins("RRRRRR").contradicting == [1]
    assert sentences(coins("RRRRRR"))[-1].startswith("This contradicts T1b as stated, where teach")
    assert nearest(coins("RRRRRR")) == "tau 2, theta low"
    assert coins("RRRRRR", SAID).contradicting == [*range(6)]
    number = SAID.replace("stated)", "stated, where keep = 0.75)")
    assert mapped("RRRRSR", answer=number).contradicting == [3, 5]
    assert nearest(coins("RRRRRR", SAID)) == "tau 1, theta low"


def test_a_map_refuted_elsewhere_contradicts_nothing():
    judged = coins("RSRRRR")
    assert judged.refuted and not judged.contradicts
    assert not any("contradicts" in text for text in sentences(judged))
    assert nearest(judged) == "tau 1, theta low"


def test_a_map_that_was_given_no_sentence_says_what_is_claimed():
    told = sentences(mapped("SSRSSU", answer=""))
    assert told == ["A coin lands: SUPPORTED: tau = 1 and 2.", "REFUTED: theta = 0.25 at tau = 4.",
                    "Not decided: theta = 0.75 at tau = 4."]  # fmt: skip


def test_trainings_that_diverged_are_told_where_a_verdict_rests_on_them():
    lost = [
        line(0, "REFUTED", 0, 16, 16),
        line(1, "SUPPORTED", 48, 48),
        line(2, "REFUTED", 0, 16, 3),
    ]
    assert sentences(claim("REFUTED", stage="confirm", lines=lost[:1], answer="it does not")) == [
        "It does not.", "Training diverged in 16 of 16 trials.",
    ]  # fmt: skip
    found = sentences(claim("SUPPORTED", lines=lost[1:], answer="it lands"))
    assert found == ["It lands.", "Training diverged in 3 of 16 trials at one setup."]
    cells = [*lost, *(line(i, "SUPPORTED", 48, 48) for i in (3, 4, 5))]
    told = sentences(mapped("RSRSSS", cells))
    where = "theta = 0.25 at tau = 1 and 4"
    assert told[-2] == f"Training diverged in 3 to 16 of 16 trials: {where}."
    assert sentences(claim("SUPPORTED", lines=lost[1:2], answer="it lands")) == ["It lands."]


def test_another_verdict_at_twice_the_steps_is_told():
    judged = claim("REFUTED", answer="it does not")
    judged.lines["doubled"] = [line(0, "SUPPORTED", 48, 48)]
    assert sentences(judged) == ["It does not.", "At twice the steps: SUPPORTED."]
    judged.row["stable"] = True
    assert sentences(judged) == ["It does not."]


def test_figures_have_n_and_an_interval():
    lines = [line(0, "SUPPORTED", 8, 16), line(1, "SUPPORTED", 8, 16)]
    judged = claim("SUPPORTED", lines=lines)
    assert figures(judged) == [f"SUPPORTED: {counted(judged)}"]
    assert counted(judged) == "8/16 trials, P = 0.500 [0.250, 0.750], the worst of 2 setups"
    mean = claim("REFUTED", hits=None, quantity="mean", bounds=[-1.0, 1.0])
    assert figures(mean) == ["REFUTED: n = 16, mean = 0.500 [0.250, 0.750]"]
    assert figures(claim("NOT JUDGED", estimate=None)) == ["NOT JUDGED"]
    cells = [line(i, "SUPPORTED", 32 + 16 * i, 40 + 16 * i) for i in range(5)]
    cells.append(line(5, "REFUTED", 4, 16))
    told = figures(mapped("SSSSSR", cells))
    assert told[0] == "Of 6 cells, 5 SUPPORTED: n >= 40, P in [0.70, 1.00]"
    assert told[1:] == ["1 REFUTED: n >= 16, P in [0.15, 0.35]"]
    assert figures(mapped("SSSSSR")) == ["Of 6 cells, 5 SUPPORTED", "1 REFUTED"]


def test_what_is_contradicted_is_the_last_bracket():
    assert against({"answer": "no (of course) (against T1b (stated))"}) == "T1b (stated)"
    assert against({"answer": "no (against T1b) again"}) == against({}) == ""


def test_a_map_shows_what_was_counted_and_derived():
    cells = [line(0, "SUPPORTED", 48, 48), line(1, "REFUTED", 0, 16, 5)]
    cells.append({**line(2, "SUPPORTED", 32, 64), "hits": None})
    derived = {"label": "grows", "x": [1.0, 3.0], "y": [0.2, 0.6]}
    assert map_of(mapped("SRSUUU", cells, lines=[derived])).splitlines() == [
        "Coins.",
        "",
        "| keep (theta), by teacher\\_scale (tau) | tau = 1 | tau = 2 | tau = 4 |",
        "| --- | --- | --- | --- |",
        "| 0.25 | SUPPORTED<br>48/48 [0.90, 1.00] | REFUTED<br>0/16 [0.00, 0.10]<br>5 diverged "
        "| SUPPORTED<br>0.50 [0.40, 0.60], n = 64 |",
        "| 0.75 | UNDECIDED | UNDECIDED | UNDECIDED |",
        "| derived: grows | 0.2 | 0.4 | - |",
    ]


def test_the_cell_that_refutes_is_the_nearest_to_the_setup_that_is_varied():
    cells = [line(i, "REFUTED", i, 16) for i in range(6)]
    assert nearest(mapped("RRRRRR", cells)).startswith(
        "tau = 1, theta = 0.25: 0 of 16 trials, P in "
    )
    around = "k=5; MaskedLatents(keep=0.7, teacher_scale=2.5, momentum=0.9)"
    told = nearest(mapped("RRRRRR", cells, around=around))
    assert told.startswith(
        "tau = 2, theta = 0.75: 4 of 16 trials, P in [0.15, 0.35]. The map varies k=5"
    )
    assert nearest(mapped("RSSSSR", around=around)).startswith("tau = 4, theta = 0.75. ")
    assert nearest(mapped("SSSSSS")) == ""
