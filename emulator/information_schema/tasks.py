"""information_schema.tasks and task_runs: tasks of SUBMIT TASK and of materialized views, and their runs.

Columns: fe/fe-core/src/main/java/com/starrocks/catalog/system/information/ TasksSystemTable, TaskRunsSystemTable.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emulator import tasks as submitted
from emulator.information_schema.materialized_views import refresh_type
from emulator.information_schema.registry import moment, system_table
from emulator.materialized_views.definitions import name_of
from emulator.storage.catalog import MaterializedView
from emulator.storage.engine import Engine

if TYPE_CHECKING:
    from emulator.session import Session

CATALOG = "default_catalog"


@system_table(
    "tasks",
    "TASK_NAME CREATE_TIME:datetime SCHEDULE CATALOG DATABASE DEFINITION EXPIRE_TIME:datetime PROPERTIES CREATOR",
)
def tasks(session: Session) -> Iterable[Sequence[Any]]:
    """Every task; `SCHEDULE` is MANUAL, EVENT_TRIGGERED or PERIODICAL with its times in UTC."""
    engine = session.engine
    for mv in engine.all("materialized_view"):
        yield _of_view(engine, mv)
    for body in engine.all(submitted.KIND):
        yield (
            body["name"], moment(body["created"]), submitted.schedule_text(body), CATALOG, body["db"],
            body["definition"], moment(body["expires"]), submitted.properties_text(body["properties"]), body["user"],
        )  # fmt: skip


def _of_view(engine: Engine, mv: MaterializedView) -> Sequence[Any]:
    every = mv.more.get("every_seconds")
    schedule = {"ASYNC": "EVENT_TRIGGERED"}.get(refresh_type(mv), refresh_type(mv))
    created = engine.table(mv.db, mv.name).created
    if every:
        schedule = submitted.schedule_text(
            {"every": every, "start": mv.more.get("start") or created, "every_text": mv.more.get("every_text", "")}
        )
    definition = f"insert overwrite `{mv.name}` {mv.definition}"
    properties = submitted.properties_text({"mvId": str(mv.id), **mv.properties})
    creator = f"'{mv.more.get('creator', 'root')}'@'%'"
    return name_of(mv), moment(created), schedule, CATALOG, mv.db, definition, None, properties, creator


@system_table(
    "task_runs",
    "QUERY_ID TASK_NAME CREATE_TIME:datetime FINISH_TIME:datetime STATE CATALOG WAREHOUSE DATABASE DEFINITION"
    " EXPIRE_TIME:datetime ERROR_CODE:bigint ERROR_MESSAGE PROGRESS EXTRA_MESSAGE PROPERTIES JOB_ID"
    " PROCESS_TIME:datetime",
)
def task_runs(session: Session) -> Iterator[Sequence[Any]]:
    """Every run that is kept (`task_runs_ttl_second`), oldest first."""
    for run in sorted(session.engine.items("task_run").values(), key=lambda body: body["created"]):
        yield _run(run)


def _run(run: Mapping[str, Any]) -> Sequence[Any]:
    done = run["state"] not in ("PENDING", "RUNNING", "FAILED")
    properties = {"FORCE": str(run["force"]).lower(), "mvId": str(run["mv"])} if run["mv"] else {}
    return (
        run["query_id"], run["task"], moment(run["created"]), moment(run["finished"]), run["state"], CATALOG,
        "default_warehouse", run["db"], run["definition"], moment(run["expires"]), run["error_code"], run["error"],
        "100%" if done else "0%", json.dumps(run["extra"]) if run["extra"] else "", json.dumps(properties),
        run["job_id"], moment(run["started"]),
    )  # fmt: skip
