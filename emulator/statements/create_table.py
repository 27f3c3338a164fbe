"""CREATE TABLE, CREATE TABLE LIKE, CREATE TABLE AS SELECT, each also TEMPORARY.

Source: `fe/fe-grammar/src/main/antlr/com/starrocks/grammar/StarRocks.g4` (createTableStatement); what is demanded of a
table: emulator.statements.table_rules.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import duckdb

from emulator.errors import analysis, table_exists, unsupported
from emulator.results import Ok, Result
from emulator.sql import dialect
from emulator.sql.columns import read_definition
from emulator.sql.reader import Reader
from emulator.sql.translate import translate_query
from emulator.statements import partition_clauses
from emulator.statements.colocation import check_group
from emulator.statements.drop import forget_table
from emulator.statements.insert import Insert, write
from emulator.statements.partition_checks import added
from emulator.statements.querying import context_of
from emulator.statements.registry import statement
from emulator.statements.table_rules import finished
from emulator.storage import auto_increment
from emulator.storage.catalog import (
    AGGREGATE,
    DUPLICATE,
    PRIMARY,
    SYSTEM_DATABASES,
    UNIQUE,
    Column,
    Table,
    stored_columns,
)
from emulator.storage.partitions import parse_partition_by
from emulator.types.sql_type import SqlType

if TYPE_CHECKING:
    from emulator.session import Session

_MODELS = (DUPLICATE, PRIMARY, UNIQUE, AGGREGATE)


@dataclasses.dataclass
class Definition:
    """What is read of a CREATE TABLE: the table, its declared partitions, the columns where NULL was written,
    whether DISTRIBUTED BY RANDOM was, and which expression partitions there are before their rows."""

    table: Table
    partitions: list[partition_clauses.Declared] = dataclasses.field(default_factory=list)
    nullable: set[str] = dataclasses.field(default_factory=set)
    random: bool = False
    ahead: list[str] = dataclasses.field(default_factory=list)


@statement("CREATE TABLE", "CREATE EXTERNAL TABLE", "CREATE TEMPORARY TABLE")
def create_table(session: Session, reader: Reader) -> Result:
    """CREATE TABLE [IF NOT EXISTS] t (...) ... | LIKE s | ... AS SELECT.

    Differs: properties of storage are kept without an effect, and so are those of dynamic_partition: nothing makes or
    drops partitions by the clock. Two values of a list whose partition names are the same share a partition.
    """
    temporary = reader.tokens[1].text.upper() == "TEMPORARY"
    if reader.tokens[1].text.upper() == "EXTERNAL":
        raise unsupported("CREATE EXTERNAL TABLE")
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    db, name = reader.qualified_name()
    db = session.db_of(db)
    if db in SYSTEM_DATABASES:
        raise unsupported(f"CREATE TABLE in {db}")
    exists = (db, name) in session.temporary_tables if temporary else is_taken(session, db, name)
    if exists and not if_not_exists:
        raise table_exists(name)
    definition = _read(session, db, name, reader)
    definition.table = dataclasses.replace(definition.table, temporary=temporary)
    query = reader.rest().strip() if reader.accept("AS") else ""
    reader.end()
    if exists:
        return Ok()
    if query:
        return _as_select(session, definition, query)
    table = _checked(session.cursor, definition)
    create(session, table, definition.ahead)
    return Ok()


def is_taken(session: Session, db: str, name: str) -> bool:
    """True when a table or view has the name. Raises 1235 for one that differs in case only."""
    for kind in ("table", "view"):
        for known_db, known in session.engine.items(kind):
            if known_db == db and known == name:
                return True
            if known_db == db and known.lower() == name.lower():
                raise unsupported(f"table {name} beside {known}: names that differ in the case of letters")
    return False


def _read(session: Session, db: str, name: str, reader: Reader) -> Definition:
    number = session.engine.next_id()
    definition = Definition(Table(db, name, number, (), store=number, created=time.time()))
    if reader.next_is("("):
        _columns(reader, definition)
    if reader.accept("ENGINE", "="):
        engine = reader.word_or_string()
        if engine.lower() != "olap":
            raise unsupported(f"ENGINE={engine}")
    if reader.accept("DEFAULT", "CHARSET") or reader.accept("CHARSET"):
        reader.accept("=")
        charset = reader.word_or_string()
        if charset.lower() not in ("utf8", "utf-8"):
            raise analysis(f"charset name {charset} is not supported yet")
    _clauses(definition, reader)
    if reader.accept("LIKE"):
        source_db, source = reader.qualified_name()
        definition = _like(definition, session.table(source_db, source))
    return definition


def _like(definition: Definition, source: Table) -> Definition:
    """The structure of another table; clauses and properties that were written go before."""
    table = definition.table
    changes: dict[str, object] = {"db": table.db, "name": table.name, "id": table.id, "store": table.store}
    changes["created"] = table.created
    if table.partition_by:
        changes.update(
            partition_by=table.partition_by, partition_columns=table.partition_columns, partitions=table.partitions
        )
    if table.distribution:
        changes.update(distribution=table.distribution, buckets=table.buckets)
    changes["properties"] = {**source.properties, **table.properties}
    definition.table = dataclasses.replace(source, **changes)  # type: ignore[arg-type]
    return definition


def _columns(reader: Reader, definition: Definition) -> None:
    reader.expect("(")
    columns: list[Column] = []
    indexes: list[str] = []
    if reader.next_is(")"):
        reader.fail()
    while not reader.accept(")"):
        if reader.next_is("INDEX") and not _is_column_named_index(reader):
            indexes.append(_index(reader))
        else:
            column, null_written = read_definition(reader)
            columns.append(column)
            if null_written:
                definition.nullable.add(column.name)
        if not reader.next_is(")"):
            reader.expect(",")
    seen: set[str] = set()
    for column in columns:
        if column.name.lower() in seen:
            raise analysis(f"Duplicate column name '{column.name}'", 1060)
        seen.add(column.name.lower())
    definition.table = dataclasses.replace(definition.table, columns=tuple(columns), indexes=tuple(indexes))


def _is_column_named_index(reader: Reader) -> bool:
    following = reader.peek(2)
    return following is None or following.text != "("


def _index(reader: Reader) -> str:
    """`INDEX name (column) USING BITMAP COMMENT ''`: its text; no effect on results here."""
    reader.expect("INDEX")
    name = reader.identifier()
    columns = reader.identifiers()
    if len(columns) != 1:
        raise analysis(f"{name} index can only apply to a single column.")
    if reader.accept("USING") and not reader.accept("BITMAP"):
        raise unsupported(f"{reader.take().text.upper()} index")
    return f"INDEX {name} (`{columns[0]}`) USING BITMAP COMMENT '{reader.comment()}'"


def _clauses(definition: Definition, reader: Reader) -> None:
    """The clauses behind the columns, in their fixed order."""
    changes: dict[str, object] = {}
    model = reader.accept_any(*_MODELS)
    if model is not None:
        reader.expect("KEY")
        changes.update(model=model, keys=reader.identifiers())
    if reader.accept("COMMENT"):
        changes["comment"] = reader.string()
    if reader.accept("PARTITION", "BY"):
        text, names = _partition_by(reader)
        changes.update(partition_by=text, partition_columns=names)
        if reader.next_is("("):
            definition.partitions = partition_clauses.read(reader)
    if reader.accept("DISTRIBUTED", "BY"):
        if reader.accept("HASH"):
            changes["distribution"] = reader.identifiers()
        else:
            reader.expect("RANDOM")
            definition.random = True
        if reader.accept("BUCKETS"):
            changes["buckets"] = reader.number()
    if reader.accept("ORDER", "BY"):
        changes["order_by"] = reader.identifiers()
    if reader.next_is("ROLLUP"):
        raise unsupported("ROLLUP")
    if reader.accept("PROPERTIES"):
        changes["properties"] = reader.properties()
    definition.table = dataclasses.replace(definition.table, **changes)  # type: ignore[arg-type]


def _partition_by(reader: Reader) -> tuple[str, tuple[str, ...]]:
    """(RANGE, LIST or the normal form of an expression, the columns)."""
    for kind in ("RANGE", "LIST"):
        if reader.accept(kind):
            if not (reader.next_is("(") and _is_name_list(reader)):
                raise unsupported(f"PARTITION BY {kind} of an expression")
            return kind, reader.identifiers()
    start = reader.at
    if not reader.next_is("("):
        reader.identifier()
    if reader.next_is("("):
        reader.bracketed()
    else:
        while reader.accept(","):
            reader.identifier()
    return parse_partition_by(reader.source(start, reader.at))


def _is_name_list(reader: Reader) -> bool:
    following = reader.peek(2)
    return following is not None and following.text in (",", ")")


def _checked(cursor: duckdb.DuckDBPyConnection, definition: Definition) -> Table:
    """The table as it will be. Raises StarRocks' refusals."""
    table = definition.table
    if not table.distribution and not definition.random:
        table = _distributed(table)
    for key in table.keys if table.model == PRIMARY else ():
        if key.lower() in {name.lower() for name in definition.nullable}:
            raise analysis(f"primary key column[{key}] cannot be nullable")
    table = finished(table)
    if not definition.partitions:
        return table
    if table.partition_by in ("RANGE", "LIST"):
        return added(cursor, table, definition.partitions)
    if not all(isinstance(each, partition_clauses.Batched) for each in definition.partitions):
        raise unsupported(f"PARTITION BY {table.partition_by} with declared partitions")
    for each in definition.partitions:
        if isinstance(each, partition_clauses.Batched):
            definition.ahead += [one.name for one in partition_clauses.expanded(table, each)]
    return table


