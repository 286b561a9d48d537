"""submitit's executors (its local one, SLURM's) under the standard protocol that `Pool` asks for.

submitit's jobs have no callbacks, and say only as text what was raised in them: one thread looks at
all of them, and what a call raises comes back as it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from typing import Any

__all__ = ["LostJob", "Submitted"]

LATE = 15.0  # seconds for a result to appear on a shared folder after its job has ended


class LostJob(BrokenExecutor):
    """A job ended without a result: cancelled, out of time or memory, or its node died."""


class Submitted(Executor):
    """Jobs of a submitit executor as futures.

    executor  `submitit.LocalExecutor`, `AutoExecutor` or `SlurmExecutor`, its parameters set: the
              folder has to be seen by all machines, and trusted: its jobs are pickled
    look      seconds between two looks at the jobs

    A future that is cancelled cancels its job. What a job was given, and gave, is removed from the
    folder once it was taken; its logs stay.
    """

    def __init__(self, executor: Any, *, look: float = 1.0) -> None:
        if not look > 0:
            raise ValueError(f"look = {look}, but should be above 0 [Submitted]")
        self._executor, self._look = executor, look
        self._jobs: dict[Future[Any], Any] = {}
        self._ended: dict[Future[Any], float] = {}
        self._change = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._watch, name="submitted", daemon=True)
        self._thread.start()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit one job; raises what submitit does where it cannot, RuntimeError once shut."""
        if self._closing:
            raise RuntimeError("executor = shut down, but should be open [Submitted]")
        future: Future[Any] = Future()
        job = self._executor.submit(_answer, function, args, kwargs)
        with self._change:
            self._jobs[future] = job
            self._change.notify()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more jobs; wait for those under way, or cancel them."""
        with self._change:
            self._closing = True
            under_way = list(self._jobs)
            self._change.notify()
        if cancel_futures:
            for future in under_way:
                future.cancel()
        if wait:
            self._thread.join()

    def _watch(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._jobs or self._closing)
                under_way = list(self._jobs.items())
            if not under_way:
                return
            for future, job in under_way:
                if self._settle(future, job):
                    with self._change:
                        del self._jobs[future]
                    self._ended.pop(future, None)
            with self._change:
                self._change.wait(self._look)

    def _settle(self, future: Future[Any], job: Any) -> bool:
        """Hand on what a job came to; False while it is under way."""
        try:
            if future.cancelled():
                future.set_running_or_notify_cancel()
                job.cancel(check=False)
                return True
            if not job.done():
                return False
            if not job.paths.result_pickle.exists():
                return self._lost(future, job)
            value, error = job.result()
        except Exception as failure:  # submitit's own, as of a job that found no mrpcheck
            value, error = None, failure
        if future.set_running_or_notify_cancel():
            future.set_result(value) if error is None else future.set_exception(error)
        _remove(job)
        return True

    def _lost(self, future: Future[Any], job: Any) -> bool:
        """A result may appear late, or never."""
        if time.monotonic() - self._ended.setdefault(future, time.monotonic()) < LATE:
            return False
        if future.set_running_or_notify_cancel():
            future.set_exception(
                LostJob(f"job {job.job_id} = {job.state}, but should have ended with a result")
            )
        return True


def _answer(function: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Any, Exception | None]:
    """What a call returns, or raises: submitit would tell the latter as text."""
    try:
        return function(*args, **kwargs), None
    except Exception as error:
        return None, error


def _remove(job: Any) -> None:
    with suppress(OSError):
        job.paths.submitted_pickle.unlink(missing_ok=True)
        job.paths.result_pickle.unlink(missing_ok=True)
