"""FROM: tables, views, subqueries, joins, unnest and generate_series, put into the scope as they are met."""

from sqlglot import exp

from emulator.errors import analysis, unsupported
from emulator.functions.spec import no_match
from emulator.sql.coercion import common, type_of
from emulator.sql.rules import truth
from emulator.sql.scope import Columns, Scope, Source
from emulator.sql.translate import Context
from emulator.storage import partitions
from emulator.storage.writing import visible_names


class FromClause:
    """The part of the walk that reads FROM; `emulator.sql.resolve.Resolver` is the whole of it."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def query(self, node: exp.Expr, parent: Scope | None) -> tuple[exp.Expr, Columns]:
        """Rewrite a query; give it and its columns."""
        raise NotImplementedError

    def values(self, node: exp.Values, parent: Scope | None) -> tuple[exp.Expr, Columns]:
        """Rewrite VALUES."""
        raise NotImplementedError

    def expression(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        """Rewrite a scalar expression and note its type."""
        raise NotImplementedError

    def from_clause(self, node: exp.Select, scope: Scope) -> None:
        found = node.args.get("from_")
        if found is None:
            return
        if isinstance(found.this, exp.Table) and found.this.name.lower() == "dual" and not found.this.db:
            node.set("from_", None)
            return
        found.set("this", self._source(found.this, scope))
        for join in node.args.get("joins") or []:
            self._join(join, scope)
        for lateral in node.args.get("laterals") or []:
            raise unsupported(f"LATERAL VIEW {lateral.alias}")

    def _join(self, join: exp.Join, scope: Scope) -> None:
        side, kind = (join.side or "").upper(), (join.kind or "").upper()
        if join.args.get("method") or kind not in ("", "INNER", "CROSS", "OUTER", "SEMI", "ANTI"):
            raise unsupported(f"{join.args.get('method') or kind} JOIN")
        if kind in ("SEMI", "ANTI"):
            if side != "LEFT":
                raise unsupported(f"{side} {kind} JOIN".strip())
            join.set("side", None)
        join.set("this", self._source(join.this, scope))
        using = join.args.get("using")
        if using:
            self._using(join, [each.name for each in using], scope)
        elif join.args.get("on") is not None:
            join.set("on", truth(self.expression(join.args["on"], scope)))
        elif side and not isinstance(join.this, exp.Unnest | exp.Lateral):
            raise analysis(f"{side} JOIN needs an ON or USING clause")
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
        if isinstance(node, exp.Table):
            return self._table(node, scope)
        if isinstance(node, exp.Subquery):
            if not node.alias:
                raise analysis("Every derived table must have its own alias")
            inner, columns = self.query(node.this, Scope(scope.parent, ctes=visible_ctes(scope)))
            columns = renamed(columns, node.args["alias"])
            scope.add(Source(node.alias, columns))
            return exp.Subquery(this=inner, alias=table_alias(node.alias, [name for name, _ in columns]))
        if isinstance(node, exp.Unnest):
            return self._unnest(node, node.args.get("alias"), scope)
        if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Unnest):
            return self._unnest(node.this, node.args.get("alias"), scope)
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
            return self._table_function(node, scope)
        for key in ("joins", "pivots", "version", "sample", "laterals", "when", "only", "changes"):
            if node.args.get(key):
                raise unsupported(f"{key} of a table in FROM")
        columns = scope.cte(node.name) if not node.db else None
        if columns is not None:
            scope.add(Source(node.alias or node.name, columns))
            made = exp.to_table(node.name, quoted=True)
            made.this.set("quoted", True)
            made.set("alias", table_alias(node.alias or node.name, []))
            return made
        relation, source = self.context.relation(node)
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

    def _partition(self, node: exp.Table, relation: exp.Expr, source: Source) -> exp.Expr:
        table = self.context.engine.table(source.database, node.name)
        names = [each.name for each in node.args["partition"].expressions]
        condition = partitions.predicate(table, names, visible_names(self.context.engine, table))
        inner = exp.select("*").from_(relation).where(exp.condition(condition, dialect="duckdb"))
        return exp.Subquery(this=inner)

    def _table_function(self, node: exp.Table, scope: Scope) -> exp.Expr:
        function = node.this
        if function.name.lower() == "table" and len(function.expressions) == 1:
            function = function.expressions[0]
        if not isinstance(function, exp.Anonymous) or function.name.lower() != "generate_series":
            raise analysis(f"Unknown table function '{getattr(function, 'name', function)}'")
        arguments = [self.expression(each, scope) for each in function.expressions]
        kind = common(type_of(each) for each in arguments[:2])
        names = [each.name for each in node.args["alias"].columns] if node.args.get("alias") else []
        name = names[0] if names else "generate_series"
        alias = node.alias or "generate_series"
        scope.add(Source(alias, [(name, kind)]))
        made = exp.Anonymous(this="generate_series", expressions=arguments)
        return exp.Table(this=made, alias=table_alias(alias, [name]))

    def _unnest(self, node: exp.Unnest, alias: exp.TableAlias | None, scope: Scope) -> exp.Expr:
        if len(node.expressions) != 1:
            raise unsupported("unnest of several arrays")
        value = self.expression(node.expressions[0], scope)
        kind = type_of(value)
        if kind is not None and kind.name != "array":
            raise no_match("unnest", [kind])
        names = [each.name for each in alias.columns] if alias is not None else []
        name = names[0] if names else "unnest"
        table = alias.name if alias is not None and alias.this is not None else "unnest"
        scope.add(Source(table, [(name, kind.items[0] if kind is not None else None)]))
        return exp.Unnest(expressions=[value], alias=table_alias(table, [name]))


def table_alias(name: str, columns: list[str]) -> exp.TableAlias:
    return exp.TableAlias(
        this=exp.to_identifier(name, quoted=True), columns=[exp.to_identifier(each, quoted=True) for each in columns]
    )


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
