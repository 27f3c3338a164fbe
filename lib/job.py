"""A job: lock, ledger, predecessors, body, notification, exit code.

    @job(after=["load_dimensions"], lock="loads", options=[only("table")])
    def load_facts(run: Run) -> None: ...

The function's name is the job's name, its file, its lock, its span and its row in the ledger.
"""

from __future__ import annotations

import secrets
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from lib import clock, ledger, lock, log, options, outcome, retry, revision, telemetry
from lib.errors import Exit, NotNow, Stopped, Told
from lib.ledger import RunRecord
from lib.options import Option
from lib.run import Run
from lib.settings import REPOSITORY
from lib.warehouse import Warehouse
from lib.warehouse_errors import NoSuchTable

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
    creates_ledger: Callable[[Warehouse], None] | None
    description: str

    def main(self, argv: Sequence[str]) -> Exit:
        """Runs the job; never raises, except SystemExit for --help."""
        try:
            args = options.parser(self.name, self.description, self.options).parse_args(list(argv))
            run_id = new_run_id()
        except Told as error:
            return outcome.refused(self.name, error)
        _install_signal_handlers()
        log.configure(job=self.name, run_id=run_id)
        record = RunRecord(run_id, self.name, clock.cycle(), clock.now(), arguments=shlex.join(argv))
        attributes = {"nightshift.cycle": str(record.cycle), "service.version": revision.current()}
        telemetry.start(job=self.name, run_id=run_id, attributes=attributes)
        warehouse = Warehouse(job=self.name, run_id=run_id, dry_run=args.dry_run)
        run = Run(record, args, warehouse)
        try:
            with telemetry.span(f"job {self.name}", **{"nightshift.job.name": self.name, "nightshift.run.id": run_id}):
                return self._run(run)
        finally:
            warehouse.close()
            telemetry.shutdown()

    def _run(self, run: Run) -> Exit:
        error: BaseException | None = None
        try:
            if self.recorded and not run.dry_run:
                since = f"{run.record.started_at:%Y-%m-%d %H:%M:%S}"
                with lock.held(self.lock, job=self.name, run_id=run.run_id, since=since):
                    error = self._recorded(run)
            else:
                error = _body(self, run)
        except (Told, Stopped) as caught:
            error = caught
        return outcome.tell(run, error)

    def _recorded(self, run: Run) -> BaseException | None:
        self._open(run)
        missing = ledger.missing(run.warehouse, self.after, run.record.cycle) if not run.args.force else []
        if missing:
            error: BaseException | None = NotNow(
                f"{self.name}: not before its predecessors: {'; '.join(missing)}",
                hint=f"run them first, or: ./run {self.name} --force",
            )
        else:
            ledger.write_run(run.warehouse, run.record)
            error = _body(self, run)
        self._close(run, error)
        return error

    def _open(self, run: Run) -> None:
        """Counts this run into the night; a first statement that is worth waiting for."""

        def first() -> None:
            try:
                run.record.attempt = ledger.attempts(run.warehouse, self.name, run.record.cycle) + 1
            except NoSuchTable:
                if self.creates_ledger is None:
                    raise
                self.creates_ledger(run.warehouse)

        retry.call(first, before_retry=_say_retry)
        for row in ledger.mark_crashed(run.warehouse, _jobs_under(self.lock, self.name), run.run_id):
            outcome.crashed(run, row)

    def _close(self, run: Run, error: BaseException | None) -> None:
        outcome.settle(run, error)

        def last() -> None:
            run.save_steps()
            ledger.write_run(run.warehouse, run.record)

        try:
            retry.call(last, before_retry=_say_retry)
        except Told as failed:
            # The next start finds the row still `running` and its lock free, and marks it.
            log.error("ledger_not_closed", error=failed.message)
            run.failures.append(failed)


def job(
    *,
    after: Sequence[str] = (),
    lock: str = "",
    options: Sequence[Option] = (),
    recorded: bool = True,
    creates_ledger: Callable[[Warehouse], None] | None = None,
) -> Callable[[Body], Job]:
    """Makes a job of a function.

    `after`: jobs that must have been done in the same night. `lock`: jobs of one lock exclude one another (default:
    the job alone). `recorded=False`: a job that only looks: no lock, no row in the ledger.
    """

    def made(body: Body) -> Job:
        name = body.__name__
        description = (sys.modules[body.__module__].__doc__ or "").strip()
        return Job(name, body, tuple(after), lock or name, tuple(options), recorded, creates_ledger, description)

    return made


def new_run_id() -> str:
    """Sorts by time, is short enough to be read aloud, and no two are alike."""
    return f"{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def _body(made: Job, run: Run) -> BaseException | None:
    try:
        made.body(run)
    except (Exception, Stopped) as error:
        if not isinstance(error, Told | Stopped):
            log.exception("bug", error)
        return error
    return None


def _say_retry(error: Exception, attempt: int, wait: float) -> None:
    log.warning("retried", attempt=attempt, wait_seconds=round(wait, 2), error=str(error))


def _install_signal_handlers() -> None:
    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        # Once is enough: a second signal must not break the closing of lock, transaction and ledger.
        signal.signal(number, signal.SIG_IGN)
        raise Stopped(Exit.TERMINATED if number == signal.SIGTERM else Exit.INTERRUPTED)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _jobs_under(name: str, own: str) -> tuple[str, ...]:
    """The jobs that share a lock; read from their files, since importing them all would be slow."""
    folder = REPOSITORY / "jobs"
    sharing = {path.stem for path in folder.glob("[!_]*.py") if f'lock="{name}"' in path.read_text(encoding="utf-8")}
    return tuple(sorted({own, *sharing}))
