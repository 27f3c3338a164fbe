"""Who asks for a translation, and where: what names outside of the statement stand for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import duckdb
from sqlglot import exp

from emulator.errors import failed, no_database, unsupported
from emulator.sql.guards import Guard, nobody
from emulator.sql.scope import Columns, Source
from emulator.storage.catalog import Table
from emulator.types.coercion import BIGINT, TEXT, TINYINT, typed
from emulator.types.sql_type import SqlType

if TYPE_CHECKING:
    from emulator.storage.engine import Engine

SystemTable = Callable[[str, str, Mapping[str, str]], tuple[str, Columns]]
MAX_VIEW_DEPTH = 30


@dataclass
class Context:
    """Who asks, and what was met on the way.

    `values` are session functions by name (`current_user`, `connection_id` ...), `variable_of` reads `@@x`, `system`
    gives the DuckDB relation of a system table, `may_read` refuses what may not be read (the default: any table),
    `temporary` are the session's own tables.
    After a translation: `tables` read as `db.name`, `cacheable`.
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
    may_read: Guard = nobody
    temporary: Mapping[tuple[str, str], Table] = field(default_factory=dict)

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

    def qualified(self, node: exp.Table) -> tuple[str, str]:
        """Database and name that a table name in FROM means. Raises 1046, 1235 (catalogs)."""
        if node.catalog and node.catalog != "default_catalog":
            raise unsupported(f"catalog {node.catalog}")
        database = node.db or self.database
        if not database:
            raise no_database()
        return database, node.name

    def inside_view(self, database: str, name: str, may_read: Guard) -> "Context":
        """The context of a view's own query: names are looked up in the view's database, `may_read` says what it reads.

        Raises StarRocksError when views are nested deeper than MAX_VIEW_DEPTH.
        """
        if self.depth > MAX_VIEW_DEPTH:
            raise failed(f"View {database}.{name} goes deeper than {MAX_VIEW_DEPTH} views")
        return replace(self, database=database, cacheable=True, depth=self.depth + 1, may_read=may_read, temporary={})

    def system_relation(self, node: exp.Table, database: str) -> tuple[exp.Expr, Source]:
        """A table of information_schema, made for this statement."""
        if self.system is None:
            raise unsupported(f"{database}.{node.name} here")
        self.may_read(database, node.name.lower())
        self.cacheable = False
        relation, columns = self.system(database, node.name, equalities(node))
        return exp.to_table(relation), Source(node.alias or node.name, columns, database)


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
