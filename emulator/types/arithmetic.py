"""Arithmetic with StarRocks' result types: integers that widen and wrap, exact decimals, x / 0 = NULL.

Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/DecimalV3FunctionAnalyzer.java` (decimal results),
`ExpressionAnalyzer.java` (integers), `be/src/exprs/arithmetic_operation.h` (wrap, division by zero).
"""

from sqlglot import exp

from emulator.errors import analysis
from emulator.types.coercion import (
    BIGINT,
    DOUBLE,
    INT,
    LARGEINT,
    SMALLINT,
    as_decimal,
    call,
    cast,
    is_numeric,
    number,
    to_type,
    type_of,
    typed,
    wider_integer,
)
from emulator.types.sql_type import SqlType

_NEXT = {"tinyint": SMALLINT, "smallint": INT, "int": BIGINT, "bigint": BIGINT, "largeint": LARGEINT}
# DuckDB allows no aggregate, window or subquery inside TRY; functions may be aggregates
_NOT_IN_TRY = (exp.AggFunc, exp.Window, exp.Subquery, exp.Anonymous)


def binary(node: exp.Binary) -> exp.Expr:
    """`+ - * / DIV %` over operands whose types are known; unknown ones are left as they are."""
    left, right = (_as_number(side) for side in (node.this, node.expression))
    node.set("this", left)
    node.set("expression", right)
    one, two = type_of(left), type_of(right)
    if one is None or two is None:
        return typed(node, None)
    if one.name == "null" or two.name == "null":
        return typed(exp.Null(), DOUBLE)
    if isinstance(node, exp.IntDiv):
        return _integer_division(left, right, one, two)
    if isinstance(node, exp.Div):
        return _division(left, right, one, two)
    if {one.name, two.name} & {"double", "float"}:
        return typed(_operation(node, cast(left, "DOUBLE"), cast(right, "DOUBLE")), DOUBLE)
    if "decimal" in (one.name, two.name):
        return _decimal(node, left, right, as_decimal(one), as_decimal(two))
    return _integers(node, left, right, one, two)


def _as_number(node: exp.Expr) -> exp.Expr:
    """An operand that is no number counts as DOUBLE (texts), as in StarRocks."""
    kind = type_of(node)
    while isinstance(node, exp.Paren) and type_of(node.this) == kind and isinstance(node.this, exp.Anonymous):
        node = node.this
    node = exp.Paren(this=node, comments=None) if isinstance(node, exp.Binary) else node
    typed(node, kind)
    if kind is None or is_numeric(kind) or kind.name == "null":
        return node
    return to_type(node, BIGINT if kind.name in {"date", "datetime"} else DOUBLE)


def _operation(node: exp.Binary, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return exp.Paren(this=type(node)(this=left, expression=right))


def _integers(node: exp.Binary, left: exp.Expr, right: exp.Expr, one: SqlType, two: SqlType) -> exp.Expr:
    wide = wider_integer(one, two)
    result = wide if isinstance(node, exp.Mod) else _NEXT[wide.name]
    if isinstance(node, exp.Mod) or result == LARGEINT:
        return typed(_operation(node, cast(left, result.duckdb), cast(right, result.duckdb)), result)
    if wide == BIGINT:
        if isinstance(node, exp.Add | exp.Sub):
            left, right = _unwrapped(left), _unwrapped(right)
        huge = _operation(node, cast(left, "HUGEINT"), cast(right, "HUGEINT"))
        return call("sr_wrap", huge, kind=BIGINT)
    return typed(_operation(node, cast(left, result.duckdb), cast(right, result.duckdb)), result)


def _unwrapped(node: exp.Expr) -> exp.Expr:
    """A sum of BIGINT without its wrap: wrapping once, at the end of a chain of + and -, gives the same number."""
    if not isinstance(node, exp.Anonymous) or node.name != "sr_wrap":
        return node
    inner: exp.Expr = node.expressions[0]
    return inner if isinstance(inner.unnest(), exp.Add | exp.Sub) else node


def _decimal(node: exp.Binary, left: exp.Expr, right: exp.Expr, one: SqlType, two: SqlType) -> exp.Expr:
    scale1, scale2 = one.scale or 0, two.scale or 0
    if isinstance(node, exp.Mul):
        scale = scale1 + scale2
        precision = (one.precision or 0) + (two.precision or 0)
        if scale > 38:
            raise analysis(f"Return scale({scale}) exceeds maximum value(38)")
    else:
        scale = max(scale1, scale2)
        precision = max((one.precision or 0) - scale1, (two.precision or 0) - scale2) + scale + 1
    result = SqlType("decimal", precision=min(38, precision), scale=scale)
    made = _operation(node, cast(left, one.duckdb), cast(right, two.duckdb))
    # TRY gives NULL where 38 digits are not enough, as StarRocks does
    if precision > 38 and not any(isinstance(each, _NOT_IN_TRY) for each in made.walk()):
        return call("try", made, kind=result)
    return typed(made, result)


def _division(left: exp.Expr, right: exp.Expr, one: SqlType, two: SqlType) -> exp.Expr:
    names = {one.name, two.name}
    if "decimal" in names and not names & {"double", "float"}:
        return decimal_quotient(left, right, as_decimal(one), as_decimal(two))
    return typed(exp.Paren(this=exp.Div(this=cast(left, "DOUBLE"), expression=cast(right, "DOUBLE"))), DOUBLE)


def quotient_scale(scale: int) -> int:
    """Digits after the point of a quotient or an average of decimals with `scale` such digits."""
    return scale + 6 if scale <= 6 else max(12, scale)


def decimal_quotient(left: exp.Expr, right: exp.Expr, one: SqlType, two: SqlType) -> exp.Expr:
    """An exact decimal quotient, rounded half up, computed on whole numbers."""
    scale1, scale2 = one.scale or 0, two.scale or 0
    scale = quotient_scale(scale1)
    result = SqlType("decimal", precision=38, scale=scale)
    dividend = _unscaled(left, one, scale + scale2)
    divisor = _unscaled(right, two, scale2)
    quotient = cast(call("sr_div_round", dividend, divisor), "DECIMAL(38, 0)", safe=True)
    unit = cast(exp.Literal.string("0." + "0" * (scale - 1) + "1"), f"DECIMAL({scale}, {scale})")
    value = exp.Paren(this=exp.Mul(this=quotient, expression=unit))
    return cast(value, result.duckdb, result)


def _unscaled(node: exp.Expr, kind: SqlType, digits: int) -> exp.Expr:
    """The value times 10^digits as HUGEINT; `digits` is at least the value's scale."""
    more = digits - (kind.scale or 0)
    whole = call("sr_unscaled", cast(node, kind.duckdb), number(10 ** (kind.scale or 0)))
    return call("sr_scaled", whole, number(10**more)) if more else whole


def _integer_division(left: exp.Expr, right: exp.Expr, one: SqlType, two: SqlType) -> exp.Expr:
    result = wider_integer(one, two) if one.is_integer and two.is_integer else BIGINT
    sides = [to_type(side, result) if type_of(side) != result else side for side in (left, right)]
    return cast(exp.Paren(this=exp.IntDiv(this=sides[0], expression=sides[1])), result.duckdb, result)
