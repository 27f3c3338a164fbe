"""Routine Load jobs as objects: they have a state and a reason, and never read a message.

States: NEED_SCHEDULE, after `async_delay_ms` RUNNING, PAUSED, STOPPED, CANCELLED (its table is gone).
Source: fe/fe-core/src/main/java/com/starrocks/load/routineload/{RoutineLoadJob,RoutineLoadMgr}.java; numbers:
fe/fe-spi/src/main/java/com/starrocks/common/InternalErrorCode.java.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace

from emulator.errors import failed
from emulator.storage.engine import Engine

NEED_SCHEDULE, RUNNING, PAUSED, STOPPED, CANCELLED = "NEED_SCHEDULE", "RUNNING", "PAUSED", "STOPPED", "CANCELLED"
FINAL = (STOPPED, CANCELLED)
TABLE_GONE, MANUAL_PAUSE, MANUAL_STOP, TOO_MANY_FAILURES = 6, 100, 101, 102
KIND = "routine_load"


@dataclass(frozen=True)
class Job:
    """One job. Times are epoch seconds, `changed` the last one of the state; `load` are the clauses before PROPERTIES
    by name, `properties` and `source` as given, with defaults; `partitions` maps Kafka partitions to offsets."""

    id: int
    db: str
    name: str
    table: str
    table_id: int
    created: float
    changed: float
    state: str = NEED_SCHEDULE
    reason: str = ""
    paused: float = 0.0
    ended: float = 0.0
    load: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)
    custom: dict[str, str] = field(default_factory=dict)
    partitions: dict[str, str] = field(default_factory=dict)
    original: str = ""


def reason(code: int, message: str) -> str:
    """A reason as SHOW ROUTINE LOAD prints it."""
    return f"ErrorReason{{errCode = {code}, msg='{message}'}}"


def save(engine: Engine, job: Job) -> None:
    """Write a job to the file."""
    cursor = engine.cursor()
    try:
        with engine.write(cursor) as unit:
            unit.put(KIND, job.db, str(job.id), asdict(job))
    finally:
        cursor.close()


def jobs(engine: Engine, db: str | None = None) -> list[Job]:
    """Every job (of one database), oldest first, in the state that the scheduler would have brought it to by now."""
    found = sorted((Job(**body) for body in engine.all(KIND, db)), key=lambda job: job.id)
    return [_scheduled(engine, job) for job in found]


def _scheduled(engine: Engine, job: Job) -> Job:
    if job.state in FINAL:
        return job
    table = next((each for each in engine.all("table", job.db) if each.id == job.table_id), None)
    if table is None:
        now = time.time()
        gone = reason(TABLE_GONE, "table not exist")
        job = replace(job, state=CANCELLED, reason=gone, ended=now, changed=now)
        save(engine, job)
    elif job.state == NEED_SCHEDULE and time.time() >= job.changed + engine.async_delay_ms / 1000:
        job = replace(job, state=RUNNING)
    return job if table is None else replace(job, table=table.name)


def operable(engine: Engine, db: str, name: str) -> Job:
    """The job of that name that has not ended. Raises StarRocks' error when there is none."""
    found = [job for job in jobs(engine, db) if job.name == name and job.state not in FINAL]
    if not found:
        raise failed(f"There is not operable routine load job with name {name}")
    return found[-1]


def change(engine: Engine, job: Job, state: str, why: str = "") -> None:
    """Bring a job into a state. Raises when it is PAUSED and shall be so again."""
    if job.state == state == PAUSED:
        raise failed(f"Could not transform {job.state} to {state}")
    now = time.time()
    times = {PAUSED: {"paused": now}, STOPPED: {"ended": now}}.get(state, {})
    save(engine, replace(job, state=state, reason=why, changed=now, **times))  # type: ignore[arg-type]
