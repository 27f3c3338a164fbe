"""The query of a materialized view: its columns and types, and the DuckDB SELECT that computes its rows."""

from __future__ import annotations

from sqlglot import exp

from emulator.errors import StarRocksError, analysis
from emulator.sql import dialect
from emulator.sql.guards import everything
from emulator.sql.translate import Context, Translation, translate_query
from emulator.storage.catalog import Column, Table, quoted
from emulator.storage.engine import Engine
from emulator.types.sql_type import STRING_LENGTH, SqlType, from_duckdb

ROOT = "'root'@'%'"


def translated(engine: Engine, db: str, definition: str) -> Translation:
    """The definition for DuckDB, with unqualified names looked up in the view's database."""
    values: dict[str, str | int | None] = {"current_user": ROOT, "user": ROOT, "database": db, "current_role": "root"}
    values["roles_in_session"] = "root"
    return translate_query(Context(engine, db, values=values, may_read=everything), dialect.parse(definition))


def columns_of(engine: Engine, db: str, definition: str) -> list[Column]:
    """The columns that the view gets. Raises StarRocksError for a query that cannot be run, 1060 for a name twice."""
    translation = translated(engine, db, definition)
    cursor = engine.cursor()
    try:
        described = cursor.execute(f"describe {translation.sql}").fetchall()
    finally:
        cursor.close()
    columns: list[Column] = []
    counted = _counts(definition, len(described))
    for (name, kind), row, never_null in zip(translation.columns, described, counted, strict=True):
        if any(column.name.lower() == name.lower() for column in columns):
            raise analysis(f"Duplicate column name '{name}'", 1060)
        columns.append(Column(name, _stored(kind, str(row[1])).desc, nullable=not never_null))
    return columns


def _counts(definition: str, width: int) -> list[bool]:
    """Which columns are a COUNT, which is never NULL (recorded: test/sql/test_materialized_view/R/test_mv_swap)."""
    query = dialect.parse(definition)
    if not isinstance(query, exp.Select) or len(query.expressions) != width:
        return [False] * width
    return [isinstance(each.unalias(), exp.Count) for each in query.expressions]


def _stored(kind: SqlType | None, duckdb_type: str) -> SqlType:
    """The type to keep values in: NULL counts as TINYINT, as in StarRocks."""
    if kind is None:
        return from_duckdb(duckdb_type)
    if kind.name == "null":
        return SqlType("tinyint")
    if kind.is_text:
        return SqlType("varchar", length=kind.length or STRING_LENGTH)
    return kind


def selected(engine: Engine, db: str, definition: str, table: Table) -> str:
    """A SELECT of the view's rows under the names and types of its columns.

    Raises StarRocksError when the definition no longer gives as many columns.
    """
    translation = translated(engine, db, definition)
    if len(translation.columns) != len(table.columns):
        raise StarRocksError(
            1064,
            f"column count {len(translation.columns)} of the query differs from {len(table.columns)} of {table.name}",
        )
    names = [f"c{at}" for at in range(len(table.columns))]
    values = ", ".join(
        f"cast({name} as {column.sql_type.duckdb}) as {quoted(column.name)}"
        for name, column in zip(names, table.columns, strict=True)
    )
    return f"select {values} from ({translation.sql}) as q({', '.join(names)})"
