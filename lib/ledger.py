"""The ledger of runs and steps: `ops_job_run` and `ops_job_step`.

It says what has been done this night; predecessors, reports and `./run status` read it. A `running` row whose
lock is free belongs to a process that died.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from lib import clock, revision, telemetry
from lib.rows import Rows
from lib.warehouse import Row, Warehouse

DONE_STATES = ("done", "partial")
_ELSEWHERE_DEAD_AFTER = timedelta(hours=24)
_ERROR_BYTES, _HINT_BYTES, _ARGUMENT_BYTES = 4000, 1000, 2000
# run_id and step are the key of a row, which may have 128 bytes (be/src/common/config.h, primary_key_limit_size).
_STEP_BYTES = 100


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
        """Its rows in words; empty for a step that is not about rows, or failed before it had any."""
        return self.rows.told() if self.counts and (self.state != "failed" or self.rows != Rows()) else ""


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
            "step": _clip(step.step, _STEP_BYTES),
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


def before(warehouse: Warehouse, run: RunRecord, jobs: tuple[str, ...]) -> list[Row]:
    """What a run has to know of others before it begins, the newest first, read in one statement.

    Runs that are `running`, and those that this job and `jobs` have had this night.
    """
    names = (run.job, *jobs)
    return warehouse.read(
        "SELECT run_id, job, cycle, state, attempt, started_at, host, pid FROM ops_job_run WHERE run_id <> %s"
        f" AND (state = 'running' OR (cycle = %s AND job IN ({', '.join(['%s'] * len(names))})))"
        " ORDER BY started_at DESC, run_id DESC",
        (run.run_id, run.cycle, *names),
    )


def attempts(runs: Sequence[Row], run: RunRecord) -> int:
    """How many of these are other runs of this job this night, without those that were turned away at the lock."""
    return sum(row["job"] == run.job and row["cycle"] == run.cycle and row["attempt"] > 0 for row in runs)


@dataclass(frozen=True)
class Missing:
    """A predecessor that has not been done; `state` is empty when it has not even been started.

    `turned_away`: its lock was held, so it has not begun.
    """

    job: str
    cycle: date
    state: str
    run_id: str
    turned_away: bool = False

    @property
    def is_known(self) -> bool:
        """Whether people have been told at CRITICAL, by that run or by the one before it."""
        return self.state in ("failed", "crashed", "skipped") and not self.turned_away

    def __str__(self) -> str:
        if not self.state:
            return f"{self.job} has not run in the night of {self.cycle}"
        return f"{self.job} {'was' if self.state == 'skipped' else 'is'} {self.state} (run {self.run_id})"


def missing(runs: Sequence[Row], jobs: tuple[str, ...], cycle: date) -> list[Missing]:
    """Which of these jobs have not been done this night, each with what is known of it; `runs`: the newest first."""
    found = []
    for job in jobs:
        its = [run for run in runs if run["job"] == job and run["cycle"] == cycle]
        # A run that was skipped changes nothing, so it counts only when there is no other.
        last = next((run for run in its if run["state"] != "skipped"), its[0] if its else None)
        if last is None:
            found.append(Missing(job, cycle, "", ""))
        elif last["state"] not in DONE_STATES:
            found.append(Missing(job, cycle, last["state"], last["run_id"], turned_away=last["attempt"] == 0))
    return found


def mark_crashed(warehouse: Warehouse, runs: Sequence[Row], is_dead: Callable[[Row], bool]) -> Iterator[Row]:
    """Marks `running` rows without a process as crashed, and hands over each when it is marked.

    `is_dead` judges the rows of this host. Those of others count as dead after a day: their locks cannot be seen here.
    """
    here, now = socket.gethostname(), clock.now()
    for row in runs:
        if row["state"] != "running":
            continue
        if not (is_dead(row) if row["host"] == here else now - row["started_at"] > _ELSEWHERE_DEAD_AFTER):
            continue
        # A run closes its row before it gives up its lock: one that ended in between is not `running` any more.
        row["state"] = warehouse.value("SELECT state FROM ops_job_run WHERE run_id = %s", (row["run_id"],))
        if row["state"] == "running":
            warehouse.write(
                "UPDATE ops_job_run SET state = 'crashed', ended_at = %s, error = %s WHERE run_id = %s",
                (now, f"process {row['pid']} on {row['host']} died without a word", row["run_id"]),
            )
            row["state"] = "crashed"
            yield row


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
