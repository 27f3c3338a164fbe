"""Functions of numbers, and conditions.

Signatures: `gensrc/script/functions.py`; meaning: `docs/en/sql-reference/sql-functions/`.
"""

from sqlglot import exp

from emulator.functions.spec import F, first, joint
from emulator.types.arithmetic import binary
from emulator.types.coercion import (
    BIGINT,
    BOOLEAN,
    DATETIME,
    DOUBLE,
    INT,
    LARGEINT,
    SMALLINT,
    TEXT,
    call,
    cast,
    common,
    number,
    to_type,
    type_of,
    typed,
)
from emulator.types.comparison import comparable
from emulator.types.sql_type import SqlType


def _abs(kinds: list[SqlType | None]) -> SqlType | None:
    """abs() of an integer is one size larger."""
    larger = {"tinyint": SMALLINT, "smallint": INT, "int": BIGINT, "bigint": SqlType("largeint")}
    kind = kinds[0]
    return larger.get(kind.name, kind) if kind is not None else None


def _abs_call(arguments: list[exp.Expr]) -> exp.Expr:
    kind = _abs([type_of(arguments[0])])
    return call("abs", cast(arguments[0], kind.duckdb) if kind is not None and kind.is_integer else arguments[0])


def _round(name: str) -> F:
    """One argument: BIGINT of a DOUBLE. Of a DECIMAL: as many digits as a constant asks for; others are DOUBLE."""
    function = "sr_truncate" if name == "truncate" else "round"

    def build(arguments: list[exp.Expr]) -> exp.Expr:
        value = arguments[0]
        kind = type_of(value)
        decimal = kind is not None and kind.name == "decimal"
        if len(arguments) == 1:
            made = call("round" if name == "round" else "trunc", value)
            result = SqlType("decimal", precision=38, scale=0) if decimal else BIGINT
            return cast(made, result.duckdb, result)
        digits = cast(arguments[1], "INTEGER")
        if not decimal:
            return typed(call(function, cast(value, "DOUBLE"), digits), DOUBLE)
        wanted = _constant(arguments[1])
        scale = (kind.scale if kind is not None else 0) if wanted is None else min(max(wanted, 0), 38)
        result = SqlType("decimal", precision=38, scale=scale)
        return cast(call(function, value, digits), result.duckdb, result, safe=True)

    return F("n[i]", None, build)


def _constant(node: exp.Expr) -> int | None:
    """The value of a whole number that is written out."""
    inner = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(inner, exp.Literal) or inner.is_string or not str(inner.this).isdigit():
        return None
    return -int(inner.this) if isinstance(node, exp.Neg) else int(inner.this)


def _whole(name: str) -> F:
    def build(arguments: list[exp.Expr]) -> exp.Expr:
        return cast(call(name, arguments[0]), "BIGINT")

    return F("n", BIGINT, build)


def _extreme(name: str) -> F:
    """greatest and least: NULL when any argument is NULL (DuckDB's skip NULL)."""

    def build(arguments: list[exp.Expr]) -> exp.Expr:
        kind = _extreme_kind([type_of(each) for each in arguments])
        sides = [
            to_type(each, kind) if kind is not None and type_of(each) not in (kind, None) else each
            for each in arguments
        ]
        missing = exp.or_(*(exp.Is(this=each.copy(), expression=exp.Null()) for each in sides))
        return exp.Case(ifs=[exp.If(this=missing, true=exp.Null())], default=call(name, *sides))

    return F("aa*", _extreme_kind, build)


def _extreme_kind(kinds: list[SqlType | None]) -> SqlType | None:
    """There is no greatest() of DATE: it counts as DATETIME."""
    found = common(kinds)
    return DATETIME if found is not None and found.name == "date" else found


def _mod(arguments: list[exp.Expr]) -> exp.Expr:
    return binary(exp.Mod(this=arguments[0], expression=arguments[1]))


def _pmod(arguments: list[exp.Expr]) -> exp.Expr:
    return call("sr_pmod", *arguments)


def _nullif(arguments: list[exp.Expr]) -> exp.Expr:
    left, right = comparable(arguments[0], arguments[1])
    return exp.Case(
        ifs=[exp.If(this=exp.EQ(this=left, expression=right), true=exp.Null())], default=arguments[0].copy()
    )


def _field(arguments: list[exp.Expr]) -> exp.Expr:
    """The place of the first argument among the others, from 1; 0 when it is none of them."""
    branches = []
    for at, each in enumerate(arguments[1:], 1):
        left, right = comparable(arguments[0].copy(), each)
        branches.append(exp.If(this=exp.EQ(this=left, expression=right), true=number(at)))
    return cast(exp.Case(ifs=branches, default=number(0)), "INTEGER")


