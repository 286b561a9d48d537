"""Workers that are away, a scheduler that is, answers that break off: nobody waits for ever."""

import asyncio
import threading
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import replace
from types import SimpleNamespace

import pytest

from mrpcheck import cluster, elsewhere, store
from mrpcheck.cluster import Dask, Lost
from mrpcheck.elsewhere import training_on
from mrpcheck.nets import Net
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import pretrain
from mrpcheck.views import MultiView
from mrpcheck.working import Refused, work

pytest_plugins = ("pytester",)

TINY = Setup(
    data=MultiView(classes=2, dim=4, patches=6, sparsity=1.0),
    net=Net(kernels_per_class=1, power=3),
    recipe=Recipe(samples=4, steps=2, tune_steps=2),
)
TRIALS = Trials(4, 0, 7, "away", "cpu", "float32", 1)


class Workers(Executor):
    """Takes everything; answers at once, with what `fate` does, or never."""

    def __init__(self, fate):
        self.fate, self.taken = fate, 0

    def submit(self, function, *args):
        self.taken += 1
        future = Future()
        if self.fate is not None:
            try:
                future.set_result(self.fate(function, *args))
            except Exception as error:
                future.set_exception(error)
        return future


def trained(seed=7):
    """Kernels of a training that no store knows yet."""
    return pretrain(TINY, replace(TRIALS, seed=seed)).kernels.tolist()


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """What training here gives; the store is another one afterwards."""
    monkeypatch.setattr(elsewhere, "ALONE", 0.05)
    monkeypatch.setattr(elsewhere, "LOOK", 0.02)
    found = trained()
    monkeypatch.setenv("MRPCHECK_STORE", str(tmp_path / "empty"))
    return found


def test_with_no_worker_for_a_while_blocks_are_trained_here(alone):
    workers = Workers(None)
    with training_on(workers, lambda: 0) as pool:
        assert trained() == alone
        assert workers.taken == 1, "it was asked for, until nobody came"
        trained(seed=8)
        assert workers.taken == 1, "nothing more is asked for until somebody comes"
    assert pool.here == 2 and pool.trained == 0
    (said,) = pool.said
    assert "workers = none for " in said and "trained here meanwhile" in said


def test_with_a_worker_that_has_not_answered_yet_one_waits(alone):
    with training_on(Workers(None), lambda: 1) as pool, pytest.raises(store.Busy):
        for _ in range(2):
            pretrain(TINY, replace(TRIALS, patient=False))
    assert pool.said == [] and pool.here == 0


def test_once_there_are_workers_again_blocks_are_trained_there(alone):
    there = [0]
    with training_on(Workers(lambda f, *args: f(*args)), lambda: there[0]) as pool:
        pool._seen -= 1.0
        assert trained() == alone
        there[0] = 1
        trained(seed=8)
    assert (pool.here, pool.trained) == (1, TRIALS.count)


def test_versions_that_are_refused_are_said_once_and_do_not_go_round_for_ever(alone):
    retired = []

    def refuse(function, *args):
        raise Refused("torch = 9, but should be 8", "tcp://there:1")

    with training_on(Workers(refuse), 1, refused=retired.append) as pool:
        assert trained() == alone
    assert len(retired) == elsewhere.LOSSES == pool.losses
    assert [text for text in pool.said if "torch" in text] == [
        "torch = 9, but should be 8: sent away",
    ]
    assert "a block = lost 3 times (Refused): trained here" in pool.said


@pytest.fixture
def loop():
    """An event loop in a thread, as a Dask client has."""
    found = asyncio.new_event_loop()
    thread = threading.Thread(target=found.run_forever)
    thread.start()
    yield found
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), found).result()  # what was cancelled ends
    found.call_soon_threadsafe(found.stop)
    thread.join()
    found.close()


