"""Aggregates and window functions that are plain calls; count, sum, avg and their like are in emulator.sql.aggregates.

Signatures: `fe/fe-core/src/main/java/com/starrocks/catalog/FunctionSet.java`; meaning: `docs/en/sql-reference/
sql-functions/aggregate-functions/`, `be/src/exprs/agg/`; recorded: `test/sql/test_agg_function`.
"""

from sqlglot import exp

from emulator.functions.ordering import by_place
from emulator.functions.spec import F, array_of_first, first
from emulator.types.coercion import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    TEXT,
    call,
    cast,
    to_text,
    to_type,
    type_of,
    typed,
)
from emulator.types.sql_type import SqlType

Kinds = list[SqlType | None]


def _statistic(name: str, count: int = 1) -> F:
    """NULL where DuckDB gives NaN: a single value, or values that do not differ."""

    def build(arguments: list[exp.Expr]) -> exp.Expr:
        made = call(name, *arguments)
        made.meta["wrap"] = "sr_no_nan"
        return made

    return F("f" * count, DOUBLE, build, aggregate=True)


def _percentile(name: str) -> F:
    """`f(value, p)`: times stay times, numbers become DOUBLE."""

    def returns(kinds: Kinds) -> SqlType | None:
        kind = kinds[0]
        return kind if kind is not None and kind.name in ("date", "datetime") else DOUBLE

    def build(arguments: list[exp.Expr]) -> exp.Expr:
        value = arguments[0]
        kind = type_of(value)
        if kind is not None and kind.name in ("date", "datetime"):
            return call("quantile_disc" if kind.name == "date" else name, value, cast(arguments[1], "DOUBLE"))
        return call(name, to_type(value, DOUBLE), cast(arguments[1], "DOUBLE"))

    return F("aa", returns, build, aggregate=True)


def _approximate(arguments: list[exp.Expr]) -> exp.Expr:
    return call("quantile_cont", arguments[0], cast(arguments[1], "DOUBLE"))


def _string_agg(arguments: list[exp.Expr]) -> exp.Expr:
    """`string_agg(x, separator ORDER BY ...)`: a place in ORDER BY is one of the arguments."""
    separator = arguments[1]
    value = arguments[0]
    plain = value.expressions[0] if isinstance(value, exp.Distinct) else value
    if isinstance(separator, exp.Order):
        by_place(separator, [plain])
    text = to_text(plain)
    return call("string_agg", exp.Distinct(expressions=[text]) if isinstance(value, exp.Distinct) else text, separator)


def _array_agg(arguments: list[exp.Expr]) -> exp.Expr:
    value = arguments[0]
    order = value.expressions[0] if isinstance(value, exp.Distinct) else value
    if isinstance(order, exp.Order):
        by_place(order, [order.this])
    return call("list", value)


def _distinct(arguments: list[exp.Expr]) -> exp.Expr:
    return exp.Count(this=exp.Distinct(expressions=arguments))


def _map_of(kinds: Kinds) -> SqlType | None:
    known = [kind for kind in kinds if kind is not None]
    return SqlType("map", items=tuple(known)) if len(known) == 2 else None


def _map_agg(arguments: list[exp.Expr]) -> exp.Expr:
    made = call("list", call("row", *arguments))
    made.meta["wrap"] = "sr_map_agg"
    return made


def _flat(name: str) -> F:
    """An aggregate over the elements of arrays."""

    def build(arguments: list[exp.Expr]) -> exp.Expr:
        made = call("list", arguments[0])
        made.meta["wrap"] = name
        return made

    return F("a", first, build, aggregate=True)


AGGREGATE_FUNCTIONS: dict[str, F] = {
    "any_value": F("a", first, "any_value", aggregate=True),
    "approx_count_distinct": F("a", BIGINT, lambda a: exp.Count(this=exp.Distinct(expressions=a)), aggregate=True),
    "ndv": F("a", BIGINT, lambda a: exp.Count(this=exp.Distinct(expressions=a)), aggregate=True),
    "count_if": F(
        "b", BIGINT, lambda a: call("count_if", call("coalesce", cast(a[0], "BOOLEAN"), exp.false())), aggregate=True
    ),
    "max_by": F("aa", first, "arg_max", aggregate=True),
    "min_by": F("aa", first, "arg_min", aggregate=True),
    "stddev": _statistic("stddev_pop"),
    "std": _statistic("stddev_pop"),
    "stddev_pop": _statistic("stddev_pop"),
    "stddev_samp": _statistic("stddev_samp"),
    "variance": _statistic("var_pop"),
    "var_pop": _statistic("var_pop"),
    "var_samp": _statistic("var_samp"),
    "corr": _statistic("corr", 2),
    "covar_pop": _statistic("covar_pop", 2),
    "covar_samp": _statistic("covar_samp", 2),
    "percentile_cont": _percentile("quantile_cont"),
    "percentile_disc": F("aa", first, lambda a: call("quantile_disc", a[0], cast(a[1], "DOUBLE")), aggregate=True),
    "percentile_approx": F("fa[a]", DOUBLE, _approximate, aggregate=True),
    "bool_or": F("b", BOOLEAN, "bool_or", aggregate=True),
    "variance_pop": _statistic("var_pop"),
    "variance_samp": _statistic("var_samp"),
    "boolor_agg": F("b", BOOLEAN, "bool_or", aggregate=True),
    "multi_distinct_count": F("a", BIGINT, _distinct, aggregate=True),
    "multi_distinct_sum": F(
        "a", None, lambda a: typed(exp.Sum(this=exp.Distinct(expressions=[a[0]])), BIGINT), aggregate=True
    ),
    "bitmap_union_int": F("i", BIGINT, _distinct, aggregate=True),
    "approx_count_distinct_hll_sketch": F("a", BIGINT, _distinct, aggregate=True),
    "ds_hll_count_distinct": F("a[aa]", BIGINT, lambda a: _distinct(a[:1]), aggregate=True),
    "ds_theta_count_distinct": F("a", BIGINT, _distinct, aggregate=True),
    "string_agg": F("aa", TEXT, _string_agg, aggregate=True),
    "array_agg": F("a", array_of_first, _array_agg, aggregate=True),
    "array_agg_distinct": F(
        "a", array_of_first, lambda a: call("list", exp.Distinct(expressions=[a[0]])), aggregate=True
    ),
    "array_unique_agg": _flat("sr_unique_flat"),
    "map_agg": F("aa", _map_of, _map_agg, aggregate=True),
    "grouping": F("a*", BIGINT, lambda a: cast(call("grouping", *a), "BIGINT")),
    "grouping_id": F("a*", BIGINT, lambda a: cast(call("grouping", *a), "BIGINT")),
    "lag": F("a[ia]", first, "lag", aggregate=True),
    "lead": F("a[ia]", first, "lead", aggregate=True),
    "first_value": F("a", first, "first_value", aggregate=True),
    "last_value": F("a", first, "last_value", aggregate=True),
    "ntile": F("i", BIGINT, "ntile", aggregate=True),
    "percent_rank": F("", DOUBLE, "percent_rank", aggregate=True),
    "cume_dist": F("", DOUBLE, "cume_dist", aggregate=True),
}
