"""What each kind of node becomes in DuckDB, once its operands are done: one function a kind, found by node type.

A rule gets the node (children already rewritten and typed) and the translation's context, and gives the node to
put in its place, typed. Nodes without a rule are refused by name: nothing passes by accident.
"""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from emulator.errors import analysis, syntax, unsupported
from emulator.functions.dates import interval_parts, shifted
from emulator.functions.spec import no_match
from emulator.functions.table import FUNCTIONS
from emulator.sql import aggregates
from emulator.sql.context import Context
from emulator.types import nested
from emulator.types.arithmetic import binary
from emulator.types.coercion import (
    BIGINT,
    BOOLEAN,
    DATE,
    DATETIME,
    DOUBLE,
    NULL,
    TEXT,
    call,
    cast,
    common,
    to_text,
    to_type,
    type_of,
    typed,
    unified,
)
from emulator.types.comparison import comparable, truth
from emulator.types.sql_type import INTEGERS, RANGES, SqlType, parse_type

Rule = Callable[[Any, Context], exp.Expr]


def _literal(node: exp.Literal, _: Context) -> exp.Expr:
    if node.is_string:
        return typed(node, SqlType("varchar", length=max(1, len(node.this.encode()))))
    text = node.this.lower()
    if "e" in text:
        return typed(node, DOUBLE)
    if "." in text:
        whole, _, fraction = text.partition(".")
        digits = max(len(whole.lstrip("0")) + len(fraction), 1)
        if digits > 38:
            return typed(node, DOUBLE)
        return typed(node, SqlType("decimal", precision=max(digits, len(fraction)), scale=len(fraction)))
    value = int(text)
    name = next((name for name in INTEGERS if value <= RANGES[name][1]), None)
    return typed(node, SqlType(name) if name else DOUBLE)


def _boolean(node: exp.Expr, _: Context) -> exp.Expr:
    return typed(node, BOOLEAN)


def _logic(node: exp.Expr, _: Context) -> exp.Expr:
    for key in ("this", "expression"):
        if node.args.get(key) is not None:
            node.set(key, truth(node.args[key]))
    return typed(node, BOOLEAN)


def _xor(node: exp.Xor, _: Context) -> exp.Expr:
    return typed(exp.Paren(this=exp.NEQ(this=truth(node.this), expression=truth(node.expression))), BOOLEAN)


def _comparison(node: exp.Binary, _: Context) -> exp.Expr:
    for side in (node.this, node.expression):
        kind = type_of(side)
        if kind is not None and kind.name in {"map", "struct"}:
            raise analysis(f"Column type {kind.show} does not support binary predicate operation")
    left, right = comparable(node.this, node.expression)
    node.set("this", left)
    node.set("expression", right)
    return typed(node, BOOLEAN)


def _is(node: exp.Is, _: Context) -> exp.Expr:
    if isinstance(node.expression, exp.Boolean):
        node.set("this", truth(node.this))
    return typed(node, BOOLEAN)


def _between(node: exp.Between, _: Context) -> exp.Expr:
    value = node.this
    low_value, low = comparable(value, node.args["low"])
    high_value, high = comparable(value.copy(), node.args["high"])
    both = exp.And(this=exp.GTE(this=low_value, expression=low), expression=exp.LTE(this=high_value, expression=high))
    return typed(exp.Paren(this=both), BOOLEAN)


def _in(node: exp.In, _: Context) -> exp.Expr:
    items = node.expressions
    if items:
        value = node.this
        pairs = [comparable(value.copy(), item) for item in items]
        if all(left == pairs[0][0] for left, _ in pairs):
            node.set("this", pairs[0][0])
            node.set("expressions", [right for _, right in pairs])
        else:
            tests = [exp.EQ(this=left, expression=right) for left, right in pairs]
            return typed(exp.Paren(this=exp.or_(*tests)), BOOLEAN)
    return typed(node, BOOLEAN)


def _like(node: exp.Like, _: Context) -> exp.Expr:
    made = exp.Like(this=to_text(node.this), expression=to_text(node.expression))
    return _negated(node, exp.Escape(this=made, expression=exp.Literal.string("\\")))


