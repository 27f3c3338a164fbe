"""ALTER TABLE: which clause it is, and those that are done at once: comment, rename, swap, properties.

Source: `fe/fe-core/src/main/java/com/starrocks/alter/AlterJobExecutor.java`; recorded: `test/sql/test_alter_table`,
`test/sql/test_ddl/R/test_alter_swap_table`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from emulator.errors import analysis, failed, unsupported
from emulator.hooks import table_changed
from emulator.results import Ok, Result
from emulator.sql.reader import Reader
from emulator.statements.alter_columns import existing, read_clause
from emulator.statements.alter_jobs import refuse_while_running, submit
from emulator.statements.alter_modify import Change
from emulator.statements.alter_partitions import partition_clause
from emulator.statements.create_table import is_taken
from emulator.statements.registry import statement
from emulator.statements.table_properties import check_settable
from emulator.storage.catalog import Table

if TYPE_CHECKING:
    from emulator.session import Session


@statement("ALTER TABLE")
def alter_table(session: Session, reader: Reader) -> Result:
    """ALTER TABLE t clause [, clause ...].

    Differs: a job that rewrites rows stays a fixed time in WAITING_TXN, whatever transactions are open.
    """
    db, name = reader.qualified_name()
    table = session.table(db, name)
    if table.temporary:
        raise analysis("temporary table doesn't support alter table statement")
    refuse_while_running(session.engine, table)
    done = partition_clause(session, table, reader) or _simple(session, table, reader)
    if done is not None:
        reader.end()
        return done
    change = Change.of(table)
    read_clause(change, reader)
    while reader.accept(","):
        read_clause(change, reader)
    reader.end()
    submit(session, change)
    return Ok()


def _simple(session: Session, table: Table, reader: Reader) -> Ok | None:
    """The clauses that are done at once; None when it is another."""
    if reader.accept("COMMENT"):
        reader.accept("=")
        return _save(session, dataclasses.replace(table, comment=reader.string()))
    if reader.accept("SWAP", "WITH"):
        return _swap(session, table, reader.identifier())
    if reader.accept("SET"):
        return _set(session, table, reader.properties())
    if reader.next_is("RENAME") and not reader.next_is("RENAME", "COLUMN"):
        reader.expect("RENAME")
        if reader.next_is("ROLLUP"):
            raise unsupported("ALTER TABLE RENAME ROLLUP")
        return _rename(session, table, reader.identifier())
    if reader.next_is("MODIFY", "COLUMN") and _word(reader, 3) == "COMMENT":
        reader.expect("MODIFY", "COLUMN")
        return _column_comment(session, table, reader)
    return None


def _word(reader: Reader, ahead: int) -> str:
    token = reader.peek(ahead)
    return token.text.upper() if token is not None else ""


def _save(session: Session, table: Table) -> Ok:
    with session.engine.write(session.cursor) as unit:
        unit.save(table)
    return Ok()


def _set(session: Session, table: Table, properties: dict[str, str]) -> Ok:
    check_settable(table, properties)
    found = {key.removeprefix("default."): value for key, value in properties.items()}
    return _save(session, dataclasses.replace(table, properties={**table.properties, **found}))


def _column_comment(session: Session, table: Table, reader: Reader) -> Ok:
    name = reader.identifier()
    comment = reader.comment()
    column = existing(table, name)
    columns = tuple(dataclasses.replace(c, comment=comment) if c is column else c for c in table.columns)
    return _save(session, dataclasses.replace(table, columns=columns))


def _rename(session: Session, table: Table, name: str) -> Ok:
    if is_taken(session, table.db, name):
        raise failed(f"Table name[{name}] is already used")
    with session.engine.write(session.cursor) as unit:
        unit.delete("table", table.db, table.name)
        unit.save(dataclasses.replace(table, name=name))
        table_changed(session.server, unit, table.db, table.name, f"base-table renamed: {table.name}")
    return Ok()


def _swap(session: Session, table: Table, name: str) -> Ok:
    """Two tables change their names, at once."""
    other = session.engine.table(table.db, name)
    refuse_while_running(session.engine, other)
    for each in (table, other):
        if session.engine.materialized_view(each.db, each.name) is not None:
            raise failed("Materialized view can only SWAP WITH materialized view")
    with session.engine.write(session.cursor) as unit:
        unit.save(dataclasses.replace(table, name=other.name))
        unit.save(dataclasses.replace(other, name=table.name))
        for each in (table, other):
            table_changed(session.server, unit, each.db, each.name, f"base-table swapped: {each.name}")
    return Ok()