def _real(name: str, count: int = 1) -> F:
    return F("f" * count, DOUBLE, name)


NUMBERS: dict[str, F] = {
    "abs": F("n", _abs, _abs_call),
    "round": _round("round"),
    "truncate": _round("truncate"),
    "dround": _round("round"),
    "floor": _whole("floor"),
    "dfloor": _whole("floor"),
    "ceil": _whole("ceil"),
    "ceiling": _whole("ceil"),
    "dceil": _whole("ceil"),
    "mod": F("nn", joint, _mod),
    "pmod": F("nn", joint, _pmod),
    "fmod": F("ff", DOUBLE, "fmod"),
    "greatest": _extreme("greatest"),
    "least": _extreme("least"),
    "sign": F("f", DOUBLE, "sign"),
    "sqrt": _real("sr_sqrt"),
    "cbrt": _real("cbrt"),
    "exp": _real("exp"),
    "ln": _real("sr_ln"),
    "log10": _real("sr_log10"),
    "log2": _real("sr_log2"),
    "power": _real("power", 2),
    "pow": _real("power", 2),
    "sin": _real("sin"),
    "cos": _real("cos"),
    "tan": _real("tan"),
    "asin": _real("asin"),
    "acos": _real("acos"),
    "atan": _real("atan"),
    "atan2": _real("atan2", 2),
    "radians": _real("radians"),
    "degrees": _real("degrees"),
    "pi": F("", DOUBLE, "pi"),
    "e": F("", DOUBLE, lambda _: call("exp", number(1))),
    "rand": F("", DOUBLE, "random"),
    "random": F("", DOUBLE, "random"),
    "log": F("f[f]", DOUBLE, lambda a: call("sr_ln", a[0]) if len(a) == 1 else call("sr_log", a[0], a[1])),
    "negative": F("n", first, lambda a: exp.Neg(this=exp.Paren(this=a[0]))),
    "positive": F("n", first, lambda a: a[0]),
    "square": _real("sr_square"),
    "bitand": F("ii", BIGINT, lambda a: exp.Paren(this=exp.BitwiseAnd(this=a[0], expression=a[1]))),
    "bitor": F("ii", BIGINT, lambda a: exp.Paren(this=exp.BitwiseOr(this=a[0], expression=a[1]))),
    "bitxor": F("ii", BIGINT, lambda a: call("xor", a[0], a[1])),
    "bin": F("i", TEXT, "bin"),
    "nullif": F("aa", first, _nullif),
    "isnull": F("a", BOOLEAN, lambda a: exp.Paren(this=exp.Is(this=a[0], expression=exp.Null()))),
    "isnotnull": F("a", BOOLEAN, lambda a: exp.Paren(this=exp.Not(this=exp.Is(this=a[0], expression=exp.Null())))),
    "assert_true": F(
        "b[t]",
        BOOLEAN,
        lambda a: exp.Case(
            ifs=[exp.If(this=a[0], true=exp.true())],
            default=call("error", a[1] if len(a) > 1 else exp.Literal.string("assert_true failed due to false value")),
        ),
    ),
    "bitnot": F("i", BIGINT, lambda a: exp.Paren(this=exp.BitwiseNot(this=a[0]))),
    "bit_shift_left": F("ii", BIGINT, "sr_shift_left"),
    "bit_shift_right": F("ii", BIGINT, "sr_shift_right"),
    "bit_shift_right_logical": F("ii", BIGINT, "sr_shift_right_logical"),
    "cosh": _real("cosh"),
    "sinh": _real("sinh"),
    "tanh": _real("tanh"),
    "cot": _real("cot"),
    "dexp": _real("exp"),
    "dsqrt": _real("sr_sqrt"),
    "dlog1": _real("sr_ln"),
    "dlog10": _real("sr_log10"),
    "dpow": _real("power", 2),
    "fpow": _real("power", 2),
    "uuid_numeric": F("", LARGEINT, lambda _: call("sr_uuid_numeric")),
    "materialize": F("a", first, lambda a: a[0]),
    "field": F("aa*", INT, _field),
    "equiwidth_bucket": F("ffff", BIGINT, "sr_equiwidth_bucket"),
    "format_bytes": F("i", TEXT, "sr_format_bytes"),
    "raise_error": F("t", BOOLEAN, lambda a: call("error", a[0])),
}
