"""One run of a job: its steps, each with span, retry and row count, and what came of them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol, TypeVar

from lib import clock, ledger, lock, log, retry, streams, telemetry
from lib.errors import DataRefused, Exit, Told, Unavailable, as_told
from lib.ledger import RunRecord, StepRecord
from lib.rows import Rows
from lib.warehouse import Warehouse
from lib.warehouse_errors import SERVICE

MARKS = {"done": "ok", "partial": "partial", "skipped": "skipped", "failed": "FAILED", "interrupted": "stopped"}


class Named(Protocol):
    """Something a step can be about: a table, a view, a check."""

    @property
    def name(self) -> str:
        """Its name, which is the step's name."""


Item = TypeVar("Item", bound=Named)


@dataclass
class Run:
    """What a job's body gets: its arguments, the warehouse, and `each`/`step` to do things with."""

    record: RunRecord
    args: argparse.Namespace
    warehouse: Warehouse
    steps: list[StepRecord] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    result: dict[str, object] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """Identity of the run."""
        return self.record.run_id

    @property
    def cycle(self) -> date:
        """The night to which the run belongs: that of the clock, or the one that --date names."""
        return self.record.cycle

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be written."""
        return self.warehouse.dry_run

    def holding(self, name: str, patience: float = lock.GRACE) -> AbstractContextManager[None]:
        """The lock `name` for a block, with this run as its holder. Raises `Held` after `patience` seconds."""
        since = f"{self.record.started_at:%Y-%m-%d %H:%M:%S}"
        return lock.held(name, job=self.record.job, run_id=self.run_id, since=since, patience=patience)

    @property
    def rows(self) -> Rows:
        """The rows of all steps."""
        total = Rows()
        for step in self.steps:
            total += step.rows
        return total

    @property
    def has_done_some(self) -> bool:
        """Whether any step has come to its end."""
        return any(step.state in ledger.DONE_STATES for step in self.steps)

    @property
    def is_warehouse_gone(self) -> bool:
        """Whether the last failure was that the warehouse did not answer, retries used up."""
        return bool(self.failures) and _is_warehouse_gone(self.failures[-1])

    def note(self, text: str) -> None:
        """Keeps a line that people should read: it is printed and part of the result."""
        self.notes.append(text)

    def each(self, action: Callable[[Run, Item], Rows | None], items: Iterable[Item]) -> None:
        """One step an item. A failed item does not stop the others, it fails the run.

        When the warehouse itself does not answer, the remaining items are skipped: they would only wait as long again.
        """
        gone = False
        for item in items:
            if gone:
                self.skip(item.name, f"{SERVICE} did not answer")
                continue
            self.step(item.name, lambda item=item: action(self, item))  # type: ignore[misc]
            gone = self.is_warehouse_gone

    def skip(self, name: str, why: str) -> None:
        """Keeps a step that was not even tried, with the reason."""
        self.steps.append(StepRecord(name, clock.now(), state="skipped", error=why))
        self._say(self.steps[-1])

    def count(self, rows: Rows) -> None:
        """Counts rows into the step that is going on: what one attempt has made visible stays counted in the next."""
        self.steps[-1].counts = True
        self.steps[-1].rows += rows

    def step(self, name: str, action: Callable[[], Rows | None]) -> StepRecord:
        """Does one thing: with a span, with retry of what is transient, its error kept for the end of the run."""
        record = StepRecord(name, clock.now())
        self.steps.append(record)
        began = time.monotonic()

        def again(error: Exception, attempt: int, wait: float) -> None:
            record.attempt = attempt + 1
            log.warning("step_retried", step=name, attempt=attempt, wait_seconds=round(wait, 2), error=str(error))

        try:
            with telemetry.span(f"step {name}", **{"nightshift.step": name}), log.bind(step=name):
                counted = retry.call(action, before_retry=again)
            if counted is not None:
                self.count(counted)
            record.state = "partial" if record.rows.put_aside else "done"
        except Exception as error:
            self._failed(record, error)
        except BaseException as error:
            record.state, record.error = "interrupted", str(error)
            raise
        finally:
            record.seconds = time.monotonic() - began
            self._say(record)
        return record

    def _failed(self, record: StepRecord, caught: Exception) -> None:
        error = as_told(caught)
        self.failures.append(error)
        record.state = "failed"
        if isinstance(error, Told):
            record.error, record.hint = error.message, error.hint
        else:
            record.error = f"bug: {type(error).__name__}: {error}"
            log.exception("step_bug", error, step=record.step)

    def _say(self, record: StepRecord) -> None:
        if not self.args.json:
            print_step(record)
        say = log.error if record.state == "failed" else log.info
        fields = {"error": record.error} if record.error else {}
        say(
            "step",
            step=record.step,
            state=record.state,
            seconds=round(record.seconds, 3),
            **record.rows.as_dict(),
            **fields,
        )
        telemetry.count("nightshift.rows", record.rows.loaded, **{"nightshift.step": record.step})

    def save_steps(self) -> None:
        """Writes the steps into the ledger."""
        ledger.write_steps(self.warehouse, self.record, self.steps)

    def exit_code(self) -> Exit:
        """The exit code that tells the truth about the steps."""
        codes = {error.exit_code if isinstance(error, Told) else Exit.BUG for error in self.failures}
        if not codes:
            return Exit.PARTIAL if self.rows.put_aside else Exit.DONE
        for worst in (Exit.CRITICAL, Exit.BUG):
            if worst in codes:
                return worst
        if self.is_warehouse_gone:
            # Items were left out, not refused: what follows must not run on half a night.
            return Exit.UNAVAILABLE
        if self.has_done_some:
            # Refused data is mended by no rerun: it must not look like rows in quarantine.
            return Exit.FAILED if any(isinstance(error, DataRefused) for error in self.failures) else Exit.PARTIAL
        order: tuple[Exit, ...] = (Exit.CONFIGURATION, Exit.UNAVAILABLE, *Exit)
        return next(code for code in order if code in codes)


def print_step(record: StepRecord) -> None:
    """One line of a step on standard output, as soon as it is over."""
    words = [record.told(), record.error]
    mark = MARKS.get(record.state, record.state)
    streams.out(f"  {record.step:<30} {mark:<8} {'  '.join(filter(None, words))}".rstrip())


def _is_warehouse_gone(error: Exception) -> bool:
    return isinstance(error, Unavailable) and error.service == SERVICE
