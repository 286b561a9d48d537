"""A claim is the same on whatever executor its blocks are trained."""

from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context

import pytest

from mrpcheck import accuracy, at, finetune, pretrain, with_probability
from mrpcheck.elsewhere import training_on
from mrpcheck.judging import judge
from mrpcheck.nets import Net
from mrpcheck.setups import Recipe, Setup
from mrpcheck.views import MultiView
from mrpcheck.working import Refused, terms, work

SETUP = Setup(
    data=MultiView(classes=2, dim=4, patches=6, sparsity=1.0),
    net=Net(kernels_per_class=2, power=3),
    recipe=Recipe(samples=4, steps=2, tune_steps=2),
)


@at(setup=[SETUP])
@with_probability(at_least=0.3, tolerance=0.25)
def claim(setup, trials):
    tuned = finetune(pretrain(setup, trials), setup, trials)
    return accuracy(tuned, setup, trials, "single-view") >= 0.5


def entries():
    """All that is recorded of the claim but how long it took."""
    found = []
    verdict = judge(claim, seed=3, record=lambda entry: found.append(asdict(entry)))
    return [{n: v for n, v in e.items() if n != "seconds"} for e in found], verdict.text


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """What the claim comes to where nothing is trained elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MRPCHECK_STORE", str(tmp_path_factory.mktemp("here")))
        return entries()


@pytest.mark.filterwarnings("ignore:.*use of fork\\(\\):DeprecationWarning")
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_process_pool_comes_to_the_same_evidence(here, method):
    processes = ProcessPoolExecutor(1, mp_context=get_context(method))
    with processes as executor, training_on(executor, slots=2) as pool:
        assert entries() == here
    assert pool.trained > 0
    assert pool.here == pool.losses == 0


def test_threads_come_to_the_same_evidence(here):
    with ThreadPoolExecutor(2) as executor, training_on(executor, slots=2) as pool:
        assert entries() == here
    assert pool.trained > 0
    assert pool.here == pool.losses == 0


def test_loky_comes_to_the_same_evidence(here):
    loky = pytest.importorskip("loky", reason="loky is not installed")
    with loky.ProcessPoolExecutor(1) as executor, training_on(executor, slots=2) as pool:
        assert entries() == here
    assert pool.trained > 0
    assert pool.here == pool.losses == 0


def test_a_worker_of_other_versions_trains_nothing(monkeypatch):
    asked = terms()
    monkeypatch.setattr("torch.__version__", "1.13.1")
    with pytest.raises(Refused, match=r"torch = 1\.13\.1, but should be .* \[worker on "):
        work(asked, "", b"")


class Lying:
    """Submits every job to a worker of other versions."""

    def submit(self, function, asked, *arguments):
        future = Future()
        try:
            future.set_result(function(asked.replace('"numpy": "', '"numpy": "0.'), *arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def test_a_claim_says_that_its_workers_are_of_other_versions(here):
    with training_on(Lying(), slots=1):
        said = entries()[1]
    assert "numpy = " in said
    assert "as at the coordinator" in said
    assert said != here[1]
