"""Which type an operation gives, and how a value is brought to a type: StarRocks' rules.

Sources: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/ExpressionAnalyzer.java`,
`fe/fe-type/src/main/java/com/starrocks/type/TypeManager.java`, `be/src/exprs/cast_expr.cpp`.

A node's type is kept in `node.meta["sr"]`; None = not known (then nothing is changed).
"""

import datetime
import re
from collections.abc import Iterable
from typing import TypeVar

from sqlglot import exp

from emulator.types.sql_type import INTEGERS, SqlType

NodeT = TypeVar("NodeT", bound=exp.Expr)

BOOLEAN = SqlType("boolean")
TINYINT, SMALLINT, INT, BIGINT, LARGEINT = (SqlType(name) for name in INTEGERS)
DOUBLE, DATE, DATETIME, JSON, NULL = (SqlType(name) for name in ("double", "date", "datetime", "json", "null"))
FLOAT = SqlType("float")
TEXT = SqlType("varchar", length=65533)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d{1,6})?)?")
_DIGITS = {"boolean": 1, "tinyint": 3, "smallint": 5, "int": 10, "bigint": 19, "largeint": 38}


def type_of(node: exp.Expr | None) -> SqlType | None:
    """The StarRocks type noted on a node."""
    found = node.meta.get("sr") if node is not None else None
    return found if isinstance(found, SqlType) else None


def typed(node: NodeT, kind: SqlType | None) -> NodeT:
    """Note a node's type; gives the node."""
    node.meta["sr"] = kind
    return node


def call(name: str, *arguments: exp.Expr, kind: SqlType | None = None) -> exp.Expr:
    """A call of a DuckDB function or macro."""
    return typed(exp.Anonymous(this=name, expressions=list(arguments)), kind)


def number(value: int) -> exp.Expr:
    """A whole number as a literal."""
    literal = exp.Literal.number(abs(value))
    return exp.Neg(this=literal) if value < 0 else literal


def cast(node: exp.Expr, duckdb_type: str, kind: SqlType | None = None, safe: bool = False) -> exp.Expr:
    """A DuckDB cast to a type written in DuckDB's words."""
    to = exp.DataType.build(duckdb_type, dialect="duckdb", udt=True)
    made = exp.TryCast(this=node, to=to) if safe else exp.Cast(this=node, to=to)
    return typed(made, kind)


def is_numeric(kind: SqlType | None) -> bool:
    return kind is not None and (kind.is_integer or kind.name in {"boolean", "float", "double", "decimal"})


def is_time(kind: SqlType | None) -> bool:
    return kind is not None and kind.name in {"date", "datetime"}


def as_decimal(kind: SqlType) -> SqlType:
    """The decimal type that holds an integer or decimal type."""
    if kind.name == "decimal":
        return kind
    return SqlType("decimal", precision=_DIGITS[kind.name], scale=0)


def wider_integer(left: SqlType, right: SqlType) -> SqlType:
    """The larger of two integer types (BOOLEAN counts as TINYINT)."""
    order = ("boolean", *INTEGERS)
    name = max(left.name, right.name, key=order.index)
    return SqlType("tinyint" if name == "boolean" else name)


def common(kinds: Iterable[SqlType | None]) -> SqlType | None:
    """The type of CASE, IF, COALESCE and UNION over values of these types; None when one is not known."""
    result: SqlType | None = NULL
    for kind in kinds:
        if result is None or kind is None:
            return None
        result = _common(result, kind)
    return result


def _common(left: SqlType, right: SqlType) -> SqlType | None:
    if left == right or right == NULL:
        return left
    if left == NULL:
        return right
    if left.is_text and right.is_text:
        return SqlType("varchar", length=max(left.length or 0, right.length or 0))
    if left.is_text or right.is_text:
        other = right if left.is_text else left
        return TEXT if not other.items and other.name != "json" else other
    if is_time(left) and is_time(right):
        return DATETIME
    if is_numeric(left) and is_numeric(right):
        return _common_number(left, right)
    if left.name == right.name and len(left.items) == len(right.items) > 0:
        inner = [_common(one, two) for one, two in zip(left.items, right.items, strict=True)]
        known = tuple(kind for kind in inner if kind is not None)
        return SqlType(left.name, items=known, fields=left.fields) if len(known) == len(inner) else None
    return None


def _common_number(left: SqlType, right: SqlType) -> SqlType:
    names = {left.name, right.name}
    if names & {"double", "float"}:
        return FLOAT if names <= {"float", "boolean", "tinyint", "smallint"} else DOUBLE
    if "decimal" in names:
        one, two = as_decimal(left), as_decimal(right)
        scale = max(one.scale or 0, two.scale or 0)
        whole = max((one.precision or 0) - (one.scale or 0), (two.precision or 0) - (two.scale or 0))
        return SqlType("decimal", precision=min(38, whole + scale), scale=scale)
    return wider_integer(left, right)


