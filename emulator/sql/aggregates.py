"""Aggregates and window functions: their result types, and what must stand around them.

Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/DecimalV3FunctionAnalyzer.java`, `be/src/exprs/agg/`.
"""

from collections.abc import Callable

from sqlglot import exp

from emulator.errors import analysis, unsupported
from emulator.functions.ordering import by_place
from emulator.functions.spec import no_match
from emulator.sql.context import Context
from emulator.types.arithmetic import decimal_quotient
from emulator.types.coercion import (
    BIGINT,
    DOUBLE,
    LARGEINT,
    TEXT,
    as_decimal,
    call,
    cast,
    is_numeric,
    to_text,
    to_type,
    type_of,
    typed,
)
from emulator.types.sql_type import SqlType


def count(node: exp.Count, _: Context) -> exp.Expr:
    inner = node.this
    if isinstance(inner, exp.Distinct) and len(inner.expressions) > 1:
        values = inner.expressions
        missing = exp.or_(*(exp.Is(this=value.copy(), expression=exp.Null()) for value in values))
        row = call("row", *values)
        one = exp.Case(ifs=[exp.If(this=missing, true=exp.Null())], default=row)
        return typed(exp.Count(this=exp.Distinct(expressions=[one])), BIGINT)
    return typed(node, BIGINT)


def _inner(node: exp.Expr) -> exp.Expr:
    found: exp.Expr = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    return found


def _replace_inner(node: exp.Expr, value: exp.Expr) -> None:
    if isinstance(node.this, exp.Distinct):
        node.this.set("expressions", [value])
    else:
        node.set("this", value)


def total(node: exp.Sum, _: Context) -> exp.Expr:
    value = _inner(node)
    kind = type_of(value)
    if kind is None:
        return typed(node, None)
    if kind.is_integer or kind.name == "boolean":
        return _integer_sum(node, value, kind)
    if kind.name == "decimal":
        return typed(node, SqlType("decimal", precision=38, scale=kind.scale))
    _replace_inner(node, to_type(value, DOUBLE))
    return typed(node, DOUBLE)


def _integer_sum(node: exp.Sum, value: exp.Expr, kind: SqlType) -> exp.Expr:
    if kind.name == "boolean":
        _replace_inner(node, cast(value, "BIGINT"))
    if kind == LARGEINT:
        return typed(node, LARGEINT)
    node.meta["wrap"] = "sr_wrap"
    return typed(node, BIGINT)


def average(node: exp.Avg, _: Context) -> exp.Expr:
    value = _inner(node)
    kind = type_of(value)
    if kind is None or kind.name != "decimal":
        if kind is not None and not is_numeric(kind):
            _replace_inner(node, to_type(value, DOUBLE))
        elif kind is not None:
            _replace_inner(node, cast(value, "DOUBLE"))
        return typed(node, DOUBLE)
    node.meta["average"] = SqlType("decimal", precision=38, scale=kind.scale)
    return typed(node, type_of(decimal_quotient(exp.Null(), exp.Null(), as_decimal(kind), BIGINT_DECIMAL)))


BIGINT_DECIMAL = SqlType("decimal", precision=19, scale=0)


def finish(node: exp.Expr, over: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """What must be done around an aggregate after its OVER clause (`over` puts it there) is in place."""
    kind = type_of(node)
    wrap = node.meta.get("wrap")
    decimal = node.meta.get("average")
    if wrap:
        return call(wrap, over(node), kind=kind)
    if isinstance(decimal, SqlType):
        argument = node.this
        dividend, divisor = exp.Sum(this=argument), exp.Count(this=argument.copy())
        return decimal_quotient(over(dividend), over(divisor), decimal, BIGINT_DECIMAL)
    return typed(over(node), kind)


def extreme(node: exp.Expr, _: Context) -> exp.Expr:
    kind = type_of(_inner(node))
    if node.expressions:
        raise no_match(node.key, [kind, *(type_of(each) for each in node.expressions)])
    return typed(node, kind)


def group_concat(node: exp.GroupConcat, _: Context) -> exp.Expr:
    """Parts that are NULL are skipped; several arguments are put together; a comma stands between by default."""
    this, order = node.this, None
    if isinstance(this, exp.Order):
        this, order = this.this, this
    values = this.expressions if isinstance(this, exp.Distinct) else [this]
    if len(values) == 1 and isinstance(values[0], exp.Concat):
        values = values[0].expressions
    if not values or values[0] is None:
        raise analysis("group_concat should have at least one input")
    if order is not None:
        by_place(order, values)
        order = order if order.expressions else None
    text = to_text(values[0])
    for value in values[1:]:
        text = exp.DPipe(this=text, expression=to_text(value))
    argument: exp.Expr = exp.Distinct(expressions=[text]) if isinstance(this, exp.Distinct) else text
    separator: exp.Expr = node.args.get("separator") or exp.Literal.string(",")
    if order is not None:
        if isinstance(this, exp.Distinct):
            _check_distinct_order(order, values)
            for each in order.expressions:
                each.set("this", text.copy())
        separator = exp.Order(this=separator, expressions=order.expressions)
    return call("string_agg", argument, separator, kind=TEXT)


def _check_distinct_order(order: exp.Order, values: list[exp.Expr]) -> None:
    """With DISTINCT the engine can only order by what is put together."""
    if len(values) > 1 or any(each.this != values[0] for each in order.expressions):
        raise unsupported("group_concat(DISTINCT ...) in another order than that of its one argument")


def ranking(node: exp.Expr, _: Context) -> exp.Expr:
    return typed(node, BIGINT)


AGGREGATES = (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.GroupConcat)
