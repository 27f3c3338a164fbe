"""DROP and TRUNCATE of tables and databases; CREATE DATABASE.

Source: `fe/fe-core/src/main/java/com/starrocks/server/LocalMetastore.java`; recorded: `test/sql/test_drop_table`.
"""

from emulator.errors import failed, unsupported
from emulator.hooks import table_changed
from emulator.results import Ok, Result
from emulator.session import SYSTEM_DATABASES, Session
from emulator.sql.reader import Reader
from emulator.statements.registry import statement
from emulator.storage import partitions
from emulator.storage.catalog import Database, Table
from emulator.storage.engine import Unit
from emulator.storage.writing import touch, visible_names


@statement("CREATE DATABASE", "CREATE SCHEMA")
def create_database(session: Session, reader: Reader) -> Result:
    """CREATE DATABASE [IF NOT EXISTS] name [COMMENT ..] [PROPERTIES (..)]."""
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    _, name = reader.qualified_name()
    comment = reader.comment()
    if reader.accept("PROPERTIES"):
        reader.properties()
    reader.end()
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
    """DROP DATABASE [IF EXISTS] name [FORCE]: with everything in it."""
    if_exists = reader.accept("IF", "EXISTS")
    _, name = reader.qualified_name()
    reader.accept("FORCE")
    reader.end()
    if session.engine.get("database", "", name) is None:
        if if_exists:
            return Ok()
        raise failed(f"Can't drop database '{name}'; database doesn't exist", 1008)
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


@statement("DROP TABLE", "DROP TEMPORARY TABLE")
def drop_table(session: Session, reader: Reader) -> Result:
    """DROP TABLE [IF EXISTS] t [FORCE]."""
    if reader.tokens[1].text.upper() == "TEMPORARY":
        raise unsupported("DROP TEMPORARY TABLE")
    if_exists = reader.accept("IF", "EXISTS")
    db, name = reader.qualified_name()
    reader.accept("FORCE")
    reader.end()
    db = session.db_of(db)
    table = session.engine.get("table", db, name)
    if table is None:
        if session.engine.view(db, name) is not None:
            raise failed(f"The object '{name}' is a view, use DROP VIEW")
        if if_exists:
            return Ok()
        raise failed(f"Unknown table '{name}'", 5502)
    if session.engine.materialized_view(db, name) is not None:
        raise failed(f"The object '{name}' is a materialized view, use DROP MATERIALIZED VIEW")
    with session.engine.write(session.cursor) as unit:
        remove_table(unit, table)
        table_changed(session.server, unit, db, name, f"base-table dropped: {name}")
    return Ok()


def remove_table(unit: Unit, table: Table) -> None:
    """Take a table, its rows and its partitions away, inside a unit of work."""
    unit.execute(f"drop table if exists {table.physical}")
    unit.delete("table", table.db, table.name)
    unit.delete("visible", "", str(table.id))


@statement("TRUNCATE TABLE")
def truncate(session: Session, reader: Reader) -> Result:
    """TRUNCATE TABLE t [PARTITION (p, ..)]."""
    db, name = reader.qualified_name()
    listed = reader.identifiers() if reader.accept("PARTITION") else ()
    reader.end()
    table = session.engine.table(session.db_of(db), name)
    condition = "true"
    if listed:
        condition = partitions.predicate(table, list(listed), visible_names(session.engine, table))
    with session.engine.write(session.cursor) as unit:
        unit.execute(f"delete from {table.physical} where {condition}")
        touch(session.engine, unit, table, list(listed))
    return Ok()
