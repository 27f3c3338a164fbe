"""INSERT INTO and INSERT OVERWRITE.

Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/InsertAnalyzer.java`, `docs/en/loading/InsertInto.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from emulator.errors import StarRocksError, analysis, failed, unsupported
from emulator.people.privileges import TABLE
from emulator.results import Ok, Result
from emulator.sql import dialect
from emulator.sql.reader import Reader
from emulator.sql.scope import Columns
from emulator.sql.translate import Translation, translate_query
from emulator.statements.insert_rows import read_values
from emulator.statements.inserting import finish, give_up, stage_query, start
from emulator.statements.querying import context_of
from emulator.statements.registry import statement
from emulator.storage import partitions
from emulator.storage.catalog import PRIMARY, Partition, Table
from emulator.storage.writing import Batch, visible_names

if TYPE_CHECKING:
    from emulator.session import Session

_PROPERTIES = frozenset({"strict_mode", "max_filter_ratio", "timeout", "merge_condition", "partial_update_mode"})


@dataclass
class Insert:
    """The head of an INSERT: everything before VALUES or SELECT."""

    table: Table
    overwrite: bool = False
    label: str | None = None
    columns: tuple[str, ...] = ()
    by_name: bool = False
    partitions: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)


@statement("INSERT INTO", in_transaction=True)
def insert_into(session: Session, reader: Reader) -> Result:
    """INSERT INTO t [PARTITION (..)] [WITH LABEL l] [(columns) | BY NAME] [PROPERTIES (..)] VALUES ... | SELECT ..."""
    return _insert(session, _head(session, reader), reader)


@statement("INSERT OVERWRITE", in_transaction=True)
def insert_overwrite(session: Session, reader: Reader) -> Result:
    """Replace the table, the named partitions, or with `dynamic_overwrite` the partitions of the new rows."""
    if session.explicit is not None:
        raise analysis(
            "Explicit transaction only support begin/commit/rollback/insert/update/delete/set/select statements", 5305
        )
    head = _head(session, reader)
    head.overwrite = True
    return _insert(session, head, reader)


def _head(session: Session, reader: Reader) -> Insert:
    if reader.next_is("FILES") or reader.next_is("BLACKHOLE"):
        raise unsupported(f"INSERT INTO {reader.identifier().upper()}()")
    db, name = reader.qualified_name()
    head = Insert(target(session, db, name, "inserted", "INSERT"))
    if reader.accept("TEMPORARY"):
        raise unsupported("INSERT INTO a TEMPORARY PARTITION")
    if reader.accept("PARTITION") or reader.accept("PARTITIONS"):
        head.partitions = _partitions(session, reader, head.table)
    if reader.accept("WITH", "LABEL"):
        head.label = reader.word_or_string()
    if reader.accept("BY", "NAME"):
        head.by_name = True
    elif reader.next_is("(") and not any(
        reader.tokens[reader.at + 1].text.upper() == word for word in ("SELECT", "WITH", "(")
    ):
        head.columns = reader.identifiers()
    if reader.accept("PROPERTIES"):
        head.properties = reader.properties()
        for key in head.properties:
            if key not in _PROPERTIES:
                raise unsupported(f"INSERT property {key}")
    return head


def _partitions(session: Session, reader: Reader, table: Table) -> list[str]:
    """`(p, q)`, `p`, or the values of an expression partition: `(region = 'a', d = '2024-01-02')`."""
    if not table.partition_by:
        raise analysis("PARTITION clause is not valid for INSERT into unpartitioned table", 5009)
    following = reader.peek(2)
    if following is not None and following.text == "=":
        return [_by_values(session, reader, table)]
    return list(reader.identifiers() if reader.next_is("(") else (reader.identifier(),))


def _by_values(session: Session, reader: Reader, table: Table) -> str:
    """The name of the partition of these values. Source: `sql/analyzer/InsertAnalyzer.java`."""
    if table.declared_partitions or partitions.unit_of(table) is not None:
        raise unsupported(
            "INSERT with PARTITION (column = value) into other than list partitions that come with the rows"
        )
    values: dict[str, str] = {}
    reader.expect("(")
    while True:
        name = reader.identifier().lower()
        if name in values:
            raise analysis(f"Found duplicate partition column name {name}")
        reader.expect("=")
        values[name] = reader.word_or_string()
        if reader.accept(")"):
            break
        reader.expect(",")
    if set(values) != {name.lower() for name in table.partition_columns}:
        raise analysis("Partition column names should be the partition columns of the table")
    row = tuple(values[name.lower()] for name in table.partition_columns)
    columns = ", ".join(partitions.literals(table, Partition("", values=(row,))))
    found = session.cursor.execute(f"select {partitions.name_sql(table)} from (select {columns})").fetchone()
    return str(found[0]) if found else ""


def target(session: Session, db: str, name: str, verb: str, privilege: str) -> Table:
    """The table that a statement writes. Raises StarRocks' refusals for views and materialized views, 5203."""
    db = session.db_of(db)
    session.access.need(privilege, db, name, TABLE)
    if db in ("information_schema", "sys", "_statistics_"):
        raise unsupported(f"writing to {db}.{name}")
    if (db, name) in session.temporary_tables:
        return session.temporary_tables[db, name]
    if session.engine.materialized_view(db, name) is not None:
        raise analysis(
            f"The data of '{name}' cannot be {verb} because '{name}' is a materialized view,"
            "and the data of materialized view must be consistent with the base table."
        )
    if session.engine.view(db, name) is not None:
        raise analysis(f"Table {name} is not a table that can be written: it is a view")
    return session.table(db, name)


