"""How two values are compared: the type that both are brought to, and what counts as true."""

from sqlglot import exp

from emulator.types.coercion import BIGINT, BOOLEAN, DATETIME, DOUBLE, LARGEINT, is_time, to_type, type_of
from emulator.types.sql_type import SqlType


def truth(node: exp.Expr) -> exp.Expr:
    """An operand of AND, OR, NOT, WHERE: numbers and texts count as BOOLEAN."""
    kind = type_of(node)
    return node if kind is None or kind.name in {"boolean", "null"} else to_type(node, BOOLEAN)


def comparable(left: exp.Expr, right: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    """Both sides of a comparison in a type that they can be compared in."""
    one, two = type_of(left), type_of(right)
    if one is None or two is None or one == two or "null" in (one.name, two.name):
        return left, right
    target = _comparison_type(left, right, one, two)
    if target is None:
        return left, right
    return _side(left, one, target), _side(right, two, target)


def _side(node: exp.Expr, kind: SqlType, target: SqlType) -> exp.Expr:
    return node if kind.name == target.name else to_type(node, target)


def _comparison_type(left: exp.Expr, right: exp.Expr, one: SqlType, two: SqlType) -> SqlType | None:
    if one.is_text and two.is_text:
        return None
    if is_time(one) or is_time(two):
        if {one.name, two.name} == {"date"} or (one.name == two.name):
            return None
        return DATETIME
    if one.name == "json" or two.name == "json":
        return two if one.name == "json" else one
    if one.is_text or two.is_text:
        other, text = (two, left) if one.is_text else (one, right)
        if isinstance(text, exp.Literal) and other.is_integer and text.this.strip().lstrip("+-").isdigit():
            return LARGEINT if other == LARGEINT or len(text.this) > 18 else BIGINT
        if isinstance(text, exp.Literal) and other.name == "decimal":
            return None
        return DOUBLE if other.name != "boolean" or not isinstance(text, exp.Literal) else BOOLEAN
    if "boolean" in (one.name, two.name) and one.name != two.name:
        return two if one.name == "boolean" else one
    return None