def _negated(node: exp.Expr, made: exp.Expr) -> exp.Expr:
    """`NOT LIKE` and its like: the parser notes the NOT on the node."""
    return typed(exp.Paren(this=exp.Not(this=made)) if node.args.get("negate") else made, BOOLEAN)


def _regexp(node: exp.RegexpLike, _: Context) -> exp.Expr:
    return _negated(node, call("regexp_matches", to_text(node.this), to_text(node.expression)))


def _add(node: exp.Binary, _: Context) -> exp.Expr:
    if isinstance(node, exp.Mul | exp.Div):
        return _scaled_interval(node) or binary(node)
    for side, other in ((node.expression, node.this), (node.this, node.expression)):
        if isinstance(side, exp.Interval):
            amount, unit = interval_parts(side)
            return shifted(other, amount, unit, back=isinstance(node, exp.Sub))
    return binary(node)


def _scaled_interval(node: exp.Binary) -> exp.Expr | None:
    """`INTERVAL 1 DAY * 3`, `3 * INTERVAL ...`, `INTERVAL ... / 3`; None when no side is an interval."""
    left, right = node.this, node.expression
    if isinstance(right, exp.Interval) and isinstance(node, exp.Div):
        raise syntax("Do not support Expr divide IntervalLiteral syntax")
    if not isinstance(left, exp.Interval):
        left, right = right, left
    if not isinstance(left, exp.Interval):
        return None
    amount, unit = interval_parts(left)
    made = type(node)(this=exp.Paren(this=amount), expression=exp.Paren(this=right))
    return exp.Interval(this=cast(made, "BIGINT", BIGINT), unit=exp.Var(this=unit))


def _negative(node: exp.Neg, _: Context) -> exp.Expr:
    kind = type_of(node.this)
    if kind is not None and kind.is_text:
        node.set("this", to_type(node.this, DOUBLE))
        kind = DOUBLE
    return typed(node, kind)


def _bits(node: exp.Binary, _: Context) -> exp.Expr:
    left, right = (to_type(side, BIGINT) for side in (node.this, node.expression))
    if isinstance(node, exp.BitwiseXor):
        return call("xor", left, right, kind=BIGINT)
    return typed(exp.Paren(this=type(node)(this=left, expression=right)), BIGINT)


def _not_bits(node: exp.BitwiseNot, _: Context) -> exp.Expr:
    return typed(exp.Paren(this=exp.BitwiseNot(this=to_type(node.this, BIGINT))), BIGINT)


def _case(node: exp.Case, _: Context) -> exp.Expr:
    branches = node.args["ifs"]
    values = [branch.args["true"] for branch in branches]
    if node.args.get("default") is not None:
        values.append(node.args["default"])
    kind = common(type_of(value) for value in values)
    if node.this is not None:
        for branch in branches:
            left, right = comparable(node.this.copy(), branch.this)
            branch.set("this", exp.EQ(this=left, expression=right))
        node.set("this", None)
    else:
        for branch in branches:
            branch.set("this", truth(branch.this))
    for branch in branches:
        branch.set("true", unified(branch.args["true"], kind))
    if node.args.get("default") is not None:
        node.set("default", unified(node.args["default"], kind))
    return typed(node, kind)


def _branch(node: exp.If, _: Context) -> exp.Expr:
    if isinstance(node.parent, exp.Case):
        return node
    kind = common([type_of(node.args["true"]), type_of(node.args.get("false")) if node.args.get("false") else NULL])
    chosen = exp.If(this=truth(node.this), true=unified(node.args["true"], kind))
    default = unified(node.args["false"], kind) if node.args.get("false") is not None else None
    return typed(exp.Case(ifs=[chosen], default=default), kind)


def _coalesce(node: exp.Coalesce, _: Context) -> exp.Expr:
    values = [node.this, *node.expressions]
    if not all(values):
        raise no_match("coalesce", [])
    kind = common(type_of(value) for value in values)
    return call("coalesce", *(unified(value, kind) for value in values), kind=kind)


def _cast(node: exp.Cast, _: Context) -> exp.Expr:
    target = data_type(node.to)
    return to_type(node.this, target)


