"""The registry of system tables: what information_schema has.

    @system_table("tasks", "TASK_NAME CREATE_TIME:datetime DEFINITION")
    def tasks(session: Session) -> Iterable[Sequence[Any]]:
        ...                                   # rows of Python values in the order of the columns; None = NULL

A column without a type is VARCHAR. A name without a dot is of information_schema, others are `sys.name`. Rows are
computed for each query that names the table; those of objects that the session may not see are left out.
"""

import datetime
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emulator.errors import unknown_table, unsupported
from emulator.people import sight
from emulator.sql.scope import Columns
from emulator.types.sql_type import SqlType, parse_type

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
        "character_sets",
        "collations",
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
        "statistics",
        "stream_loads",
        "table_constraints",
        "temp_tables",
        "triggers",
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
    return sorted(name for name in _TABLES if "." not in name)


def refused() -> list[str]:
    """The tables of information_schema that StarRocks has and we lack."""
    return sorted(_NOT_DONE - set(_TABLES))


def source(name: str) -> Rows:
    """The function that gives a system table's rows."""
    return _TABLES[name][1]


def columns_of(name: str) -> Columns | None:
    found = _TABLES.get(name.lower())
    return found[0] if found else None


def relation(session: "Session", db: str, name: str, wanted: Mapping[str, str]) -> tuple[str, Columns]:
    """Put a system table's rows into a temporary table of the session; give its DuckDB name and its columns.

    `wanted` are values that the query asks for by `column = 'text'` (names in lower case): other rows are left out,
    and a source may look at `session.wanted` to save work.

    Raises 1235 for one that StarRocks has and we lack, 5502 for any other name.
    """
    key = name.lower() if db == "information_schema" else f"{db}.{name.lower()}"
    found = _TABLES.get(key)
    if found is None:
        if db != "information_schema" or name.lower() in _NOT_DONE:
            raise unsupported(f"{db}.{name}")
        raise unknown_table(f"{db}.{name}")
    columns, rows = found
    table = f"system_{key.replace('.', '_')}"
    listed = ", ".join(f'"{title}" {(kind or TEXT).duckdb}' for title, kind in columns)
    session.cursor.execute(f"create or replace temp table {table} ({listed})")
    session.wanted = wanted
    chosen = [(at, wanted[title.lower()]) for at, (title, _) in enumerate(columns) if title.lower() in wanted]
    visible = sight.rows(session, key, [title for title, _ in columns], rows(session))
    values = [row for row in visible if all(str(row[at]) == text for at, text in chosen)]
    if values:
        lists = ", ".join(f"unnest(cast(? as {(kind or TEXT).duckdb}[]))" for _, kind in columns)
        session.cursor.execute(
            f"insert into {table} select {lists}", [list(cells) for cells in zip(*values, strict=True)]
        )
    return f"temp.main.{table}", columns


def load() -> None:
    """Import every module of the package, so that each declares its tables."""
    package = importlib.import_module("emulator.information_schema")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"emulator.information_schema.{module.name}")


def moment(seconds: float | None) -> datetime.datetime | None:
    """Epoch seconds as a DATETIME in UTC without fraction; None for 0 or None."""
    if not seconds:
        return None
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).replace(tzinfo=None)
