"""The walk over a query: FROM first, so that names have types; then its clauses, in the order of their meaning."""

from sqlglot import exp
from sqlglot.errors import ErrorLevel

from emulator.errors import analysis, unexpected, unsupported
from emulator.sql.dialect import Dialect
from emulator.sql.from_clause import FromClause, renamed
from emulator.sql.scope import Columns, Scope, Source
from emulator.types.coercion import common, type_of, unified
from emulator.types.comparison import truth
from emulator.types.sql_type import SqlType

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
        kinds = [kind for _, kind in columns]
        _bring_to(left, kinds)
        _bring_to(right, kinds)
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
                raise unexpected(key.upper().strip("_"), 1, 0)
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
        if isinstance(node, exp.Qualify):
            _check_qualify(node)
        if isinstance(node, exp.Having | exp.Qualify):
            node.set("this", truth(node.this))

    def _modifiers(self, node: exp.Expr, scope: Scope) -> None:
        """ORDER BY (names of the select list come first), LIMIT, OFFSET."""
        order = node.args.get("order")
        if order is not None:
            if len(order.expressions) == 1 and isinstance(order.expressions[0].this, exp.Var):
                _order_by_all(order, len(scope.aliases))
            for each in order.expressions:
                _check_place(each.this, len(scope.aliases))
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


def _check_place(key: exp.Expr, count: int) -> None:
    """`ORDER BY 3` names a column of the result. Raises 1064 when there is no such."""
    number = str(key.this) if isinstance(key, exp.Literal) and not key.is_string else ""
    if count and number.isdigit() and not 1 <= int(number) <= count:
        raise analysis(f"ORDER BY position {number} is not in select list")


def _order_by_all(order: exp.Order, count: int) -> None:
    """ORDER BY ALL: every column of the result, from left to right."""
    (all_columns,) = order.expressions
    keys = []
    for at in range(count):
        key = all_columns.copy()
        key.set("this", exp.Literal.number(at + 1))
        keys.append(key)
    order.set("expressions", keys)


def _check_qualify(node: exp.Qualify) -> None:
    """The grammar knows one form: a window function compared with a whole number."""
    test = node.this
    comparison = isinstance(test, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE)
    if not comparison or not isinstance(test.expression, exp.Literal) or test.expression.is_string:
        raise unexpected(node.sql(dialect=Dialect), 1, 0)


def _bring_to(query: exp.Expr, kinds: list[SqlType | None]) -> None:
    """The columns of one side of a set operation in the types of the whole."""
    if isinstance(query, exp.SetOperation):
        _bring_to(query.this, kinds)
        _bring_to(query.expression, kinds)
    elif isinstance(query, exp.Subquery):
        _bring_to(query.this, kinds)
    elif isinstance(query, exp.Select):
        for item, kind in zip(query.expressions, kinds, strict=True):
            value = item.this
            changed = unified(value, kind)
            if changed is not value:
                item.set("this", changed)


def _title(node: exp.Expr) -> str:
    """The name of a column of the result that has no alias: its text, as StarRocks writes it."""
    if isinstance(node, exp.Column):
        return node.name
    return node.sql(dialect=Dialect, normalize_functions="lower", comments=False, unsupported_level=ErrorLevel.IGNORE)
