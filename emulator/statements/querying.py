"""What all statements with a query in them share: the context that it is translated in, its checks, its run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import duckdb

from emulator import VERSION
from emulator.errors import analysis
from emulator.information_schema.tables import relation
from emulator.people.reading import guard_of
from emulator.printing import Printer, printer_of
from emulator.results import ResultColumn, ResultSet
from emulator.sql import dialect
from emulator.sql.translate import Context, Translation, translate_query
from emulator.types.sql_type import known_type
from emulator.variables import MYSQL_VERSION

if TYPE_CHECKING:
    from emulator.session import Session

FETCH_ROWS = 2000


def context_of(session: Session, but: tuple[str, str] | None = None) -> Context:
    """The translation's context of a session; `but`: a table that needs no SELECT (the target of UPDATE, DELETE)."""
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
        ResultColumn(name, known_type(kind, str(each[1])))
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
