"""A follower reads topics on and on, under a lock of its own; the loads of the night leave its tables to it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

from lib import clock, ledger, log, retry
from lib.catalog import TableFile
from lib.errors import Held
from lib.loading import load as loading
from lib.reading import Window

if TYPE_CHECKING:
    from lib.run import Run

# A round with so many rows is followed by the next without a pause: there is probably more.
BUSY_ROWS = 50_000


def load(run: Run, table: TableFile, window: Window) -> None:
    """Loads a table, unless a follower is at it: then that is told, and the step has nothing to do.

    Raises `Held` when more than what is new is asked for, which the follower will not do.
    """
    if run.dry_run:
        loading.load(run, table, window)
        return
    with ExitStack() as claims:
        try:
            claims.enter_context(_claimed(run, table))
        except Held as held:
            if window != Window():
                raise
            run.note(f"{table.name}: left to its follower ({held.message})")
            return
        loading.load(run, table, window)


def follow(run: Run, tables: Sequence[TableFile], every: float) -> None:
    """Loads what is new of the tables in rounds, `every` seconds or at once while there is much, until an error.

    After a round with rows, the run's row in the ledger has their number so far.
    """
    with ExitStack() as claims:
        for table in tables:
            claims.enter_context(_claimed(run, table))
        while True:
            before = run.rows.read
            retry.call(lambda: _round(run, tables), before_retry=_say)
            found = run.rows.read - before
            if found and not run.dry_run:
                # The night goes on while the run does: its loads belong to the night in which they are made.
                run.record.rows, run.record.cycle = run.rows, clock.cycle()
                ledger.write_run(run.warehouse, run.record)
            if found < BUSY_ROWS:
                time.sleep(every)


def _round(run: Run, tables: Sequence[TableFile]) -> None:
    for table in tables:
        loading.load(run, table)


def _claimed(run: Run, table: TableFile) -> AbstractContextManager[None]:
    """Nobody else brings what is new into this table: two at once would read the same and each count it."""
    return run.holding(f"table-{table.name}")


def _say(error: Exception, attempt: int, wait: float) -> None:
    log.warning("round_retried", attempt=attempt, wait_seconds=round(wait, 2), error=str(error))
