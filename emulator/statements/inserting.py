"""From a query to staged rows of a table, and from staged rows to a transaction: what INSERT, UPDATE, DELETE share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.errors import ANALYSIS, StarRocksError, analysis, failed
from emulator.results import Ok
from emulator.sql.duckdb_text import generate
from emulator.sql.scope import Columns
from emulator.statements.querying import refuse_modified
from emulator.statements.transactions import LOST
from emulator.storage.catalog import Table, quoted
from emulator.storage.explicit import txn_info
from emulator.storage.writing import Batch, drop_stage, fault_sql, faults, new_stage
from emulator.types.coercion import to_type, typed
from emulator.types.sql_type import INTEGERS, SqlType

if TYPE_CHECKING:
    from emulator.session import Session
    from emulator.storage.transactions import Transaction

FAULT = "__fault"


def stage_query(
    session: Session, table: Table, targets: tuple[str, ...], sql: str, columns: Columns, strict: bool = True
) -> tuple[str, int]:
    """Stage a DuckDB SELECT whose columns go into `targets` by position; give the stage and its rows.

    Raises 5604 for another number of columns; 1064 "Insert has filtered data" for a value that does not fit when
    `strict` (without, such rows are left out).
    """
    if len(targets) != len(columns):
        raise analysis(
            f"Inserted target column count: {len(targets)} doesn't match select/value column count: {len(columns)}",
            5604,
        )
    names = [f"c{index}" for index in range(len(columns))]
    values, checks = [], []
    for name, target, (_, kind) in zip(names, targets, columns, strict=True):
        column = table.column(target)
        assert column is not None
        value = converted(name, kind, column.sql_type)
        values.append(f"{value} as {quoted(column.name)}")
        if not _always_fits(kind, column.sql_type):
            message = f"Value is out of range or of a wrong type. Column: {column.name}".replace("'", "''")
            checks.append(f"when {name} is not null and {value} is null then '{message}'")
    fault = f", case {' '.join(checks)} end as {FAULT}" if checks else ""
    stage, rows = new_stage(session.cursor, f"select {', '.join(values)}{fault} from ({sql}) q({', '.join(names)})")
    try:
        _check(session, table, stage, targets, bool(checks), strict)
    except StarRocksError:
        drop_stage(session.cursor, stage)
        raise
    return stage, rows


def converted(name: str, kind: SqlType | None, target: SqlType) -> str:
    """A staged value in the type of its column, as StarRocks casts it."""
    from sqlglot import exp

    source = typed(exp.column(name), kind if kind is not None and kind.name != "null" else None)
    node: exp.Expr = to_type(source, target)
    if kind is None or kind.name == "null":
        return f"try_cast({name} as {target.duckdb})"
    return generate(node)


def _always_fits(kind: SqlType | None, target: SqlType) -> bool:
    if kind is None:
        return False
    if kind.name == target.name:
        return target.name != "decimal" or kind == target
    if kind.name == "null" or target.is_text:
        return True
    if kind.is_integer and target.is_integer:
        return INTEGERS.index(kind.name) <= INTEGERS.index(target.name)
    return (kind.name, target.name) in {
        ("date", "datetime"),
        ("datetime", "date"),
        ("boolean", "int"),
        ("float", "double"),
    }


def _check(session: Session, table: Table, stage: str, targets: tuple[str, ...], has_fault: bool, strict: bool) -> None:
    found = faults(session.cursor, table, stage, targets)
    if has_fault and not found:
        rows = session.cursor.execute(f"select {FAULT} from {stage} where {FAULT} is not null limit 1").fetchall()
        found = [row[0] for row in rows]
    if found and strict:
        raise failed(f"Insert has filtered data. first_error_msg = {found[0]}")
    if found:
        condition = f"({fault_sql(table, targets)}) is not null" + (f" or {FAULT} is not null" if has_fault else "")
        session.cursor.execute(f"delete from {stage} where {condition}")


def start(session: Session, table: Table, label: str | None, read: set[str], kind: str) -> Transaction:
    """The transaction that a DML statement writes in: the explicit one, checked, or a new one.

    `read` are the tables that it reads; `kind` is insert, update or delete. Raises 5303, 5304, 5306, 5307, label used.
    """
    explicit = session.explicit
    if explicit is None:
        seconds = float(session.variables.get("insert_timeout"))
        return session.transactions.begin(table.db, label, "INSERT_STREAMING", timeout=seconds)
    if session.forget_lost_transaction():
        raise failed(LOST)
    txn = explicit.transaction
    if kind == "insert":
        refuse_modified(session, read - {table.qualified})
    if txn.db and txn.db != table.db:
        raise failed(
            "Cannot execute cross-database transactions. All DML target tables must belong to the same db", 5304
        )
    mentioned = {*read, table.qualified}
    if mentioned & explicit.modified:
        raise failed("NOT allowed to read or write tables that have been subjected to DML operations before", 5303)
    if kind != "insert" and mentioned & explicit.mentioned:
        raise failed("Explicit transaction only support single update/delete before insert statement", 5306)
    explicit.attempt = (table, frozenset(mentioned))
    return txn


def finish(session: Session, txn: Transaction, batch: Batch, read: set[str]) -> Ok:
    """Commit the batch, or keep it until COMMIT inside an explicit transaction."""
    if batch.table.qualified not in txn.tables:
        txn.tables.append(batch.table.qualified)
    txn.batches.append(batch)
    if session.explicit is not None:
        session.explicit.modified.add(batch.table.qualified)
        session.explicit.mentioned |= {*read, batch.table.qualified}
        if not txn.db:
            session.transactions.move(txn, batch.table.db)
        return Ok(affected=batch.rows, info=txn_info(txn))
    try:
        rows = session.transactions.commit(txn, session.cursor)
    finally:
        session.drop_stages([batch])
    return Ok(affected=0 if batch.kind == "delete_where" else rows, info=txn_info(txn))


def give_up(session: Session, txn: Transaction, error: Exception, labelled: bool) -> None:
    """A DML statement failed: end its own transaction; an explicit one stays open.

    What failed while it ran, not when it was analysed, counts as DML on its tables all the same (`loadData` in
    `fe/fe-core/src/main/java/com/starrocks/transaction/TransactionStmtExecutor.java`).
    """
    message, explicit = str(getattr(error, "message", error)), session.explicit
    if explicit is None:
        session.transactions.abort(txn, message, session.cursor if labelled else None)
    elif explicit.attempt is not None and not message.startswith(ANALYSIS):
        table, mentioned = explicit.attempt
        explicit.modified.add(table.qualified)
        explicit.mentioned |= mentioned
        if not txn.db:
            session.transactions.move(txn, table.db)
