"""What BACKUP and RESTORE jobs share: a record with the state that SHOW sees, and the step from state to state.

A job is an object of kind `backup_job` under the database's name: the last one, a backup or a restore.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import duckdb

from emulator.async_jobs import Job
from emulator.storage.engine import Engine, Unit

KIND = "backup_job"
LAST = "last"
BACKUP, RESTORE = "BACKUP", "RESTORE"
DONE = ("FINISHED", "CANCELLED")


def last(engine: Engine, db: str) -> dict[str, Any] | None:
    """The last job of the database, of either kind: a new one takes the place of the old."""
    found: dict[str, Any] | None = engine.get(KIND, db, LAST)
    return found


def last_of(engine: Engine, kind: str, db: str) -> dict[str, Any] | None:
    """The last job of the database when it is of this kind."""
    body = last(engine, db)
    return body if body is not None and body["kind"] == kind else None


class JobRun:
    """One job at work: its body, its cursor, and the step from state to state."""

    def __init__(self, engine: Engine, body: Mapping[str, Any], job: Job) -> None:
        self.engine, self.body, self.job = engine, dict(body), job
        self.cursor: duckdb.DuckDBPyConnection = engine.cursor()

    def enter(self, state: str, **changes: Any) -> None:
        """Be in a state from now on, and stay there for a while."""
        self.body |= {"state": state, **changes}
        with self.engine.write(self.cursor) as unit:
            save(unit, self.body)
        self.job.pause()

    def end(self, state: str, unit: Unit | None = None, **changes: Any) -> None:
        """Be FINISHED or CANCELLED, inside of `unit` when given."""
        self.body |= {"state": state, "finished": time.time(), **changes}
        if unit is not None:
            save(unit, self.body)
            return
        with self.engine.write(self.cursor) as own:
            save(own, self.body)


def save(unit: Unit, body: Mapping[str, Any]) -> None:
    """Write a job's body."""
    unit.put(KIND, body["db"], LAST, body)
