"""A pool of workers that answer late, in any order, wrongly, or never: the evidence is the same."""

import contextvars
import os
import random
import tempfile
import threading
import time
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from mrpcheck import store
from mrpcheck.asks import first_asks
from mrpcheck.calls import read_call
from mrpcheck.claims import at, claim_of, control, with_probability
from mrpcheck.diagrams import phase_diagram
from mrpcheck.elsewhere import training_on
from mrpcheck.hearing import Hearing
from mrpcheck.judging import hear, judge
from mrpcheck.nets import Net
from mrpcheck.profiles import PROFILES
from mrpcheck.records import Block
from mrpcheck.runs import Run
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import finetune, pretrain
from mrpcheck.views import MultiView
from mrpcheck.working import Refused, work

TINY = Setup(
    data=MultiView(classes=2, dim=4, patches=6, sparsity=1.0),
    net=Net(kernels_per_class=1, power=3),
    recipe=Recipe(samples=4, steps=2, tune_steps=2),
)
GOOD = [TINY.replace(noise=0.01 + i / 1000) for i in range(3)]
BAD = TINY.replace(noise=0.05)
PROFILE = replace(PROFILES["quick"], panel=3, most=96, search=4)
claimed = with_probability(at_least=0.9, tolerance=0.3)


def lands(setup, trials):
    """What two trainings decide, one on top of the other: a coin that is good or bad."""
    encoder = pretrain(setup, trials)
    tuned = finetune(encoder, setup, trials)
    trials.note(steps=tuned.steps)
    share = 2.5 if setup.data.noise < 0.04 else -1.0
    return encoder.kernels[:, 0, 0] + 0 * tuned.kernels[:, 0, 0] > -share * setup.net.init_scale


@at(setup=GOOD)
@claimed
def panel(setup, trials):
    return lands(setup, trials)


@at(setup=[*GOOD, BAD])
@claimed
def refuted(setup, trials):
    return lands(setup, trials)


@control(setup=BAD)
@claimed
def power(setup, trials):
    return lands(setup, trials)


@phase_diagram(setup=TINY, noise=[0.01, 0.05], power=[3.0, 4.0])
@claimed
def diagram(setup, trials):
    return lands(setup, trials)


@claimed
def searched(setup, trials):
    return lands(setup, trials)


@at(setup=GOOD)
@claimed
def careless(setup, trials):
    """Catches whatever goes wrong in a training."""
    try:
        return lands(setup, trials)
    except Exception:
        return [False] * trials.count


@at(setup=GOOD)
@claimed
def failing(setup, trials):
    """Goes wrong at a later setup, and there before anything is trained."""
    if setup == GOOD[2] and trials.first == 16:
        raise ValueError("here")
    landed = lands(setup, trials)
    if setup == GOOD[1] and trials.first == 32:
        raise ValueError("too late")
    return landed


def search(screen):
    """A search that looks at a few setups, the last of which is broken."""
    found = [draw for draw in [{"setup": s} for s in (GOOD[2], BAD)] if screen(draw).suspect]
    return found[0] if found else None


CLAIMS = {
    "panel": (panel, {}),
    "refuted": (refuted, {}),
    "control": (power, {}),
    "diagram": (diagram, {}),
    "search": (searched, {"draws": [{"setup": s} for s in GOOD], "search": search}),
    "careless": (careless, {}),
    "failing": (failing, {}),
}


def answered(function, *terms):
    """What a worker would answer: with a store and counts of its own, and without a pool."""
    before, counts = os.environ["MRPCHECK_STORE"], store.counts()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MRPCHECK_STORE"] = folder
        try:
            return contextvars.Context().run(function, *terms)
        finally:
            os.environ["MRPCHECK_STORE"] = before
            store._counts.update(counts)


class Workers(Executor):
    """Blocks are trained when they are asked for; a thread answers in random order.

    `fate` is told of each block: it returns an exception to answer with, raises one to refuse the
    block, or returns None.
    """

    def __init__(self, fate=lambda number: None, seed=0, wait=0.0):
        self.fate, self.wait, self.rng = fate, wait, random.Random(seed)
        self.asked, self.held, self.flying, self.most = [], [], 0, 0
        self.lock, self.open = threading.Lock(), True
        self.thread = threading.Thread(target=self._answer, daemon=True)
        self.thread.start()

    def submit(self, function, *terms):
        self.asked.append(read_call(*terms[1:]))
        wrong, future = self.fate(len(self.asked)), Future()
        content = None if wrong else answered(function, *terms)
        with self.lock:
            self.held.append((future, wrong, content))
            self.flying += 1
            self.most = max(self.most, self.flying)
        return future

    def _answer(self):
        while self.open:
            time.sleep(0.0005)
            with self.lock:
                if len(self.held) <= self.wait or not self.held:
                    self.wait = max(0, self.wait - 0.05)
                    continue
                future, wrong, content = self.held.pop(self.rng.randrange(len(self.held)))
                self.flying -= 1
            if future.set_running_or_notify_cancel():
                future.set_exception(wrong) if wrong else future.set_result(content)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.open = False
        self.thread.join()


