"""`mrpcheck completion`: what a shell makes of the script."""

import shutil
import subprocess

import pytest

from mrpcheck.cli import main

NEEDS_BASH = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")

ASK = """
source ./script
COMP_WORDS=({words} "{last}")
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_shtab_mrpcheck mrpcheck "{last}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def complete(tmp_path, capsys):
    """What bash offers after some words, where there are a folder and a file."""
    assert main(["completion", "bash"]) == 0
    (tmp_path / "script").write_text(capsys.readouterr().out)
    (tmp_path / "runs").mkdir()
    (tmp_path / "rules.tex").touch()

    def complete(words, last=""):
        asked = ASK.format(words=words, last=last)
        done = subprocess.run(["bash", "-c", asked], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return complete


@NEEDS_BASH
def test_bash_reads_the_script(tmp_path, capsys):
    main(["completion", "bash"])
    script = capsys.readouterr().out
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@NEEDS_BASH
def test_commands_options_and_choices_complete(complete):
    assert complete("mrpcheck", "re") == ["report", "replay"]
    assert complete("mrpcheck report", "--fo") == ["--format"]
    assert complete("mrpcheck report --format", "l") == ["latex"]
    assert complete("mrpcheck completion", "z") == ["zsh"]


@NEEDS_BASH
def test_files_complete_as_files_and_runs_as_folders(complete):
    assert complete("mrpcheck report", "r") == ["runs"]
    assert complete("mrpcheck report --out", "ru") == ["rules.tex", "runs"]
    assert complete("mrpcheck plan", "ru") == ["rules.tex", "runs"]
    assert complete("mrpcheck show", "ru") == ["rules.tex", "runs"]
    assert complete("mrpcheck new x --in", "r") == ["runs"]


@pytest.mark.parametrize(
    ("shell", "mark"),
    [("zsh", "#compdef mrpcheck"), ("tcsh", "complete mrpcheck"), ("fish", "complete -c mrpcheck")],
)
def test_other_shells_get_a_script_of_theirs(capsys, shell, mark):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert mark in script
    assert "tyche" in script
    if shutil.which(shell) and shell == "zsh":
        assert subprocess.run(["zsh", "-n"], input=script, text=True).returncode == 0
