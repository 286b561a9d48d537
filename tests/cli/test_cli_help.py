"""Every command says what it takes, with an example that it does take, and how it ends."""

import argparse
import re
import shlex
import sys

import pytest

from mrpcheck import cli


def commands():
    [found] = [a for a in cli._parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return found.choices


def help_of(capsys, *words):
    with pytest.raises(SystemExit) as end:
        cli.main([*words, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


def examples(text):
    block = re.search(r"^examples?:\n((?:  .*\n)+)", text, re.MULTILINE)
    assert block, text
    return [shlex.split(line.partition(" > ")[0]) for line in block[1].splitlines()]


@pytest.mark.parametrize("name", commands())
def test_every_help_has_an_example_that_parses(capsys, name):
    text = help_of(capsys, name)
    for program, *words in examples(text):
        assert (program, words[0]) == ("mrpcheck", name)
        assert cli._parser().parse_args(words).command
    assert re.search(r"^exit status: 0", text, re.MULTILINE)
    assert "2 where it cannot be done" in " ".join(text.split())


def test_the_help_of_all_lists_every_command(capsys):
    text = help_of(capsys)
    assert all(re.search(rf"^    {name}\b", text, re.MULTILINE) for name in commands())
    for _, *words in examples(text)[:-1]:
        assert cli._parser().parse_args(words).command
    assert "exit status: 0 where all is as it should be, 1 where it is not, 2" in text


def test_the_version_is_the_packages(capsys):
    from importlib.metadata import version

    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert (end.value.code, capsys.readouterr().out) == (0, f"mrpcheck {version('mrpcheck')}\n")


NONSENSE = [
    (["report", "nowhere"], "RUN = nowhere, but should hold a run's manifest.json of schema 1"),
    (["report", "--format", "pdf"], "argument --format: invalid choice: 'pdf' (choose from "),
    (["report", "--standalone"], "--standalone = with --format html, but should be with latex"),
    (["new"], "the following arguments are required: NAME [mrpcheck new --help]"),
    (["new", "two words"], "NAME = two words, but should be a Python name"),
    (["new", "class"], "NAME = class, but should be a Python name"),
    (["new", "../escape"], "NAME = ../escape, but should be a Python name"),
    (["new", "x", "--in", "/dev/null/x"], "--in = /dev/null/x, but should be a folder to write in"),
    (["completion", "cmd"], "argument SHELL: invalid choice: 'cmd' (choose from "),
    (["--nonsense"], "the following arguments are required: COMMAND [mrpcheck --help]"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "sentence"), NONSENSE, ids=[" ".join(w) for w, _ in NONSENSE])
def test_nonsense_is_one_sentence(tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        sys.exit(cli.main(words))
    assert end.value.code == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"mrpcheck: {sentence}")
    assert (said.err.count("\n"), said.out) == (1, "")
