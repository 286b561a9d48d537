"""Setups of a run as objects, its traces, and how things show themselves in a notebook."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

import mrpcheck
from mrpcheck import Setup, traces
from mrpcheck.records import Evidence

HARM = '<script>alert("x")</script>'


def shown(value):
    """What a notebook would show: HTML that is well formed, and its text."""
    html = value._repr_html_()
    root = ET.fromstring(html)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not tags & {"script", "style", "link", "iframe", "img"}
    return " ".join("".join(root.itertext()).split())


def test_setups_are_the_objects_that_were_drawn(recorded, run):
    loaded = mrpcheck.load(run)
    assert len(loaded.setups) == len(loaded.evidence)
    for claim, stage, index in loaded.evidence[["claim", "stage", "index"]].itertuples(index=False):
        setup = loaded.setups[claim, stage, index]
        if claim.endswith("test_control"):
            assert setup == {"side": 0.5}
        else:
            assert isinstance(setup, Setup)
        if claim.endswith("test_true") and stage == "panel":
            assert setup == recorded.setups[index]
    assert (
        repr(loaded.setups)
        == f"<{len(loaded.setups)} setups of 4 claims, by (claim, stage, index)>"
    )
    with pytest.raises(KeyError):
        loaded.setups["test_true", "panel", 99]


def test_a_setup_with_an_objective_of_ones_own_needs_the_function(run):
    def own(kernels, patches, net):
        return (patches @ kernels.T).sum()

    setup = Setup().replace(objective=own)
    setups = mrpcheck.loading.Setups({("a::x", "panel", 0): setup.to_json()})
    with pytest.raises(ValueError, match="but should be handed over"):
        setups["a::x", "panel", 0]
    assert Setup.from_json(setups.json(("a::x", "panel", 0)), own) == setup


def test_traces_are_read_with_it(run):
    assert mrpcheck.load(run).traces == []
    none = np.zeros((1, 2), int) - 1
    trace = traces.Trace(
        what="heart", claim="", regime="coins", words="a heart", setup={}, trials={},
        threshold=0.3, views=1, label=np.zeros(1, int), single_view=np.zeros(1, bool),
        feature=none, strength=none * 0.0, mrp=None, sl=None,
    )  # fmt: skip
    traces.write(run, trace)
    (run / "traces" / "damaged.npz").write_bytes(b"PK")
    [found] = mrpcheck.load(run).traces
    assert (found.regime, found.words) == ("coins", "a heart")


def test_a_setup_shows_every_hyperparameter():
    text = shown(Setup().replace(classes=7, keep=0.25))
    for told in ("classes 7", "keep 0.25", "own 1 to 2", "init_scale 0.06", "type MaskedPixels"):
        assert told in text
    assert "those of" not in text
    assert "random numbers" in shown(Setup().derive(keep=0.25))


def test_evidence_and_verdicts_show_their_figures(recorded):
    evidence = next(e for e in recorded.entries if isinstance(e, Evidence))
    text = shown(evidence)
    assert f"{evidence.hits} of {evidence.trials}" in text
    assert (ends := re.search(rf"{evidence.estimate:.3f} \[([-.\d]+), ([-.\d]+)\]", text))
    assert evidence.lower - 2e-3 < float(ends[1]) <= evidence.lower  # rounded outward
    assert evidence.upper <= float(ends[2]) < evidence.upper + 2e-3
    assert str(evidence) == f"{evidence.verdict}: {evidence.text}"
    refuted = next(v for v in recorded.verdicts if v.claim.endswith("test_false"))
    assert "not as expected" in shown(refuted)
    assert "<svg " in refuted._repr_html_()
    assert str(refuted).startswith("REFUTED: P in [")
    broken = next(v for v in recorded.verdicts if v.error)
    assert "<svg " not in broken._repr_html_()
    assert "<broken>" in shown(broken)


def test_a_run_shows_a_row_a_claim(recorded, run):
    loaded = mrpcheck.load(run)
    text = shown(loaded)
    for verdict in recorded.verdicts:
        assert verdict.claim in text
    assert "REFUTED AS EXPECTED" in text
    assert repr(loaded) == f"<run {loaded}>"
    assert str(loaded) == (
        f"{run}: 1 of 4 claims fails unexpectedly, 1 ended in an error, 2 hold; "
        "1 of 1 control fails as it should. Seed 0, completed."
    )


def test_what_somebody_else_wrote_is_shown_and_not_obeyed(recorded, run, edit):
    evidence = next(e for e in recorded.entries if isinstance(e, Evidence))
    assert HARM in shown(replace(evidence, text=HARM, claim=HARM, stage=HARM, violations=[HARM]))
    hurt = replace(recorded.verdicts[0], statement=HARM, because=HARM, counterexample_text=HARM)
    assert HARM in shown(replace(hurt, verdict=HARM, quantity="mean", claim=HARM))
    edit(run / "verdicts.json", lambda v: v["claims"][0].update(claim=HARM, setups=HARM))
    edit(run / "manifest.json", lambda m: m.update(started=HARM, ended=HARM))
    assert HARM in shown(mrpcheck.load(run))


@pytest.mark.parametrize("bounds", [None, (0, 0), [1], ["a", "b"], 3, (-1, 1)])
def test_bounds_that_are_none_are_passed_over(recorded, bounds):
    assert "<svg " in replace(recorded.verdicts[0], bounds=bounds)._repr_html_()


@pytest.mark.parametrize(
    "change",
    [{"estimate": 1e300}, {"lower": None}, {"at_least": None}, {"tolerance": float("inf")}],
)
def test_what_cannot_be_drawn_is_said(recorded, change):
    html = replace(recorded.verdicts[0], **change)._repr_html_()
    assert "<svg " not in html
    assert "trials" in html
