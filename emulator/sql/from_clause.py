"""FROM: tables, views, subqueries, joins, unnest and generate_series, put into the scope as they are met."""

from abc import abstractmethod

from sqlglot import exp

from emulator.errors import analysis, unknown_database, unknown_table, unsupported
from emulator.sql import dialect
from emulator.sql.guards import Guard
from emulator.sql.scope import Columns, Scope, Source
from emulator.sql.table_functions import TableFunctions, table_alias
from emulator.storage import partitions
from emulator.storage.catalog import SYSTEM_DATABASES, Table, View
from emulator.storage.engine import RESTORING
from emulator.storage.visibility import visible_names
from emulator.types.comparison import truth


class FromClause(TableFunctions):
    """The part of the walk that reads FROM; `emulator.sql.resolve.Resolver` is the whole of it."""

    @abstractmethod
    def values(self, node: exp.Values, parent: Scope | None) -> tuple[exp.Expr, Columns]:
        """Rewrite VALUES."""

    def from_clause(self, node: exp.Select, scope: Scope) -> None:
        found = node.args.get("from_")
        if found is None:
            return
        if isinstance(found.this, exp.Table) and found.this.name.lower() == "dual" and not found.this.db:
            node.set("from_", None)
            return
        joins = node.args.get("joins") or []
        if joins:
            _turn_right(found, joins)
        found.set("this", self._source(found.this, scope))
        for join in joins:
            self._join(join, scope)
        for lateral in node.args.get("laterals") or []:
            raise unsupported(f"LATERAL VIEW {lateral.alias}")

    def _join(self, join: exp.Join, scope: Scope) -> None:
        side, kind = (join.side or "").upper(), (join.kind or "").upper()
        method = (join.args.get("method") or "").upper()
        if method not in ("", "ASOF") or kind not in ("", "INNER", "CROSS", "OUTER", "SEMI", "ANTI"):
            raise unsupported(f"{method or kind} JOIN")
        if kind in ("SEMI", "ANTI"):
            join.set("side", None)
        join.set("this", self._source(join.this, scope))
        using = join.args.get("using")
        if using:
            self._using(join, [each.name for each in using], scope)
        elif join.args.get("on") is not None:
            if method:
                _check_asof(join.args["on"])
            if isinstance(join.this, exp.Lateral):
                _check_lateral(join, side)
            join.set("on", truth(self.expression(join.args["on"], scope)))
        elif side or method or kind in ("SEMI", "ANTI"):
            raise analysis(f"{side} {method} JOIN needs an ON or USING clause".strip())
        elif kind != "OUTER":
            join.set("kind", "CROSS")
        if kind in ("SEMI", "ANTI"):
            scope.sources.pop()

    def _using(self, join: exp.Join, names: list[str], scope: Scope) -> None:
        for name in names:
            for source in (scope.sources[-1], *scope.sources[:-1][-1:]):
                if source.find(name) is None and len(scope.sources) == 2:
                    raise analysis(f"Column '{name}' cannot be resolved")
            scope.using[name.lower()] = name
        join.set("using", [exp.to_identifier(name, quoted=True) for name in names])

    def _source(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        """Something in FROM: rewritten, and put into the scope."""
        for key, name in (("pivots", "PIVOT"), ("sample", "SAMPLE")):
            if node.args.get(key):
                raise unsupported(name)
        if isinstance(node, exp.Table):
            return self._table(node, scope)
        if isinstance(node, exp.Subquery):
            if not node.alias:
                raise analysis("Every derived table must have its own alias")
            inner, columns = self.query(node.this, Scope(scope.parent, ctes=visible_ctes(scope)))
            columns = renamed(columns, node.args["alias"])
            scope.add(Source(node.alias, columns))
            return exp.Subquery(this=inner, alias=table_alias(node.alias, [name for name, _ in columns]))
        if isinstance(node, exp.Unnest | exp.Lateral):
            function = node.this if isinstance(node, exp.Lateral) else node
            return self.table_function(function, node.args.get("alias"), scope)
        if isinstance(node, exp.Values):
            alias = node.args.pop("alias", None)
            inner, columns = self.values(node, scope.parent)
            columns = renamed(columns, alias)
            scope.add(Source(alias.name if alias is not None else "", columns))
            inner.set("alias", table_alias(scope.sources[-1].alias or "values", [name for name, _ in columns]))
            return inner
        raise unsupported(f"{type(node).__name__} in FROM")

    def _table(self, node: exp.Table, scope: Scope) -> exp.Expr:
        if isinstance(node.this, exp.Anonymous):
            function = node.this
            if function.name.lower() == "table" and len(function.expressions) == 1:
                function = function.expressions[0]
            return self.table_function(function, node.args.get("alias"), scope)
        for key in ("joins", "version", "laterals", "when", "only", "changes"):
            if node.args.get(key):
                raise unsupported(f"{key} of a table in FROM")
        columns = scope.cte(node.name) if not node.db else None
        if columns is not None:
            scope.add(Source(node.alias or node.name, columns))
            made = exp.to_table(node.name, quoted=True)
            made.this.set("quoted", True)
            made.set("alias", table_alias(node.alias or node.name, []))
            return made
        relation, source = self._relation(node)
        if node.args.get("partition"):
            relation = self._partition(node, relation, source)
        scope.add(source)
        shown = renamed(source.columns, node.args.get("alias"))
        source.columns = shown
        names = [name for name, _ in shown] if isinstance(relation, exp.Subquery) else []
        if node.args.get("alias") and node.args["alias"].columns:
            names = [name for name, _ in shown]
        relation.set("alias", table_alias(source.alias, names))
        return relation

    def _relation(self, node: exp.Table) -> tuple[exp.Expr, Source]:
        """A table name in FROM: the DuckDB relation without alias, and the source that it is.

        Raises 1046, 5501, 5502, 1235 (catalogs).
        """
        context = self.context
        db, name = context.qualified(node)
        if db.lower() in SYSTEM_DATABASES:
            return context.system_relation(node, db.lower())
        if context.engine.get("database", "", db) is None:
            raise unknown_database(db)
        alias = node.alias or name
        own = context.temporary.get((db, name))
        if own is not None:
            context.cacheable = False
            return physical(own), Source(alias, [(c.name, c.sql_type) for c in own.columns], db)
        table = context.engine.get("table", db, name)
        if table is not None:
            context.may_read(db, name)
            if context.engine.get(RESTORING, db, name) is not None:
                raise analysis("Table state is not NORMAL: 'RESTORING'", 5014)
            context.tables.add(f"{db}.{name}")
            return physical(table), Source(alias, [(c.name, c.sql_type) for c in table.columns], db)
        view = context.engine.view(db, name)
        if view is None:
            raise unknown_table(f"{db}.{name}")
        inside = context.may_read(db, name)
        return self._view(view, inside), Source(alias, [(column.name, column.sql_type) for column in view.columns], db)

    def _view(self, view: View, may_read: Guard) -> exp.Expr:
        """A view's own query, its names resolved in the view's database."""
        inner = self.context.inside_view(view.db, view.name, may_read)
        query, _ = type(self)(inner).query(dialect.parse(view.definition), None)
        self.context.cacheable = self.context.cacheable and inner.cacheable
        return exp.Subquery(this=query)

    def _partition(self, node: exp.Table, relation: exp.Expr, source: Source) -> exp.Expr:
        table = self.context.engine.table(source.database, node.name)
        names = [each.name for each in node.args["partition"].expressions]
        condition = partitions.predicate(table, names, visible_names(self.context.engine, table))
        inner = exp.select("*").from_(relation).where(exp.condition(condition, dialect="duckdb"))
        return exp.Subquery(this=inner)


def physical(table: Table) -> exp.Table:
    """The DuckDB table with a table's rows."""
    catalog, schema, name = table.physical.split(".")
    return exp.table_(name, schema, catalog, quoted=True)


def renamed(columns: Columns, alias: exp.TableAlias | None) -> Columns:
    """Columns under the names of `t(a, b)`."""
    names = [each.name for each in alias.columns] if alias is not None else []
    if not names:
        return columns
    if len(names) != len(columns):
        raise analysis("Column alias list has a different number of columns than the relation")
    return [(name, kind) for name, (_, kind) in zip(names, columns, strict=True)]


def visible_ctes(scope: Scope) -> dict[str, Columns]:
    found: dict[str, Columns] = {}
    each: Scope | None = scope
    while each is not None:
        found = {**each.ctes, **found}
        each = each.parent
    return found


def _turn_right(found: exp.From, joins: list[exp.Join]) -> None:
    """`a RIGHT SEMI JOIN b` as `b LEFT SEMI JOIN a`, which DuckDB has; the same for ANTI."""
    first = joins[0]
    if (first.kind or "").upper() in ("SEMI", "ANTI") and (first.side or "").upper() == "RIGHT":
        left = found.this
        found.set("this", first.this)
        first.set("this", left)
        first.set("side", "LEFT")
    for join in joins:
        if (join.kind or "").upper() in ("SEMI", "ANTI") and (join.side or "").upper() != "LEFT":
            raise unsupported(f"{join.side} {join.kind} JOIN behind another join".strip())


def _check_asof(condition: exp.Expr) -> None:
    """Equalities and one inequality; what else StarRocks tests after it has found the nearest row is not done here."""
    parts = list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
    ordered = [each for each in parts if isinstance(each, exp.GT | exp.GTE | exp.LT | exp.LTE)]
    if len(ordered) != 1:
        raise analysis("ASOF JOIN requires exactly one temporal inequality condition in ON clause")
    equal = [each for each in parts if isinstance(each, exp.EQ)]
    if not equal:
        raise analysis("ASOF JOIN requires at least one equality condition in join ON clause")
    plain = all(isinstance(side, exp.Column) for each in equal for side in (each.this, each.expression))
    if len(equal) + 1 != len(parts) or not plain:
        raise unsupported("ASOF JOIN with further conditions")


def _check_lateral(join: exp.Join, side: str) -> None:
    """unnest is joined inner, cross, or left on TRUE."""
    if side not in ("", "LEFT"):
        raise analysis("unnest support inner join, cross join and left join on true")
    if side == "LEFT" and not (isinstance(join.args["on"], exp.Boolean) and join.args["on"].this):
        raise analysis("left join unnest only support on true")