class Silent(Executor):
    """Takes everything and answers nothing."""

    def submit(self, function, *terms):
        return Future()


def entries(records):
    return [replace(r, seconds=0.0) if hasattr(r, "seconds") else r for r in records]


def judged(name):
    """The verdict and all entries of a claim, but for seconds, and what was asked for."""
    test, more = CLAIMS[name]
    records, before = [], store.counts()["asked"]
    verdict = judge(test, profile=PROFILE, record=records.append, **more)
    return replace(verdict, seconds=0.0), entries(records), store.counts()["asked"] - before


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What each claim comes to without a pool, judged once."""
    found, before = {}, os.environ["MRPCHECK_STORE"]

    def of(name):
        if name not in found:
            kept = os.environ["MRPCHECK_STORE"]
            os.environ["MRPCHECK_STORE"] = str(tmp_path_factory.mktemp("alone"))
            found[name] = judged(name)
            os.environ["MRPCHECK_STORE"] = kept
        return found[name]

    yield of
    os.environ["MRPCHECK_STORE"] = before


def some(error, every=3):
    return lambda number: error if number % every == 0 else None


def refusing(number):
    if number % 2:
        raise RuntimeError("cannot take it")


FATES = {
    "late": (lambda number: None, {"wait": 3}),
    "lost": (some(OSError("gone")), {}),
    "cancelled": (some(CancelledError(), 4), {}),
    "lost for good": (some(OSError("gone"), 1), {}),
    "refusing": (refusing, {}),
    "the training's own": (some(ZeroDivisionError("by zero")), {}),
}


def test_the_claims_are_what_they_are_taken_for(alone):
    found = {name: alone(name)[0].verdict for name in CLAIMS}
    assert found == {
        "panel": "SUPPORTED", "refuted": "REFUTED", "control": "REFUTED", "diagram": "MAPPED",
        "search": "REFUTED", "careless": "SUPPORTED", "failing": "UNDECIDED",
    }  # fmt: skip
    assert "here" in alone("failing")[0].error


@pytest.mark.parametrize("name", CLAIMS)
def test_whatever_comes_back_when_the_evidence_is_the_same(name, alone):
    with Workers() as workers, training_on(workers, slots=3) as pool:
        assert judged(name) == alone(name)
    assert pool.trained > 0 and pool.losses == pool.here == 0
    assert workers.most <= 3 * 3


@pytest.mark.parametrize(
    ("name", "fate"), [*[("panel", fate) for fate in FATES], ("search", "lost")]
)
def test_whatever_goes_wrong_the_evidence_is_the_same(name, fate, alone):
    goes, options = FATES[fate]
    with Workers(goes, **options) as workers, training_on(workers, slots=2) as pool:
        assert judged(name) == alone(name)
    lost = fate in ("lost", "cancelled", "lost for good")
    assert (pool.losses > 0) == lost and (pool.here > 0) == (fate == "refusing")
    assert (pool.trained > 0) == (fate != "lost for good")


def test_a_pool_of_threads_is_not_waited_for_by_its_own_threads(alone):
    with ThreadPoolExecutor(2) as threads, training_on(threads, slots=2):
        verdict, records, _ = judged("panel")
    assert (verdict, records) == alone("panel")[:2]


def test_other_versions_are_refused_with_a_sentence_or_sent_away(alone):
    told, wrong = [], Refused("torch = 1, but should be 2 [worker]", "tcp://one")
    with Workers(some(wrong, 1)) as workers, training_on(workers, slots=2):
        verdict = judged("panel")[0]
    assert verdict.verdict == "UNDECIDED"
    assert "torch = 1, but should be 2 [worker]" in verdict.error
    away = {"slots": 2, "refused": told.append}
    with Workers(some(wrong, 3)) as workers, training_on(workers, **away):
        assert judged("panel") == alone("panel")
    assert told and set(told) == {wrong}


def heard(test, limit, name="claim"):
    records = []
    run = Run(profile=PROFILE, limit=limit, record=records.append)
    return hear(claim_of(test), run, name, {}), entries(records)


@pytest.mark.parametrize("test", [panel, careless])
def test_an_executor_that_never_answers_is_ended_by_the_limit(test):
    begun = time.monotonic()
    with training_on(Silent(), slots=2):
        verdict, records = heard(test, limit=0.3)
    assert time.monotonic() - begun < 10
    assert verdict.error.startswith("block = not done after 0.3 s") and records == []


def later_of(test, limit=None):
    hearing = Hearing(claim_of(test), "later", Run(profile=PROFILE, limit=limit), {})
    return first_asks([hearing])


LEAVING = {
    "skip": pytest.skip.Exception("not today"),
    "exit": SystemExit(1),
    "error": ValueError("x"),
}


@pytest.mark.parametrize("how", LEAVING)
def test_what_a_later_claim_raises_is_not_said_of_the_one_that_waits(how, alone):
    asked = []

    @at(setup=GOOD)
    @claimed
    def leaves(setup, trials):
        asked.append(trials.first)
        raise LEAVING[how]

    with Workers(wait=2) as workers, training_on(workers, slots=4) as pool:
        pool.foresight.look(later=later_of(leaves))
        assert judged("panel") == alone("panel")
    assert asked


def test_the_time_of_a_later_claim_is_not_taken_from_the_one_that_waits():
    begun = []

    @at(setup=GOOD)
    @claimed
    def slow(setup, trials):
        begun.append(time.monotonic())
        time.sleep(20)

    with Workers(wait=2) as workers, training_on(workers, slots=4) as pool:
        pool.foresight.look(later=later_of(slow, limit=0.4))
        verdict, _ = heard(panel, limit=0.6)
    assert verdict.verdict == "SUPPORTED" and len(begun) > 2
    assert begun[-1] - begun[0] < 10


def test_a_later_claim_that_cannot_be_drawn_is_passed_over(alone):
    def broken():
        yield from ()
        raise RuntimeError("no items")

    with Workers(wait=2) as workers, training_on(workers, slots=4) as pool:
        pool.foresight.look(later=first_asks(broken()))
        assert judged("panel") == alone("panel")


@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_no_round_beyond_those_allowed_is_asked_for(ahead, alone):
    most = []

    def record(entry):
        if isinstance(entry, Block) and entry.stage == "named":
            asked = max(call.trials.first for call in workers.asked)
            most.append((asked - entry.first) // 16)

    with Workers(wait=4) as workers, training_on(workers, slots=16, ahead=ahead) as pool:
        judge(panel, profile=PROFILE, record=record)
    assert min(ahead, 1) <= max(most) <= ahead
    assert (pool.in_vain > 0) == (ahead > 0)


def test_what_was_trained_in_vain_is_counted_and_kept(alone):
    expected, trained = alone("refuted")[0], store.counts()["trained"]
    with Workers() as workers, training_on(workers, slots=16, ahead=2) as pool:
        verdict, _, asked = judged("refuted")
        workers_trained = pool.trained
        in_vain = pool.in_vain
    assert verdict == expected and in_vain > 0
    assert store.counts()["trained"] - trained == workers_trained == asked + in_vain
    again = store.counts()["trained"]
    with Workers() as workers, training_on(workers, slots=16) as pool:
        pretrain(GOOD[0], Trials(16, stream="named"))
    assert store.counts()["trained"] == again and workers.asked == []


def test_a_store_that_cannot_be_written_costs_nothing_but_the_sharing(alone, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MRPCHECK_STORE", str(tmp_path / "file" / "store"))
    with Workers() as workers, training_on(workers, slots=3):
        assert judged("search")[:2] == alone("search")[:2]


def test_what_is_handed_out_twice_is_not_the_same_array(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MRPCHECK_STORE", str(tmp_path / "file" / "store"))
    with Workers() as workers, training_on(workers, slots=1):
        first = pretrain(TINY, Trials(2)).kernels
        kept = first.clone()
        first.zero_()
        assert bool((pretrain(TINY, Trials(2)).kernels == kept).all()) and len(workers.asked) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"slots": 0}, "slots = 0, but should be at least 1"),
        ({"slots": 1, "ahead": -1}, "ahead = -1, but should be at least 0"),
    ],
)
def test_nonsense_is_refused_with_a_sentence(options, said):
    with pytest.raises(ValueError, match=said), training_on(Silent(), **options):
        pass


def test_a_worker_of_other_versions_refuses_with_a_sentence():
    with pytest.raises(Refused, match=r"torch = .*, but should be 0\.1, as at the coordinator"):
        work('{"torch": "0.1"}', "{}", b"")
