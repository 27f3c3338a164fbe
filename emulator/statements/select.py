"""SELECT, and EXPLAIN of it."""

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
from sqlglot import exp

from emulator.errors import analysis
from emulator.information_schema.tables import relation
from emulator.people.reading import guard_of
from emulator.printing import Printer, printer_of
from emulator.results import Result, ResultColumn, ResultSet, rows
from emulator.session import Session
from emulator.sql import dialect
from emulator.sql.reader import Reader
from emulator.sql.translate import Context, Translation, translate_query
from emulator.sql.types import SqlType, parse_type
from emulator.statements.registry import statement

FETCH_ROWS = 2000
_ATTEMPTS = 3


def context_of(session: Session, but: tuple[str, str] | None = None) -> Context:
    """The translation's context of a session; `but`: a table that needs no SELECT (the target of UPDATE, DELETE)."""
    from emulator import VERSION
    from emulator.variables import MYSQL_VERSION

    values: dict[str, str | int | None] = {
        "current_user": session.identity,
        "user": f"'{session.user}'@'{session.host}'",
        "session_user": f"'{session.user}'@'{session.host}'",
        "current_role": ", ".join(session.access.role_names()) or "NONE",
        "roles_in_session": ", ".join(session.access.roles_in_session()),
        "current_group": "NONE",
        "database": session.database,
        "version": MYSQL_VERSION,
        "current_version": VERSION,
        "connection_id": session.connection_id,
        "last_query_id": session.last_query_id,
        "current_catalog": "default_catalog",
        "current_warehouse": "default_warehouse",
        "current_timezone": session.variables.get("time_zone"),
        "host_name": "127.0.0.1",
    }
    return Context(
        session.engine,
        session.database,
        session.variables.get("time_zone"),
        values,
        lambda name: session.variables.get(name, session.hints),
        session.variables.user,
        lambda db, name, wanted: relation(session, db, name, wanted),
        session.cursor,
        may_read=guard_of(session.engine, session.access, but),
        temporary=session.temporary_tables,
    )


def need_query(session: Session, db: str, text: str) -> None:
    """Raise 5203 unless the session may read all that a query names; names without a database are of `db`."""
    context = context_of(session)
    context.database = db
    translate_query(context, dialect.parse(text))


@statement("SELECT", "WITH", "(", in_transaction=True)
def select(session: Session, reader: Reader) -> Result:
    """A query. Tables that the explicit transaction has changed cannot be read (5307)."""
    changes = _behind_with(session, reader)
    if changes is not None:
        return changes
    for _ in range(_ATTEMPTS):
        version = session.engine.version
        translation = translate_query(context_of(session), dialect.parse(reader.text))
        refuse_modified(session, translation.tables)
        session.server.remember(session, reader.text, translation, version)
        try:
            return run(session, translation)
        except duckdb.CatalogException:
            # a table was rewritten or dropped between the two lines above: look it up again
            if version == session.engine.version:
                raise
    return run(session, translation)


def _behind_with(session: Session, reader: Reader) -> Result | None:
    """WITH ... UPDATE and WITH ... DELETE; None for a query."""
    if reader.tokens[0].text.upper() != "WITH":
        return None
    from emulator.statements.update import delete, update

    node = dialect.parse(reader.text)
    if isinstance(node, exp.Update):
        return update(session, reader)
    return delete(session, reader) if isinstance(node, exp.Delete) else None


def refuse_modified(session: Session, tables: frozenset[str] | set[str]) -> None:
    """Raise 5307 for a table that was changed earlier in the explicit transaction."""
    if session.explicit is None:
        return
    for name in sorted(tables & session.explicit.modified):
        raise analysis(
            f"SELECT cannot read table '{name.split('.', 1)[1]}' modified earlier in the same transaction", 5307
        )


def run(session: Session, translation: Translation) -> ResultSet:
    """Run a translation; its rows are fetched while they go out."""
    cursor = session.cursor.execute(translation.sql)
    described = cursor.description or []
    columns = [
        ResultColumn(name, kind if kind is not None and kind.name != "null" else from_duckdb(str(each[1])))
        for (name, kind), each in zip(translation.columns, described, strict=True)
    ]
    printers = [(at, printer) for at, column in enumerate(columns) if (printer := printer_of(column.type)) is not None]
    return ResultSet(columns, _printed(_batches(cursor), printers) if printers else _batches(cursor))


def _printed(
    batches: Iterator[Sequence[Sequence[Any]]], printers: list[tuple[int, Printer]]
) -> Iterator[Sequence[Sequence[Any]]]:
    """Rows with the values of some columns as StarRocks prints them."""
    for batch in batches:
        shown = []
        for row in batch:
            cells = list(row)
            for at, printer in printers:
                if cells[at] is not None:
                    cells[at] = printer(cells[at])
            shown.append(cells)
        yield shown


def _batches(cursor: duckdb.DuckDBPyConnection) -> Iterator[Sequence[Sequence[Any]]]:
    while batch := cursor.fetchmany(FETCH_ROWS):
        yield batch


_FROM_DUCKDB = {
    "INTEGER": "int",
    "HUGEINT": "largeint",
    "TIMESTAMP": "datetime",
    "UBIGINT": "largeint",
    "BLOB": "varbinary",
    "UINTEGER": "bigint",
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "BIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DATE": "date",
    "JSON": "json",
    "NUMBER": "double",
}


def from_duckdb(text: str) -> SqlType:
    """The StarRocks type of a DuckDB type's name."""
    if text.endswith("]"):
        return SqlType("array", items=(from_duckdb(text.removesuffix("[]")),))
    if text.startswith("DECIMAL"):
        return parse_type(text)
    return parse_type(_FROM_DUCKDB[text]) if text in _FROM_DUCKDB else SqlType("varchar", length=65533)


@statement("EXPLAIN [ANALYZE] [VERBOSE]", "EXPLAIN [LOGICAL]", "EXPLAIN [COSTS]")
def explain(session: Session, reader: Reader) -> Result:
    """EXPLAIN [ANALYZE | VERBOSE | LOGICAL | COSTS] of a query.

    Differs: the plan is DuckDB's, under a line that says so; nothing is run and no costs are told.
    """
    translation = translate_query(context_of(session), dialect.parse(reader.rest()))
    plan = session.cursor.execute("explain " + translation.sql).fetchall()
    lines = ["-- plan of the embedded server's engine, not of a StarRocks cluster"]
    return rows(["Explain String"], [[line] for line in [*lines, *plan[0][1].splitlines()]])
