"""DROP and TRUNCATE of tables and databases; CREATE DATABASE.

Source: `fe/fe-core/src/main/java/com/starrocks/server/LocalMetastore.java`; recorded: `test/sql/test_drop_table`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emulator.errors import analysis, failed, unsupported
from emulator.hooks import table_changed
from emulator.results import Ok, Result
from emulator.sql.reader import Reader
from emulator.statements.alter_jobs import refuse_while_running
from emulator.statements.registry import statement
from emulator.statements.show_filter import filtered
from emulator.storage import auto_increment, partitions
from emulator.storage.catalog import SYSTEM_DATABASES, Database, Table
from emulator.storage.engine import Unit
from emulator.storage.writing import touch, visible_names

if TYPE_CHECKING:
    from emulator.session import Session

# fe/fe-core/src/main/java/com/starrocks/sql/analyzer/FeNameFormat.java, checkDbName.
_DATABASE_NAME = re.compile(r"[a-zA-Z][\w~!@#$%^&<>=+-]{0,255}|_[a-zA-Z0-9][\w~!@#$%^&<>=+-]{0,254}", re.ASCII)


@statement("CREATE DATABASE", "CREATE SCHEMA")
def create_database(session: Session, reader: Reader) -> Result:
    """CREATE DATABASE [IF NOT EXISTS] name [COMMENT ..] [PROPERTIES (..)]. Raises 1007, 1102."""
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    _, name = reader.qualified_name()
    comment = reader.comment()
    if reader.accept("PROPERTIES"):
        reader.properties()
    reader.end()
    if not _DATABASE_NAME.fullmatch(name):
        raise analysis(f"Incorrect database name '{name}'", 1102)
    if session.engine.get("database", "", name) is not None or name in SYSTEM_DATABASES:
        if if_not_exists:
            return Ok()
        raise failed(f"Can't create database '{name}'; database exists", 1007)
    with session.engine.write(session.cursor) as unit:
        if session.engine.get("database", "", name) is None:
            unit.save(Database(name, session.engine.next_id(), comment))
    return Ok()


@statement("DROP DATABASE", "DROP SCHEMA")
def drop_database(session: Session, reader: Reader) -> Result:
    """DROP DATABASE [IF EXISTS] name [FORCE]: with everything in it.

    Differs: nothing is kept for RECOVER, with or without FORCE.
    """
    if_exists = reader.accept("IF", "EXISTS")
    _, name = reader.qualified_name()
    force = reader.accept("FORCE")
    reader.end()
    if session.engine.get("database", "", name) is None:
        if if_exists:
            return Ok()
        raise failed(f"Can't drop database '{name}'; database doesn't exist", 1008)
    _drop_temporaries_of(session, name, force)
    with session.engine.write(session.cursor) as unit:
        for table in session.engine.all("table", name):
            remove_table(unit, table)
        for kind in ("view", "materialized_view"):
            for each in session.engine.all(kind, name):
                unit.delete(kind, name, each.name)
        unit.delete("database", "", name)
    if session.database == name:
        session.database = ""
    return Ok()


def _drop_temporaries_of(session: Session, db: str, force: bool) -> None:
    """The session's own temporary tables in a database that goes; they hold it without FORCE."""
    own = [table for (each, _), table in session.temporary_tables.items() if each == db]
    if own and not force:
        raise failed(
            f"The database [{db}] cannot be dropped because there are still some temporary tables in it."
            ' If you want to forcibly drop, please use "DROP DATABASE <database> FORCE"'
        )
    for table in own:
        remove_temporary(session, table)


@statement("DROP TABLE", "DROP TEMPORARY TABLE")
def drop_table(session: Session, reader: Reader) -> Result:
    """DROP [TEMPORARY] TABLE [IF EXISTS] t [FORCE].

    Differs: nothing is kept for RECOVER, with or without FORCE.
    """
    temporary = reader.tokens[1].text.upper() == "TEMPORARY"
    if_exists = reader.accept("IF", "EXISTS")
    db, name = reader.qualified_name()
    reader.accept("FORCE")
    reader.end()
    db = session.db_of(db)
    if temporary:
        return _drop_temporary(session, db, name, if_exists)
    table = session.engine.get("table", db, name)
    if table is None:
        if session.engine.view(db, name) is not None:
            raise analysis(f"'{db}'.'{name}' is not 'TABLE'", 1347)
        if if_exists:
            return Ok()
        raise analysis(f"Unknown table '{name}'", 5502)
    if session.engine.materialized_view(db, name) is not None:
        raise analysis(
            f"The data of '{name}' cannot be dropped because '{name}' is a materialized view,"
            f"use 'drop materialized view {name}' to drop it"
        )
    with session.engine.write(session.cursor) as unit:
        remove_table(unit, table)
        table_changed(session.server, unit, db, name, f"base-table dropped: {name}")
    return Ok()


def _drop_temporary(session: Session, db: str, name: str, if_exists: bool) -> Ok:
    table = session.temporary_tables.get((db, name))
    if table is not None:
        remove_temporary(session, table)
    elif not if_exists:
        raise analysis(f"Unknown table '{name}'", 5502)
    return Ok()


@statement("SHOW TEMPORARY TABLES")
def show_temporary(session: Session, reader: Reader) -> Result:
    """SHOW TEMPORARY TABLES [FROM db] [LIKE ..]: the session's own."""
    db = session.db_of(reader.identifier() if reader.accept("FROM") or reader.accept("IN") else "")
    names = sorted(name for each, name in session.temporary_tables if each == db)
    return filtered(session, reader, [f"Tables_in_{db}"], [[name] for name in names])


def forget_table(session: Session, table: Table) -> None:
    """Take a table away that was made for nothing."""
    if table.temporary:
        remove_temporary(session, table)
        return
    with session.engine.write(session.cursor) as unit:
        remove_table(unit, table)


def remove_temporary(session: Session, table: Table) -> None:
    """Take a temporary table of the session away."""
    session.cursor.execute(f"drop table if exists {table.physical}")
    session.temporary_tables.pop((table.db, table.name), None)


def remove_table(unit: Unit, table: Table) -> None:
    """Take a table, its rows and its partitions away, inside a unit of work."""
    unit.execute(f"drop table if exists {table.physical}")
    unit.delete("table", table.db, table.name)
    unit.delete("visible", "", str(table.id))
    auto_increment.forget(unit, table)


@statement("TRUNCATE TABLE")
def truncate(session: Session, reader: Reader) -> Result:
    """TRUNCATE TABLE t [PARTITION (p, ..)]."""
    db, name = reader.qualified_name()
    if reader.accept("TEMPORARY"):
        raise unsupported("TRUNCATE of a TEMPORARY PARTITION")
    listed: tuple[str, ...] = ()
    if reader.accept("PARTITION") or reader.accept("PARTITIONS"):
        listed = reader.identifiers() if reader.next_is("(") else (reader.identifier(),)
    reader.end()
    table = session.table(db, name)
    if table.temporary:
        session.cursor.execute(f"delete from {table.physical}")
        return Ok()
    refuse_while_running(session.engine, table)
    if listed:
        names = visible_names(session.engine, table)
        missing = next((each for each in listed if each not in names), None)
        if missing is not None:
            raise failed(f"Partition {missing} does not exist")
    condition = "true"
    if listed:
        condition = partitions.predicate(table, list(listed), visible_names(session.engine, table))
    with session.engine.write(session.cursor) as unit:
        unit.execute(f"delete from {table.physical} where {condition}")
        touch(session.engine, unit, table, list(listed))
    return Ok()