def _insert(session: Session, head: Insert, reader: Reader) -> Ok:
    context = context_of(session)
    if reader.accept("VALUES") or reader.accept("VALUE"):
        names = head.columns or tuple(column.name for column in head.table.plain_columns)
        source = translate_query(context, read_values(session, reader, head.table, names))
        if head.by_name:
            raise analysis("Insert match column by name does not support values()")
    elif reader.next_is("SELECT") or reader.next_is("WITH") or reader.next_is("("):
        source = translate_query(context, dialect.parse(reader.rest()))
    else:
        reader.fail()
    return write(session, head, source)


def insert_values(session: Session, reader: Reader, query: str, columns: Columns) -> Ok:
    """INSERT INTO t [(columns)] VALUES of literals that are read already."""
    reader.expect("INSERT", "INTO")
    return write(session, _head(session, reader), Translation(query, columns, frozenset(), False))


def write(session: Session, head: Insert, source: Translation) -> Ok:
    """Stage the rows of a translated query and give them to the transaction."""
    table, read = head.table, set(source.tables)
    if table.declared_partitions and not table.partitions:
        raise analysis(
            "data cannot be inserted into table with empty partition."
            f" Use `SHOW PARTITIONS FROM {table.name}` to see the currently partitions of this table. ",
            1748,
        )
    targets = target_columns(head, source.columns, session.variables.is_on("enable_insert_partial_update"))
    txn = start(session, table, head.label, read, "insert")
    try:
        most = _tolerated(session, head)
        stage, rows = stage_query(session, table, targets, source.sql, source.columns, not most)
        if most:
            found = session.cursor.execute(f"select count(*) from {stage}").fetchone()
            txn.info["filtered"] = rows - int(found[0]) if found else 0
            if txn.info["filtered"] > most * rows:
                session.drop_stages([Batch(table, stage, (), 0)])
                raise failed(f"Insert has filtered data. {txn.info['filtered']} of {rows} rows were filtered")
            rows -= txn.info["filtered"]
        batch = _batch(session, head, targets, stage, rows)
        return finish(session, txn, batch, read)
    except (StarRocksError, duckdb.Error) as error:
        give_up(session, txn, error, head.label is not None)
        raise


def _tolerated(session: Session, head: Insert) -> float:
    """The share of rows that may be left out because they do not fit: all of them unless the statement is strict."""
    strict = head.properties.get("strict_mode", str(session.variables.is_on("enable_insert_strict")))
    if strict.lower() == "false":
        return 1.0
    ratio = head.properties.get("max_filter_ratio")
    return float(ratio or session.variables.get("insert_max_filter_ratio", session.hints))


def target_columns(head: Insert, columns: Columns, partial: bool) -> tuple[str, ...]:
    """Real names of the columns that the query fills. Raises StarRocks' refusals; `partial` is on: fewer of them."""
    table = head.table
    names = [name for name, _ in columns] if head.by_name else list(head.columns)
    if not names:
        return tuple(column.name for column in table.plain_columns)
    real: list[str] = []
    for name in names:
        column = table.column(name)
        if column is None:
            raise analysis(f"Unknown column '{name}' in '{table.name}'")
        if column.generated is not None:
            raise analysis(f"generated column '{name}' can not be specified")
        if column.name in real:
            raise analysis(f"Duplicate column name '{name}'", 1060)
        real.append(column.name)
    _require(table, real, partial)
    return tuple(real)


def _require(table: Table, given: list[str], partial: bool) -> None:
    if table.model == PRIMARY:
        missing = [key for key in table.keys if key not in given and not _numbered(table, key)]
        if missing:
            raise analysis(f"missing key columns:{','.join(missing)} for primary key table", 6014)
        if partial:
            return
    for column in table.plain_columns:
        if column.name not in given and not column.has_default:
            raise analysis(f"'{column.name}' must be explicitly mentioned in column permutation: {', '.join(given)}")


def _numbered(table: Table, name: str) -> bool:
    column = table.column(name)
    return column is not None and column.auto_increment


def _batch(session: Session, head: Insert, targets: tuple[str, ...], stage: str, rows: int) -> Batch:
    table = head.table
    partial = (
        table.model == PRIMARY
        and len(targets) < len(table.plain_columns)
        and session.variables.is_on("enable_insert_partial_update")
        and not head.overwrite
    )
    scope = ""
    if head.partitions:
        known = visible_names(session.engine, table)
        scope = partitions.predicate(table, head.partitions, known)
        _all_inside(session, stage, scope)
    elif head.overwrite and session.variables.is_on("dynamic_overwrite", session.hints) and _makes_partitions(table):
        scope = "*"
    condition = head.properties.get("merge_condition")
    if condition and (table.model != PRIMARY or table.column(condition) is None):
        raise analysis(f"Merge condition column {condition} does not exist")
    kind = "overwrite" if head.overwrite else "insert"
    return Batch(table, stage, targets, rows, kind, partial=partial, merge_condition=condition, scope=scope)  # type: ignore[arg-type]


def _makes_partitions(table: Table) -> bool:
    """`dynamic_overwrite` has no effect on declared partitions (test/sql/test_dynamic_overwrite/R/test_overwrite)."""
    return bool(table.partition_by) and not table.declared_partitions


def _all_inside(session: Session, stage: str, scope: str) -> None:
    """Rows outside of the named partitions are filtered, which fails a strict INSERT."""
    found = session.cursor.execute(f"select count(*) from {stage} where ({scope}) is not true").fetchone()
    if found and found[0]:
        raise failed("Insert has filtered data. first_error_msg = The row is out of partition ranges")
