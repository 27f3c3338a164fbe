"""What BACKUP and RESTORE jobs share: one a database, a state that is kept in the file and seen by SHOW.

A job is an object of kind `backup_job` under the database's name, `RESTORE` or `BACKUP` in its `kind`; each
database has the last of each kind. After a restart a job that had not ended starts again from PENDING, with a
new cut time: StarRocks does that for a backup that had not taken its snapshot yet, and goes on where it was otherwise.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import duckdb

from emulator import async_jobs
from emulator.async_jobs import Cancelled, Job
from emulator.engine import Engine, Unit
from emulator.errors import StarRocksError, failed
from emulator.repositories import COMMON_ERROR

KIND = "backup_job"
BACKUP, RESTORE = "BACKUP", "RESTORE"
DONE = ("FINISHED", "CANCELLED")
_submitting = threading.Lock()
_threads: dict[int, Job] = {}


def key(kind: str, db: str) -> tuple[str, str]:
    """(db, name) of the last job of a kind."""
    return db, kind


def last(engine: Engine, kind: str, db: str) -> dict[str, Any] | None:
    """The last job of the database."""
    found: dict[str, Any] | None = engine.get(KIND, *key(kind, db))
    return found


def running(engine: Engine, db: str) -> dict[str, Any] | None:
    """The job that runs in the database, if any."""
    found = (last(engine, kind, db) for kind in (BACKUP, RESTORE))
    return next((job for job in found if job is not None and job["state"] not in DONE), None)


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
    unit.put(KIND, *key(body["kind"], body["db"]), body)


def submit(engine: Engine, cursor: duckdb.DuckDBPyConnection, body: dict[str, Any]) -> None:
    """Record a new job and start it. Raises 5064 while another one of the database runs."""
    if not _submitting.acquire(timeout=5):
        raise failed("Another backup or restore job is being submitted. Please wait and try again", COMMON_ERROR)
    try:
        if running(engine, body["db"]) is not None:
            raise failed("Can only run one backup or restore job of a database at same time", COMMON_ERROR)
        with engine.write(cursor) as unit:
            save(unit, body)
    finally:
        _submitting.release()
    start(engine, body)


def start(engine: Engine, body: dict[str, Any]) -> None:
    """Run a recorded job in its thread."""
    _threads[body["id"]] = async_jobs.of(engine).start(
        f"{body['kind'].lower()} {body['label']}", lambda job: _run(engine, body, job)
    )


def _run(engine: Engine, body: dict[str, Any], job: Job) -> None:
    from emulator import backup, restore  # they build on this module

    run = JobRun(engine, body, job)
    try:
        (backup if body["kind"] == BACKUP else restore).run(run)
    except async_jobs.Stopped:
        raise
    except Cancelled as error:
        run.end("CANCELLED", status=f"[COMMON_ERROR, msg: {error}, current state: {run.body['state']}]")
    except StarRocksError as error:
        run.end("CANCELLED", status=f"[COMMON_ERROR, msg: {error.message}]")
    except (duckdb.Error, OSError) as error:
        run.end("CANCELLED", status=f"[COMMON_ERROR, msg: {str(error).splitlines()[0]}]")
    finally:
        _threads.pop(body["id"], None)
        run.cursor.close()


def cancel(engine: Engine, kind: str, db: str) -> None:
    """CANCEL BACKUP | RESTORE. Raises 5064 when nothing runs."""
    body = last(engine, kind, db)
    if body is None or body["state"] in DONE:
        raise failed(f"No {kind.lower()} job is currently running", COMMON_ERROR)
    job = _threads.get(body["id"])
    if job is not None:
        job.cancel("user cancelled")
        job.join(10)


def recover(engine: Engine) -> None:
    """Start again what a crash or a stop has left unfinished."""
    for body in list(engine.items(KIND).values()):
        if body["state"] not in DONE:
            start(engine, {**body, "state": "PENDING"})
