"""The privileges that each statement asks for, asked before its handler runs. One table; no rule, no right.

A statement that has no rule here is refused to everybody who has not the role root: a new handler is closed until
somebody says what it asks for. `AT_NAMES`: tables are asked for where the walk over the query finds them
(`people.reading`), targets of writes in `statements.insert.target`. `INSIDE`: the handler asks, or shows only what may
be seen. Source of all: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/AuthorizerStmtVisitor.java`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from emulator.errors import unsupported
from emulator.people import objects
from emulator.people.privileges import CATALOG, DATABASE, DEFAULT_CATALOG, MATERIALIZED_VIEW, TABLE, VIEW
from emulator.sql.reader import Reader

if TYPE_CHECKING:
    from emulator.session import Session

Rule = Callable[["Session", Reader], None]


def free(_session: Session, _reader: Reader) -> None:
    """Everybody may."""


AT_NAMES = INSIDE = free


def system(*privileges: str) -> Rule:
    """One of these privileges on SYSTEM."""
    return lambda session, _: session.access.need_system(*privileges)


def on_object(privilege: str, kind: str) -> Rule:
    """A privilege on the table, view or materialized view that is named next, `IF EXISTS` left aside."""

    def ask(session: Session, reader: Reader) -> None:
        session.access.need(privilege, *_named(session, reader), kind)

    return ask


def _named(session: Session, reader: Reader) -> tuple[str, str]:
    reader.accept("IF", "EXISTS")
    reader.accept("IF", "NOT", "EXISTS")
    db, name = reader.qualified_name()
    return session.db_of(db), name


def on_database(privilege: str) -> Rule:
    """A privilege on the database that is named next."""

    def ask(session: Session, reader: Reader) -> None:
        reader.accept("IF", "EXISTS")
        session.access.need_on_database(privilege, reader.qualified_name()[1])

    return ask


def creates(privilege: str) -> Rule:
    """A privilege on the database of the object that is named next."""
    return lambda session, reader: session.access.need_on_database(privilege, _named(session, reader)[0])


def _create_table(session: Session, reader: Reader) -> None:
    db, _ = _named(session, reader)
    session.access.need_on_database("CREATE TABLE", db)
    if reader.accept("LIKE"):
        session.access.need("SELECT", *_named(session, reader), TABLE)


def _create_database(session: Session, _reader: Reader) -> None:
    if not session.access.allows(CATALOG, "CREATE DATABASE", (DEFAULT_CATALOG,)):
        raise session.access.denied("CREATE DATABASE", CATALOG, DEFAULT_CATALOG)


def _show_create_database(session: Session, reader: Reader) -> None:
    name = reader.identifier()
    database = session.engine.get("database", "", name)
    if database is not None and not session.access.touches(DATABASE, (database.id,)):
        raise session.access.denied("ANY", DATABASE, name)


def _show_create(session: Session, reader: Reader) -> None:
    session.access.need_any(*_named(session, reader))


def _describe(session: Session, reader: Reader) -> None:
    """Anything on the table; views are open to everybody (`checkAnyActionOnTable` finds no table of that name)."""
    reader.accept_any("FROM", "IN")
    db, name = reader.qualified_name()
    if reader.accept_any("FROM", "IN"):
        db = reader.identifier()
    if objects.kind_of(session.engine, session.db_of(db), name) == TABLE:
        session.access.need_any(session.db_of(db), name)


def _cancel_alter(session: Session, reader: Reader) -> None:
    while not (reader.at_end() or reader.accept("FROM")):
        reader.take()
    session.access.need("ALTER", *_named(session, reader))


def _analyze(session: Session, reader: Reader) -> None:
    db, name = _named(session, reader)
    session.access.need("SELECT", db, name, TABLE)
    session.access.need("INSERT", db, name, TABLE)


_GRANT = system("GRANT")
_OPERATE = system("OPERATE")
_NODES = system("NODE", "OPERATE")
_REPOSITORY = system("REPOSITORY")
RULES: Mapping[str, Rule] = {
    # queries and writes
    "SELECT": AT_NAMES, "WITH": AT_NAMES, "(": AT_NAMES,
    "EXPLAIN": AT_NAMES, "EXPLAIN ANALYZE": AT_NAMES, "EXPLAIN VERBOSE": AT_NAMES, "EXPLAIN LOGICAL": AT_NAMES,
    "EXPLAIN COSTS": AT_NAMES, "EXPLAIN ANALYZE VERBOSE": AT_NAMES,
    "INSERT INTO": AT_NAMES, "INSERT INTO TABLE": AT_NAMES, "INSERT OVERWRITE": AT_NAMES,
    "INSERT OVERWRITE TABLE": AT_NAMES, "UPDATE": AT_NAMES, "DELETE FROM": AT_NAMES,
    "BEGIN": free, "BEGIN WORK": free, "START TRANSACTION": free, "COMMIT": free, "COMMIT WORK": free,
    "ROLLBACK": free, "ROLLBACK WORK": free,
    # databases, tables, views
    "CREATE DATABASE": _create_database, "CREATE SCHEMA": _create_database,
    "DROP DATABASE": on_database("DROP"), "DROP SCHEMA": on_database("DROP"), "ALTER DATABASE": on_database("ALTER"),
    "CREATE TABLE": _create_table, "CREATE TEMPORARY TABLE": _create_table, "CREATE EXTERNAL TABLE": _create_table,
    "DROP TABLE": on_object("DROP", TABLE), "DROP TEMPORARY TABLE": on_object("DROP", TABLE),
    "TRUNCATE TABLE": on_object("DELETE", TABLE), "ALTER TABLE": on_object("ALTER", TABLE),
    "CANCEL ALTER TABLE": _cancel_alter,
    "ANALYZE TABLE": _analyze, "ANALYZE FULL TABLE": _analyze, "ANALYZE SAMPLE TABLE": _analyze,
    "CREATE VIEW": creates("CREATE VIEW"), "CREATE OR REPLACE VIEW": creates("CREATE VIEW"),
    "ALTER VIEW": on_object("ALTER", VIEW), "DROP VIEW": on_object("DROP", VIEW),
    "CREATE MATERIALIZED VIEW": creates("CREATE MATERIALIZED VIEW"),
    "ALTER MATERIALIZED VIEW": on_object("ALTER", MATERIALIZED_VIEW),
    "DROP MATERIALIZED VIEW": on_object("DROP", MATERIALIZED_VIEW),
    "REFRESH MATERIALIZED VIEW": on_object("REFRESH", MATERIALIZED_VIEW),
    "CANCEL REFRESH MATERIALIZED VIEW": on_object("REFRESH", MATERIALIZED_VIEW),
    # what there is
    "USE": INSIDE, "SHOW DATABASES": INSIDE, "SHOW SCHEMAS": INSIDE, "SHOW TABLES": INSIDE, "SHOW FULL TABLES": INSIDE,
    "SHOW TEMPORARY TABLES": free,
    "SHOW CREATE DATABASE": _show_create_database, "SHOW CREATE SCHEMA": _show_create_database,
    "SHOW CREATE TABLE": _show_create, "SHOW CREATE VIEW": _show_create, "SHOW CREATE MATERIALIZED VIEW": _show_create,
    "DESC": _describe, "DESCRIBE": _describe,
    "SHOW COLUMNS": _describe, "SHOW FULL COLUMNS": _describe, "SHOW FIELDS": _describe, "SHOW FULL FIELDS": _describe,
    "SHOW INDEX": _describe, "SHOW INDEXES": _describe, "SHOW KEYS": _describe,
    "SHOW PARTITIONS": _describe, "SHOW TEMPORARY PARTITIONS": _describe,
    "SHOW MATERIALIZED VIEWS": INSIDE,
    "SHOW ALTER TABLE COLUMN": INSIDE, "SHOW ALTER TABLE ROLLUP": INSIDE, "SHOW ALTER TABLE OPTIMIZE": INSIDE,
    "SHOW ALTER MATERIALIZED VIEW": INSIDE, "SHOW TRANSACTION": free,
    "SHOW VARIABLES": free, "SHOW GLOBAL VARIABLES": free, "SHOW SESSION VARIABLES": free,
    "SHOW WARNINGS": free, "SHOW ERRORS": free, "SHOW STATUS": free, "SHOW GLOBAL STATUS": free,
    "SHOW SESSION STATUS": free, "SHOW COLLATION": free, "SHOW CHARACTER SET": free, "SHOW CHARSET": free,
    "SHOW ENGINES": free, "SHOW CATALOGS": free, "SHOW REPOSITORIES": free,
    "CREATE ROUTINE LOAD": INSIDE, "ALTER ROUTINE LOAD": INSIDE, "PAUSE ROUTINE LOAD": INSIDE,
    "RESUME ROUTINE LOAD": INSIDE, "STOP ROUTINE LOAD": INSIDE, "SHOW ROUTINE LOAD": INSIDE,
    "SHOW ALL ROUTINE LOAD": INSIDE, "SHOW ROUTINE LOAD TASK": INSIDE,
    "SUBMIT TASK": free, "ALTER TASK": free, "DROP TASK": free,
    # the server
    "SET": INSIDE, "SYNC": free, "KILL": INSIDE, "KILL QUERY": INSIDE, "KILL CONNECTION": INSIDE,
    "SHOW PROCESSLIST": INSIDE, "SHOW FULL PROCESSLIST": INSIDE,
    "ADMIN SET FRONTEND CONFIG": _OPERATE, "ADMIN SHOW FRONTEND CONFIG": _OPERATE,
    "SHOW FRONTENDS": _NODES, "SHOW BACKENDS": _NODES, "SHOW COMPUTE NODES": _NODES,
    "CREATE REPOSITORY": _REPOSITORY, "CREATE READ ONLY REPOSITORY": _REPOSITORY, "DROP REPOSITORY": _REPOSITORY,
    "SHOW SNAPSHOT": _REPOSITORY, "BACKUP": _REPOSITORY, "RESTORE": _REPOSITORY, "SHOW BACKUP": _REPOSITORY,
    "SHOW RESTORE": _REPOSITORY, "CANCEL BACKUP": _REPOSITORY, "CANCEL RESTORE": _REPOSITORY,
    # people
    "CREATE USER": _GRANT, "ALTER USER": _GRANT, "DROP USER": _GRANT, "SHOW USERS": _GRANT, "SHOW USER": free,
    "SHOW ALL AUTHENTICATION": _GRANT, "SHOW AUTHENTICATION": INSIDE, "EXECUTE AS": INSIDE,
    "SET PASSWORD": INSIDE, "SET ROLE": free, "SET DEFAULT ROLE": INSIDE,
    "CREATE ROLE": _GRANT, "ALTER ROLE": _GRANT, "DROP ROLE": _GRANT, "SHOW ROLES": _GRANT,
    "GRANT": INSIDE, "REVOKE": INSIDE, "SHOW GRANTS": INSIDE,
}  # fmt: skip


def authorize(session: Session, words: str, reader: Reader) -> None:
    """Ask for what the statement that begins with these words needs; `reader` stands behind them and is left there.

    Raises 5203, or what the statement's own reading raises; 1235 for a statement without a rule.
    """
    rule = RULES.get(words)
    if rule is None:
        if session.access.is_root:
            return
        raise unsupported(f"{words} by a user without the role root")
    if rule is not free:
        peeked = Reader(reader.statement)
        peeked.at = reader.at
        rule(session, peeked)
