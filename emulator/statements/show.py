"""SHOW of databases, tables, columns, partitions, variables, transactions; DESC.

Columns: `fe/fe-core/src/main/java/com/starrocks/qe/ShowResultMetaFactory.java`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emulator.errors import analysis, failed, unknown_database, unknown_table
from emulator.information_schema.partitions import partition_rows
from emulator.information_schema.registry import columns_of, moment
from emulator.information_schema.registry import names as system_names
from emulator.information_schema.tables import extra, shown_default
from emulator.people import sight
from emulator.results import Result, rows
from emulator.sql.reader import Reader
from emulator.statements.registry import statement
from emulator.statements.show_filter import filtered
from emulator.storage import partitions
from emulator.storage.catalog import SYSTEM_DATABASES, Table
from emulator.storage.ddl_text import create_table, create_view
from emulator.storage.transactions import Transaction

if TYPE_CHECKING:
    from emulator.session import Session


_META = [name for name, _ in columns_of("partitions_meta") or []]
_PARTITION = (
    "PartitionId", "PartitionName", "VisibleVersion", "VisibleVersionTime", "VisibleVersionHash", "State",
    "PartitionKey",
)  # fmt: skip
_PARTITION_MORE = (
    "DistributionKey", "Buckets", "ReplicationNum", "StorageMedium", "CooldownTime", "LastConsistencyCheckTime",
    "DataSize", "StorageSize", "IsInMemory", "RowCount", "DataVersion", "VersionEpoch", "VersionTxnType",
    "TabletBalanced",
)  # fmt: skip


@statement("SHOW DATABASES", "SHOW SCHEMAS")
def show_databases(session: Session, reader: Reader) -> Result:
    names = sorted(["information_schema", *(each.name for each in session.engine.all("database"))])
    return filtered(session, reader, ["Database"], [[name] for name in sight.databases(session, names)])


@statement("SHOW [FULL] TABLES")
def show_tables(session: Session, reader: Reader) -> Result:
    """SHOW [FULL] TABLES [FROM db] [LIKE ..]; a materialized view is told as a VIEW."""
    full = reader.tokens[1].text.upper() == "FULL"
    db = _from(session, reader)
    listed = [[name, kind] for name, kind in _objects(session, db) if sight.may_see(session, db, name)]
    columns = [f"Tables_in_{db}", "Table_type"] if full else [f"Tables_in_{db}"]
    return filtered(session, reader, columns, listed if full else [row[:1] for row in listed])


def _from(session: Session, reader: Reader) -> str:
    """`FROM db` or `IN db` if it comes next, else the current database; checked."""
    if reader.accept("FROM") or reader.accept("IN"):
        _, name = reader.qualified_name()
        if name not in SYSTEM_DATABASES and session.engine.get("database", "", name) is None:
            raise unknown_database(name)
        return name
    return session.db_of("")


def _objects(session: Session, db: str) -> list[tuple[str, str]]:
    if db == "information_schema":
        return [(name, "SYSTEM VIEW") for name in system_names()]
    found = [
        (each.name, "VIEW" if session.engine.materialized_view(db, each.name) else "BASE TABLE")
        for each in session.engine.all("table", db)
    ]
    return sorted([*found, *((each.name, "VIEW") for each in session.engine.all("view", db))])


@statement("SHOW CREATE TABLE", "SHOW CREATE VIEW")
def show_create(session: Session, reader: Reader) -> Result:
    """SHOW CREATE TABLE t (also of views) and SHOW CREATE VIEW v."""
    wants_view = reader.tokens[2].text.upper() == "VIEW"
    db, name = reader.qualified_name()
    reader.end()
    db = session.db_of(db)
    view = session.engine.view(db, name)
    if view is not None:
        return rows(
            ["View", "Create View", "character_set_client", "collation_connection"],
            [[name, create_view(view), "utf8", "utf8_general_ci"]],
        )
    table = session.temporary_tables.get((db, name)) or session.engine.get("table", db, name)
    if table is None:
        raise unknown_table(name)
    if wants_view:
        raise analysis(f"'{name}' is not VIEW")
    return rows(["Table", "Create Table"], [[name, create_table(table)]])


@statement("SHOW CREATE DATABASE", "SHOW CREATE SCHEMA")
def show_create_database(session: Session, reader: Reader) -> Result:
    name = reader.identifier()
    reader.end()
    session.engine.database(name)
    return rows(["Database", "Create Database"], [[name, f"CREATE DATABASE `{name}`"]])


@dataclasses.dataclass(frozen=True)
class _Shown:
    """A column as DESC shows it."""

    name: str
    type: str
    nullable: bool
    key: bool
    default: str | None
    extra: str
    comment: str


def _shown(session: Session, db: str, name: str) -> list[_Shown]:
    db = session.db_of(db)
    if db == "information_schema":
        listed = columns_of(name)
        if listed is None:
            raise unknown_table(f"{db}.{name}")
        return [_Shown(title, kind.desc if kind else "", True, False, None, "", "") for title, kind in listed]
    found = session.engine.view(db, name) or session.table(db, name)
    return [
        _Shown(c.name, c.sql_type.desc, c.nullable, c.key, shown_default(c), extra(c), c.comment) for c in found.columns
    ]


@statement("DESC", "DESCRIBE")
def describe(session: Session, reader: Reader) -> Result:
    """DESC t: Field, Type, Null, Key, Default, Extra."""
    db, name = reader.qualified_name()
    reader.end()
    return rows(
        ["Field", "Type", "Null", "Key", "Default", "Extra"], [_desc(each) for each in _shown(session, db, name)]
    )


def _desc(each: _Shown) -> list[str | None]:
    return [
        each.name,
        each.type,
        "YES" if each.nullable else "NO",
        "true" if each.key else "false",
        each.default,
        each.extra,
    ]


@statement("SHOW [FULL] COLUMNS", "SHOW [FULL] FIELDS")
def show_columns(session: Session, reader: Reader) -> Result:
    """SHOW [FULL] COLUMNS FROM t [FROM db]."""
    full = reader.tokens[1].text.upper() == "FULL"
    if not (reader.accept("FROM") or reader.accept("IN")):
        reader.fail()
    db, name = reader.qualified_name()
    if reader.accept("FROM") or reader.accept("IN"):
        db = reader.identifier()
    shown = _shown(session, db, name)
    if not full:
        names = ["Field", "Type", "Null", "Key", "Default", "Extra"]
        return filtered(session, reader, names, [_desc(each) for each in shown])
    names = ["Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment"]
    listed = []
    for each in shown:
        field, kind, null, key, default, more = _desc(each)
        collation = "utf8_general_ci" if "char" in each.type else None
        listed.append([field, kind, collation, null, "YES" if key == "true" else "NO", default, more, "", each.comment])
    return filtered(session, reader, names, listed)


@statement("SHOW [TEMPORARY] PARTITIONS")
def show_partitions(session: Session, reader: Reader) -> Result:
    """SHOW PARTITIONS FROM t [WHERE ..] [ORDER BY ..] [LIMIT ..]."""
    temporary = reader.tokens[1].text.upper() == "TEMPORARY"
    reader.expect("FROM")
    db, name = reader.qualified_name()
    table: Table = session.table(db, name)
    values_of = [] if temporary else partition_rows(session, table)
    titles = (*_PARTITION, "Range" if partitions.is_range(table) else "List", *_PARTITION_MORE)
    metas = [dict(zip(_META, row, strict=True)) for row in values_of]
    return filtered(session, reader, titles, [_partition(table, meta) for meta in metas], like_column=1)


def _partition(table: Table, meta: Mapping[str, Any]) -> Sequence[Any]:
    """A row of SHOW PARTITIONS from one of partitions_meta."""
    version = meta["VISIBLE_VERSION"]
    return (
        meta["PARTITION_ID"], meta["PARTITION_NAME"], version, meta["VISIBLE_VERSION_TIME"], 0, "NORMAL",
        ", ".join(table.partition_columns), meta["PARTITION_VALUE"], meta["DISTRIBUTION_KEY"].replace("`", ""),
        meta["BUCKETS"], meta["REPLICATION_NUM"], meta["STORAGE_MEDIUM"], "9999-12-31 23:59:59", None,
        meta["DATA_SIZE"], "0B", "false", meta["ROW_COUNT"], version, 0, meta["VERSION_TXN_TYPE"], "true",
    )  # fmt: skip


@statement("SHOW [GLOBAL] VARIABLES", "SHOW [SESSION] VARIABLES")
def show_variables(session: Session, reader: Reader) -> Result:
    return filtered(session, reader, ["Variable_name", "Value"], session.variables.listed())


@statement("SHOW WARNINGS", "SHOW ERRORS", "SHOW STATUS", "SHOW GLOBAL STATUS", "SHOW SESSION STATUS")
def show_nothing(_session: Session, reader: Reader) -> Result:
    """SHOW WARNINGS, ERRORS, STATUS.

    Differs: always empty, as nearly always in StarRocks.
    """
    names = ["Variable_name", "Value"] if "STATUS" in reader.text.upper() else ["Level", "Code", "Message"]
    return rows(names, [])


@statement("SHOW COLLATION", "SHOW CHARACTER SET", "SHOW CHARSET", "SHOW ENGINES")
def show_fixed(session: Session, reader: Reader) -> Result:
    kind = reader.tokens[1].text.upper()
    if kind == "COLLATION":
        names = ["Collation", "Charset", "Id:bigint", "Default", "Compiled", "Sortlen:bigint"]
        return filtered(session, reader, names, [["utf8_general_ci", "utf8", 33, "Yes", "Yes", 1]])
    if kind == "ENGINES":
        names = ["Engine", "Support", "Comment", "Transactions", "XA", "Savepoints"]
        return rows(names, [["OLAP", "YES", "Default storage engine of StarRocks", "NO", "NO", "NO"]])
    return rows(
        ["Charset", "Description", "Default collation", "Maxlen"], [["utf8", "UTF-8 Unicode", "utf8_general_ci", "3"]]
    )


@statement("SHOW TRANSACTION")
def show_transaction(session: Session, reader: Reader) -> Result:
    """SHOW TRANSACTION [FROM db] WHERE ID = n | LABEL = '..'."""
    db = _from(session, reader)
    reader.expect("WHERE")
    key = reader.accept_any("ID", "LABEL")
    if key is None:
        raise failed("Where clause should looks like one of them: id = 123 or label = 'label'")
    reader.expect("=")
    value = reader.word_or_string()
    reader.end()
    found = session.transactions.get(int(value)) if key == "ID" else session.transactions.find(db, value)
    if found is None or found.db != db:
        raise failed(f"transaction not found: {value}")
    names = [
        "TransactionId",
        "Label",
        "Coordinator",
        "TransactionStatus",
        "LoadJobSourceType",
        "PrepareTime",
        "PreparedTime",
        "CommitTime",
        "PublishTime",
        "FinishTime",
        "Reason",
        "ErrorReplicasCount",
        "ListenerId",
        "TimeoutMs",
        "PreparedTimeoutMs",
        "ErrMsg",
    ]
    return rows(names, [_transaction(found)])


def _transaction(txn: Transaction) -> list[object]:
    finished = moment(txn.finished)
    visible = finished if txn.state == "VISIBLE" else None
    return [
        txn.id,
        txn.label,
        "FE: 127.0.0.1",
        txn.state,
        txn.source,
        moment(txn.begun),
        moment(txn.prepared),
        moment(txn.committed),
        visible,
        finished,
        txn.reason,
        0,
        "[]",
        int(txn.timeout * 1000),
        int(txn.prepared_timeout * 1000) if txn.prepared else -1,
        "",
    ]
