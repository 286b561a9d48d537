"""Training blocks elsewhere: any `concurrent.futures.Executor`, asked by one coordinator.

A block is a pure function of (setup, stream, block, code version): it may run anywhere, twice, or
late. What is scheduled where, and again where a worker dies, is the executor's to say. Evidence
counts in seed order whatever the order of arrival: claims ask `store` for block after block as they
always do, and what was asked for ahead of its turn is there, or is waited for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

from mrpcheck import foreseeing, store
from mrpcheck.calls import Arrays, call_under_way
from mrpcheck.flights import Flight, Landed, divided
from mrpcheck.foreseeing import Foresight
from mrpcheck.working import Refused, terms, work

__all__ = ["Pool", "training_on"]

LOSSES = 3  # times that a block may be lost before it is trained here
LOOK = 1.0  # seconds between two looks at what else could be put in flight
ALONE = 30.0  # seconds without any worker after which blocks are trained here, till there is one

_log = logging.getLogger("mrpcheck")


class Pool:
    """Blocks in flight on an executor, and those that came back.

    executor  any of the standard protocol: Dask's, a process pool, submitit's, loky's
    slots     workers that train at the same time, or what counts them as they come and go (0 for
              none): twice as many blocks are in flight at most
    ahead     rounds of a panel beyond the one under way that are asked for ahead of their turn
    refused   told of an answer by a worker of other versions, to send it away; without it the claim
              says so
    work      what the executor runs, in the place of `working.work`
    lost      what the executor raises where a block, and no training, went wrong

    A block that was lost is asked for again when its turn comes; one that the executor cannot take,
    or that was lost three times, is trained here, and so is all that is asked for while there has
    been no worker for half a minute. `trained` counts the trials that came back, `in_vain` those
    that no claim has asked for: they stay in the store. `said` is what the user should know.
    """

    def __init__(
        self,
        executor: Executor,
        slots: int | Callable[[], int],
        *,
        ahead: int = 2,
        refused: Callable[[Refused], None] | None = None,
        lost: tuple[type[BaseException], ...] = (),
        work: Callable[[str, str, bytes], bytes] = work,
    ) -> None:
        if isinstance(slots, int) and slots < 1:
            raise ValueError(f"slots = {slots}, but should be at least 1 [Pool]")
        if ahead < 0:
            raise ValueError(f"ahead = {ahead}, but should be at least 0 [Pool]")
        self.executor, self._slots, self._work = executor, slots, work
        self.foresight = Foresight(ahead, self._tend)
        self.trained = self.submitted = self.losses = self.here = 0
        self.said: list[str] = []
        self._refused = refused
        self._seen = time.monotonic()
        self._lost: tuple[type[BaseException], ...] = (
            CancelledError,
            OSError,
            BrokenExecutor,
            *lost,
        )
        self._flights: dict[str, Flight] = {}
        self._came = Landed()
        self._unused: dict[str, int] = {}
        self._lost_names: dict[str, int] = {}
        self._stays: set[str] = set()
        self._error: Refused | None = None
        self._done: SimpleQueue[str] = SimpleQueue()
        self._terms = terms()

    @property
    def in_vain(self) -> int:
        """Trials that were trained ahead of their turn, and not asked for so far."""
        return sum(self._unused.values())

    def fetch(self, name: str, trials: int, patient: bool) -> Arrays | None:
        """The block of the call under way; None where it is to be trained here.

        Raises `store.Busy` while it is in flight and `patient` is False; a patient caller waits,
        and meanwhile what will be asked for next is put in flight.
        """
        while True:
            self._land()
            if name in self._came:
                return self._came.copy(name)
            if name not in self._flights and not self._launch(name, trials, patient):
                if self.foresight.active:
                    raise store.Busy(name)  # in its turn, not before
                return None
            if not patient:
                raise store.Busy(name)
            if self._alone():
                self._here_once()
                return None
            if not self._foresee():
                self._land(LOOK)

    def asked(self, name: str) -> bool:
        """A claim was given this block: in its turn, or ahead of it, which does not count."""
        if self.foresight.active:
            self.foresight.found += 1
            return False
        self._unused.pop(name, None)
        return True

    def leave(self) -> None:
        """Give up what is in flight: nobody will ask for it."""
        for flight in self._flights.values():
            for future in flight.futures:
                future.cancel()

    @property
    def slots(self) -> int:
        """Workers that train at the same time, as far as is known."""
        return self._slots if isinstance(self._slots, int) else self._slots()

    def _foresee(self) -> bool:
        """Put something in flight that will be asked for, or may be where workers are idle."""
        parts, slots = sum(len(f.futures) for f in self._flights.values()), self.slots
        return parts < 2 * slots and self.foresight.step(idle=parts < slots)

    def _tend(self) -> None:
        """Between two answers of a claim that waits for nothing: workers are not to run out."""
        self._land()
        self._foresee()

    def _launch(self, name: str, trials: int, patient: bool) -> bool:
        """Put a block in flight; False where it has to be trained here."""
        call = call_under_way(name)
        if self._error is not None and not self.foresight.active:
            raise self._error
        if call is None or name in self._stays:
            return False
        if self._alone():
            return self._here_once()
        try:
            parts = divided(call, self.slots) if patient else [call]
            written = [part.write() for part in parts]
        except TypeError as error:
            _log.info("trained here: %s", error)
            return self._stay(name)
        try:
            futures = [self.executor.submit(self._work, self._terms, *each) for each in written]
        except Exception as error:
            _log.info("executor = %r", error)
            self._say(f"executor = {_kind(error)}, but should take blocks: trained here meanwhile")
            return self._here_once()
        self.submitted += len(futures)
        self._flights[name] = Flight(call, trials, futures)
        for future in futures:
            future.add_done_callback(lambda _: self._done.put(name))
        return True

    def _stay(self, name: str) -> bool:
        self._stays.add(name)
        return self._here_once()

    def _here_once(self) -> bool:
        self.here += not self.foresight.active
        return False

    def _land(self, seconds: float = 0.0) -> None:
        """Take in what came back, waiting for the first of it at most so long."""
        try:
            self._take(self._done.get(timeout=seconds) if seconds else self._done.get_nowait())
            while True:
                self._take(self._done.get_nowait())
        except Empty:
            return

    def _take(self, name: str) -> None:
        flight = self._flights.get(name)
        if flight is None or not flight.done():
            return
        del self._flights[name]
        try:
            arrays = flight.arrays()
        except Refused as error:
            self._refuse(name, error)
        except self._lost as error:
            self._lose(name, error)
        except Exception as error:  # the training's own: here it is raised where it belongs
            _log.info("block = %s, a worker's %r", name, error)
            self._say(f"a worker's training = ended by {_kind(error)}: again here")
            self._stays.add(name)
        else:
            self._keep(name, flight, arrays)
        self.foresight.landed(name, lost=name not in self._came)

    def _keep(self, name: str, flight: Flight, arrays: Arrays) -> None:
        store.put(name, arrays, trials=flight.trials)
        self.trained += flight.trials
        self._unused[name] = flight.trials
        self._came.add(name, arrays)

    def _refuse(self, name: str, error: Refused) -> None:
        if self._refused is None:
            self._error = error
            return
        self._say(f"{error.args[0]}: sent away")
        self._refused(error)
        self._lose(name, error)

    def _lose(self, name: str, error: BaseException) -> None:
        self.losses += 1
        self._lost_names[name] = self._lost_names.get(name, 0) + 1
        if self._lost_names[name] >= LOSSES:
            _log.info("block = %s, lost by %r", name, error)
            self._say(f"a block = lost {LOSSES} times ({_kind(error)}): trained here")
            self._stays.add(name)

    def _alone(self) -> bool:
        """Whether there has been no worker for so long that blocks are better trained here."""
        if self.slots:
            self._seen = time.monotonic()
            return False
        if time.monotonic() - self._seen <= ALONE:
            return False
        self._say(f"workers = none for {ALONE:.0f} s, but should be some: trained here meanwhile")
        return True

    def _say(self, text: str) -> None:
        """What the user should know, once."""
        if text not in self.said:
            self.said.append(text)
            _log.warning("%s", text)


def _kind(error: BaseException) -> str:
    return type(error).__name__


@contextmanager
def training_on(
    executor: Executor, slots: int | Callable[[], int], **options: Any
) -> Iterator[Pool]:
    """Train on `executor` whatever is asked for inside: claims, or `pretrain` itself.

    `slots` is how many workers it has. Verdicts are those of a single machine, to the last digit,
    where the workers compute as this machine does.

    >>> from concurrent.futures import ProcessPoolExecutor
    >>> with ProcessPoolExecutor(2) as executor, training_on(executor, slots=2) as pool:
    ...     pool.trained
    0
    """
    pool = Pool(executor, slots, **options)
    try:
        with foreseeing.using(pool.foresight), store.asking(pool):
            yield pool
    finally:
        pool.leave()
