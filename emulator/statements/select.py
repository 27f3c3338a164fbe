"""SELECT, and EXPLAIN of it."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from emulator.errors import analysis
from emulator.information_schema.tables import relation
from emulator.results import Result, ResultColumn, ResultSet, rows
from emulator.session import Session
from emulator.sql import dialect
from emulator.sql.reader import Reader
from emulator.sql.translate import Context, Translation, translate_query
from emulator.sql.types import SqlType, parse_type
from emulator.statements.registry import statement

FETCH_ROWS = 2000
_ATTEMPTS = 3


def context_of(session: Session) -> Context:
    """The translation's context of a session."""
    from emulator import VERSION
    from emulator.variables import MYSQL_VERSION

    values: dict[str, str | int | None] = {
        "current_user": session.identity,
        "user": f"'{session.user}'@'{session.host}'",
        "session_user": f"'{session.user}'@'{session.host}'",
        "current_role": "root",
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
    )


@statement("SELECT", "WITH", "(", in_transaction=True)
def select(session: Session, reader: Reader) -> Result:
    """A query. Tables that the explicit transaction has changed cannot be read (5307)."""
    for _ in range(_ATTEMPTS):
        version = session.engine.version
        translation = translate_query(context_of(session), dialect.parse(reader.text))
        refuse_modified(session, translation.tables)
        session.server.remember(session, reader.text, translation)
        try:
            return run(session, translation)
        except duckdb.CatalogException:
            # a table was rewritten or dropped between the two lines above: look it up again
            if version == session.engine.version:
                raise
    return run(session, translation)


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
    documents = [at for at, column in enumerate(columns) if column.type.name == "json"]
    return ResultSet(columns, _with_documents(_batches(cursor), documents) if documents else _batches(cursor))


def _with_documents(batches: Iterator[Sequence[Sequence[Any]]], places: list[int]) -> Iterator[Sequence[Sequence[Any]]]:
    """JSON as StarRocks prints it: keys in order, a blank behind `:` and `,`."""
    for batch in batches:
        shown = []
        for row in batch:
            cells = list(row)
            for at in places:
                if cells[at] is not None:
                    cells[at] = json.dumps(json.loads(cells[at]), sort_keys=True, ensure_ascii=False)
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
    if text.startswith("DECIMAL"):
        return parse_type(text)
    if text.endswith("]"):
        return SqlType("array", items=(from_duckdb(text.removesuffix("[]")),))
    return parse_type(_FROM_DUCKDB[text]) if text in _FROM_DUCKDB else SqlType("varchar", length=65533)


@statement("EXPLAIN [ANALYZE] [VERBOSE]", "EXPLAIN [LOGICAL]", "EXPLAIN [COSTS]")
def explain(session: Session, reader: Reader) -> Result:
    """The plan of DuckDB, under a line that says so: costs and plans of a cluster are not told from here."""
    translation = translate_query(context_of(session), dialect.parse(reader.rest()))
    plan = session.cursor.execute("explain " + translation.sql).fetchall()
    lines = ["-- plan of the embedded server's engine, not of a StarRocks cluster"]
    return rows(["Explain String"], [[line] for line in [*lines, *plan[0][1].splitlines()]])
