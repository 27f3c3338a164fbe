"""StarRocks SQL to DuckDB SQL: one walk over the tree that finds names, notes types and rewrites nodes.

    translation = translate_query(context, parse("select ..."))     # .sql for DuckDB, .columns (name, type)
    text = expression_sql(context, "to_date(ts)", {"ts": parse_type("bigint")})   # a scalar over names in scope
    text = column_expression("a + b", table)                        # of a table's generated column

`Context` says who asks and where: engine, current database, session. For Stream Load make one with
`Context(engine, db, time_zone="Asia/Shanghai")`, give the type VARCHAR to names that come as text, and run the result
on a cursor on which `SET TimeZone = ...` was done: now(), from_unixtime() and the like follow the cursor's zone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
from sqlglot import exp

from emulator.errors import analysis, failed, no_database, unknown_database, unknown_table, unsupported
from emulator.sql import dialect
from emulator.sql.coercion import BIGINT, TEXT, TINYINT, to_type, typed
from emulator.sql.scope import Columns, Source
from emulator.sql.types import SqlType
from emulator.storage.catalog import Table, quoted

if TYPE_CHECKING:
    from emulator.storage.engine import Engine

SystemTable = Callable[[str, str, Mapping[str, str]], tuple[str, Columns]]
MAX_VIEW_DEPTH = 30


@dataclass
class Context:
    """Who asks, and what was met on the way.

    `values` are session functions by name (`current_user`, `connection_id` ...), `variable_of` reads `@@x`, `system`
    gives the DuckDB relation of a system table. After a translation: `tables` read as `db.name`, `cacheable`.
    """

    engine: "Engine"
    database: str = ""
    time_zone: str = "UTC"
    values: Mapping[str, str | int | None] = field(default_factory=dict)
    variable_of: Callable[[str], str] | None = None
    user_variables: Mapping[str, object] = field(default_factory=dict)
    system: SystemTable | None = None
    cursor: duckdb.DuckDBPyConnection | None = None
    tables: set[str] = field(default_factory=set)
    cacheable: bool = True
    depth: int = 0

    def session_function(self, name: str) -> exp.Expr:
        """The constant that a session function stands for."""
        self.cacheable = False
        value = self.values.get(name)
        if isinstance(value, bool):
            return typed(exp.Boolean(this=value), SqlType("boolean"))
        if isinstance(value, int):
            return typed(exp.Literal.number(value), BIGINT)
        return typed(exp.Literal.string(value) if value is not None else exp.Null(), TEXT)

    def variable(self, name: str) -> exp.Expr:
        """The constant that `@@name` stands for."""
        self.cacheable = False
        if self.variable_of is None:
            raise unsupported(f"@@{name} here")
        value = self.variable_of(name)
        if value in ("true", "false"):
            return typed(exp.Literal.number(int(value == "true")), TINYINT)
        if value.isdigit() and len(value) < 19:
            return typed(exp.Literal.number(value), BIGINT)
        return typed(exp.Literal.string(value), TEXT)

    def user_variable(self, name: str) -> exp.Expr:
        """The constant that `@name` stands for; NULL when it was never set."""
        self.cacheable = False
        value = self.user_variables.get(name.lower())
        if value is None:
            return typed(exp.Null(), SqlType("null"))
        if isinstance(value, int | float):
            return typed(exp.Literal.number(str(value)), BIGINT if isinstance(value, int) else SqlType("double"))
        return typed(exp.Literal.string(str(value)), TEXT)

    def relation(self, node: exp.Table) -> tuple[exp.Expr, Source]:
        """A table name in FROM: the DuckDB relation without alias, and the source that it is.

        Raises 1046, 5501, 5502, 1235 (catalogs).
        """
        catalog, db, name = node.catalog, node.db or self.database, node.name
        if catalog and catalog != "default_catalog":
            raise unsupported(f"catalog {catalog}")
        if not db:
            raise no_database()
        alias = node.alias or name
        if db.lower() in ("information_schema", "sys", "_statistics_"):
            return self._system(db.lower(), name, alias, equalities(node))
        if self.engine.get("database", "", db) is None:
            raise unknown_database(db)
        table = self.engine.get("table", db, name)
        if table is not None:
            self.tables.add(f"{db}.{name}")
            return physical(table), Source(alias, [(c.name, c.sql_type) for c in table.columns], db)
        view = self.engine.view(db, name)
        if view is None:
            raise unknown_table(f"{db}.{name}")
        return self._view(view.db, view.name, view.definition), Source(
            alias, [(column.name, column.sql_type) for column in view.columns], db
        )

    def _view(self, db: str, name: str, definition: str) -> exp.Expr:
        from emulator.sql.resolve import Resolver

        if self.depth > MAX_VIEW_DEPTH:
            raise failed(f"View {db}.{name} goes deeper than {MAX_VIEW_DEPTH} views")
        inner = Context(
            self.engine,
            db,
            self.time_zone,
            self.values,
            self.variable_of,
            self.user_variables,
            self.system,
            self.cursor,
            self.tables,
            True,
            self.depth + 1,
        )
        query, _ = Resolver(inner).query(dialect.parse(definition), None)
        self.cacheable = self.cacheable and inner.cacheable
        return exp.Subquery(this=query)

    def _system(self, db: str, name: str, alias: str, wanted: Mapping[str, str]) -> tuple[exp.Expr, Source]:
        if self.system is None:
            raise unsupported(f"{db}.{name} here")
        self.cacheable = False
        relation, columns = self.system(db, name, wanted)
        return exp.to_table(relation), Source(alias, columns, db)


def equalities(node: exp.Table) -> dict[str, str]:
    """`column = 'text'` of the WHERE around the only table of a SELECT: rows that differ cannot be in the result."""
    select = node.parent_select
    if not isinstance(select, exp.Select) or select.args.get("joins") or select.args.get("where") is None:
        return {}
    found = {}
    where = select.args["where"].this
    for each in where.flatten() if isinstance(where, exp.And) else [where]:
        test = each.unnest() if isinstance(each, exp.Paren) else each
        if isinstance(test, exp.EQ) and isinstance(test.this, exp.Column) and test.expression.is_string:
            found[test.this.name.lower()] = test.expression.name
    return found


@dataclass(frozen=True)
class Translation:
    """A query for DuckDB. `columns`: names and types (None = as DuckDB says); `tables`: base tables read."""

    sql: str
    columns: Columns
    tables: frozenset[str]
    cacheable: bool


def physical(table: Table) -> exp.Table:
    """The DuckDB table with a table's rows."""
    catalog, schema, name = table.physical.split(".")
    return exp.table_(name, schema, catalog, quoted=True)


def translate_query(context: Context, query: exp.Expr) -> Translation:
    """Translate a SELECT or a set operation (the tree is used up)."""
    from emulator.sql.resolve import Resolver

    node, columns = Resolver(context).query(query, None)
    return Translation(generate(node), columns, frozenset(context.tables), context.cacheable)


def generate(node: exp.Expr) -> str:
    """The DuckDB text of a rewritten tree."""
    return node.sql(dialect="duckdb", comments=False)


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
    from emulator.sql.resolve import Resolver
    from emulator.sql.scope import Scope

    scope = Scope(aliases={name.lower(): kind for name, kind in names.items()}, use_aliases=True)
    return Resolver(context).expression(dialect.parse_expression(text), scope)


def column_expression(text: str, table: Table) -> str:
    """The expression of a generated column over the other columns of its table."""
    from emulator.storage.engine import Engine

    context = Context(engine=_NO_ENGINE)
    assert isinstance(Engine, type)
    names = {column.name: column.sql_type for column in table.columns}
    return expression_sql(context, text, names)


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
    "expression_sql",
    "predicate_sql",
    "quoted",
    "translate_query",
]
