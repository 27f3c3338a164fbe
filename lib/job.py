"""A job: lock, ledger, predecessors, body, notification, exit code.

    @job(after=["load_dimensions"], lock="loads", options=[only("table")])
    def load_facts(run: Run) -> None: ...

The function's name is the job's name, its file, its lock, its span and its row in the ledger.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from lib import clock, job_files, ledger, lock, log, options, outcome, retry, revision, streams, telemetry
from lib.errors import Exit, Held, NotNow, Stopped, Told, Unavailable, as_told
from lib.ledger import Missing, RunRecord
from lib.options import Option
from lib.run import Run
from lib.warehouse import Row, Warehouse

Body = Callable[[Run], None]


@dataclass(frozen=True)
class Job:
    """One program of jobs/: call `main` with its command line."""

    name: str
    body: Body
    after: tuple[str, ...]
    lock: str
    options: tuple[Option, ...]
    recorded: bool
    prepares_ledger: Callable[[Warehouse], None] | None
    description: str

    def main(self, argv: Sequence[str]) -> Exit:
        """Runs the job; never raises, except SystemExit for --help."""
        _on_signals(_stop)
        try:
            try:
                run = self._prepared(argv)
            except Told as error:
                told = self.recorded and not {"--no-notify", "--dry-run"} & set(argv)
                return outcome.refused(self.name, error, json_wanted="--json" in argv, notify_wanted=told)
            return self._traced(run)
        except Stopped as stopped:
            # Before there was anything to close, or after all was closed.
            streams.err(f"{self.name}: {stopped}")
            return stopped.exit_code

    def _prepared(self, argv: Sequence[str]) -> Run:
        args = options.parse(self.name, self.description, self.options, argv)
        run_id = new_run_id()
        log.configure(job=self.name, run_id=run_id)
        cycle = getattr(args, "date", None) or clock.cycle()
        record = RunRecord(run_id, self.name, cycle, clock.now(), arguments=shlex.join(argv))
        return Run(record, args, Warehouse(job=self.name, run_id=run_id, dry_run=args.dry_run))

    def _traced(self, run: Run) -> Exit:
        attributes = {"nightshift.cycle": str(run.cycle), "service.version": revision.current()}
        telemetry.start(job=self.name, run_id=run.run_id, attributes=attributes)
        try:
            with telemetry.span(f"job {self.name}", job=self.name, run_id=run.run_id) as span:
                error = self._run(run)
                code = outcome.tell(run, error, recorded=self.recorded)
                span.set(outcome=run.record.state, exit_code=int(code))
                cause = error or next(iter(run.failures), None)
                if cause is not None and (code is Exit.FAILED or run.record.state not in ("partial", "skipped")):
                    span.fail(cause)
                return code
        finally:
            run.warehouse.close()
            telemetry.shutdown()

    def _run(self, run: Run) -> BaseException | None:
        try:
            if self.recorded and not run.dry_run:
                try:
                    with run.holding(self.lock):
                        return self._recorded(run)
                except Held as held:
                    return _turned_away(run, held)
            return _caught(lambda: self.body(run))
        except (Exception, Stopped) as error:
            return _judged(error)
        finally:
            _on_signals(_hear_nothing)

    def _recorded(self, run: Run) -> BaseException | None:
        found: list[Missing] = []
        error = _caught(lambda: found.extend(retry.call(lambda: self._open(run), before_retry=_say_retry)))
        if error is not None:
            return error
        if not found:
            error = _caught(lambda: self._begun(run))
        else:
            error = NotNow(
                f"{self.name}: not before its predecessors: {'; '.join(map(str, found))}",
                hint=f"./run {found[0].job}, then ./run {self.name}; or without it: ./run {self.name} --force",
                known=all(one.is_known for one in found),
            )
        # From here on there is only what has to be written down; a signal must not leave half of it.
        _on_signals(_hear_nothing)
        return self._close(run, error)

    def _open(self, run: Run) -> list[Missing]:
        """Counts this run into the night and returns its missing predecessors; may be done twice."""
        after = () if run.args.force else self.after
        if self.prepares_ledger is not None:
            self.prepares_ledger(run.warehouse)
        runs = ledger.before(run.warehouse, run.record, after)
        run.record.attempt = ledger.attempts(runs, run.record) + 1
        for row in ledger.mark_crashed(run.warehouse, runs, self._is_dead):
            outcome.crashed(run, row)
        return ledger.missing(runs, after, run.cycle)

    def _begun(self, run: Run) -> None:
        retry.call(lambda: ledger.write_run(run.warehouse, run.record), before_retry=_say_retry)
        self.body(run)

    def _is_dead(self, row: Row) -> bool:
        """Whether a `running` row of this host has no process: nobody holds its lock, which is this run's own or free.

        A free lock alone proves nothing where two checkouts have each a STATE_DIR: the process must be gone too.
        """
        locks = {file.name: file.lock for file in job_files.read_all()}
        its_lock = locks.get(str(row["job"]), str(row["job"]))
        return its_lock == self.lock or (lock.is_free(its_lock) and not lock.is_alive(row["pid"]))

    def _close(self, run: Run, error: BaseException | None) -> BaseException | None:
        """Writes steps and run into the ledger; returns the error of the run: that this was not possible, maybe."""
        outcome.settle(run, error)

        def last() -> None:
            run.save_steps()
            ledger.write_run(run.warehouse, run.record)

        try:
            # Who was told to stop has little time; a server that has used up all retries does not get as many again.
            patience = 1 if run.is_warehouse_gone or isinstance(error, Stopped | Unavailable) else None
            retry.call(last, before_retry=_say_retry, attempts=patience)
        except Told as failed:
            # The next start finds the row still `running` and its lock free, and marks it.
            log.error("ledger_not_closed", error=failed.message)
            return failed if error is None else error
        return error


def job(
    *,
    after: Sequence[str] = (),
    lock: str = "",
    options: Sequence[Option] = (),
    recorded: bool = True,
    prepares_ledger: Callable[[Warehouse], None] | None = None,
) -> Callable[[Body], Job]:
    """Makes a job of a function.

    `after`: jobs that must have been done in the same night. `lock`: jobs of one lock exclude one another (default:
    the job alone). `recorded=False`: a job that only looks: no lock, no row in the ledger.
    """

    def made(body: Body) -> Job:
        name = body.__name__
        description = (sys.modules[body.__module__].__doc__ or "").strip()
        return Job(name, body, tuple(after), lock or name, tuple(options), recorded, prepares_ledger, description)

    return made


def new_run_id() -> str:
    """Sorts by time, is short enough to be read aloud, and no two are alike."""
    return f"{clock.now():%Y%m%dT%H%M%S}-{os.urandom(3).hex()}"


def _caught(act: Callable[[], None]) -> BaseException | None:
    """What came of it: a told error, a bug, a signal; None when all is well."""
    try:
        act()
    except (Exception, Stopped) as error:
        return _judged(error)
    return None


def _judged(error: Exception | Stopped) -> BaseException:
    """The error as it is told; a bug leaves its traceback in the log."""
    told = as_told(error) if isinstance(error, Exception) else error
    if not isinstance(told, Told | Stopped):
        log.exception("bug", told)
    return told


def _turned_away(run: Run, held: Held) -> BaseException:
    """Writes down that the lock was held, and by whom: the run has not begun, so it counts as no attempt."""
    run.record.attempt = 0
    outcome.settle(run, held)
    error = _caught(lambda: ledger.write_run(run.warehouse, run.record))
    if error is not None:
        # No server, or no ledger before the first ./run migrate: why the job has not run is told all the same.
        log.warning("ledger_not_written", error=str(error))
    return error if isinstance(error, Stopped) else held


def _say_retry(error: Exception, attempt: int, wait: float) -> None:
    log.warning("retried", attempt=attempt, wait_seconds=round(wait, 2), error=str(error))


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    # Once is enough: a second signal must not break the closing of lock, transaction and ledger.
    _on_signals(_hear_nothing)
    raise Stopped(Exit.TERMINATED if number == signal.SIGTERM else Exit.INTERRUPTED)


def _hear_nothing(_number: int, _frame: FrameType | None) -> None:
    """In place of SIG_IGN, with which Python prints a traceback for a signal that has arrived just before."""


def _on_signals(act: Callable[[int, FrameType | None], None]) -> None:
    signal.signal(signal.SIGTERM, act)
    signal.signal(signal.SIGINT, act)
