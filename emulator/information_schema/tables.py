"""information_schema: what the catalogue and the transactions know, as tables.

Columns: `fe/fe-core/src/main/java/com/starrocks/catalog/system/information/*.java`.
"""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from emulator.information_schema import registry
from emulator.information_schema.registry import moment, relation, system_table
from emulator.storage.catalog import Column, Table
from emulator.storage.transactions import Transaction
from emulator.storage.writing import visible
from emulator.types.sql_type import SqlType

if TYPE_CHECKING:
    from emulator.session import Session

__all__ = ["relation"]
_MODELS = {"DUPLICATE": "DUP_KEYS", "PRIMARY": "PRI_KEYS", "UNIQUE": "UNQ_KEYS", "AGGREGATE": "AGG_KEYS"}
_KEYS = {"DUPLICATE": "DUP", "PRIMARY": "PRI", "UNIQUE": "UNI", "AGGREGATE": "AGG"}
_DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19, "largeint": 39, "float": 7, "double": 15}


def row_count(session: "Session", table: Table) -> int:
    """Rows of a table, from DuckDB."""
    found = session.cursor.execute(f"select count(*) from {table.physical}").fetchone()
    return int(found[0]) if found else 0


def wanted_tables(session: "Session") -> list[Table]:
    """The tables that the running query may see, by what it asks for."""
    db = session.wanted.get("table_schema") or session.wanted.get("db_name")
    name = session.wanted.get("table_name")
    return [table for table in session.engine.all("table", db) if name is None or table.name == name]


@system_table("schemata", "CATALOG_NAME SCHEMA_NAME DEFAULT_CHARACTER_SET_NAME DEFAULT_COLLATION_NAME SQL_PATH")
def schemata(session: "Session") -> Iterable[Sequence[Any]]:
    names = ["information_schema", *(database.name for database in session.engine.all("database"))]
    return [("def", name, "utf8", "utf8_general_ci", None) for name in sorted(names)]


@system_table(
    "tables",
    "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE ENGINE VERSION:bigint ROW_FORMAT TABLE_ROWS:bigint"
    " AVG_ROW_LENGTH:bigint DATA_LENGTH:bigint MAX_DATA_LENGTH:bigint INDEX_LENGTH:bigint DATA_FREE:bigint"
    " AUTO_INCREMENT:bigint CREATE_TIME:datetime UPDATE_TIME:datetime CHECK_TIME:datetime TABLE_COLLATION"
    " CHECKSUM:bigint CREATE_OPTIONS TABLE_COMMENT",
)
def tables(session: "Session") -> Iterable[Sequence[Any]]:
    """A materialized view is told as a VIEW, as StarRocks does."""
    for name in registry.names():
        yield _table_row("information_schema", name, "SYSTEM VIEW", None, None, None, None, "")
    for table in wanted_tables(session):
        view = session.engine.materialized_view(table.db, table.name)
        kind = "VIEW" if view is not None else "BASE TABLE"
        written = max((each["time"] for each in visible(session.engine, table)["partitions"].values()), default=None)
        comment = view.comment if view is not None else table.comment
        rows = row_count(session, table)
        yield _table_row(table.db, table.name, kind, "StarRocks", rows, table.created, written, comment)
    for view in session.engine.all("view"):
        yield _table_row(view.db, view.name, "VIEW", None, None, None, None, view.comment)


def _table_row(
    db: str,
    name: str,
    kind: str,
    engine: str | None,
    rows: int | None,
    created: float | None,
    written: float | None,
    comment: str,
) -> Sequence[Any]:
    return (
        "def",
        db,
        name,
        kind,
        engine,
        None,
        None,
        rows,
        None,
        None,
        None,
        None,
        None,
        None,
        moment(created),
        moment(written),
        None,
        "utf8_general_ci",
        None,
        None,
        comment,
    )


@system_table(
    "views",
    "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME VIEW_DEFINITION CHECK_OPTION IS_UPDATABLE DEFINER"
    " SECURITY_TYPE CHARACTER_SET_CLIENT COLLATION_CONNECTION",
)
def views(session: "Session") -> Iterable[Sequence[Any]]:
    for view in session.engine.all("view"):
        yield ("def", view.db, view.name, view.definition, "NONE", "NO", "", view.security, "utf8", "utf8_general_ci")


@system_table(
    "columns",
    "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION:bigint COLUMN_DEFAULT IS_NULLABLE DATA_TYPE"
    " CHARACTER_MAXIMUM_LENGTH:bigint CHARACTER_OCTET_LENGTH:bigint NUMERIC_PRECISION:bigint NUMERIC_SCALE:bigint"
    " DATETIME_PRECISION:bigint CHARACTER_SET_NAME COLLATION_NAME COLUMN_TYPE COLUMN_KEY EXTRA PRIVILEGES"
    " COLUMN_COMMENT COLUMN_SIZE:bigint DECIMAL_DIGITS:bigint GENERATION_EXPRESSION SRS_ID:bigint",
)
def columns(session: "Session") -> Iterable[Sequence[Any]]:
    for name in registry.names():
        for position, (title, kind) in enumerate(registry.columns_of(name) or [], 1):
            column = Column(title, (kind or registry.TEXT).desc)
            yield _column_row("information_schema", name, position, column, "")
    for table in wanted_tables(session):
        for position, column in enumerate(table.columns, 1):
            yield _column_row(table.db, table.name, position, column, _KEYS[table.model] if column.key else "")
    for view in session.engine.all("view"):
        for position, column in enumerate(view.columns, 1):
            yield _column_row(view.db, view.name, position, column, "")


