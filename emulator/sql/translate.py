"""StarRocks SQL to DuckDB SQL: one walk over the tree that finds names, notes types and rewrites nodes.

    translation = translate_query(context, parse("select ..."))     # .sql for DuckDB, .columns (name, type)
    text = expression_sql(context, "to_date(ts)", {"ts": parse_type("bigint")})   # a scalar over names in scope
    text = column_expression("a + b", table)                        # of a table's generated column

`Context` says who asks and where: engine, current database, session. For Stream Load make one with
`Context(engine, db, time_zone="Asia/Shanghai")`, give the type VARCHAR to names that come as text, and run the result
on a cursor on which `SET TimeZone = ...` was done: now(), from_unixtime() and the like follow the cursor's zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from emulator.errors import analysis
from emulator.sql import dialect
from emulator.sql.context import Context
from emulator.sql.duckdb_text import generate
from emulator.sql.resolve import Resolver
from emulator.sql.scope import Columns, Scope
from emulator.storage.catalog import Table
from emulator.types.coercion import to_type
from emulator.types.sql_type import SqlType

if TYPE_CHECKING:
    from emulator.storage.engine import Engine


@dataclass(frozen=True)
class Translation:
    """A query for DuckDB. `columns`: names and types (None = as DuckDB says); `tables`: base tables read."""

    sql: str
    columns: Columns
    tables: frozenset[str]
    cacheable: bool


def translate_query(context: Context, query: exp.Expr) -> Translation:
    """Translate a SELECT or a set operation (the tree is used up)."""
    node, columns = Resolver(context).query(query, None)
    return Translation(generate(node), columns, frozenset(context.tables), context.cacheable)


def expression_sql(
    context: Context, text: str, names: Mapping[str, SqlType | None], target: SqlType | None = None
) -> str:
    """A scalar expression over the given names as DuckDB SQL, cast to `target` as StarRocks casts when given.

    Names stay unqualified and quoted. Raises StarRocksError as for a query.
    """
    node = typed_expression(context, text, names)
    return generate(to_type(node, target) if target is not None else node)


def typed_expression(context: Context, text: str, names: Mapping[str, SqlType | None]) -> exp.Expr:
    """The rewritten tree of a scalar expression, its type noted (`coercion.type_of`)."""
    scope = Scope(aliases={name.lower(): kind for name, kind in names.items()}, use_aliases=True)
    return Resolver(context).expression(dialect.parse_expression(text), scope)


def column_expression(text: str, table: Table) -> str:
    """The expression of a generated column over the other columns of its table."""
    return generate(column_tree(text, table))


def column_tree(text: str, table: Table) -> exp.Expr:
    """The same as a rewritten tree, its type noted (`coercion.type_of`)."""
    names = {column.name: column.sql_type for column in table.columns}
    return typed_expression(Context(engine=_NO_ENGINE), text, names)


def predicate_sql(context: Context, text: str, table: Table) -> str:
    """A condition over a table's columns, as DuckDB SQL."""
    return expression_sql(context, text, {column.name: column.sql_type for column in table.columns})


class _NoEngine:
    """Stands where no table may be named: a generated column cannot read tables."""

    def get(self, *_: str) -> None:
        raise analysis("Subquery is not supported here")


_NO_ENGINE: "Engine" = _NoEngine()  # type: ignore[assignment]
__all__ = [
    "Context",
    "Translation",
    "column_expression",
    "column_tree",
    "expression_sql",
    "generate",
    "predicate_sql",
    "translate_query",
]