def _distributed(table: Table) -> Table:
    """Without DISTRIBUTED BY: by the key, at random for DUPLICATE KEY, refused for the other models."""
    if table.model in (UNIQUE, AGGREGATE):
        short = {UNIQUE: "UNIQUE_KEYS", AGGREGATE: "AGG_KEYS"}[table.model]
        raise analysis(f"Currently not support default distribution in {short}")
    return dataclasses.replace(table, distribution=table.keys) if table.model == PRIMARY else table


def create(session: Session, table: Table, ahead: Sequence[str] = ()) -> None:
    """Make the empty DuckDB table and put the object into the catalogue; `ahead`: partitions beside the declared."""
    if table.temporary:
        session.cursor.execute(f"create temp table t{table.store} ({stored_columns(table.columns)})")
        session.temporary_tables[table.db, table.name] = table
        return
    check_group(session.engine, table)
    names = [*(each.name for each in table.partitions), *ahead]
    with session.engine.write(session.cursor) as unit:
        if session.engine.get("table", table.db, table.name) is not None:
            raise table_exists(table.name)
        unit.execute(f"create table {table.physical} ({stored_columns(table.columns)})")
        unit.save(table)
        auto_increment.begin(unit, table)
        if names:
            listed = {name: fresh_partition(session, table) for name in names}
            unit.put("visible", "", str(table.id), {"version": 1, "partitions": listed})


def fresh_partition(session: Session, table: Table) -> dict[str, object]:
    """The state of a partition without a row."""
    return {"id": session.engine.next_id(), "version": 1, "time": table.created}


def _as_select(session: Session, definition: Definition, query: str) -> Ok:
    translation = translate_query(context_of(session), dialect.parse(query))
    table = definition.table
    if not table.columns:
        columns = tuple(Column(name, stored(kind).desc) for name, kind in translation.columns)
        definition.table = dataclasses.replace(table, columns=columns)
    table = _checked(session.cursor, definition)
    create(session, table, definition.ahead)
    try:
        return write(session, Insert(table), translation)
    except Exception:
        forget_table(session, table)
        raise


def stored(kind: SqlType | None) -> SqlType:
    """The type of a CTAS or view column: texts are VARCHAR(65533), NULL is BOOLEAN."""
    if kind is None or kind.is_text:
        return SqlType("varchar", length=65533)
    return SqlType("boolean") if kind.name == "null" else kind