def to_type(node: exp.Expr, target: SqlType) -> exp.Expr:
    """CAST(node AS target) with StarRocks' meaning: NULL for what cannot be converted.

    Numbers lose their fraction (not rounded), texts are trimmed, times lose their time of day, JSON gives its scalar.
    """
    source = type_of(node)
    if source == target or (source is not None and source.is_text and target.is_text and not target.length):
        return typed(node, target)
    if source is not None and source.name == "json":
        return _from_json(node, target)
    if target.is_text:
        return typed(to_text(node), target)
    if target.name == "json":
        return typed(_to_json(node, source), target)
    if source is not None and source.is_text:
        return _from_text(node, target)
    if target.is_integer and source is not None and source.name in {"decimal", "double", "float"}:
        return cast(call("trunc", node), target.duckdb, target, safe=True)
    if target.is_integer and is_time(source):
        return cast(call(f"sr_{source.name}_to_number" if source else "", node), target.duckdb, target, safe=True)
    if target.name == "datetime" and source is not None and source.is_integer:
        return call("sr_number_to_datetime", cast(node, "BIGINT"), kind=target)
    if target.name == "date" and source is not None and source.is_integer:
        return cast(call("sr_number_to_datetime", cast(node, "BIGINT")), "DATE", target)
    if source is not None and source.name == target.name == "struct" and len(source.items) == len(target.items):
        return _to_struct(node, source, target)
    if target.name == "boolean" and is_numeric(source):
        return typed(exp.Paren(this=exp.NEQ(this=node, expression=number(0))), target)
    return cast(node, target.duckdb, target, safe=True)


def _to_struct(node: exp.Expr, source: SqlType, target: SqlType) -> exp.Expr:
    """Field by field, by place: StarRocks does not look at the names."""
    pairs = []
    for name, kind, own, wanted in zip(source.fields, source.items, target.fields, target.items, strict=True):
        field = call("struct_extract", node.copy(), exp.Literal.string(name), kind=kind)
        pairs.append(exp.PropertyEQ(this=exp.to_identifier(own, quoted=True), expression=to_type(field, wanted)))
    missing = exp.Is(this=node, expression=exp.Null())
    return typed(exp.Case(ifs=[exp.If(this=missing, true=exp.Null())], default=exp.Struct(expressions=pairs)), target)


def _plain_moment(node: exp.Expr) -> bool:
    """Is this a literal that every reader of times takes for the same? Then no macro is needed."""
    if not isinstance(node, exp.Literal) or not _MOMENT.fullmatch(str(node.this)):
        return False
    try:
        datetime.datetime.fromisoformat(str(node.this))
    except ValueError:
        return False
    return True


def _from_text(node: exp.Expr, target: SqlType) -> exp.Expr:
    if is_time(target) and _plain_moment(node):
        moment = cast(node, "TIMESTAMP", target)
        return moment if target.name == "datetime" else cast(moment, "DATE", target)
    if target.is_integer:
        return cast(call("sr_integer_text", node), target.duckdb, target, safe=True)
    if target.name == "datetime":
        return call("sr_to_datetime", node, kind=target)
    if target.name == "date":
        return cast(call("sr_to_datetime", node), "DATE", target)
    if target.name == "boolean":
        return call("sr_to_boolean", node, kind=target)
    if target.name in {"double", "float", "decimal"}:
        return cast(call("sr_number_text", node), target.duckdb, target, safe=True)
    if target.name == "array":
        return _from_json(typed(call("sr_text_to_json", node), JSON), target)
    return cast(node, target.duckdb, target, safe=True)


def _from_json(node: exp.Expr, target: SqlType) -> exp.Expr:
    if target.name == "json":
        return typed(node, target)
    if target.is_text:
        return call("sr_json_to_text", node, kind=target)
    if target.items:
        return cast(node, target.duckdb, target, safe=True)
    text = typed(call("json_extract_string", node, exp.Literal.string("$")), TEXT)
    if target.is_integer or target.name == "boolean":
        return (
            call(f"sr_json_to_{'boolean' if target.name == 'boolean' else 'bigint'}", node, kind=target)
            if (target.name in {"boolean", "bigint"})
            else cast(call("sr_json_to_bigint", node), target.duckdb, target, safe=True)
        )
    return to_type(text, target)


def _to_json(node: exp.Expr, source: SqlType | None) -> exp.Expr:
    if source is not None and source.is_text:
        return call("sr_text_to_json", node)
    return call("to_json", node)


def to_text(node: exp.Expr) -> exp.Expr:
    """The value as StarRocks prints it: booleans 1 and 0, six digits of a second or none."""
    source = type_of(node)
    if source is None or source.is_text:
        return node if source is not None else cast(node, "VARCHAR", TEXT)
    if source.name == "boolean":
        return cast(cast(node, "TINYINT"), "VARCHAR", TEXT)
    if source.name in {"datetime", "double", "float", "json"}:
        name = {"datetime": "sr_datetime_text", "json": "sr_json_to_text"}.get(source.name, "sr_double_text")
        return call(name, node, kind=TEXT)
    return cast(node, "VARCHAR", TEXT)


def unified(value: exp.Expr, kind: SqlType | None) -> exp.Expr:
    """A value in the common type of its place, where the type is known and differs in kind."""
    own = type_of(value)
    if kind is None or own is None or own.name == "null" or (own.name == kind.name and not own.items) or own == kind:
        return value
    if own.is_text and kind.is_text:
        return value
    return to_type(value, kind)
