"""Jobs that run beside the statements: each in its own thread, in states that last `async_delay_ms`.

jobs = async_jobs.of(engine)
job = jobs.start("backup dw", run)        # run(job) calls job.pause() between its states
job.cancel("user cancelled")              # the next pause() raises Cancelled
jobs.close()                              # when the server stops: every job ends at its next pause
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.storage.engine import Engine


class Cancelled(Exception):
    """The job has to end: its text says why."""


class Stopped(Cancelled):
    """The server stops; what is left to do is done after the next start, if the job says so."""


class Job:
    """One running job."""

    def __init__(self, jobs: Jobs, name: str) -> None:
        self._jobs = jobs
        self._wake = threading.Event()
        self._reason = ""
        self.name = name
        self.thread: threading.Thread | None = None
        self.interrupt: Callable[[str], None] = lambda _: None

    def cancel(self, reason: str) -> None:
        """Make the job end at its next pause; `interrupt` ends what it is doing until then."""
        self._reason = reason
        self._wake.set()
        self.interrupt(reason)

    def stop(self) -> None:
        """Make the job end because the server does."""
        self._wake.set()
        self.interrupt("Server is shutting down")

    def pause(self, seconds: float | None = None) -> None:
        """Stay in the present state for a while: `async_delay_ms` unless `seconds` is given.

        Raises Cancelled or Stopped as soon as somebody asked for it.
        """
        self._wake.wait(self._jobs.delay_seconds if seconds is None else seconds)
        if self._reason:
            raise Cancelled(self._reason)
        if self._wake.is_set():
            raise Stopped("the server stops")

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of the job."""
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join(timeout)


class Jobs:
    """The jobs of one engine."""

    def __init__(self, engine: Engine) -> None:
        self.delay_seconds = engine.async_delay_ms / 1000
        self._lock = threading.Lock()
        self._running: set[Job] = set()
        self._turns: dict[str, threading.Lock] = {}
        self._closed = False

    def start(self, name: str, run: Callable[[Job], None]) -> Job:
        """Run `run(job)` in a thread. An exception that it lets out ends only this job.

        Raises Stopped after `close`.
        """
        job = Job(self, name)
        with self._lock:
            if self._closed:
                raise Stopped("the server stops")
            self._running.add(job)
        job.thread = threading.Thread(target=self._run, args=(job, run), name=name, daemon=True)
        job.thread.start()
        return job

    def find(self, name: str) -> Job | None:
        """The running job of a name."""
        with self._lock:
            return next((job for job in self._running if job.name == name), None)

    def turn(self, name: str) -> threading.Lock:
        """The lock under which those who do the same thing take turns."""
        with self._lock:
            return self._turns.setdefault(name, threading.Lock())

    def _run(self, job: Job, run: Callable[[Job], None]) -> None:
        try:
            run(job)
        except Cancelled:
            return
        finally:
            with self._lock:
                self._running.discard(job)

    def close(self) -> None:
        """End every job and wait for them."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for job in running:
            job.stop()
        for job in running:
            job.join(30)


_all: weakref.WeakKeyDictionary[Engine, Jobs] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def of(engine: Engine) -> Jobs:
    """The jobs of an engine; made at the first call."""
    with _lock:
        if engine not in _all:
            _all[engine] = Jobs(engine)
        return _all[engine]
