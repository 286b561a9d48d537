"""Cells of a map told in words are read back as exactly those cells, by a reader of its own."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from mrpcheck.areas import FIRST, REST, areas, heading, place, spoken, values_of
from mrpcheck.grids import Axis

NAMES = ("teacher_scale", "times", "system", "kernels_per_class", "where")
SHOWN = {"teacher_scale": "tau", "kernels_per_class": "m"}
WORDS = ["and", "at", "but", "to", "all", "every", "throughout", "everywhere", "A (b, c)", "a at b"]
words = st.one_of(st.text('ab,;()" \\', max_size=5), st.sampled_from(WORDS))
numbers = st.floats(-10, 10) | st.integers(-9, 9) | st.sampled_from([1.0, 1.0000001, 1e-9])


def parted(text, *marks):
    """The text between marks that stand neither in quotes nor in brackets."""
    parts, depth, quoted, at = [""], 0, False, 0
    while at < len(text):
        c = text[at]
        if quoted and c == "\\":
            parts[-1] += text[at : at + 2]
            at += 2
            continue
        quoted ^= c == '"'
        depth += 0 if quoted else (c == "(") - (c == ")")
        found = next((m for m in marks if text.startswith(m, at)), None)
        if found and not quoted and not depth:
            parts.append("")
            at += len(found)
        else:
            parts[-1] += c
            at += 1
    return parts


def phrase(text, axes, known):
    """The axis that a phrase speaks of, by its name or as the one `known`; and its places."""
    for axis in axes:
        name = SHOWN.get(axis.name, axis.name)
        starts = ((f"every {name} but ", "all but "), (f"{name} = ", ""), (f"{name} ", ""))
        for start, rest in starts:
            if text.startswith(start):
                return axis, chosen(rest + text.removeprefix(start), axis)
    return known, chosen(text, known)


def chosen(text, axis):
    """The places of an axis that a list of values names."""
    if text.startswith("all but "):
        return set(range(len(axis.values))) - chosen(text.removeprefix("all but "), axis)
    found = set()
    for part in parted(text, ", ", " and "):
        if axis.numbers is None:
            found.add(axis.values.index(json.loads(part) if part.startswith('"') else part))
            continue
        low, _, high = part.partition(" to ")
        ends = [
            min(range(len(axis.values)), key=lambda i: abs(axis.values[i] - float(end)))
            for end in (low, high or low)
        ]
        found |= set(range(ends[0], ends[1] + 1))
    return found


def read(text, x, y):
    """The cells that a text speaks of, as a reader takes it who knows the axes."""
    every = set(range(len(x.values) * len(y.values)))
    if text in ("everywhere", "nowhere"):
        return every if text == "everywhere" else set()
    if text.startswith("everywhere but "):
        return every - read(text.removeprefix("everywhere but "), x, y)
    found, outer, inner = set(), None, None
    for part in parted(text, "; "):
        first, *second = parted(part.removesuffix(" throughout"), " at ")
        outer, outside = phrase(first, (x, y), outer)
        other = y if outer is x else x
        inside = set(range(len(other.values)))
        if second:
            inner, inside = phrase(second[0], (x, y), inner)
            assert inner is other
        columns, rows = (outside, inside) if outer is x else (inside, outside)
        found |= {row * len(x.values) + column for row in rows for column in columns}
    return found


@st.composite
def axes(draw):
    names = draw(st.permutations(NAMES))
    found = []
    for name in names[:2]:
        rising = draw(st.lists(numbers, min_size=2, max_size=7, unique=True).map(sorted))
        told = draw(st.lists(words, min_size=2, max_size=6, unique=True))
        found.append(Axis(name, tuple(draw(st.sampled_from([rising, told])))))
    return found


@st.composite
def grids(draw, *kinds):
    x, y = draw(axes())
    number = len(x.values) * len(y.values)
    chance = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=8))
    return x, y, draw(st.lists(st.sampled_from(chance), min_size=number, max_size=number))


@settings(max_examples=100, deadline=None)
@given(grids(True, False))
def test_what_is_said_is_read_back(grid):
    x, y, marks = grid
    cells = {i for i, mark in enumerate(marks) if mark}
    assert read(spoken(x, y, cells), x, y) == cells


@settings(max_examples=60, deadline=None)
@given(grids("S", "R", "U", "N"))
def test_every_cell_is_in_the_one_part_that_has_its_verdict(grid):
    x, y, verdicts = grid
    told = areas(x, y, verdicts, "SRUN")
    assert set(told) == set(verdicts)
    texts = list(told.values())
    assert REST not in texts[:-1] and FIRST not in texts[1:] and len({FIRST, REST} & {*texts}) < 2
    known = {w: read(text, x, y) for w, text in told.items() if text not in (FIRST, REST)}
    left = set(range(len(verdicts))).difference(*known.values())
    assert (left == set()) == (len(known) == len(told))
    for word in told:
        assert known.get(word, left) == {i for i, found in enumerate(verdicts) if found == word}


@settings(max_examples=60, deadline=None)
@given(grids(True, False))
def test_it_is_no_longer_than_cell_by_cell(grid):
    x, y, marks = grid
    cells = [i for i, mark in enumerate(marks) if mark]
    longest = "; ".join(f"{place(x, y, i)}   throughout" for i in cells) or "nowhere"
    assert len(spoken(x, y, cells)) <= max(len(longest), len("everywhere"))


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ("SSSS SSSS SSSS", "everywhere"),
        (".... .... ....", "nowhere"),
        ("...S ...S ...S", "times 8"),
        (".SSS .SSS .SSS", "times 2 to 8"),
        ("S.SS S.SS S.SS", "times 1, 4 and 8"),
        ("SSSS .... SSSS", "every system but clustering"),
        (".... SSSS ....", "system clustering"),
        ("SSSS SS.. ....", 'system "pixels, tied" throughout; clustering at times 1 and 2'),
        ("SSSS SSS. SSSS", "everywhere but system clustering at times 8"),
        ("S... .... S...", "every system but clustering at times 1"),
        ("SS.. S... SS..", "times 1 throughout; 2 at every system but clustering"),
    ],
)
def test_how_it_reads(cells, text):
    x = Axis("times", (1.0, 2.0, 4.0, 8.0))
    y = Axis("system", ("pixels, tied", "clustering", "MAE (others, free)"))
    said = spoken(x, y, {i for i, mark in enumerate(cells.replace(" ", "")) if mark == "S"})
    assert said == text


def test_symbols_where_the_theory_has_them():
    tau, keep = Axis("teacher_scale", (1, 1.5, 2)), Axis("keep", (0.25, 0.5))
    assert spoken(tau, keep, {1, 2, 5}) == "tau = 1.5 at theta = 0.25; 2 throughout"
    assert place(tau, keep, 4) == "tau = 1.5, theta = 0.5"
    assert heading(tau) == "teacher_scale (tau)" and heading(Axis("times", (1, 2))) == "times"
    assert values_of(Axis("keep", (1.0, 1.0000001))) == ["1.0", "1.0000001"]


def test_a_reader_who_is_told_other_cells_sees_it():
    x, y = Axis("times", (1, 2, 3)), Axis("system", ("A", "B"))
    assert read("times 1 to 3 at system A", x, y) == {0, 1, 2}
    assert read("times 1 and 3 at system A; 2 at B", x, y) == {0, 2, 4}
    assert read("everywhere but system B at times 1", x, y) == {0, 1, 2, 4, 5}
