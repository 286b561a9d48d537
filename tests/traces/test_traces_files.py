"""Files of traces: the same back, and nothing else is taken for one."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from mrpcheck.traces import name_of, read, read_all, write


def parts_of(file):
    with zipfile.ZipFile(file) as parts:
        return {name: parts.read(name) for name in parts.namelist()}


def array(values, **options):
    content = io.BytesIO()
    np.save(content, values, **options)
    return content.getvalue()


def rewrite(file, **changes):
    """The file with arrays replaced, or left out where None."""
    parts = parts_of(file) | {f"{name}.npy": values for name, values in changes.items()}
    with zipfile.ZipFile(file, "w") as into:
        for name, content in parts.items():
            if content is not None:
                into.writestr(name, content)


def about(file, **changes):
    content = json.loads(np.load(io.BytesIO(parts_of(file)["about.npy"])).tobytes())
    return array(np.frombuffer(json.dumps(content | changes).encode(), np.uint8))


def test_a_trace_comes_back_as_it_was(tmp_path, traced, same):
    one_armed = replace(traced, what="counterexample", claim="a.py::test[x]", sl=None, note="no")
    for written in (traced, one_armed):
        file = write(tmp_path, written)
        assert same(read(file), written)
        before = file.read_bytes()
        assert write(tmp_path, written).read_bytes() == before
    assert not same(traced, one_armed) and len(read_all(tmp_path)) == 2


def test_no_two_claims_share_a_file():
    whose = ["a.py::test[x-1]", "a.py::test[x_1]", "a.py::test", "é" * 300, "è" * 300, "e" * 300]
    names = {name_of("counterexample", each) for each in whose}
    assert len(names) == len(whose) and all(len(name.encode()) < 200 for name in names)


def swapped(file, side, name, change):
    values = np.load(io.BytesIO(parts_of(file)[f"{side}{name}.npy"]))
    return {f"{side}{name}": array(change(values))}


PICKLED = array(np.array([{}], dtype=object), allow_pickle=True)
DAMAGE = {
    "pickled": lambda f: {"mrp_loss": PICKLED},
    "of texts": lambda f: {"label": array(np.array(["a", "b", "c"]))},
    "missing": lambda f: {"mrp_tuned": None},
    "no labels": lambda f: {"label": None},
    "no words": lambda f: {"about": None},
    "not words": lambda f: {"about": array(np.arange(9, dtype=np.uint8))},
    "another schema": lambda f: {"about": about(f, schema=2)},
    "more words": lambda f: {"about": about(f, more=1)},
    "a number for words": lambda f: {"about": about(f, words=3)},
    "what there is not": lambda f: {"about": about(f, what="<b>")},
    "no setup": lambda f: {"about": about(f, setup=[1])},
    "views of none": lambda f: {"about": about(f, views=0)},
    "no threshold": lambda f: {"about": about(f, threshold="1")},
    "fewer points": lambda f: swapped(f, "mrp_", "loss", lambda a: a[:-1]),
    "another axis": lambda f: swapped(f, "sl_", "correlations", lambda a: a[..., None]),
    "fewer kernels": lambda f: swapped(f, "sl_", "tuned", lambda a: a[:-1]),
    "fewer features": lambda f: {
        **swapped(f, "mrp_", "tuned", lambda a: a[:, :-1]),
        **swapped(f, "mrp_", "correlations", lambda a: a[..., :-1]),
        **swapped(f, "sl_", "tuned", lambda a: a[:, :-1]),
        **swapped(f, "sl_", "correlations", lambda a: a[..., :-1]),
    },
    "fewer samples": lambda f: swapped(f, "", "feature", lambda a: a[:-1]),
    "fewer trials": lambda f: swapped(f, "mrp_", "captured", lambda a: a[:-1]),
    "a class there is not": lambda f: swapped(f, "", "label", lambda a: a + 2),
    "a feature there is not": lambda f: swapped(f, "", "feature", lambda a: a - 2),
    "steps that fall": lambda f: swapped(f, "mrp_", "steps", lambda a: a[::-1]),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_what_was_changed_is_refused_with_a_sentence(tmp_path, traced, how):
    file = write(tmp_path, traced)
    rewrite(file, **DAMAGE[how](file))
    with pytest.raises(
        ValueError, match=r"^trace = .*, but should be a trace of a run: .+$"
    ) as why:
        read(file)
    assert "\n" not in str(why.value) and read_all(tmp_path) == []


def test_what_was_rewritten_alike_is_read(tmp_path, traced, same):
    """The damage above is what is refused, not the way in which it is done."""
    file = write(tmp_path, traced)
    rewrite(file, about=about(file), **swapped(file, "sl_", "tuned", lambda a: a))
    assert same(read(file), traced)


def test_files_that_are_none_are_refused(tmp_path, traced, monkeypatch):
    file = write(tmp_path, traced)
    whole = file.read_bytes()
    with pytest.raises(ValueError, match="but should be a trace"):
        read(tmp_path / "none.npz")
    for content in (whole[: len(whole) // 2], whole[:-30], b"", b"PK", PICKLED, array(np.ones(3))):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="but should be a trace"):
            read(file)
    file.write_bytes(whole)
    monkeypatch.setattr("mrpcheck.traces.MOST", 1000)
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        read(file)