def _column_row(db: str, table: str, position: int, column: Column, key: str) -> Sequence[Any]:
    kind = column.sql_type
    length = kind.length if kind.is_text else None
    precision = kind.precision if kind.name == "decimal" else _DIGITS.get(kind.name)
    scale = kind.scale if kind.name == "decimal" else (0 if kind.is_integer else None)
    return (
        "def",
        db,
        table,
        column.name,
        position,
        shown_default(column),
        "YES" if column.nullable else "NO",
        kind.data_type,
        length,
        length,
        precision,
        scale,
        None,
        "utf8" if kind.is_text else None,
        "utf8_general_ci" if kind.is_text else None,
        kind.desc.replace(",", ", ") if kind.name == "decimal" else kind.desc,
        key,
        extra(column),
        "",
        column.comment,
        _size(kind),
        scale,
        column.generated or "",
        None,
    )


def _size(kind: SqlType) -> int | None:
    return kind.length or kind.precision or _DIGITS.get(kind.name)


def shown_default(column: Column) -> str | None:
    """A column's default as DESC and information_schema print it."""
    return column.default


def extra(column: Column) -> str:
    """The Extra of DESC."""
    if column.auto_increment:
        return "auto_increment"
    if column.aggregation:
        return column.aggregation
    return f"AS {column.generated}" if column.generated else ""


@system_table(
    "tables_config",
    "TABLE_SCHEMA TABLE_NAME TABLE_ENGINE TABLE_MODEL PRIMARY_KEY PARTITION_KEY DISTRIBUTE_KEY"
    " DISTRIBUTE_TYPE DISTRIBUTE_BUCKET:int SORT_KEY PROPERTIES TABLE_ID:bigint",
)
def tables_config(session: "Session") -> Iterable[Sequence[Any]]:
    for table in session.engine.all("table"):
        keys = ", ".join(f"`{name}`" for name in table.keys) if table.model != "DUPLICATE" else ""
        engine = "MATERIALIZED_VIEW" if session.engine.materialized_view(table.db, table.name) else "OLAP"
        yield (
            table.db,
            table.name,
            engine,
            _MODELS[table.model],
            keys,
            _names(table.partition_columns),
            _names(table.distribution),
            "HASH" if table.distribution else "RANDOM",
            table.buckets,
            _names(table.order_by or table.keys),
            json.dumps(dict(sorted(table.properties.items()))),
            table.id,
        )


def _names(listed: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in listed)


_LOADS = {"INSERT_STREAMING": "INSERT", "BACKEND_STREAMING": "STREAM_LOAD", "FRONTEND_STREAMING": "STREAM_LOAD"}
_STATES = {
    "PREPARE": "LOADING",
    "PREPARED": "PREPARED",
    "VISIBLE": "FINISHED",
    "COMMITTED": "PREPARED",
    "ABORTED": "CANCELLED",
}


@system_table(
    "loads",
    "ID:bigint LABEL PROFILE_ID DB_NAME TABLE_NAME USER WAREHOUSE STATE PROGRESS TYPE PRIORITY SCAN_ROWS:bigint"
    " SCAN_BYTES:bigint FILTERED_ROWS:bigint UNSELECTED_ROWS:bigint SINK_ROWS:bigint RUNTIME_DETAILS"
    " CREATE_TIME:datetime LOAD_START_TIME:datetime"
    " LOAD_COMMIT_TIME:datetime LOAD_FINISH_TIME:datetime PROPERTIES ERROR_MSG TRACKING_SQL"
    " REJECTED_RECORD_PATH JOB_ID:bigint",
)
def loads(session: "Session") -> Iterable[Sequence[Any]]:
    for txn in session.transactions.all():
        if txn.tables:
            yield _load_row(txn)


def _load_row(txn: Transaction) -> Sequence[Any]:
    rows, filtered = txn.info.get("rows", 0), txn.info.get("filtered", 0)
    unselected = txn.info.get("unselected", 0)
    tracking = (
        f"select tracking_log from information_schema.load_tracking_logs where job_id={txn.id}" if filtered else ""
    )
    finished = moment(txn.finished)
    details = json.dumps({"txn_id": txn.id, "load_id": txn.info.get("load_id", "")})
    return (
        txn.id,
        txn.label,
        "",
        txn.db,
        txn.tables[0].split(".")[-1],
        "root",
        "",
        _STATES[txn.state],
        "100%" if txn.state == "VISIBLE" else "0%",
        _LOADS.get(txn.source, txn.source),
        "NORMAL",
        txn.info.get("scanned", rows + filtered + unselected),
        txn.info.get("bytes", 0),
        filtered,
        unselected,
        rows,
        details,
        moment(txn.begun),
        moment(txn.begun),
        finished if txn.state == "VISIBLE" else None,
        finished,
        json.dumps(txn.info.get("properties", {})),
        txn.reason,
        tracking,
        "",
        txn.id,
    )


@system_table("load_tracking_logs", "JOB_ID:bigint LABEL DATABASE_NAME TRACKING_LOG TYPE")
def load_tracking_logs(session: "Session") -> Iterable[Sequence[Any]]:
    """Rows that loads filtered; `info["tracking_log"]` of their transactions."""
    for txn in session.transactions.all():
        if txn.info.get("tracking_log"):
            yield (txn.id, txn.label, txn.db, txn.info["tracking_log"], _LOADS.get(txn.source, txn.source))
