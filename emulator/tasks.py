"""Tasks of SUBMIT TASK: a statement that runs beside, once or every so often, as the user who submitted it.

A task is an object of kind `task` under its name, which is one of its kind in the whole server; its runs are task runs
like those of materialized views (emulator.materialized_views.refresh). A run that a stop cut off has failed; tasks with
a schedule go on after a start.
Source: fe/fe-core/src/main/java/com/starrocks/scheduler/ (TaskManager, TaskBuilder, persist/TaskSchedule).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emulator import async_jobs
from emulator.async_jobs import Cancelled, Job
from emulator.errors import StarRocksError
from emulator.materialized_views.refresh import FAILED, PENDING, RUN, RUNNING, SUCCESS, TTL_SECONDS
from emulator.people import accounts
from emulator.storage.engine import Engine

if TYPE_CHECKING:
    from emulator.server import Server

KIND = "task"
SESSION = "session."
ERROR_CODE = -1


def find(engine: Engine, name: str) -> dict[str, Any] | None:
    """The task of that name."""
    found: dict[str, Any] | None = engine.get(KIND, "", name)
    return found


def schedule_text(body: Mapping[str, Any]) -> str:
    """The column SCHEDULE: `MANUAL`, or when it runs."""
    if not body["every"]:
        return "MANUAL"
    start = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(body["start"])).removesuffix(":00")
    return f"PERIODICAL START({start}) EVERY({body['every_text']})"


def properties_text(properties: Mapping[str, str]) -> str:
    """Properties as StarRocks prints them (PropertyAnalyzer.stringifyProperties)."""
    return "(" + ",".join(f"'{key}'='{value}'" for key, value in properties.items()) + ")"


def start(server: Server, body: Mapping[str, Any]) -> None:
    """Run a task once, or again and again by its schedule, in a thread of its own. One run is PENDING at once."""
    first = None if body["every"] else _pending(server.engine, body)

    def work(job: Job) -> None:
        if first is not None:
            job.pause()
            _run(server, body, first, job)
        while _wanted(server.engine, body):
            passed = time.time() - body["start"]
            job.pause(body["every"] - passed % body["every"] if passed > 0 else -passed)
            if _wanted(server.engine, body):
                _run(server, body, _pending(server.engine, body), job)

    async_jobs.of(server.engine).start(_job_name(body["name"]), work)


def _wanted(engine: Engine, body: Mapping[str, Any]) -> bool:
    """Whether this very task has a schedule, is still there and not suspended."""
    now = find(engine, body["name"])
    return now is not None and now["id"] == body["id"] and bool(now["every"]) and not now["paused"]


def _job_name(name: str) -> str:
    return f"task {name}"


def _pending(engine: Engine, task: Mapping[str, Any]) -> dict[str, Any]:
    """Record a run that waits."""
    now = time.time()
    run = {
        "query_id": str(uuid.uuid1()), "job_id": str(uuid.uuid1()), "mv": 0, "task": task["name"], "db": task["db"],
        "definition": task["definition"], "user": task["user"], "state": PENDING, "created": now, "started": None,
        "finished": None, "force": False, "start": None, "end": None, "error_code": 0, "error": "", "extra": {},
        "expires": now + TTL_SECONDS,
    }  # fmt: skip
    _save(engine, run)
    return run


def _run(server: Server, task: Mapping[str, Any], run: Mapping[str, Any], job: Job) -> None:
    """One run from RUNNING to its end, with the task's present properties."""
    run = {**run, "state": RUNNING, "started": time.time()}
    _save(server.engine, run)
    end = _execute(server, find(server.engine, task["name"]) or task, job)
    _save(server.engine, {**run, **end, "finished": time.time()})


def _save(engine: Engine, run: Mapping[str, Any]) -> None:
    cursor = engine.cursor()
    try:
        with engine.write(cursor) as unit:
            unit.put(RUN, run["db"], run["query_id"], run)
    finally:
        cursor.close()


def _execute(server: Server, task: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """Run the statement in a session of the task's user; how it ended, as entries of the run's record."""
    user = accounts.user(server.engine, task["user"])
    if user is None:
        return {"state": FAILED, "error_code": ERROR_CODE, "error": f"user {task['user']} does not exist"}
    session = server.session_of(user, task["db"])
    job.interrupt = session.kill
    try:
        job.pause(0)
        for key, value in task["properties"].items():
            if key.startswith(SESSION):
                session.variables.set(key.removeprefix(SESSION), value)
        for _ in session.execute(task["definition"]):
            pass
    except (StarRocksError, Cancelled) as error:
        return {"state": FAILED, "error_code": ERROR_CODE, "error": getattr(error, "message", str(error))}
    finally:
        job.interrupt = lambda _: None
        session.close()
    return {"state": SUCCESS}


def cancel(engine: Engine, name: str, reason: str) -> None:
    """End what runs of a task: its statement is interrupted and its run fails."""
    job = async_jobs.of(engine).find(_job_name(name))
    if job is not None:
        job.cancel(reason)


def recover(server: Server) -> None:
    """After a start: tasks with a schedule run again."""
    for body in list(server.engine.items(KIND).values()):
        if body["every"] and not body["paused"]:
            start(server, body)