class Client:
    """As much of Dask's client as is used, with the one answer it gives."""

    def __init__(self, loop, answer=None, status="running", threads=3):
        self.loop, self.status, self.threads = SimpleNamespace(asyncio_loop=loop), status, threads
        self.answer, self.scheduler = answer, self

    def submit(self, function, *args, **how):
        return self.answer

    async def identity(self, n_workers):
        workers = {"a": {"resources": {"GPU": 2}}, "b": {"resources": {}}}
        return {"total_threads": self.threads, "workers": workers if n_workers else {}}

    def close(self, timeout):
        self.status = "closed"


class Answer:
    """A future of Dask's that ends like this."""

    def __init__(self, status, error):
        self.status, self.error = status, error

    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        raise self.error


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("finished", OSError("broken off while it was fetched"), Lost),
        ("lost", AttributeError("nothing left"), Lost),
        ("cancelled", asyncio.CancelledError(), CancelledError),
        ("error", ValueError("the training's own"), ValueError),
    ],
)
def test_an_answer_always_ends(loop, status, error, expected):
    dask = Dask(lambda seconds: Client(loop, Answer(status, error)))
    with pytest.raises(expected):
        dask.submit(work).result(timeout=10)


@pytest.mark.parametrize(("gpus", "count"), [(False, 3), (True, 2)])
def test_workers_are_counted_and_gpus_where_they_are_asked_for(loop, gpus, count):
    assert Dask(lambda seconds: Client(loop), gpus).count() == count


def test_no_worker_is_counted_while_the_scheduler_is_away(loop):
    client = Client(loop)
    dask = Dask(lambda seconds: client)
    assert dask.count() == 3
    client.status = "connecting"
    assert dask.count() == 0


def test_a_scheduler_that_is_silent_is_believed_for_a_while(loop, monkeypatch):
    client = Client(loop)
    dask = Dask(lambda seconds: client)
    assert dask.count() == 3

    async def silent(n_workers):
        await asyncio.Event().wait()

    client.identity = silent
    dask._looked -= 2 * cluster.STALE
    monkeypatch.setattr(cluster, "STALE", 0.01)
    assert dask.count() == 3
    dask._looked -= 2 * cluster.PATIENCE
    assert dask.count() == 0
    dask._answer.cancel()


def test_a_scheduler_that_was_given_up_is_looked_for_again_but_not_all_the_time(loop):
    found = [Client(loop), cluster.Unreachable("not yet"), Client(loop, threads=5)]

    def reach(seconds):
        client = found.pop(0)
        if isinstance(client, Exception):
            raise client
        return client

    dask = Dask(reach)
    dask._client.status = "closed"
    assert dask.count() == 0 and len(found) == 1
    assert dask.count() == 0 and len(found) == 1, "a minute has not passed"
    dask._sought -= cluster.AGAIN + 1
    assert dask.count() == 5 and found == []


def test_what_there_is_to_say_is_said_when_its_claim_ends_and_at_the_end(pytester, monkeypatch):
    """As a run does whose workers are refused; the pool is put in by hand."""
    pytester.makeconftest(
        """
        from types import SimpleNamespace

        from mrpcheck.plugin.clustering import Cluster, Said

        def pytest_configure(config):
            cluster = object.__new__(Cluster)
            cluster.pool = SimpleNamespace(said=[])
            cluster._stack = SimpleNamespace(close=lambda: None)
            config.pool = cluster.pool
            config.pluginmanager.register(cluster)
            if not hasattr(config, "workerinput"):
                config.pluginmanager.register(Said(config))
        """
    )
    pytester.makepyfile(
        """
        def test_first(request):
            request.config.pool.said.append("torch = 9, but should be 8: sent away")

        def test_second():
            pass
        """
    )
    for options in ((), ("-n1",)):
        found = pytester.runpytest_subprocess("-v", "-p", "no:randomly", *options)
        found.assert_outcomes(passed=2)
        said = [i for i, line in enumerate(found.outlines) if "cluster: torch = 9" in line]
        second = [i for i, line in enumerate(found.outlines) if "test_second" in line][-1]
        assert len(said) == 2 and said[0] < second < said[1]
