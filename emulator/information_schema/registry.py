"""The registry of system tables: what information_schema has.

    @system_table("tasks", "TASK_NAME CREATE_TIME:datetime DEFINITION")
    def tasks(session: Session) -> Iterable[Sequence[Any]]:
        ...                                   # rows of Python values in the order of the columns; None = NULL

A column without a type is VARCHAR. Rows are computed for each query that names the table.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emulator.errors import unknown_table, unsupported
from emulator.sql.scope import Columns
from emulator.sql.types import SqlType, parse_type

if TYPE_CHECKING:
    from emulator.session import Session

Rows = Callable[["Session"], Iterable[Sequence[Any]]]
TEXT = SqlType("varchar", length=65533)
_TABLES: dict[str, tuple[Columns, Rows]] = {}
_NOT_DONE = frozenset(
    [
        "be_bvars",
        "be_cloud_native_compactions",
        "be_compactions",
        "be_configs",
        "be_datacache_metrics",
        "be_logs",
        "be_metrics",
        "be_tablets",
        "be_tablet_write_log",
        "be_threads",
        "be_txns",
        "applicable_roles",
        "character_sets",
        "collations",
        "column_privileges",
        "column_stats_usage",
        "engines",
        "events",
        "fe_metrics",
        "fe_tablet_schedules",
        "key_column_usage",
        "keywords",
        "pipe_files",
        "pipes",
        "recyclebin_catalogs",
        "referential_constraints",
        "routine_load_jobs",
        "routines",
        "schema_privileges",
        "statistics",
        "stream_loads",
        "table_constraints",
        "table_privileges",
        "temp_tables",
        "triggers",
        "user_privileges",
        "warehouse_metrics",
        "warehouse_queries",
        "global_variables",
        "session_variables",
        "partitions",
    ]
)


def system_table(name: str, columns: str) -> Callable[[Rows], Rows]:
    """Declare a function as the source of a system table's rows (see the module)."""
    parsed: Columns = []
    for word in columns.split():
        title, _, kind = word.partition(":")
        parsed.append((title, parse_type(kind) if kind else TEXT))

    def register(rows: Rows) -> Rows:
        _TABLES[name] = (parsed, rows)
        return rows

    return register


def names() -> list[str]:
    """The system tables that are done here."""
    return sorted(_TABLES)


def columns_of(name: str) -> Columns | None:
    found = _TABLES.get(name.lower())
    return found[0] if found else None


def relation(session: "Session", db: str, name: str, wanted: Mapping[str, str]) -> tuple[str, Columns]:
    """Put a system table's rows into a temporary table of the session; give its DuckDB name and its columns.

    `wanted` are values that the query asks for by `column = 'text'` (names in lower case): other rows are left out,
    and a source may look at `session.wanted` to save work.

    Raises 1235 for one that StarRocks has and we lack, 5502 for any other name.
    """
    found = _TABLES.get(name.lower()) if db == "information_schema" else None
    if found is None:
        if db != "information_schema" or name.lower() in _NOT_DONE:
            raise unsupported(f"{db}.{name}")
        raise unknown_table(f"{db}.{name}")
    columns, rows = found
    table = f"system_{name.lower()}"
    listed = ", ".join(f'"{title}" {(kind or TEXT).duckdb}' for title, kind in columns)
    session.cursor.execute(f"create or replace temp table {table} ({listed})")
    session.wanted = wanted
    chosen = [(at, wanted[title.lower()]) for at, (title, _) in enumerate(columns) if title.lower() in wanted]
    values = [row for row in rows(session) if all(str(row[at]) == text for at, text in chosen)]
    if values:
        lists = ", ".join(f"unnest(cast(? as {(kind or TEXT).duckdb}[]))" for _, kind in columns)
        session.cursor.execute(
            f"insert into {table} select {lists}", [list(cells) for cells in zip(*values, strict=True)]
        )
    return f"temp.main.{table}", columns


def moment(seconds: float | None) -> datetime.datetime | None:
    """Epoch seconds as a DATETIME in UTC without fraction; None for 0 or None."""
    if not seconds:
        return None
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).replace(tzinfo=None)