def data_type(node: exp.DataType) -> SqlType:
    """The StarRocks type that a parsed type stands for."""
    inner = [each for each in node.expressions if isinstance(each, exp.DataType)]
    if node.this == exp.DType.ARRAY:
        return SqlType("array", items=(data_type(inner[0]),))
    if node.this == exp.DType.MAP:
        return SqlType("map", items=(data_type(inner[0]), data_type(inner[1])))
    if node.this == exp.DType.STRUCT:
        return parse_type(node.sql(dialect="starrocks"))
    text = node.sql(dialect="starrocks")
    if node.this in (exp.DType.VARCHAR, exp.DType.CHAR) and not node.expressions:
        return TEXT
    return parse_type({"TIMESTAMP": "DATETIME", "SIGNED": "BIGINT", "UNSIGNED": "BIGINT"}.get(text.upper(), text))


# -- the session, the clock --------------------------------------------------------------------------------


def _session_parameter(node: exp.SessionParameter, context: Context) -> exp.Expr:
    return context.variable(node.name)


def _parameter(node: exp.Parameter, context: Context) -> exp.Expr:
    return context.user_variable(node.name)


def _now(_node: exp.Expr, _: Context) -> exp.Expr:
    return call("sr_now", kind=DATETIME)


def _today(_node: exp.Expr, _: Context) -> exp.Expr:
    return cast(call("sr_now"), "DATE", DATE)


def _user(_node: exp.Expr, context: Context) -> exp.Expr:
    return context.session_function("current_user")


def _extract(node: exp.Extract, _: Context) -> exp.Expr:
    unit = node.this.name.lower()
    if unit not in ("year", "quarter", "month", "day", "hour", "minute", "second", "week"):
        raise unsupported(f"EXTRACT({unit.upper()} FROM ...)")
    return FUNCTIONS[unit].apply(unit, [node.expression])


def _keep(node: exp.Expr, _: Context) -> exp.Expr:
    return typed(node, type_of(node.this) if isinstance(node.this, exp.Expr) else None)


def _keep_first(node: exp.Concat, _: Context) -> exp.Expr:
    return typed(node, TEXT)


def _null(node: exp.Expr, _: Context) -> exp.Expr:
    return typed(node, NULL)


RULES: dict[type[exp.Expr], Rule] = {
    exp.Literal: _literal,
    exp.Boolean: _boolean,
    exp.Null: _null,
    exp.Paren: _keep,
    exp.Ordered: _keep,
    exp.Distinct: _keep,
    exp.Order: _keep,
    exp.Interval: _keep,
    exp.Alias: _keep,
    exp.And: _logic,
    exp.Or: _logic,
    exp.Not: _logic,
    exp.Xor: _xor,
    exp.Exists: _boolean,
    exp.EQ: _comparison,
    exp.NEQ: _comparison,
    exp.GT: _comparison,
    exp.GTE: _comparison,
    exp.LT: _comparison,
    exp.LTE: _comparison,
    exp.NullSafeEQ: _comparison,
    exp.NullSafeNEQ: _comparison,
    exp.Is: _is,
    exp.Between: _between,
    exp.In: _in,
    exp.Like: _like,
    exp.RegexpLike: _regexp,
    exp.Add: _add,
    exp.Sub: _add,
    exp.Mul: _add,
    exp.Div: _add,
    exp.IntDiv: _add,
    exp.Mod: _add,
    exp.Neg: _negative,
    exp.BitwiseAnd: _bits,
    exp.BitwiseOr: _bits,
    exp.BitwiseXor: _bits,
    exp.BitwiseNot: _not_bits,
    exp.Case: _case,
    exp.If: _branch,
    exp.Coalesce: _coalesce,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Concat: _keep_first,
    exp.IgnoreNulls: _keep,
    exp.Count: aggregates.count,
    exp.Sum: aggregates.total,
    exp.Avg: aggregates.average,
    exp.Min: aggregates.extreme,
    exp.Max: aggregates.extreme,
    exp.GroupConcat: aggregates.group_concat,
    exp.RowNumber: aggregates.ranking,
    exp.Rank: aggregates.ranking,
    exp.DenseRank: aggregates.ranking,
    exp.JSONExtract: nested.arrow,
    exp.Bracket: nested.bracket,
    exp.Array: nested.array,
    exp.Extract: _extract,
    exp.SessionParameter: _session_parameter,
    exp.Parameter: _parameter,
    exp.CurrentTimestamp: _now,
    exp.CurrentDate: _today,
    exp.CurrentUser: _user,
}
