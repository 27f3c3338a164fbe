"""BACKUP and RESTORE jobs begin, run beside the sessions, are cancelled, and go on after a start: one a database.

After a restart a job that had not ended starts again from PENDING, with a new cut time: StarRocks does that for a
backup that had not taken its snapshot yet, and goes on where it was otherwise.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import duckdb

from emulator import async_jobs
from emulator.async_jobs import Cancelled, Job
from emulator.backup import backup, restore
from emulator.backup.jobs import BACKUP, DONE, KIND, RESTORE, JobRun, last, last_of, save
from emulator.backup.store import COMMON_ERROR
from emulator.errors import StarRocksError, failed
from emulator.storage.engine import Engine

_submitting = threading.Lock()


def submit(engine: Engine, cursor: duckdb.DuckDBPyConnection, body: dict[str, Any]) -> None:
    """Record a new job and start it. Raises 5064 while another one of the database runs."""
    if not _submitting.acquire(timeout=5):
        raise failed("Another backup or restore job is being submitted. Please wait and try again", COMMON_ERROR)
    try:
        before = last(engine, body["db"])
        if before is not None and before["state"] not in DONE:
            raise failed("Can only run one backup or restore job of a database at same time", COMMON_ERROR)
        with engine.write(cursor) as unit:
            save(unit, body)
    finally:
        _submitting.release()
    start(engine, body)


def start(engine: Engine, body: dict[str, Any]) -> None:
    """Run a recorded job in its thread."""
    async_jobs.of(engine).start(_name(body), lambda job: _run(engine, body, job))


def _name(body: Mapping[str, Any]) -> str:
    return f"{body['kind'].lower()} {body['id']}"


def _run(engine: Engine, body: dict[str, Any], job: Job) -> None:
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
        run.cursor.close()


def cancel(engine: Engine, kind: str, db: str) -> None:
    """CANCEL BACKUP | RESTORE. Raises 5064 when no such job is there, or when it has ended."""
    body = last_of(engine, kind, db)
    if body is None:
        raise failed(f"No {'restore' if kind == RESTORE else 'backup job'} is currently running", COMMON_ERROR)
    if body["state"] in DONE:
        reason = f"Job with label {body['label']} can not be cancelled. state: {body['state']}"
        raise failed(f"Failed to cancel job: {reason}", COMMON_ERROR)
    job = async_jobs.of(engine).find(_name(body))
    if job is not None:
        job.cancel("user cancelled")
        job.join(10)


def recover(engine: Engine) -> None:
    """Start again what a crash or a stop has left unfinished."""
    for body in list(engine.items(KIND).values()):
        if body["state"] not in DONE:
            start(engine, {**body, "state": "PENDING"})
