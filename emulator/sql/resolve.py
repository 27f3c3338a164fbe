"""The walk over a query: FROM first, so that names have types; then every expression, bottom up, by node type."""

from collections.abc import Callable

from sqlglot import exp
from sqlglot.errors import ErrorLevel

from emulator.errors import analysis, unsupported
from emulator.functions import native
from emulator.functions.spec import no_match
from emulator.functions.table import FUNCTIONS, is_known
from emulator.sql.aggregates import AGGREGATES, finish
from emulator.sql.coercion import common, type_of, typed
from emulator.sql.dialect import Dialect
from emulator.sql.from_clause import FromClause, renamed
from emulator.sql.rules import RULES, truth
from emulator.sql.scope import Columns, Scope, Source
from emulator.sql.translate import generate
from emulator.sql.types import SqlType

_SESSION = frozenset(
    [
        "current_user",
        "user",
        "session_user",
        "current_role",
        "current_group",
        "database",
        "schema",
        "version",
        "current_version",
        "connection_id",
        "last_query_id",
        "current_catalog",
        "catalog",
        "current_warehouse",
        "current_timezone",
        "host_name",
    ]
)
_SELECT_KEYS = frozenset(
    [
        "kind",
        "expressions",
        "hint",
        "distinct",
        "limit",
        "with_",
        "from_",
        "joins",
        "laterals",
        "where",
        "group",
        "having",
        "qualify",
        "order",
        "offset",
    ]
)
_UNTOUCHED = (exp.Identifier, exp.Var, exp.DataType, exp.JSONPath, exp.WindowSpec, exp.TableAlias)


class Resolver(FromClause):
    """Rewrites one statement's queries for a context."""

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
            return self.values(node, parent)
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

    def values(self, node: exp.Values, parent: Scope | None) -> tuple[exp.Expr, Columns]:
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
        self.from_clause(node, scope)
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
            columns = renamed(columns, alias)
            alias.this.set("quoted", True)
            scope.ctes[cte.alias.lower()] = columns
        return scope

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
        if len(columns) != 1 and not isinstance(node.this, exp.Tuple):
            raise analysis("subquery must return a single column when used in IN predicate")
        node.set("query", exp.Subquery(this=inner))
        return typed(node, SqlType("boolean"))

    def _window(self, node: exp.Window, scope: Scope) -> exp.Expr:
        inner = node.this
        ignore = isinstance(inner, exp.IgnoreNulls)
        function = inner.this if isinstance(inner, exp.IgnoreNulls) else inner
        if isinstance(function, exp.Anonymous):
            ignore = ignore or any(isinstance(each, exp.IgnoreNulls) for each in function.expressions)
            plain = [each.this if isinstance(each, exp.IgnoreNulls) else each for each in function.expressions]
            function.set("expressions", plain)
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
            return exp.Window(
                this=_ignoring_nulls(each) if ignore else each,
                partition_by=[p.copy() for p in parts],
                order=order.copy() if order else None,
                spec=node.args.get("spec"),
                over="OVER",
            )

        return finish(function, over)

    def _call(self, node: exp.Anonymous, scope: Scope) -> exp.Expr:
        name = node.name.lower()
        if name in _SESSION and not node.expressions:
            return self.context.session_function({"schema": "database", "catalog": "current_catalog"}.get(name, name))
        if name == "is_role_in_session":
            return self._role(node)
        function = FUNCTIONS.get(name)
        if name in native.NAMES and not native.AVAILABLE:
            raise unsupported(f"function {name}() without the package numpy")
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


def _ignoring_nulls(node: exp.Expr) -> exp.Expr:
    """`f(x, 1 IGNORE NULLS)`: DuckDB wants the words behind the last argument."""
    if not isinstance(node, exp.Anonymous) or not node.expressions:
        raise unsupported("IGNORE NULLS of this function")
    *others, last = node.expressions
    node.set("expressions", [*others, exp.Var(this=f"{generate(last)} IGNORE NULLS")])
    return node


def _title(node: exp.Expr) -> str:
    """The name of a column of the result that has no alias: its text, as StarRocks writes it."""
    if isinstance(node, exp.Column):
        return node.name
    return node.sql(dialect=Dialect, normalize_functions="lower", comments=False, unsupported_level=ErrorLevel.IGNORE)
