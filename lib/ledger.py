"""The ledger of runs and steps: `ops_job_run` and `ops_job_step`.

It says what has been done this night; predecessors, reports and `./run status` read it. A `running` row whose
lock is free belongs to a process that died.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from lib import clock, revision, telemetry
from lib.rows import Rows
from lib.warehouse import Row, Warehouse

DONE_STATES = ("done", "partial")
_ELSEWHERE_DEAD_AFTER = timedelta(hours=24)
_ERROR_BYTES, _HINT_BYTES, _ARGUMENT_BYTES = 4000, 1000, 2000


@dataclass
class RunRecord:
    """One row of ops_job_run."""

    run_id: str
    job: str
    cycle: date
    started_at: datetime
    arguments: str = ""
    state: str = "running"
    exit_code: int | None = None
    attempt: int = 1
    ended_at: datetime | None = None
    rows: Rows = field(default_factory=Rows)
    error: str = ""
    hint: str = ""


@dataclass
class StepRecord:
    """One row of ops_job_step."""

    step: str
    started_at: datetime
    state: str = "done"
    attempt: int = 1
    seconds: float = 0.0
    rows: Rows = field(default_factory=Rows)
    # Whether the step is about rows at all: a step that creates a table has none, not "nothing new".
    counts: bool = False
    error: str = ""
    hint: str = ""

    def told(self) -> str:
        """Its rows in words; empty for a step that is not about rows."""
        return self.rows.told() if self.counts else ""


def write_run(warehouse: Warehouse, run: RunRecord) -> None:
    """Writes the row of a run, over the one that is there."""
    _put(
        warehouse,
        "ops_job_run",
        {
            "run_id": run.run_id,
            "job": run.job,
            "cycle": run.cycle,
            "state": run.state,
            "exit_code": run.exit_code,
            "attempt": run.attempt,
            "arguments": _clip(run.arguments, _ARGUMENT_BYTES),
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            **_counts(run.rows),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "revision": revision.current(),
            "trace_id": telemetry.trace_id(),
            "error": _clip(run.error, _ERROR_BYTES),
            "hint": _clip(run.hint, _HINT_BYTES),
        },
    )


def write_steps(warehouse: Warehouse, run: RunRecord, steps: list[StepRecord]) -> None:
    """Writes the rows of steps, in one statement."""
    rows = [
        {
            "run_id": run.run_id,
            "step": _clip(step.step, 255),
            "job": run.job,
            "state": step.state,
            "attempt": step.attempt,
            "started_at": step.started_at,
            "seconds": round(step.seconds, 3),
            **_counts(step.rows),
            "error": _clip(step.error, _ERROR_BYTES),
            "hint": _clip(step.hint, _HINT_BYTES),
        }
        for step in steps
    ]
    if rows:
        _put(warehouse, "ops_job_step", *rows)


def attempts(warehouse: Warehouse, job: str, cycle: date) -> int:
    """How many runs of this job this night has had."""
    return int(
        warehouse.value("SELECT count(*) AS n FROM ops_job_run WHERE job = %s AND cycle = %s", (job, cycle)) or 0
    )


def last_run(warehouse: Warehouse, job: str, cycle: date) -> Row | None:
    """The newest run of a job in a night that was not merely skipped, or None."""
    rows = warehouse.read(
        "SELECT run_id, state, exit_code, started_at, error FROM ops_job_run"
        " WHERE job = %s AND cycle = %s AND state <> 'skipped' ORDER BY started_at DESC, run_id DESC LIMIT 1",
        (job, cycle),
    )
    return rows[0] if rows else None


def missing(warehouse: Warehouse, jobs: tuple[str, ...], cycle: date) -> list[str]:
    """Which of these jobs have not been done this night, each with what is known of it."""
    told = []
    for job in jobs:
        last = last_run(warehouse, job, cycle)
        if last is None:
            told.append(f"{job} has not run in the night of {cycle}")
        elif last["state"] not in DONE_STATES:
            told.append(f"{job} is {last['state']} (run {last['run_id']})")
    return told


def mark_crashed(warehouse: Warehouse, jobs: tuple[str, ...], own_run: str) -> list[Row]:
    """Marks `running` rows of these jobs as crashed and returns them: the caller holds their lock, so they are dead.

    Rows of other hosts count as dead after a day: their locks cannot be seen from here.
    """
    running = warehouse.read(
        "SELECT run_id, job, cycle, started_at, host, pid FROM ops_job_run"
        f" WHERE state = 'running' AND run_id <> %s AND job IN ({', '.join(['%s'] * len(jobs))})",
        (own_run, *jobs),
    )
    here, now = socket.gethostname(), clock.now()
    dead = [row for row in running if row["host"] == here or now - row["started_at"] > _ELSEWHERE_DEAD_AFTER]
    for row in dead:
        warehouse.write(
            "UPDATE ops_job_run SET state = 'crashed', ended_at = %s, error = %s WHERE run_id = %s",
            (now, f"process {row['pid']} on {row['host']} died without a word", row["run_id"]),
        )
    return dead


def _counts(rows: Rows) -> dict[str, int]:
    return {f"rows_{name}": value for name, value in rows.as_dict().items()}


def _clip(text: str, size: int) -> str:
    encoded = text.encode("utf-8")
    return text if len(encoded) <= size else encoded[: size - 3].decode("utf-8", "ignore") + "..."


def _put(warehouse: Warehouse, table: str, *rows: dict[str, Any]) -> None:
    names = ", ".join(rows[0])
    marks = "(" + ", ".join(["%s"] * len(rows[0])) + ")"
    values = [value for row in rows for value in row.values()]
    warehouse.write(f"INSERT INTO {table} ({names}) VALUES {', '.join([marks] * len(rows))}", values)
