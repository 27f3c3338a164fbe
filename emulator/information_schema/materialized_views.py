"""Rows of information_schema.materialized_views, tasks and task_runs, and of SHOW MATERIALIZED VIEWS.

Columns: fe/fe-core/src/main/java/com/starrocks/catalog/system/information/ MaterializedViewsSystemTable,
TasksSystemTable, TaskRunsSystemTable. Each function gives one dict a row, its keys the columns in order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from emulator.information_schema.registry import system_table
from emulator.materialized_views.definitions import name_of
from emulator.storage.catalog import MaterializedView
from emulator.storage.engine import Engine

if TYPE_CHECKING:
    from emulator.session import Session

# name -> StarRocks type
MV_COLUMNS = {
    "MATERIALIZED_VIEW_ID": "bigint",
    "TABLE_SCHEMA": "varchar(20)",
    "TABLE_NAME": "varchar(50)",
    "REFRESH_TYPE": "varchar(20)",
    "IS_ACTIVE": "varchar(10)",
    "INACTIVE_REASON": "varchar(1024)",
    "PARTITION_TYPE": "varchar(16)",
    "TASK_ID": "bigint",
    "TASK_NAME": "varchar(50)",
    "LAST_REFRESH_START_TIME": "datetime",
    "LAST_REFRESH_FINISHED_TIME": "datetime",
    "LAST_REFRESH_DURATION": "double",
    "LAST_REFRESH_STATE": "varchar(20)",
    "LAST_REFRESH_FORCE_REFRESH": "varchar(8)",
    "LAST_REFRESH_START_PARTITION": "varchar(1024)",
    "LAST_REFRESH_END_PARTITION": "varchar(1024)",
    "LAST_REFRESH_BASE_REFRESH_PARTITIONS": "varchar(1024)",
    "LAST_REFRESH_MV_REFRESH_PARTITIONS": "varchar(1024)",
    "LAST_REFRESH_ERROR_CODE": "varchar(20)",
    "LAST_REFRESH_ERROR_MESSAGE": "varchar(1024)",
    "TABLE_ROWS": "bigint",
    "MATERIALIZED_VIEW_DEFINITION": "varchar(65533)",
    "EXTRA_MESSAGE": "varchar(1024)",
    "QUERY_REWRITE_STATUS": "varchar(64)",
    "CREATOR": "varchar(64)",
    "LAST_REFRESH_PROCESS_TIME": "datetime",
    "LAST_REFRESH_JOB_ID": "varchar(64)",
    "LAST_REFRESH_TIME": "datetime",
}
SHOW_NAMES = {
    "MATERIALIZED_VIEW_ID": "id",
    "TABLE_SCHEMA": "database_name",
    "TABLE_NAME": "name",
    "TABLE_ROWS": "rows",
    "MATERIALIZED_VIEW_DEFINITION": "text",
}


def _time(at: float | None) -> datetime | None:
    return datetime.fromtimestamp(int(at), UTC).replace(tzinfo=None) if at else None


def refresh_type(mv: MaterializedView) -> str:
    """MANUAL or ASYNC."""
    return "ASYNC" if "ASYNC" in mv.refresh.upper() else "MANUAL"


def create_text(engine: Engine, mv: MaterializedView) -> str:
    """The statement that makes the view, as SHOW CREATE MATERIALIZED VIEW prints it."""
    table = engine.table(mv.db, mv.name)
    columns = ", ".join(
        f"`{c.name}`" + (f" COMMENT {json.dumps(c.comment, ensure_ascii=False)}" if c.comment else "")
        for c in table.columns
    )
    lines = [f"CREATE MATERIALIZED VIEW `{mv.name}` ({columns})"]
    if mv.comment:
        lines.append(f"COMMENT {json.dumps(mv.comment, ensure_ascii=False)}")
    if mv.more.get("partition_by"):
        lines.append(f"PARTITION BY ({mv.more['partition_by']})")
    if table.distribution:
        buckets = f" BUCKETS {table.buckets}" if table.buckets else ""
        lines.append(f"DISTRIBUTED BY HASH({', '.join(f'`{name}`' for name in table.distribution)}){buckets} ")
    else:
        lines.append("DISTRIBUTED BY RANDOM")
    lines.append(f"REFRESH {mv.refresh}")
    if mv.properties:
        lines += ["PROPERTIES (", ",\n".join(f'"{key}" = "{value}"' for key, value in mv.properties.items()), ")"]
    return "\n".join([*lines, f"AS {mv.definition};"])


def mv_rows(engine: Engine, db: str | None = None, counts: bool = True) -> list[dict[str, Any]]:
    """One row a materialized view (of a database)."""
    views: Sequence[MaterializedView] = engine.all("materialized_view", db)
    cursor = engine.cursor() if views and counts else None
    try:
        return [_mv_row(engine, mv, cursor) for mv in views]
    finally:
        if cursor is not None:
            cursor.close()


def _mv_row(engine: Engine, mv: MaterializedView, cursor: Any) -> dict[str, Any]:
    last = mv.more.get("last") or {}
    table = engine.table(mv.db, mv.name)
    count = cursor.execute(f"select count(*) from {table.physical}").fetchone()[0] if cursor is not None else None
    started, finished = last.get("started"), last.get("finished")
    extra = last.get("extra") or {}
    values = (
        mv.id, mv.db, mv.name, refresh_type(mv), str(mv.active).lower(), mv.inactive_reason,
        "EXPRESSION" if mv.more.get("partition_by") else "UNPARTITIONED", mv.id + 1, name_of(mv),
        _time(started), _time(finished), round(finished - started, 3) if finished and started else None,
        last.get("state"), str(bool(last.get("force"))).lower(), last.get("start") or "", last.get("end") or "",
        json.dumps(extra.get("basePartitionsToRefreshMap", {})), ",".join(extra.get("mvPartitionsToRefresh", ())),
        str(last.get("error_code", "0")), last.get("error", ""), count, create_text(engine, mv), json.dumps(extra),
        "INVALID: the embedded server does not rewrite queries", f"'{mv.more.get('creator', 'root')}'@'%'",
        _time(started), last.get("job_id", ""), _time(finished),
    )  # fmt: skip
    return dict(zip(MV_COLUMNS, values, strict=True))


def _declared(columns: Mapping[str, str]) -> str:
    return " ".join(f"{name}:{kind}" for name, kind in columns.items())


@system_table("materialized_views", _declared(MV_COLUMNS))
def materialized_views(session: Session) -> Iterable[Sequence[Any]]:
    """information_schema.materialized_views."""
    return (tuple(row.values()) for row in mv_rows(session.engine))
