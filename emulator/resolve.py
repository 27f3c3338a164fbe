"""The walk over a query: FROM first, so that names have types; then every expression, bottom up, by node type."""

from collections.abc import Callable

from sqlglot import exp

from emulator import partitions
from emulator.coercion import BIGINT, TEXT, call, common, type_of, typed
from emulator.dialect import Dialect
from emulator.errors import analysis, unsupported
from emulator.functions.spec import no_match
from emulator.functions.table import FUNCTIONS, is_known
from emulator.rules import AGGREGATES, RULES, finish, truth
from emulator.scope import Columns, Scope, Source
from emulator.translate import Context, generate
from emulator.types import SqlType

_SESSION = frozenset(
    "current_user user session_user current_role current_group database schema version current_version connection_id"
    " last_query_id current_catalog catalog current_warehouse current_timezone host_name".split()
)
_SELECT_KEYS = frozenset(
    "kind expressions hint distinct limit with_ from_ joins laterals where group having qualify order offset".split()
)
_UNTOUCHED = (exp.Identifier, exp.Var, exp.DataType, exp.JSONPath, exp.WindowSpec, exp.TableAlias)


class Resolver:
    """Rewrites one statement's queries for a context."""

    def __init__(self, context: Context) -> None:
        self.context = context

    # -- queries ---------------------------------------------------------------------------------------------------

    def query(self, node: exp.Expr, parent: Scope | None) -> tuple[exp.Expr, Columns]:
        """Rewrite a query; give it and its columns."""
        if isinstance(node, exp.Subquery) and not node.alias:
            return self._in_brackets(node, parent)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, parent)
        if isinstance(node, exp.Select):
            return self._select(node, parent)
        if isinstance(node, exp.Values):
            return self._values(node, parent)
        raise unsupported(type(node).__name__.upper())

    def _in_brackets(self, node: exp.Subquery, parent: Scope | None) -> tuple[exp.Expr, Columns]:
        scope = self._ctes(node, Scope(parent))
        inner, columns = self.query(node.this, scope)
        node.set("this", inner)
        self._modifiers(node, Scope(scope, aliases={name.lower(): kind for name, kind in columns}, use_aliases=True))
        return node, columns

    def _set_operation(self, node: exp.SetOperation, parent: Scope | None) -> tuple[exp.Expr, Columns]:
        scope = self._ctes(node, Scope(parent))
        left, left_columns = self.query(node.this, scope)
        right, right_columns = self.query(node.expression, scope)
        if len(left_columns) != len(right_columns):
            raise analysis("Operands have unequal number of columns")
        node.set("this", left)
        node.set("expression", right)
        pairs = zip(left_columns, right_columns, strict=True)
        columns = [(one[0], common([one[1], two[1]])) for one, two in pairs]
        scope.aliases = {name.lower(): kind for name, kind in columns}
        scope.use_aliases = scope.aliases_first = True
        self._modifiers(node, scope)
        return node, columns

    def _values(self, node: exp.Values, parent: Scope | None) -> tuple[exp.Expr, Columns]:
        scope = Scope(parent)
        rows = [self.expression_list(row.expressions, scope) for row in node.expressions]
        kinds = [common(type_of(row[index]) for row in rows) for index in range(len(rows[0]))]
        node.set("expressions", [exp.Tuple(expressions=row) for row in rows])
        return node, [(f"column_{index}", kind) for index, kind in enumerate(kinds)]

    def _select(self, node: exp.Select, parent: Scope | None) -> tuple[exp.Expr, Columns]:
        for key, value in node.args.items():
            if value and key not in _SELECT_KEYS:
                raise unsupported(f"{key.upper().strip('_')} in SELECT")
        node.set("hint", None)
        scope = self._ctes(node, Scope(parent))
        self._from(node, scope)
        if node.args.get("where"):
            node.args["where"].set("this", truth(self.expression(node.args["where"].this, scope)))
        columns = self._select_list(node, scope)
        scope.aliases = {name.lower(): kind for name, kind in columns}
        scope.use_aliases = True
        for key in ("group", "having", "qualify"):
            if node.args.get(key):
                self._clause(node.args[key], scope)
        self._modifiers(node, scope)
        return node, columns

    def _clause(self, node: exp.Expr, scope: Scope) -> None:
        """GROUP BY, HAVING or QUALIFY."""
        self._children(node, scope)
        if isinstance(node, exp.Having | exp.Qualify):
            node.set("this", truth(node.this))

    def _modifiers(self, node: exp.Expr, scope: Scope) -> None:
        """ORDER BY (names of the select list come first), LIMIT, OFFSET."""
        order = node.args.get("order")
        if order is not None:
            for each in order.expressions:
                scope.aliases_first = isinstance(each.this, exp.Column)
                each.set("this", self.expression(each.this, scope))
            scope.aliases_first = False

    def _ctes(self, node: exp.Expr, scope: Scope) -> Scope:
        found = node.args.get("with_")
        if found is None:
            return scope
        if found.args.get("recursive"):
            raise unsupported("WITH RECURSIVE")
        for cte in found.expressions:
            inner, columns = self.query(cte.this, scope)
            cte.set("this", inner)
            alias = cte.args["alias"]
            columns = _renamed(columns, alias)
            alias.this.set("quoted", True)
            scope.ctes[cte.alias.lower()] = columns
        return scope

    # -- FROM ------------------------------------------------------------------------------------------------------

    def _from(self, node: exp.Select, scope: Scope) -> None:
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
            inner, columns = self.query(node.this, Scope(scope.parent, ctes=_visible_ctes(scope)))
            columns = _renamed(columns, node.args["alias"])
            scope.add(Source(node.alias, columns))
            return exp.Subquery(this=inner, alias=_alias(node.alias, [name for name, _ in columns]))
        if isinstance(node, exp.Unnest):
            return self._unnest(node, node.args.get("alias"), scope)
        if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Unnest):
            return self._unnest(node.this, node.args.get("alias"), scope)
        if isinstance(node, exp.Values):
            raise unsupported("VALUES in FROM")
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
            made.set("alias", _alias(node.alias or node.name, []))
            return made
        relation, source = self.context.relation(node)
        if node.args.get("partition"):
            relation = self._partition(node, relation, source)
        scope.add(source)
        renamed = _renamed(source.columns, node.args.get("alias"))
        source.columns = renamed
        names = [name for name, _ in renamed] if isinstance(relation, exp.Subquery) else []
        if node.args.get("alias") and node.args["alias"].columns:
            names = [name for name, _ in renamed]
        relation.set("alias", _alias(source.alias, names))
        return relation

    def _partition(self, node: exp.Table, relation: exp.Expr, source: Source) -> exp.Expr:
        from emulator.writing import visible_names

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
        arguments = self.expression_list(function.expressions, scope)
        kind = common(type_of(each) for each in arguments[:2])
        names = [each.name for each in node.args["alias"].columns] if node.args.get("alias") else []
        name = names[0] if names else "generate_series"
        alias = node.alias or "generate_series"
        scope.add(Source(alias, [(name, kind)]))
        made = exp.Anonymous(this="generate_series", expressions=arguments)
        return exp.Table(this=made, alias=_alias(alias, [name]))

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
        return exp.Unnest(expressions=[value], alias=_alias(table, [name]))

    # -- the select list -------------------------------------------------------------------------------------------

    def _select_list(self, node: exp.Select, scope: Scope) -> Columns:
        made: list[exp.Expr] = []
        columns: Columns = []
        for item in node.expressions:
            if item.is_star and isinstance(item, exp.Star | exp.Column):
                for source, (name, kind) in self._star(item, scope):
                    table = None if name.lower() in scope.using else exp.to_identifier(source.alias, quoted=True)
                    made.append(exp.alias_(exp.column(exp.to_identifier(name, quoted=True), table), name, quoted=True))
                    columns.append((name, kind))
                continue
            name = item.alias if isinstance(item, exp.Alias) else _title(item)
            value = self.expression(item.this if isinstance(item, exp.Alias) else item, scope)
            made.append(exp.alias_(value, name, quoted=True, copy=False))
            columns.append((name, type_of(value)))
        node.set("expressions", made)
        return columns

    def _star(self, item: exp.Expr, scope: Scope) -> list[tuple[Source, tuple[str, SqlType | None]]]:
        star = item.this if isinstance(item, exp.Column) else item
        visible = scope.visible()
        if isinstance(item, exp.Column):
            visible = [pair for pair in visible if pair[0].alias.lower() == item.table.lower()]
            if not visible:
                raise analysis(f"Unknown table '{item.table}'", 5502)
        elif not scope.sources:
            raise analysis("Can not use * without a FROM clause")
        left_out = {each.name.lower() for each in star.args.get("except_") or star.args.get("except") or []}
        return [pair for pair in visible if pair[1][0].lower() not in left_out]

    # -- expressions -----------------------------------------------------------------------------------------------

    def expression_list(self, nodes: list[exp.Expr], scope: Scope) -> list[exp.Expr]:
        return [self.expression(node, scope) for node in nodes]

    def expression(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        """Rewrite a scalar expression and note its type."""
        special = _SPECIAL.get(type(node))
        if special is not None:
            return special(self, node, scope)
        rule = RULES.get(type(node))
        if rule is None:
            raise unsupported(f"{type(node).__name__} in an expression")
        self._children(node, scope)
        made = rule(node, self.context)
        return finish(made, lambda each: each) if isinstance(made, AGGREGATES) else made

    def _children(self, node: exp.Expr, scope: Scope) -> None:
        for key, value in list(node.args.items()):
            if isinstance(value, list):
                node.set(key, [self._child(each, scope) for each in value])
            elif isinstance(value, exp.Expr):
                node.set(key, self._child(value, scope))

    def _child(self, node: object, scope: Scope) -> object:
        if not isinstance(node, exp.Expr) or isinstance(node, _UNTOUCHED):
            return node
        if isinstance(node, exp.Tuple | exp.Rollup | exp.Cube | exp.GroupingSets):
            self._children(node, scope)
            return node
        return self.expression(node, scope)

    def _column(self, node: exp.Column, scope: Scope) -> exp.Expr:
        return scope.column(node)

    def _star_argument(self, node: exp.Expr, _: Scope) -> exp.Expr:
        return node

    def _subquery(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        inner, columns = self.query(node.this if isinstance(node, exp.Subquery) else node, Scope(scope))
        kind = columns[0][1] if len(columns) == 1 else None
        return typed(exp.Subquery(this=inner), kind)

    def _exists(self, node: exp.Exists, scope: Scope) -> exp.Expr:
        inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
        query, _ = self.query(inner, Scope(scope))
        return typed(exp.Exists(this=query), SqlType("boolean"))

    def _in(self, node: exp.In, scope: Scope) -> exp.Expr:
        found = node.args.get("query")
        if found is None:
            self._children(node, scope)
            return RULES[exp.In](node, self.context)
        node.set("this", self.expression(node.this, scope))
        inner, columns = self.query(found.this if isinstance(found, exp.Subquery) else found, Scope(scope))
        left, right = type_of(node.this), columns[0][1]
        if left is not None and right is not None and left.is_text != right.is_text:
            node.set("this", call("sr_text" if False else "cast_to_text", node.this) if False else node.this)
        node.set("query", exp.Subquery(this=inner))
        return typed(node, SqlType("boolean"))

    def _window(self, node: exp.Window, scope: Scope) -> exp.Expr:
        inner = node.this
        ignore = isinstance(inner, exp.IgnoreNulls)
        function = inner.this if ignore else inner
        if isinstance(function, exp.Anonymous):
            function = self._call(function, scope)
        else:
            self._children(function, scope)
            function = RULES[type(function)](function, self.context)
        parts = self.expression_list(node.args.get("partition_by") or [], scope)
        order = node.args.get("order")
        if order is not None:
            self._children(order, scope)
        if node.alias:
            raise unsupported("named windows")

        def over(each: exp.Expr) -> exp.Expr:
            this = exp.IgnoreNulls(this=each) if ignore else each
            return exp.Window(this=this, partition_by=[p.copy() for p in parts], order=order.copy() if order else None,
                              spec=node.args.get("spec"), over="OVER")  # fmt: skip

        return finish(function, over)

    def _call(self, node: exp.Anonymous, scope: Scope) -> exp.Expr:
        name = node.name.lower()
        if name in _SESSION and not node.expressions:
            return self.context.session_function({"schema": "database", "catalog": "current_catalog"}.get(name, name))
        if name == "is_role_in_session":
            return self._role(node)
        function = FUNCTIONS.get(name)
        if function is None:
            if is_known(name):
                raise unsupported(f"function {name}()")
            kinds = [type_of(each) for each in self.expression_list(node.expressions, scope)]
            raise no_match(name, kinds)
        letters = function.letters(len(node.expressions)) or "a" * len(node.expressions)
        pairs = zip(node.expressions, letters, strict=True)
        arguments = [each if letter == "r" else self.expression(each, scope) for each, letter in pairs]
        if name in ("now", "rand", "random", "uuid", "current_timestamp"):
            self.context.cacheable = self.context.cacheable and name != "uuid"
        return function.apply(name, arguments)

    def _role(self, node: exp.Anonymous) -> exp.Expr:
        if len(node.expressions) != 1 or not node.expressions[0].is_string:
            raise analysis("is_role_in_session currently only supports constant parameters")
        self.context.cacheable = False
        roles = str(self.context.values.get("current_role") or "").split(", ")
        return typed(exp.Boolean(this=node.expressions[0].name in roles), SqlType("boolean"))


Special = Callable[[Resolver, exp.Expr, Scope], exp.Expr]
_SPECIAL: dict[type[exp.Expr], Special] = {
    exp.Column: Resolver._column,  # type: ignore[dict-item]
    exp.Star: Resolver._star_argument,
    exp.Subquery: Resolver._subquery,
    exp.Select: Resolver._subquery,
    exp.Union: Resolver._subquery,
    exp.Exists: Resolver._exists,  # type: ignore[dict-item]
    exp.In: Resolver._in,  # type: ignore[dict-item]
    exp.Window: Resolver._window,  # type: ignore[dict-item]
    exp.Anonymous: Resolver._call,  # type: ignore[dict-item]
}


def _alias(name: str, columns: list[str]) -> exp.TableAlias:
    return exp.TableAlias(
        this=exp.to_identifier(name, quoted=True), columns=[exp.to_identifier(each, quoted=True) for each in columns]
    )


def _renamed(columns: Columns, alias: exp.TableAlias | None) -> Columns:
    """Columns under the names of `t(a, b)`."""
    names = [each.name for each in alias.columns] if alias is not None else []
    if not names:
        return columns
    if len(names) != len(columns):
        raise analysis("Column alias list has a different number of columns than the relation")
    return [(name, kind) for name, (_, kind) in zip(names, columns, strict=True)]


def _visible_ctes(scope: Scope) -> dict[str, Columns]:
    found: dict[str, Columns] = {}
    each: Scope | None = scope
    while each is not None:
        found = {**each.ctes, **found}
        each = each.parent
    return found


def _title(node: exp.Expr) -> str:
    """The name of a column of the result that has no alias: its text, as StarRocks writes it."""
    if isinstance(node, exp.Column):
        return node.name
    return node.sql(dialect=Dialect, normalize_functions="lower", comments=False)


_ = (BIGINT, TEXT, generate)
