"""Jobs of submitit as futures: every job ends in one, whatever it came to."""

import time
from concurrent.futures import CancelledError
from dataclasses import asdict, replace

import pytest

from mrpcheck import at, pretrain, with_probability
from mrpcheck.elsewhere import training_on
from mrpcheck.judging import judge
from mrpcheck.measures import features_captured
from mrpcheck.nets import Net
from mrpcheck.profiles import named_profile
from mrpcheck.setups import Recipe, Setup
from mrpcheck.submitting import LostJob, Submitted
from mrpcheck.views import MultiView

SETUP = Setup(
    data=MultiView(classes=2, dim=4, patches=6, sparsity=1.0),
    net=Net(kernels_per_class=2, power=3),
    recipe=Recipe(samples=4, steps=2, tune_steps=2),
)


@at(setup=[SETUP])
@with_probability(at_least=0.5, tolerance=0.4)
def claim(setup, trials):
    return features_captured(pretrain(setup, trials), setup).sum(-1) >= 0


def entries():
    """All that is recorded of the claim but how long it took; one block is all it asks for."""
    found, profile = [], replace(named_profile("quick"), block=64)
    judge(claim, seed=3, profile=profile, record=lambda entry: found.append(asdict(entry)))
    return [{n: v for n, v in e.items() if n != "seconds"} for e in found]


@pytest.fixture
def local(tmp_path):
    """submitit's local executor: every job a process of its own."""
    submitit = pytest.importorskip("submitit", reason="submitit is not installed")
    executor = Submitted(submitit.LocalExecutor(tmp_path / "jobs"), look=0.05)
    yield executor
    executor.shutdown(cancel_futures=True)


def test_jobs_of_submitit_come_to_the_same_evidence(local, tmp_path, monkeypatch):
    with training_on(local, slots=1, ahead=0) as pool:
        found = entries()
    monkeypatch.setenv("MRPCHECK_STORE", str(tmp_path / "another"))
    assert found == entries()
    assert pool.trained > 0
    assert pool.here == pool.losses == 0
    assert not list(tmp_path.glob("jobs/*.pkl")), "a block is kept in the store alone"


class Job:
    """A job of submitit's that ends when it is told to."""

    job_id, state, cancelled, told = "7", "RUNNING", False, None

    def __init__(self, folder, call):
        self.paths, self.call = Paths(folder), call

    def end(self, *, result=True):
        self.state = "COMPLETED" if result else "CANCELLED"
        if result:
            self.paths.result_pickle.touch()

    def done(self):
        return self.state != "RUNNING"

    def result(self):
        if self.told is not None:
            raise self.told
        function, *arguments = self.call
        return function(*arguments)

    def cancel(self, check=True):
        self.cancelled = True


class Paths:
    def __init__(self, folder):
        self.submitted_pickle = folder / "7_submitted.pkl"
        self.result_pickle = folder / "7_0_result.pkl"


class Jobs:
    """In the place of submitit's executor."""

    def __init__(self, folder):
        self.folder, self.jobs = folder, []

    def submit(self, *call):
        self.jobs.append(Job(self.folder, call))
        return self.jobs[-1]


@pytest.fixture
def jobs(tmp_path):
    return Jobs(tmp_path)


@pytest.fixture
def submitted(jobs):
    executor = Submitted(jobs, look=0.01)
    yield executor
    executor.shutdown(cancel_futures=True)


def test_a_job_that_ended_gives_its_result_and_one_under_way_none(submitted, jobs):
    first, second = submitted.submit(divmod, 7, 2), submitted.submit(divmod, 9, 2)
    jobs.jobs[0].end()
    assert first.result(timeout=5) == (3, 1)
    assert not second.done()


def test_what_a_call_raises_comes_back_as_it_is(submitted, jobs):
    future = submitted.submit(divmod, 1, 0)
    jobs.jobs[0].end()
    assert isinstance(future.exception(timeout=5), ZeroDivisionError)


def test_what_submitit_itself_raises_is_told(submitted, jobs):
    future = submitted.submit(divmod, 7, 2)
    jobs.jobs[0].told = RuntimeError("no module named mrpcheck")
    jobs.jobs[0].end()
    assert future.exception(timeout=5) is jobs.jobs[0].told


def test_a_job_without_a_result_is_lost(submitted, jobs, monkeypatch):
    monkeypatch.setattr("mrpcheck.submitting.LATE", 0.05)
    future = submitted.submit(divmod, 7, 2)
    jobs.jobs[0].end(result=False)
    error = future.exception(timeout=5)
    assert isinstance(error, LostJob)
    assert str(error) == "job 7 = CANCELLED, but should have ended with a result"


def test_a_result_may_be_seen_later_than_the_end_of_its_job(submitted, jobs):
    future = submitted.submit(divmod, 7, 2)
    jobs.jobs[0].end(result=False)
    time.sleep(0.1)
    assert not future.done()
    jobs.jobs[0].paths.result_pickle.touch()
    assert future.result(timeout=5) == (3, 1)


def test_cancelling_a_future_cancels_its_job(submitted, jobs):
    future = submitted.submit(divmod, 7, 2)
    assert future.cancel()
    submitted.shutdown()
    assert jobs.jobs[0].cancelled
    with pytest.raises(CancelledError):
        future.result(timeout=0)


def test_shutting_down_cancels_jobs_or_waits_for_them(jobs):
    for cancel in (True, False):
        executor = Submitted(jobs, look=0.01)
        future = executor.submit(divmod, 7, 2)
        if not cancel:
            jobs.jobs[-1].end()
        executor.shutdown(cancel_futures=cancel)
        assert future.done()
        assert future.cancelled() == jobs.jobs[-1].cancelled == cancel


def test_nothing_is_submitted_once_it_is_shut(submitted):
    submitted.shutdown()
    with pytest.raises(RuntimeError, match="executor = shut down, but should be open"):
        submitted.submit(divmod, 7, 2)


def test_a_look_takes_time(jobs):
    with pytest.raises(ValueError, match="look = 0, but should be above 0"):
        Submitted(jobs, look=0)
