"""SUBMIT TASK, ALTER TASK, DROP TASK.

Recorded: test/sql/test_task; rules: fe/fe-core/src/main/java/com/starrocks/sql/analyzer/TaskAnalyzer.java.

Differs: privileges of the statement in a task are asked when it runs: without them the run fails, where StarRocks
refuses the task. Schedules count from START in UTC.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from emulator import tasks
from emulator.errors import analysis, failed, unsupported
from emulator.materialized_views.clauses import UNIT_SECONDS, interval, start_of
from emulator.results import Ok, Result, rows
from emulator.sql.reader import Reader
from emulator.statements.registry import statement
from emulator.statements.temporary import refuse_temporary_behind

if TYPE_CHECKING:
    from emulator.session import Session

LEAST_INTERVAL_SECONDS = 10
TTL_SECONDS = 86400


@statement("SUBMIT TASK")
def submit(session: Session, reader: Reader) -> Result:
    """SUBMIT TASK [name] [SCHEDULE [START('..')] EVERY(INTERVAL n UNIT)] [PROPERTIES (..)] AS INSERT .. | CREATE TABLE.

    A task without a schedule runs once, at once. Raises 1064 when a task has the name.
    """
    unnamed = any(reader.next_is(word) for word in ("AS", "SCHEDULE", "PROPERTIES"))
    given, name = ("", "") if unnamed else reader.qualified_name()
    properties = {"warehouse": "default_warehouse", **session.hints}
    schedule: dict[str, Any] = {"start": 0.0, "every": 0, "every_text": ""}
    while not reader.accept("AS"):
        if reader.accept("PROPERTIES"):
            properties.update(reader.properties())
        else:
            reader.expect("SCHEDULE")
            schedule = _schedule(reader)
    kind = _kind(reader)
    refuse_temporary_behind(session, reader, "Cannot submit task based on temporary table")
    now = time.time()
    body = {
        "id": session.engine.next_id(), "name": name or f"{kind}-{uuid.uuid1()}", "db": session.db_of(given),
        "definition": reader.rest(), "user": session.identity, "properties": properties, "created": now,
        "expires": None if schedule["every"] else now + TTL_SECONDS, "paused": False, **schedule,
    }  # fmt: skip
    if tasks.find(session.engine, body["name"]) is not None:
        raise failed(f"Task [{body['name']}] already exists")
    _save(session, body)
    tasks.start(session.server, body)
    return rows(("TaskName", "Status"), [(body["name"], "SUBMITTED")])


def _kind(reader: Reader) -> str:
    """The prefix of a task's name. Raises 1064 for what is no INSERT and no CREATE TABLE AS."""
    if reader.next_is("CACHE"):
        raise unsupported("SUBMIT TASK of CACHE SELECT")
    if reader.next_is("INSERT"):
        return "insert"
    if not reader.next_is("CREATE"):
        reader.fail()
    return "ctas"


def _schedule(reader: Reader) -> dict[str, Any]:
    """`[START('..')] EVERY(INTERVAL n UNIT)`. Raises 1064 below ten seconds."""
    start = start_of(reader.bracketed().strip().strip("'\"")) if reader.accept("START") else time.time()
    reader.expect("EVERY")
    number, unit = interval(reader)
    seconds = number * UNIT_SECONDS[unit]
    if seconds < LEAST_INTERVAL_SECONDS:
        raise analysis(f"schedule interval is too small, the minimum value is {LEAST_INTERVAL_SECONDS} SECONDS")
    return {"start": start, "every": seconds, "every_text": f"{number} {unit}S"}


def _save(session: Session, body: dict[str, Any]) -> None:
    with session.engine.write(session.cursor) as unit:
        unit.put(tasks.KIND, "", body["name"], body)


def _find(session: Session, reader: Reader) -> dict[str, Any] | None:
    """The task of `[IF EXISTS] name`. Raises 1064 when there is none, unless IF EXISTS."""
    if_exists = reader.accept("IF", "EXISTS")
    _, name = reader.qualified_name()
    found = tasks.find(session.engine, name)
    if found is None and not if_exists:
        raise analysis(f"Task {name} is not exist")
    return found


@statement("ALTER TASK")
def alter(session: Session, reader: Reader) -> Result:
    """ALTER TASK [IF EXISTS] name SUSPEND | RESUME | SET ("k" = "v"); SUSPEND also ends what runs."""
    task = _find(session, reader)
    action = reader.accept_any("SUSPEND", "RESUME", "SET")
    if action is None:
        reader.fail()
    properties = reader.properties() if action == "SET" else {}
    reader.end()
    if task is None:
        return Ok()
    paused = task["paused"] if action == "SET" else action == "SUSPEND"
    changed = {**task, "paused": paused, "properties": {**task["properties"], **properties}}
    _save(session, changed)
    if action == "SUSPEND":
        tasks.cancel(session.engine, task["name"], "the task was suspended")
    elif action == "RESUME" and task["paused"] and task["every"]:
        tasks.start(session.server, changed)
    return Ok()


@statement("DROP TASK")
def drop(session: Session, reader: Reader) -> Result:
    """DROP TASK [IF EXISTS] name [FORCE]: ends what runs; its runs stay in task_runs."""
    task = _find(session, reader)
    reader.accept("FORCE")
    reader.end()
    if task is None:
        return Ok()
    with session.engine.write(session.cursor) as unit:
        unit.delete(tasks.KIND, "", task["name"])
    tasks.cancel(session.engine, task["name"], "the task was dropped")
    return Ok()
