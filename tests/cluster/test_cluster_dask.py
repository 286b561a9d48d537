"""Runs on Dask's workers: the evidence of a run without, and one sentence where they cannot be."""

import json
import socket
import subprocess
import sys

import pytest

import mrpcheck.cluster
from mrpcheck.cluster import start

pytest.importorskip("distributed")
pytest_plugins = ("pytester",)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of two workers that a module's tests share."""
    with start("local:2") as address:
        yield address


@pytest.fixture(scope="module")
def known():
    """The evidence of the run without a cluster, once there is one."""
    return {}


@pytest.fixture
def plain(run, timeless, known):
    """The evidence of the run without a cluster."""
    if not known:
        assert run(store="plain", report="plain", here=True).ret == 0
        known["plain"] = timeless(run.path / "plain")
    return known["plain"]


def test_a_run_on_a_cluster_leaves_the_evidence_of_a_run_without(run, timeless, plain, cluster):
    found = run("--mrp-cluster", cluster, store="dask", here=True)
    assert found.ret == 0, found.stdout.str()
    found.stdout.fnmatch_lines([f"*cluster: 2 workers by Dask at {cluster}*"])
    assert timeless(run.path / "report") == plain
    manifest = json.loads((run.path / "report" / "manifest.json").read_text())
    assert manifest["trained"] == manifest["asked"] + manifest["in_vain"]
    assert any(note.startswith("cluster: 2 workers") for note in manifest["notes"])
    resumed = run("--mrp-resume", "report", "--mrp-cluster", cluster, store="dask", here=True)
    assert resumed.ret == 0, resumed.stdout.str()
    assert timeless(run.path / "report")[:3] == plain[:3]


def test_a_skipped_claim_is_not_trained_ahead_of_its_turn(run, plain, cluster):
    chosen = ("-k", "control or skipped")
    assert run("--mrp-cluster", cluster, *chosen, store="skipped", here=True).ret == 0
    assert json.loads((run.path / "report" / "manifest.json").read_text())["in_vain"] <= 64


def test_two_processes_share_the_cluster(run, timeless, plain, cluster):
    pytest.importorskip("xdist")
    found = run("-n2", "--mrp-cluster", cluster, store="xdist")
    assert found.ret == 0, found.stdout.str()
    assert timeless(run.path / "report")[:3] == plain[:3]


def test_a_cluster_of_the_runs_own_is_started_and_ended(run, timeless, plain):
    found = run("--mrp-cluster", "local:1", store="local")
    assert found.ret == 0, found.stdout.str() + found.stderr.str()
    assert timeless(run.path / "report") == plain


def closed_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


NONSENSE = {
    "local:0": "--mrp-cluster = local:0, but should be local:N, N >= 1",
    "local:x": "--mrp-cluster = local:x, but should be local:N, N >= 1",
    "local:": "--mrp-cluster = local:, but should be local:N, N >= 1",
    "nowhere.json": "--mrp-cluster = nowhere.json, but should be a scheduler file",
    "tcp://10.1.2.3:8786": "--mrp-cluster = tcp://10.1.2.3:8786, but should be on this machine",
    "tls://127.0.0.1:1": "tls://127.0.0.1:1, but should be beside --mrp-cluster-tls FOLDER",
}


@pytest.mark.parametrize("address", NONSENSE)
def test_an_address_that_is_none_gets_one_sentence(run, address):
    found = run("--mrp-cluster", address, store="none", here=True)
    said = [line for line in found.stderr.lines if "but should" in line]
    assert found.ret == pytest.ExitCode.USAGE_ERROR and len(said) == 1
    assert NONSENSE[address] in said[0]
    assert not (run.path / "report").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--mrp-cluster-tls", "x"), "--mrp-cluster-tls = x, but should be beside --mrp-cluster"),
        (("--mrp-cluster-open",), "--mrp-cluster-open = True, but should be beside --mrp-cluster"),
        (
            ("--mrp-cluster", "local:1", "--mrp-cluster-tls", "x"),
            "--mrp-cluster-tls = x, but should be a folder that holds ca.pem, cert.pem, key.pem",
        ),
    ],
)
def test_options_that_make_no_sense_get_one_sentence(run, options, said):
    found = run(*options, store="none", here=True)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert said in found.stderr.str()


LISTED = {
    '{"address": "tcp://10.1.2.3:8786"}': "but should be on this machine, or reached with",
    '{"address": "tls://10.1.2.3:8786"}': "but should be beside --mrp-cluster-tls FOLDER",
    '{"address": "tcp://127.0.0.1:8786"}': None,
    "[1]": "but should be a scheduler file",
    "{": "but should be a scheduler file",
}


@pytest.mark.parametrize("content", LISTED)
def test_a_scheduler_file_is_no_way_around_tls(tmp_path, content):
    file = tmp_path / "scheduler.json"
    file.write_text(content)
    said = mrpcheck.cluster.refusal(str(file), None, False)
    assert said is None if LISTED[content] is None else LISTED[content] in said
    if "tcp://10" in content:  # the user says that nobody else is on the network
        assert mrpcheck.cluster.refusal(str(file), None, True) is None


def test_a_scheduler_that_does_not_answer_gets_one_sentence(run, monkeypatch):
    address = f"tcp://127.0.0.1:{closed_port()}"
    monkeypatch.setattr(mrpcheck.cluster, "PATIENCE", 0.5)
    found = run("--mrp-cluster", address, store="none", here=True)
    assert found.ret == pytest.ExitCode.USAGE_ERROR, found.stdout.str()
    said = [line for line in found.stderr.lines if "but should" in line]
    assert len(said) == 1
    assert f"--mrp-cluster = {address}, but should be a scheduler that answers" in said[0]


def loaded(code, *arguments, **options):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, **options
    )
    return done.stdout


MODULES = "import sys; print(*sys.modules)"
COLLECTED = """
import atexit, sys, pytest
atexit.register(lambda: print(*sys.modules))
pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "--mrp-cluster", "local:2"])
"""


@pytest.mark.parametrize(
    "code",
    [f"import mrpcheck; {MODULES}", f"import mrpcheck.plugin.beginning; {MODULES}", COLLECTED],
    ids=["mrpcheck", "plugin", "collect-only"],
)
def test_dask_is_imported_only_where_a_cluster_is_asked_for(code, run):
    modules = set(loaded(code, cwd=run.path).split())
    assert "mrpcheck" in modules
    assert not {"dask", "distributed"} & modules


BLOCKED = """
import sys, pytest

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("dask", "distributed"):
            raise ModuleNotFoundError(name)

import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda n, *a: None if n in ("dask", "distributed") else find_spec(n, *a)
sys.meta_path.insert(0, Blocked())
sys.exit(pytest.main([*sys.argv[1:], "-q", "-p", "no:cacheprovider"]))
"""


def test_without_the_extra_one_sentence_says_how_to_get_it(run):
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, "--mrp-cluster", "local:2"],
        capture_output=True, text=True, cwd=run.path, check=False,
    )  # fmt: skip
    said = [line for line in (done.stdout + done.stderr).splitlines() if "but should" in line]
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert len(said) == 1 and "pip install 'mrpcheck[cluster]'" in said[0]
