"""The walk over scalar expressions, bottom up, by node type: names, calls, windows, subqueries."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from sqlglot import exp

from emulator.errors import analysis, unsupported
from emulator.functions import native
from emulator.functions.higher_order import HIGHER_ORDER
from emulator.functions.spec import no_match
from emulator.functions.table import FUNCTIONS, is_known
from emulator.sql.aggregates import AGGREGATES, finish
from emulator.sql.context import Context
from emulator.sql.duckdb_text import generate
from emulator.sql.rules import RULES
from emulator.sql.scope import Columns, Scope, field_of
from emulator.types.coercion import type_of, typed
from emulator.types.comparison import truth
from emulator.types.nested import map_of
from emulator.types.sql_type import SqlType

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
_UNTOUCHED = (exp.Identifier, exp.Var, exp.DataType, exp.JSONPath, exp.WindowSpec, exp.TableAlias)


class Expressions(ABC):
    """The part of the walk that rewrites scalar expressions; `emulator.sql.resolve.Resolver` is the whole of it."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @abstractmethod
    def query(self, node: exp.Expr, parent: Scope | None) -> tuple[exp.Expr, Columns]:
        """Rewrite a query; give it and its columns."""

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
        if isinstance(node.this, exp.Tuple):
            self._children(node.this, scope)
        else:
            node.set("this", self.expression(node.this, scope))
        inner, columns = self.query(found.this if isinstance(found, exp.Subquery) else found, Scope(scope))
        if len(columns) != 1 and not isinstance(node.this, exp.Tuple):
            raise analysis("subquery must return a single column when used in IN predicate")
        node.set("query", exp.Subquery(this=inner))
        return typed(node, SqlType("boolean"))

    def _unfinished(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        """An aggregate or window function without what must stand around it once its OVER or FILTER is in place."""
        if isinstance(node, exp.Anonymous):
            return self._call(node, scope)
        self._children(node, scope)
        return RULES[type(node)](node, self.context)

    def _filter(self, node: exp.Filter, scope: Scope) -> exp.Expr:
        """`sum(x) FILTER (WHERE ...)`."""
        function = self._unfinished(node.this, scope)
        condition = truth(self.expression(node.expression.this, scope))
        return finish(function, lambda each: exp.Filter(this=each, expression=exp.Where(this=condition.copy())))

    def _window(self, node: exp.Window, scope: Scope) -> exp.Expr:
        inner = node.this
        ignore = isinstance(inner, exp.IgnoreNulls)
        function = inner.this if isinstance(inner, exp.IgnoreNulls) else inner
        condition: exp.Expr | None = None
        if isinstance(function, exp.Filter):
            condition = truth(self.expression(function.expression.this, scope))
            function = function.this
        if isinstance(function, exp.Anonymous):
            ignore = ignore or any(isinstance(each, exp.IgnoreNulls) for each in function.expressions)
            plain = [each.this if isinstance(each, exp.IgnoreNulls) else each for each in function.expressions]
            function.set("expressions", plain)
        function = self._unfinished(function, scope)
        parts = self.expression_list(node.args.get("partition_by") or [], scope)
        order = node.args.get("order")
        if order is not None:
            self._children(order, scope)

        def over(each: exp.Expr) -> exp.Expr:
            each = _ignoring_nulls(each) if ignore else each
            if condition is not None:
                each = exp.Filter(this=each, expression=exp.Where(this=condition.copy()))
            return exp.Window(
                this=each,
                partition_by=[p.copy() for p in parts],
                order=order.copy() if order else None,
                spec=node.args.get("spec"),
                over="OVER",
            )

        return finish(function, over)

    def _plain_call(self, node: exp.Anonymous, scope: Scope) -> exp.Expr:
        """A call without OVER or FILTER."""
        made = self._call(node, scope)
        return finish(made, lambda each: each) if "wrap" in made.meta else made

    def _call(self, node: exp.Anonymous, scope: Scope) -> exp.Expr:
        name = node.name.lower()
        if name in HIGHER_ORDER and any(isinstance(each, exp.Lambda) for each in node.expressions):
            return self._higher_order(name, node, scope)
        if name in ("array_sort", "map_apply") and any(isinstance(each, exp.Lambda) for each in node.expressions):
            raise unsupported(f"{name}() with a lambda")
        if name in _SESSION and not node.expressions:
            return self.context.session_function({"schema": "database", "catalog": "current_catalog"}.get(name, name))
        if name == "is_role_in_session":
            return self._role(node)
        function = FUNCTIONS.get(name)
        if name in native.NAMES and not native.AVAILABLE:
            raise unsupported(f"function {name}() without the package numpy")
        if function is None:
            if name in ("json_each", "generate_series"):
                raise analysis("Table function cannot be used in expression")
            if is_known(name) and name not in HIGHER_ORDER:
                raise unsupported(f"function {name}()")
            kinds = [type_of(each) for each in self.expression_list(node.expressions, scope)]
            raise no_match(name, kinds)
        _spread_distinct(node)
        letters = function.letters(len(node.expressions)) or "a" * len(node.expressions)
        pairs = zip(node.expressions, letters, strict=True)
        arguments = [each if letter == "r" else self.expression(each, scope) for each, letter in pairs]
        if name in ("now", "rand", "random", "uuid", "current_timestamp"):
            self.context.cacheable = self.context.cacheable and name != "uuid"
        return function.apply(name, arguments)

    def _higher_order(self, name: str, node: exp.Anonymous, scope: Scope) -> exp.Expr:
        """A call with a lambda: its parameters stand for the elements of the collections."""
        parameters, build = HIGHER_ORDER[name]
        function = next(each for each in node.expressions if isinstance(each, exp.Lambda))
        collections = [self.expression(each, scope) for each in node.expressions if each is not function]
        kinds = parameters(collections)
        if len(kinds) != len(function.expressions):
            raise analysis("Lambda arguments should equal to lambda input arrays")
        names = [f"sr_{each.name}_{scope.lambda_depth()}" for each in function.expressions]
        values: dict[str, exp.Expr] = {
            each.name.lower(): typed(exp.column(exp.to_identifier(inner, quoted=True)), kind)
            for each, inner, kind in zip(function.expressions, names, kinds, strict=True)
        }
        body = self.expression(_with_columns(function.this), Scope(scope, parameters=values))
        return build(names, body, collections)

    def _dot(self, node: exp.Dot, scope: Scope) -> exp.Expr:
        """A field of a struct."""
        return field_of(self.expression(node.this, scope), node.expression.name)

    def _map(self, node: exp.ToMap, scope: Scope) -> exp.Expr:
        """`map{k: v, ...}`."""
        pairs = node.this.expressions
        keys = self.expression_list([pair.this for pair in pairs], scope)
        return map_of(keys, self.expression_list([pair.expression for pair in pairs], scope))

    def _lambda(self, _node: exp.Expr, _: Scope) -> exp.Expr:
        raise analysis("Lambda Functions can only be used in array or map functions supporting lambda functions")

    def _role(self, node: exp.Anonymous) -> exp.Expr:
        if len(node.expressions) != 1 or not node.expressions[0].is_string:
            raise analysis("is_role_in_session currently only supports constant parameters")
        self.context.cacheable = False
        roles = str(self.context.values.get("roles_in_session") or "").split(", ")
        return typed(exp.Boolean(this=node.expressions[0].name in roles), SqlType("boolean"))


Special = Callable[[Expressions, exp.Expr, Scope], exp.Expr]
_SPECIAL: dict[type[exp.Expr], Special] = {
    exp.Column: Expressions._column,  # type: ignore[dict-item]
    exp.Star: Expressions._star_argument,
    exp.Subquery: Expressions._subquery,
    exp.Select: Expressions._subquery,
    exp.Union: Expressions._subquery,
    exp.Exists: Expressions._exists,  # type: ignore[dict-item]
    exp.In: Expressions._in,  # type: ignore[dict-item]
    exp.Except: Expressions._subquery,
    exp.Intersect: Expressions._subquery,
    exp.Dot: Expressions._dot,  # type: ignore[dict-item]
    exp.ToMap: Expressions._map,  # type: ignore[dict-item]
    exp.Lambda: Expressions._lambda,
    exp.Filter: Expressions._filter,  # type: ignore[dict-item]
    exp.Window: Expressions._window,  # type: ignore[dict-item]
    exp.Anonymous: Expressions._plain_call,  # type: ignore[dict-item]
}


def _with_columns(body: exp.Expr) -> exp.Expr:
    """A lambda's body with its parameters as columns: the parser leaves them as bare identifiers."""
    if isinstance(body, exp.Identifier):
        return exp.column(body)
    for each in list(body.find_all(exp.Identifier)):
        if _stands_for_a_value(each):
            each.replace(exp.column(each.copy()))
    return body


def _stands_for_a_value(node: exp.Identifier) -> bool:
    parent = node.parent
    if isinstance(parent, exp.Lambda):
        return node.arg_key == "this"
    if isinstance(parent, exp.Dot):
        return node.arg_key == "this"
    return not isinstance(parent, exp.Column | exp.DataType | exp.ColumnDef | exp.PropertyEQ)


def _spread_distinct(node: exp.Anonymous) -> None:
    """`f(DISTINCT a, b ORDER BY c)`: the parser puts all arguments under DISTINCT; only the first is meant."""
    if len(node.expressions) != 1:
        return
    order = node.expressions[0] if isinstance(node.expressions[0], exp.Order) else None
    distinct = order.this if order is not None else node.expressions[0]
    if not isinstance(distinct, exp.Distinct) or len(distinct.expressions) < 2:
        return
    first, *others = distinct.expressions
    if order is not None:
        others[-1] = exp.Order(this=others[-1], expressions=order.expressions)
    node.set("expressions", [exp.Distinct(expressions=[first]), *others])


def _ignoring_nulls(node: exp.Expr) -> exp.Expr:
    """`f(x, 1 IGNORE NULLS)`: DuckDB wants the words behind the last argument."""
    if not isinstance(node, exp.Anonymous) or not node.expressions:
        raise unsupported("IGNORE NULLS of this function")
    *others, last = node.expressions
    node.set("expressions", [*others, exp.Var(this=f"{generate(last)} IGNORE NULLS")])
    return node
